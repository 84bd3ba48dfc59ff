// Single items, users and actions: a record replaces the one with the same id as a whole.
#pragma once

#include <string>
#include <string_view>

#include "catalog/catalog.hpp"

namespace recsys::ingest {

/// `records` is a list of {itemId | userId | actionId, properties}. Returns the number of records stored.
/// Errors: RS001, 22023 naming the record's position and field, RS003 under recsys.service_limits; those of the INSERT,
/// which runs as the caller.
std::uint64_t put_records(std::string_view group, catalog::DatasetType type, const char *argument,
						  const std::string &records);

class ColumnSet;
/// INSERT INTO the dataset's table from recsys_rows, whose last column recsys_position gives their order: of several
/// rows with one id the last counts, and it replaces every column of the record that is there. Rows are marked as put
/// when `streamed`; else new ones are not, and a record that was put stays marked.
std::string upsert_sql(const catalog::Group &group, catalog::DatasetType type, const ColumnSet &columns, bool streamed);
const char *key_column(catalog::DatasetType type); // "item_id" …

} // namespace recsys::ingest
