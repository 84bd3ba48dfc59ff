// Mappings: an existing relation as a dataset. Everything is found out and checked when the mapping is made, and written down
// in full, so that what is read later is what recsys.describe_dataset shows.
#pragma once

#include "catalog/fields.hpp"

namespace recsys::catalog {

struct RelationColumn {
	std::string name;
	Oid type;		// of a domain: its base type
	char category;	// as in pg_type
	std::string type_name;
};
std::vector<RelationColumn> relation_columns(Oid relation);
/// "schema.relation" for messages.
std::string relation_label(Oid relation);

/// The type that a column of this SQL type has as a field, with its role; the type is empty when there is none.
Field field_of_column(const RelationColumn &column);

struct Mapping {
	Json columns; // as in recsys_internal.dataset_source, every used column listed
	std::vector<DeclaredField> fields;
	IdTypes id_types;
};
/// Fixed columns that are not named in `columns` are taken from source columns of the same name, where these are of a usable
/// type; null in `columns` leaves one out. Every other key of `columns` is a field; its type and role default from the
/// column's, unless `fields` (short form) gives them. Errors: 22023, 42703, 42804, 42809, naming column and relation.
Mapping make_mapping(DatasetType type, std::string_view domain, Oid source, const Json &columns,
					 const std::vector<DeclaredField> &fields);
/// A further source of a dataset: the fields are those that the dataset has.
Mapping make_mapping_for(const Dataset &dataset, std::string_view domain, Oid source, const Json &columns);
/// What is wrong with a source now: one sentence each, none when all is well.
std::vector<std::string> mapping_problems(const Dataset &dataset, const Source &source);

} // namespace recsys::catalog
