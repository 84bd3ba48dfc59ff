// Groups and names: who may do what, and which resource a name means.
#include "catalog/catalog.hpp"

#include <algorithm>

extern "C" {
#include "access/table.h"
#include "access/xlog.h"
#include "catalog/namespace.h"
#include "catalog/pg_database.h"
#include "catalog/pg_namespace.h"
#include "commands/dbcommands.h"
#include "utils/syscache.h"
}

namespace recsys::catalog {

using pg::Access;
using pg::AsOwner;
using pg::Plan;
using pg::Row;

namespace {

Oid namespace_oid(const std::string &name) {
	const char *text = name.c_str();
	return pg::call([text] { return get_namespace_oid(text, true); });
}

std::string identity(Oid schema) { return std::to_string(GetSystemIdentifier()) + "." + std::to_string(schema); }

// Oids of schemas mean nothing in another database system. pg_upgrade makes one: until settle_schemas() the name counts.
bool is_schema(Oid schema, const std::string &recorded) {
	const std::string now = identity(schema);
	return now == recorded || now.substr(0, now.find('.')) != recorded.substr(0, recorded.find('.'));
}

Group group_from(const Row &row, std::size_t first = 0) {
	Group g;
	g.id = row.int8(first);
	g.name = row.text(first + 1);
	g.domain = row.text(first + 2);
	g.schema = row.text(first + 3);
	const Oid named = namespace_oid(g.schema);
	if (is_schema(named, row.text(first + 4)))
		g.schema_oid = named;
	return g;
}

[[noreturn]] void group_not_found(std::string_view name) {
	throw Error(sqlstate::NotFound, "dataset group \"" + std::string(name) + "\" does not exist", {},
				"The groups you may use are listed in \"recsys.dataset_groups\".");
}

bool owns_schema(Oid schema) {
	const Oid user = GetUserId();
	return pg::call([schema, user] { return pg_namespace_ownercheck(schema, user); });
}

// A group whose schema was dropped belongs to nobody any more: whoever owns the database may clean up.
bool owns_database() {
	return pg::call([] { return pg_database_ownercheck(MyDatabaseId, GetUserId()); });
}

// What was dropped since somebody looked it up allows nothing.
bool schema_allows(Oid schema, AclMode mode) {
	return pg::call([schema, mode] {
		return SearchSysCacheExists1(NAMESPACEOID, ObjectIdGetDatum(schema)) &&
			   pg_namespace_aclcheck(schema, GetUserId(), mode) == ACLCHECK_OK;
	});
}

// SELECT on the whole relation or on some of its columns; the executor checks the columns themselves.
bool relation_allows(Oid relation, AclMode mode) {
	return pg::call([relation, mode] {
		if (!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(relation)))
			return false;
		return pg_class_aclcheck(relation, GetUserId(), mode) == ACLCHECK_OK ||
			   pg_attribute_aclcheck_all(relation, GetUserId(), mode, ACLMASK_ANY) == ACLCHECK_OK;
	});
}

Oid own_table_oid(const Group &group, DatasetType type) {
	const char *table = to_string(type);
	const Oid schema = group.schema_oid;
	return pg::call([table, schema] { return get_relname_relid(table, schema); });
}

bool may_write(const Group &group) {
	if (!schema_allows(group.schema_oid, ACL_USAGE))
		return false;
	for (const DatasetType type : {DatasetType::Interactions, DatasetType::Items, DatasetType::Users, DatasetType::Actions,
								   DatasetType::ActionInteractions}) {
		const Oid table = own_table_oid(group, type);
		if (OidIsValid(table) && relation_allows(table, ACL_INSERT))
			return true;
	}
	return false;
}

struct SplitName {
	std::string_view group, name; // group is empty when not given
};
SplitName split_name(std::string_view full) {
	const std::size_t dot = full.find('.');
	if (dot == std::string_view::npos)
		return {{}, full};
	return {full.substr(0, dot), full.substr(dot + 1)};
}

// Rows of (id, name, group columns …) by (kind, name).
Plan &resource_plan(std::string_view kind) {
#define RECSYS_RESOURCE(table) RECSYS_RESOURCE_WHERE(table, "true")
#define RECSYS_RESOURCE_WHERE(table, condition)                                                                        \
	{                                                                                                                  \
		"SELECT r.id, r.name, g.id, g.name, g.domain, g.schema_name, g.schema_identity FROM recsys_internal." table    \
		" r JOIN recsys_internal.dataset_group g ON g.id = r.group_id WHERE " condition             \
		" AND r.name = $1 AND ($2 = '' OR g.name = $2) ORDER BY g.name",                                               \
		{                                                                                                              \
			TEXTOID, TEXTOID                                                                                           \
		}                                                                                                              \
	}
	static Plan solution RECSYS_RESOURCE("solution");
	static Plan campaign RECSYS_RESOURCE("campaign");
	static Plan recommender RECSYS_RESOURCE_WHERE("campaign", "r.recommender");
	static Plan tracker RECSYS_RESOURCE("event_tracker");
	static Plan filter RECSYS_RESOURCE("filter");
	static Plan experiment RECSYS_RESOURCE("experiment");
	static Plan attribution RECSYS_RESOURCE("metric_attribution");
#undef RECSYS_RESOURCE
#undef RECSYS_RESOURCE_WHERE
	if (kind == "solution")
		return solution;
	if (kind == "campaign")
		return campaign;
	if (kind == "recommender")
		return recommender;
	if (kind == "event_tracker")
		return tracker;
	if (kind == "filter")
		return filter;
	if (kind == "experiment")
		return experiment;
	if (kind == "metric_attribution")
		return attribution;
	throw Error("XX000", "unrecognized kind of resource \"" + std::string(kind) + "\"");
}

// "event_tracker" reads "event tracker" in messages.
std::string spoken(std::string_view kind) {
	std::string out(kind);
	std::replace(out.begin(), out.end(), '_', ' ');
	return out;
}

} // namespace

bool ReadCheck::allowed() const {
	if (!OidIsValid(schema) || !schema_allows(schema, ACL_USAGE))
		return false;
	for (const Oid relation : relations)
		if (!relation_allows(relation, ACL_SELECT))
			return false;
	return !relations.empty() || owns_schema(schema);
}

ReadCheck read_check(const Group &group, const Dataset &dataset) {
	ReadCheck check;
	check.schema = group.schema_oid;
	if (const Oid table = own_table_oid(group, dataset.type); OidIsValid(table))
		check.relations.push_back(table);
	for (const Source &source : dataset.sources)
		check.relations.push_back(source.relation);
	return check;
}

ReadCheck read_check(const Group &group) {
	ReadCheck check;
	check.schema = group.schema_oid;
	if (!OidIsValid(check.schema))
		return check;
	for (const DatasetType type : {DatasetType::Interactions, DatasetType::Items}) {
		const std::optional<Dataset> dataset = find_dataset(group, type);
		if (!dataset)
			continue;
		const std::vector<Oid> relations = read_check(group, *dataset).relations;
		check.relations.insert(check.relations.end(), relations.begin(), relations.end());
	}
	const Oid schema = check.schema;
	const Oid aliases = pg::call([schema] { return get_relname_relid("user_aliases", schema); });
	if (OidIsValid(aliases))
		check.relations.push_back(aliases);
	return check;
}

bool has_right(const Group &group, Right right) {
	if (!OidIsValid(group.schema_oid))
		return right == Right::Own && owns_database();
	if (owns_schema(group.schema_oid))
		return true;
	switch (right) {
	case Right::Own:
		return false;
	case Right::Train:
		return schema_allows(group.schema_oid, ACL_USAGE) && schema_allows(group.schema_oid, ACL_CREATE);
	case Right::Read:
		return read_check(group).allowed();
	case Right::Write:
		return may_write(group);
	}
	return false;
}

namespace {

// Whether the caller sees the group in some list: then a name in it is no secret.
bool visible(const Group &group) { return has_right(group, Right::Read) || has_right(group, Right::Write); }

const char *needed(Right right) {
	switch (right) {
	case Right::Own:
		return "the ownership of it";
	case Right::Train:
		return "USAGE and CREATE on it";
	case Right::Read:
		return "USAGE on it, and SELECT on interactions, items, user_aliases and the sources of mapped datasets";
	case Right::Write:
		return "USAGE on it, and INSERT on one of its tables";
	}
	return "";
}

[[noreturn]] void permission_denied(const Group &group, Right right) {
	throw Error(sqlstate::InsufficientPrivilege, "permission denied for dataset group \"" + group.name + "\"",
				"Its schema is \"" + group.schema + "\"; this needs " + needed(right) + ".");
}

// What became of the newest version, where none can be used.
std::string newest_outcome(std::int64_t solution) {
	static Plan find{"SELECT s.name || '/' || v.number, v.status, v.failure_reason FROM recsys_internal.solution_version v "
					 "JOIN recsys_internal.solution s ON s.id = v.solution_id WHERE s.id = $1 ORDER BY v.number DESC LIMIT 1",
					 {INT8OID}};
	AsOwner owner;
	const std::optional<Row> row = find.row({pg::int8(solution)});
	if (!row)
		return {};
	const std::string reason = row->null(2) ? "" : row->text(2); // the message; detail and hint are on further lines
	return "The status of \"" + row->text(0) + "\" is " + row->text(1) +
		   (reason.empty() ? "." : ": " + reason.substr(0, reason.find('\n')) + ".");
}

} // namespace

Group require_group(std::string_view name, Right right) {
	static Plan find{"SELECT id, name, domain, schema_name, schema_identity FROM recsys_internal.dataset_group WHERE name = $1", {TEXTOID}};
	std::optional<Row> row;
	{
		AsOwner owner;
		row = find.row({pg::text(name)});
	}
	if (!row)
		group_not_found(name);
	Group group = group_from(*row);
	if (!has_right(group, right)) {
		if (visible(group))
			permission_denied(group, right);
		group_not_found(name);
	}
	return group;
}

std::optional<Group> find_group(std::int64_t id) {
	static Plan find{"SELECT id, name, domain, schema_name, schema_identity FROM recsys_internal.dataset_group WHERE id = $1", {INT8OID}};
	AsOwner owner;
	const std::optional<Row> row = find.row({pg::int8(id)});
	if (!row)
		return std::nullopt;
	return group_from(*row);
}

std::vector<Group> groups_with(Right right) {
	static Plan all{"SELECT id, name, domain, schema_name, schema_identity FROM recsys_internal.dataset_group ORDER BY name", {}};
	pg::Rows rows;
	{
		AsOwner owner;
		rows = all.rows({});
	}
	std::vector<Group> groups;
	for (const Row &row : rows)
		if (Group group = group_from(row); has_right(group, right))
			groups.push_back(std::move(group));
	return groups;
}

std::string schema_identity(const std::string &schema) { return identity(namespace_oid(schema)); }

void settle_schemas() {
	static Plan settle{"UPDATE recsys_internal.dataset_group SET schema_name = schema_name "
					   "WHERE split_part(schema_identity, '.', 1) <> split_part($1, '.', 1)",
					   {TEXTOID}};
	AsOwner owner;
	settle.run({pg::text(identity(InvalidOid))});
}

Oid group_owner(const Group &group) {
	const Oid schema = group.schema_oid;
	const Oid owner = !OidIsValid(schema) ? InvalidOid : pg::call([schema] {
		HeapTuple tuple = SearchSysCache1(NAMESPACEOID, ObjectIdGetDatum(schema));
		if (!HeapTupleIsValid(tuple))
			return InvalidOid;
		const Oid result = reinterpret_cast<Form_pg_namespace>(GETSTRUCT(tuple))->nspowner;
		ReleaseSysCache(tuple);
		return result;
	});
	if (!OidIsValid(owner))
		throw Error(sqlstate::WrongState, "schema \"" + group.schema + "\" of dataset group \"" + group.name + "\" is gone", {},
					"Delete the group with recsys.delete_dataset_group.");
	return owner;
}

void check_name(std::string_view name, const char *what) {
	const auto alphanumeric = [](char c) {
		return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
	};
	const bool ok = !name.empty() && name.size() <= 63 && alphanumeric(name[0]) &&
					std::all_of(name.begin(), name.end(), [&](char c) { return alphanumeric(c) || c == '-' || c == '_'; });
	if (!ok)
		throw Error(sqlstate::InvalidName, "invalid " + std::string(what) + " name \"" + std::string(name.substr(0, 100)) + "\"",
					"A name has 1 to 63 characters: letters, digits, \"-\" and \"_\"; the first is a letter or digit.");
}

Found require_resource(const char *kind, std::string_view full_name, Right right) {
	const SplitName split = split_name(full_name);
	pg::Rows rows;
	{
		AsOwner owner;
		rows = resource_plan(kind).rows({pg::text(split.name), pg::text(split.group)});
	}
	std::vector<Found> usable;
	std::optional<Group> seen;
	for (const Row &row : rows)
		if (Group group = group_from(row, 2); has_right(group, right))
			usable.push_back({row.int8(0), row.text(1), std::move(group)});
		else if (!seen && visible(group))
			seen = std::move(group);
	if (usable.empty() && seen)
		permission_denied(*seen, right);
	if (usable.empty())
		throw Error(sqlstate::NotFound, spoken(kind) + " \"" + std::string(full_name) + "\" does not exist", {},
					"Those you may use are listed in \"recsys." + std::string(kind) + "s\".");
	if (usable.size() > 1)
		throw Error("42725", spoken(kind) + " name \"" + std::string(full_name) + "\" is ambiguous",
					"It exists in dataset groups \"" + usable[0].group.name + "\" and \"" + usable[1].group.name + "\".",
					"Write \"" + usable[0].group.name + "." + std::string(full_name) + "\".");
	return usable.front();
}

FoundVersion require_version(std::string_view name, Right right) {
	static Plan numbered{"SELECT id, number, status FROM recsys_internal.solution_version WHERE solution_id = $1 AND number = $2",
						 {INT8OID, INT8OID}};
	static Plan newest{"SELECT id, number, status FROM recsys_internal.solution_version WHERE solution_id = $1 AND status IN "
					   "('ACTIVE', 'CREATE IN_PROGRESS', 'CREATE PENDING') ORDER BY (status = 'ACTIVE') DESC, number DESC LIMIT 1",
					   {INT8OID}};
	const std::size_t slash = name.find('/');
	const std::string number(slash == std::string_view::npos ? "" : name.substr(slash + 1));
	const Found solution = require_resource("solution", name.substr(0, slash), right);
	std::optional<Row> row;
	{
		AsOwner owner;
		if (slash == std::string_view::npos)
			row = newest.row({pg::int8(solution.id)});
		else if (!number.empty() && number.size() < 10 && number.find_first_not_of("0123456789") == std::string::npos)
			row = numbered.row({pg::int8(solution.id), pg::int8(std::stoll(number))});
	}
	if (!row && slash == std::string_view::npos)
		throw Error(sqlstate::NotActive, "solution \"" + std::string(name) + "\" has no version to use",
					newest_outcome(solution.id), "Train one with recsys.create_solution_version.");
	if (!row)
		throw Error(sqlstate::NotFound, "solution version \"" + std::string(name) + "\" does not exist", {},
					"Versions are written \"solution/number\" and listed in \"recsys.solution_versions\".");
	return {row->int8(0), solution.id, static_cast<int>(row->int8(1)), solution.name + "/" + row->text(1), row->text(2),
			solution.group};
}

} // namespace recsys::catalog
