// The SQL-callable functions of resources: they check arguments, call catalog/lifecycle.hpp and hand the answer back.
#include "catalog/filters.hpp"
#include "catalog/lifecycle.hpp"

namespace recsys::catalog {

using pg::AsOwner;
using pg::Plan;

RECSYS_FUNCTION(create_dataset_group) {
	GroupRequest request{call.text(0, "name"), call.optional_text(1), call.optional_text(2),
						 parse_json(call.json(3, "tags"), "tags")};
	create_group(request);
	return call.result(request.name);
}

RECSYS_FUNCTION(delete_dataset_group) {
	const std::string name = call.text(0, "name");
	delete_group(name, call.boolean(1, "cascade"));
	return call.result(name);
}

RECSYS_FUNCTION(describe_dataset_group) {
	return call.result_json(describe_group(require_group(call.text(0, "name"), Right::Read)));
}

RECSYS_FUNCTION(tag_resource) {
	const Group group = require_group(call.text(0, "dataset_group"), Right::Own);
	tag_group(group, parse_json(call.json(1, "tags"), "tags"));
	return call.result_void();
}

RECSYS_FUNCTION(untag_resource) {
	const Group group = require_group(call.text(0, "dataset_group"), Right::Own);
	untag_group(group, call.text_array(1, "tag_keys"));
	return call.result_void();
}

RECSYS_FUNCTION(list_tags) {
	const Group group = require_group(call.text(0, "dataset_group"), Right::Read);
	static Plan tags{"SELECT t.key, t.value FROM recsys_internal.dataset_group g, jsonb_each_text(g.tags) t "
					 "WHERE g.id = $1 ORDER BY t.key",
					 {INT8OID}};
	pg::ResultTable table(call);
	AsOwner owner;
	const pg::SpiScope spi;
	table.append(tags.fetch({pg::int8(group.id)}, pg::Access::Read, 0));
	return call.result_void();
}

RECSYS_FUNCTION(create_schema) {
	const std::string name = call.text(0, "name");
	create_schema_document(name, call.json(1, "schema"), call.optional_text(2));
	return call.result(name);
}

RECSYS_FUNCTION(delete_schema) {
	const std::string name = call.text(0, "name");
	delete_schema_document(name);
	return call.result(name);
}

RECSYS_FUNCTION(describe_schema) { return call.result_json(describe_schema_document(call.text(0, "name"))); }

RECSYS_FUNCTION(create_dataset) {
	const DatasetRequest request{call.text(0, "dataset_group"), call.text(1, "dataset_type"),
								 call.optional_json(2),			call.optional_text(3),
								 call.null(4) ? InvalidOid : call.oid(4, "source"), call.optional_json(5)};
	return call.result_oid(catalog::create_dataset(request));
}

RECSYS_FUNCTION(add_dataset_source) {
	const Group group = require_group(call.text(0, "dataset_group"), Right::Own);
	catalog::add_dataset_source(group, parse_dataset_type(call.text(1, "dataset_type")), call.oid(2, "source"),
								call.json(3, "columns"));
	return call.result_void();
}

RECSYS_FUNCTION(update_dataset) {
	const Group group = require_group(call.text(0, "dataset_group"), Right::Own);
	const DatasetRequest request{group.name,			call.text(1, "dataset_type"),
								 call.optional_json(2), call.optional_text(3),
								 call.null(4) ? InvalidOid : call.oid(4, "source"), call.optional_json(5)};
	catalog::update_dataset(group, parse_dataset_type(request.type), request);
	return call.result_void();
}

RECSYS_FUNCTION(delete_dataset) {
	const Group group = require_group(call.text(0, "dataset_group"), Right::Own);
	catalog::delete_dataset(group, parse_dataset_type(call.text(1, "dataset_type")));
	return call.result_void();
}

RECSYS_FUNCTION(describe_dataset) {
	const Group group = require_group(call.text(0, "dataset_group"), Right::Read);
	return call.result_json(catalog::describe_dataset(group, parse_dataset_type(call.text(1, "dataset_type"))));
}

RECSYS_FUNCTION(setup_roles) {
	const Group group = require_group(call.text(0, "dataset_group"), Right::Own);
	pg::ResultTable table(call);
	for (const RoleGrant &g : catalog::setup_roles(group, call.text(1, "prefix")))
		table.row({pg::text(g.role), pg::text(g.object), pg::text(g.privileges), pg::boolean(g.granted)});
	return call.result_void();
}

RECSYS_FUNCTION(schema_identity) { return call.result(schema_identity(call.text(0, "schema_name"))); }

// ---- behind the views: only what the caller may read

namespace {

void append_per_group(const pg::Call &call, Plan &plan) {
	const std::vector<Group> groups = groups_with(Right::Read);
	pg::ResultTable table(call);
	AsOwner owner;
	const pg::SpiScope spi;
	for (const Group &group : groups)
		table.append(plan.fetch({pg::int8(group.id)}, pg::Access::Read, 0));
}

} // namespace

RECSYS_FUNCTION(dataset_groups) {
	static Plan plan{"SELECT g.name, g.domain, g.schema_name::text, pg_get_userbyid(n.nspowner)::text, g.status, g.tags, "
					 "ARRAY(SELECT d.type FROM recsys_internal.dataset d WHERE d.group_id = g.id ORDER BY d.id), "
					 "g.created_at, g.updated_at FROM recsys_internal.dataset_group g JOIN pg_namespace n "
					 "ON n.nspname = g.schema_name WHERE g.id = $1",
					 {INT8OID}};
	append_per_group(call, plan);
	return call.result_void();
}

RECSYS_FUNCTION(datasets) {
	static Plan plan{"SELECT g.name, d.type, to_regclass(format('%I.%I', g.schema_name, d.type)), d.mapped, "
					 "ARRAY(SELECT s.source FROM recsys_internal.dataset_source s WHERE s.dataset_id = d.id ORDER BY s.position), "
					 "d.id_types, d.fields, d.status, d.created_at, d.updated_at FROM recsys_internal.dataset d "
					 "JOIN recsys_internal.dataset_group g ON g.id = d.group_id WHERE g.id = $1 ORDER BY d.id",
					 {INT8OID}};
	append_per_group(call, plan);
	return call.result_void();
}

RECSYS_FUNCTION(schemas) {
	static Plan plan{"SELECT s.name, s.owner::text, s.domain, s.dataset_type, s.definition, s.created_at "
					 "FROM recsys_internal.schema_document s WHERE s.owner = $1 OR (SELECT pg_has_role($1::oid, r.oid, 'USAGE') "
					 "FROM pg_roles r WHERE r.oid = s.owner) OR (SELECT rolsuper FROM pg_roles r WHERE r.oid = $1) "
					 "ORDER BY s.name, s.id",
					 {REGROLEOID}};
	pg::ResultTable table(call);
	const Oid user = GetUserId();
	AsOwner owner;
	const pg::SpiScope spi;
	table.append(plan.fetch({pg::oid(user)}, pg::Access::Read, 0));
	return call.result_void();
}

RECSYS_FUNCTION(create_filter) {
	return call.result(create_filter(call.text(0, "name"), call.text(1, "dataset_group"), call.text(2, "filter_expression")));
}

RECSYS_FUNCTION(delete_filter) {
	delete_filter(call.text(0, "name"));
	return call.result_void();
}

RECSYS_FUNCTION(describe_filter) { return call.result_json(describe_filter(call.text(0, "name")).dump()); }

RECSYS_FUNCTION(list_filters) {
	pg::ResultTable table(call);
	for (const Json &filter : list_filters())
		table.row({pg::text(filter.at("name").get<std::string>()), pg::jsonb(filter.dump())});
	return call.result_void();
}

} // namespace recsys::catalog
