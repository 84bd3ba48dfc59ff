// Avro documents: the service's way to declare a dataset.
//
//   {"type": "record", "name": "Items", "namespace": "…", "version": "1.0",
//    "fields": [{"name": "ITEM_ID", "type": "string"}, {"name": "GENRES", "type": ["null", "string"], "categorical": true}]}
#pragma once

#include "catalog/fields.hpp"

namespace recsys::catalog {

struct AvroSchema {
	DatasetType type = DatasetType::Interactions;
	std::vector<Field> fields; // beyond the fixed columns
};

/// Errors: 22023 and those of check_fields, each naming the field.
AvroSchema parse_avro(const Json &document, std::string_view domain);

} // namespace recsys::catalog
