// Resources: names, rights, datasets, and the SQL text that stands for a dataset.
//
// Rights follow PostgreSQL's own: a group owns a schema, and what a role may do there decides what it may do with the group.
//   Own    owns the schema (or is a member of the owner)     create, change, delete, train
//   Train  Own, or CREATE on the schema                      train and stop training
//   Read   USAGE on the schema, SELECT on interactions, items, user_aliases and mapped sources    be served, describe
//   Write  USAGE on the schema, INSERT on the dataset's table         put
// To whoever has none of these rights a name gives the same error as one that does not exist; whoever may read or write the
// group sees its names, and is told which right he lacks.
//
// All reads of recsys_internal happen as the extension owner with fixed statements (pg::AsOwner); everything over user
// relations runs as the caller.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "pg/function.hpp"
#include "pg/user.hpp"

namespace recsys::catalog {

using Json = nlohmann::ordered_json;

enum class Right { Own, Train, Read, Write };

struct Group {
	std::int64_t id = 0;
	std::string name, domain; // domain "" = custom
	std::string schema;
	/// Invalid when the schema is gone: the group can only be deleted. Another schema that was given the same name later is
	/// not the group's, or whoever made it would have the group and what its models know.
	Oid schema_oid = InvalidOid;
	bool custom() const { return domain.empty(); }
};

/// Errors: RS001 when there is no such group or the caller has no right on it; 42501 when he lacks `right` alone.
Group require_group(std::string_view name, Right right);
std::optional<Group> find_group(std::int64_t id);
bool has_right(const Group &group, Right right);
/// Owner of the group's schema. Errors: 55000 when the schema is gone.
Oid group_owner(const Group &group);
/// What tells the schema that has this name now from others; stored with the group.
std::string schema_identity(const std::string &schema);
/// After pg_upgrade, which keeps schemas but not their oids: from now on groups hold to the schemas that have their names.
void settle_schemas();
/// All groups the caller may `right`, by name.
std::vector<Group> groups_with(Right right);

/// What Read means for a group, resolved once for callers that check it at every request.
struct ReadCheck {
	Oid schema = InvalidOid;
	std::vector<Oid> relations; // tables of interactions and items, their sources, and the aliases
	bool allowed() const;		// the current user has USAGE on the schema and SELECT on each relation (or owns the schema)
};
ReadCheck read_check(const Group &group);

/// SPEC 1.1: ^[a-zA-Z0-9][a-zA-Z0-9\-_]*$, 1–63 characters. `what` is the kind for the message, such as "campaign".
void check_name(std::string_view name, const char *what);

/// A resource named "name" or "group.name": unique among the groups in which the caller has `right`.
/// `kind` is one of the tables with group_id and name: solution, campaign, event_tracker, filter; "recommender" is a campaign
/// that is one, and "campaign" either. Errors: RS001, 42501, 42725 (ambiguous).
struct Found {
	std::int64_t id;
	std::string name;
	Group group;
};
Found require_resource(const char *kind, std::string_view name, Right right);
/// `solution` (newest ACTIVE version, else the newest in training) or `solution/N`, each with an optional group in front.
struct FoundVersion {
	std::int64_t id, solution_id;
	int number;
	std::string name, status; // name = "solution/N"
	Group group;
};
FoundVersion require_version(std::string_view name, Right right);

// ---- datasets

enum class DatasetType { Interactions, Items, Users, Actions, ActionInteractions };
/// Accepts "Interactions", "ITEMS", "Action_Interactions" … in any case. Errors: 22023.
DatasetType parse_dataset_type(std::string_view name);
const char *to_string(DatasetType type) noexcept; // "interactions" …: also the relation's name in the group's schema

/// What a field is for. Availability: a boolean of items; false = never returned. Stored: kept, filterable, never trained.
enum class Role { Categorical, Numeric, Textual, Stored, Availability };
Role parse_role(std::string_view name); // "categorical" …. Errors: 22023
const char *to_string(Role role) noexcept;

struct Field {
	std::string name; // column name as created (lower case for Avro's upper case)
	std::string type; // string, float, double, int, long, boolean, timestamp
	Role role = Role::Stored;
	bool nullable = true;
	// Of a textual field:
	std::string language = {};		 // a text search configuration, "chinese" or "japanese"; "" = simple
	std::string text_null_fill = {}; // stands for a missing text; "" = nothing does
};

/// One relation of a mapped dataset.
struct Source {
	Oid relation = InvalidOid;
	Json columns; // see recsys_internal.dataset_source
};

struct Dataset {
	std::int64_t id = 0;
	DatasetType type = DatasetType::Interactions;
	bool mapped = false;
	std::vector<Field> fields; // own fields, without the fixed columns
	std::vector<Source> sources; // mapped only
	Oid user_id_type = TEXTOID, item_id_type = TEXTOID; // native id types (item_id_type: also of action_id)
	const Field *field(std::string_view name) const; // ignores case
	const Field *availability() const;
};

/// Of one dataset alone: users, say, which one need not see to be served.
ReadCheck read_check(const Group &group, const Dataset &dataset);

std::optional<Dataset> find_dataset(const Group &group, DatasetType type);
/// Errors: RS001 with a hint to create it.
Dataset require_dataset(const Group &group, DatasetType type);

/// "bigint" …: the SQL name of an id type.
const char *id_type_name(Oid type);
/// The SQL type of a column of the dataset: of a fixed column, or of a field. Errors: 42703.
std::string column_sql_type(const Dataset &dataset, std::string_view column);
/// The fixed columns of a dataset type, in order, with their SQL types ("user_id" and "item_id" have the dataset's id types).
struct FixedColumn {
	const char *name, *sql_type;
	bool required;
};
const std::vector<FixedColumn> &fixed_columns(DatasetType type);
/// "schema"."interactions": the managed table, or recsys's side table of a mapped dataset, which put_* writes.
std::string own_table(const Group &group, DatasetType type);
/// "schema"."user_aliases" (alias_id PRIMARY KEY, user_id; both of the dataset's user id type): events stored under alias_id
/// count as user_id's, at once, in training, serving and filters. Made with the interactions dataset; users write it by SQL.
std::string alias_table(const Group &group);
/// "::pg_catalog.text": a cast to one of the types above that means the same under every search_path. (boolean, integer and the
/// like are words of the grammar.)
std::string cast_sql(const std::string &type);
/// SQL type of a field's column in a managed table.
const char *field_sql_type(const Field &field);

/// The branches of a dataset's rows: the own table, and each source of a mapped one. Each is `SELECT … FROM …` with the asked
/// columns under their dataset names in the order asked for; `where` is added to each branch, with every {column} in it
/// replaced by that branch's own expression, so that the owner's indexes are used. Example:
///   union_sql(group, ds, {"item_id", "timestamp"}, "{user_id} = $1")
/// "{timestamp <= $1}" compares the times, as the branch keeps them, with a timestamptz parameter (> and <= only).
/// A source column that is not mapped is NULL of its type. In items, users and actions a row of the side table hides the
/// source's row of the same id. Errors: 42703/42P01 naming the mapping that broke and how to repair it.
std::string union_sql(const Group &group, const Dataset &dataset, const std::vector<std::string> &columns,
					  const std::string &where = {});

/// The newest "timestamp" of an event dataset that is not later than $1, a timestamptz: one look at the end of each branch's index.
std::string newest_sql(const Group &group, const Dataset &dataset);

/// Tells every backend (after commit) that cached entries of the catalog are out of date.
void invalidate_caches();
/// Grows whenever an invalidation arrived, or a source of a mapped dataset was altered; a cache is valid while the number stays
/// the same.
std::uint64_t cache_generation();

} // namespace recsys::catalog
