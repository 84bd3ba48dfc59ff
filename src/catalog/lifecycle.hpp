// The life cycle of what this room owns: dataset groups, schema documents, datasets. Checks and DDL are here; the
// SQL-callable functions in catalog_sql.cpp only hand over their arguments.
//
// DDL on a group's schema runs as the group's owner (the caller is a member of that role, or a superuser), so that whatever
// recsys makes belongs to him and stays when the extension is dropped.
#pragma once

#include "catalog/avro.hpp"

namespace recsys::catalog {

// ---- dataset groups

struct GroupRequest {
	std::string name;
	std::optional<std::string> domain, schema_name;
	Json tags = Json::object();
};
/// Makes the schema as the caller, or adopts one that he owns. Errors: 42602, RS003, RS006, 42P06.
void create_group(const GroupRequest &request);
/// Without `cascade`: RS002 while event trackers, solutions or datasets exist.
void delete_group(std::string_view name, bool cascade);
std::string describe_group(const Group &group); // JSON

/// A tag set: at most 50, keys of 1–128 and values of 0–256 characters. Errors: 22023, RS003.
void check_tags(const Json &tags);
void tag_group(const Group &group, const Json &tags);
void untag_group(const Group &group, const std::vector<std::string> &keys);

// ---- schema documents: they belong to the role that made them

struct SchemaDocument {
	std::int64_t id = 0;
	std::string name, domain, dataset_type;
	Json definition;
};
void create_schema_document(std::string_view name, const std::string &definition, const std::optional<std::string> &domain);
/// The caller's own, or one of a role that he is a member of. Errors: RS001, 42725.
SchemaDocument require_schema_document(std::string_view name);
void delete_schema_document(std::string_view name);
std::string describe_schema_document(std::string_view name); // JSON

// ---- datasets

struct DatasetRequest {
	std::string group, type;
	std::optional<std::string> fields;		// short form
	std::optional<std::string> avro_schema; // name of a schema document
	Oid source = InvalidOid;
	std::optional<std::string> columns;
};
/// Returns the dataset's own table. Errors: 22023, 42703, 42804, RS003, RS006 and those of check_fields.
Oid create_dataset(const DatasetRequest &request);
/// A source is not the dataset's own table, and the group's owner, as whom trainings run, may read it.
void check_source(const Group &group, DatasetType type, Oid source);
void add_dataset_source(const Group &group, DatasetType type, Oid source, const std::string &columns);
/// Adds nullable fields, and changes the columns of a mapped source (`request.source`: which, where there are several, or
/// another relation in the place of one that was dropped).
void update_dataset(const Group &group, DatasetType type, const DatasetRequest &request);
Json fields_json(const std::vector<Field> &fields); // as stored
/// Errors: RS002 while jobs or trainings of the group are under way.
void delete_dataset(const Group &group, DatasetType type);
/// Drops the tables that recsys made for the dataset. The caller forgets the dataset itself.
void drop_own_tables(const Group &group, const Dataset &dataset);
std::string describe_dataset(const Group &group, DatasetType type); // JSON
/// What is broken now: a table or source that is gone, a column that was dropped or has another type. A sentence each.
std::vector<std::string> dataset_problems(const Group &group, const Dataset &dataset);

// ---- roles

struct RoleGrant {
	std::string role, object, privileges;
	bool granted; // false: the caller may not grant it
};
/// Makes <prefix>_admin, _trainer, _reader and _event_writer where missing, as the caller, and grants them their rights.
std::vector<RoleGrant> setup_roles(const Group &group, const std::string &prefix);
/// Default privileges cover INSERT on a new table; put_items and its like also need SELECT and UPDATE.
void extend_put_rights(const Group &group, DatasetType type);

} // namespace recsys::catalog
