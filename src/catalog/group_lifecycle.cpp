// Dataset groups: making, tagging and removing them.
#include "catalog/lifecycle.hpp"

#include <algorithm>

#include "pg/settings.hpp"

extern "C" {
#include "catalog/namespace.h"
}

namespace recsys::catalog {

using pg::AsOwner;
using pg::AsUser;
using pg::Plan;
using pg::quote_identifier;
using pg::Row;

namespace {

std::string default_schema_name(std::string_view group) {
	std::string out = lower_case(group);
	std::replace(out.begin(), out.end(), '-', '_');
	return out;
}

void check_schema_name(const std::string &name) {
	const bool reserved = name.starts_with("pg_") || name.starts_with("recsys") || name == "public" || name == "information_schema";
	if (name.empty() || reserved)
		throw Error("42939", "schema name \"" + name + "\" is reserved", {}, "Choose another one with schema_name.");
	if (name.size() > 63)
		throw Error(sqlstate::NameTooLong, "schema name \"" + name + "\" is too long", "A name has at most 63 bytes.");
}

// True when the schema had to be made.
bool make_schema(const std::string &name) {
	const char *text = name.c_str();
	const Oid existing = pg::call([text] { return get_namespace_oid(text, true); });
	if (!OidIsValid(existing)) {
		pg::execute("CREATE SCHEMA " + quote_identifier(name));
		return true;
	}
	if (!pg::call([existing] { return pg_namespace_ownercheck(existing, GetUserId()); }))
		throw Error("42P06", "schema \"" + name + "\" already exists", "It belongs to another role.",
					"Choose another one with schema_name.");
	return false;
}

[[noreturn]] void group_exists(const std::string &name) {
	throw Error(sqlstate::AlreadyExists, "dataset group \"" + name + "\" already exists");
}

// Before its schema is looked at: that it is taken as well is no news then.
void check_name_is_free(const std::string &name) {
	static Plan find{"SELECT FROM recsys_internal.dataset_group WHERE name = $1", {TEXTOID}};
	AsOwner owner;
	if (find.row({pg::text(name)}))
		group_exists(name);
}

void check_schema_is_free(const std::string &schema) {
	static Plan find{"SELECT id FROM recsys_internal.dataset_group WHERE schema_name = $1", {TEXTOID}};
	std::optional<Row> row;
	{
		AsOwner owner;
		row = find.row({pg::text(schema)});
	}
	const std::optional<Group> group = row ? find_group(row->int8(0)) : std::nullopt;
	if (!group)
		return;
	if (!OidIsValid(group->schema_oid))
		throw Error(sqlstate::AlreadyExists, "the name of schema \"" + schema + "\" is taken by dataset group \"" + group->name + "\"",
					"That group's own schema was dropped.",
					"The owner of the database can delete the group, or choose another schema with schema_name.");
	throw Error(sqlstate::AlreadyExists, "schema \"" + schema + "\" belongs to dataset group \"" + group->name + "\"", {},
				"Choose another one with schema_name.");
}

// What forbids deleting a group, in words: event tracker "x", solution "y", interactions dataset.
std::string contents(const Group &group) {
	static Plan find{"SELECT format('event tracker \"%s\"', name) FROM recsys_internal.event_tracker WHERE group_id = $1 "
					 "UNION ALL (SELECT format('solution \"%s\"', name) FROM recsys_internal.solution WHERE group_id = $1 "
					 "ORDER BY name) UNION ALL (SELECT format('dataset %s', type) FROM recsys_internal.dataset "
					 "WHERE group_id = $1 ORDER BY id)",
					 {INT8OID}};
	AsOwner owner;
	std::string out;
	for (const Row &row : find.rows({pg::int8(group.id)}))
		out += (out.empty() ? "" : ", ") + row.text(0);
	return out;
}

// Later changes of the group wait until this transaction ends. Tells whether recsys made the schema.
bool lock_group(const Group &group) {
	static Plan lock{"SELECT schema_made FROM recsys_internal.dataset_group WHERE id = $1 FOR UPDATE", {INT8OID}};
	AsOwner owner;
	const auto row = lock.row({pg::int8(group.id)});
	if (!row)
		throw Error(sqlstate::NotFound, "dataset group \"" + group.name + "\" does not exist");
	return row->boolean(0);
}

void drop_datasets(const Group &group) {
	for (const DatasetType type : {DatasetType::Interactions, DatasetType::Items, DatasetType::Users, DatasetType::Actions,
								   DatasetType::ActionInteractions})
		if (const auto dataset = find_dataset(group, type))
			drop_own_tables(group, *dataset);
}

// The schema stays when something else lies in it.
void drop_schema_if_empty(const Group &group) {
	const AsUser owner(group_owner(group));
	const pg::Failure failure =
		pg::try_subtransaction([&group] { pg::execute("DROP SCHEMA " + quote_identifier(group.schema)); });
	if (failure.failed && std::string_view(failure.sqlstate) != "2BP01")
		throw Error(failure.sqlstate, failure.message, failure.detail, failure.hint);
}

bool tag_text(const std::string &s, std::size_t min, std::size_t max) {
	const auto length = std::count_if(s.begin(), s.end(), [](char c) { return (c & 0xC0) != 0x80; });
	return static_cast<std::size_t>(length) >= min && static_cast<std::size_t>(length) <= max &&
		   std::all_of(s.begin(), s.end(), [](unsigned char c) {
			   return c >= 0x80 || std::isalnum(c) || std::string_view(" _.:/=+@-").find(char(c)) != std::string_view::npos;
		   });
}

} // namespace

void create_group(const GroupRequest &request) {
	check_name(request.name, "dataset group");
	const std::string domain = check_domain(request.domain);
	check_tags(request.tags);
	const std::string schema = request.schema_name.value_or(default_schema_name(request.name));
	check_schema_name(schema);
	if (pg::settings::service_limits && groups_with(Right::Own).size() >= 5)
		throw Error(sqlstate::LimitExceeded, "cannot create dataset group \"" + request.name + "\"",
					"There may be 5 dataset groups.", "The limit holds while \"recsys.service_limits\" is on.");
	check_name_is_free(request.name);
	const bool made = make_schema(schema);
	check_schema_is_free(schema);
	static Plan insert{"INSERT INTO recsys_internal.dataset_group (name, domain, schema_name, schema_made, tags) "
					   "VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING RETURNING id",
					   {TEXTOID, TEXTOID, TEXTOID, BOOLOID, JSONBOID}};
	{
		AsOwner owner;
		if (!insert.row({pg::text(request.name), domain.empty() ? pg::null() : pg::text(domain), pg::text(schema),
						 pg::boolean(made), pg::jsonb(request.tags.dump())}))
			group_exists(request.name);
	}
	invalidate_caches();
}

void delete_group(std::string_view name, bool cascade) {
	const Group group = require_group(name, Right::Own);
	const bool schema_made = lock_group(group);
	const bool has_schema = OidIsValid(group.schema_oid); // else its tables are gone as well
	if (has_schema && !cascade)
		if (const std::string rest = contents(group); !rest.empty())
			throw Error(sqlstate::InUse, "dataset group \"" + group.name + "\" is in use", "It has " + rest + ".",
						"Delete these first, or use cascade => true.");
	if (has_schema) {
		drop_datasets(group);
		if (schema_made)
			drop_schema_if_empty(group);
	}
	static Plan remove{"DELETE FROM recsys_internal.dataset_group WHERE id = $1", {INT8OID}};
	{
		AsOwner owner;
		remove.run({pg::int8(group.id)});
	}
	invalidate_caches();
}

std::string describe_group(const Group &group) {
	static Plan describe{"SELECT jsonb_build_object('name', name, 'domain', domain, 'schema_name', schema_name, 'status', status, "
						 "'failure_reason', failure_reason, 'tags', tags, 'datasets', (SELECT coalesce(jsonb_agg(type ORDER BY id), "
						 "'[]') FROM recsys_internal.dataset d WHERE d.group_id = g.id), 'created_at', created_at, 'updated_at', "
						 "updated_at) FROM recsys_internal.dataset_group g WHERE id = $1",
						 {INT8OID}};
	AsOwner owner;
	return describe.row({pg::int8(group.id)}).value().text(0);
}

void check_tags(const Json &tags) {
	if (!tags.is_object())
		throw Error(sqlstate::InvalidParameter, "tags must be a JSON object of strings");
	if (tags.size() > 50)
		throw Error(sqlstate::LimitExceeded, "too many tags", "A resource may have 50 tags.");
	for (const auto &[key, value] : tags.items()) {
		if (!tag_text(key, 1, 128) || lower_case(key).starts_with("aws:"))
			throw Error(sqlstate::InvalidParameter, "invalid tag key \"" + key.substr(0, 200) + "\"",
						"A key has 1 to 128 letters, digits, spaces and \"_.:/=+@-\", and does not begin with \"aws:\".");
		if (!value.is_string() || !tag_text(value.get<std::string>(), 0, 256))
			throw Error(sqlstate::InvalidParameter, "invalid value of tag \"" + key + "\"",
						"A value is a string of at most 256 letters, digits, spaces and \"_.:/=+@-\".");
	}
}

void tag_group(const Group &group, const Json &tags) {
	check_tags(tags);
	static Plan merged{"SELECT tags || $2 FROM recsys_internal.dataset_group WHERE id = $1 FOR UPDATE", {INT8OID, JSONBOID}};
	static Plan update{"UPDATE recsys_internal.dataset_group SET tags = $2, updated_at = now() WHERE id = $1", {INT8OID, JSONBOID}};
	AsOwner owner;
	const std::string all = merged.row({pg::int8(group.id), pg::jsonb(tags.dump())}).value().text(0);
	check_tags(Json::parse(all));
	update.run({pg::int8(group.id), pg::jsonb(all)});
}

void untag_group(const Group &group, const std::vector<std::string> &keys) {
	static Plan update{"UPDATE recsys_internal.dataset_group SET tags = tags - $2, updated_at = now() WHERE id = $1",
					   {INT8OID, TEXTARRAYOID}};
	AsOwner owner;
	update.run({pg::int8(group.id), pg::text_array(keys)});
}

} // namespace recsys::catalog
