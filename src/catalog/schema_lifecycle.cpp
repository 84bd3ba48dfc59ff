// Schema documents: Avro declarations that datasets are made from. They belong to no group but to the role that made them.
#include "catalog/lifecycle.hpp"

#include "pg/settings.hpp"

namespace recsys::catalog {

using pg::AsOwner;
using pg::Plan;
using pg::Row;

namespace {

constexpr std::size_t kServiceSchemaLength = 20000, kServiceSchemas = 500;

void check_quota(const std::string &definition) {
	if (!pg::settings::service_limits)
		return;
	const std::string hint = "The limit holds while \"recsys.service_limits\" is on.";
	if (definition.size() > kServiceSchemaLength)
		throw Error(sqlstate::LimitExceeded, "schema has " + std::to_string(definition.size()) + " characters",
					"The limit is " + std::to_string(kServiceSchemaLength) + ".", hint);
	static Plan count{"SELECT count(*) FROM recsys_internal.schema_document WHERE owner = $1", {REGROLEOID}};
	const Oid user = GetUserId();
	AsOwner owner;
	if (count.row({pg::oid(user)}).value().int8(0) >= static_cast<std::int64_t>(kServiceSchemas))
		throw Error(sqlstate::LimitExceeded, "cannot create another schema",
					"The limit is " + std::to_string(kServiceSchemas) + ".", hint);
}

} // namespace

void create_schema_document(std::string_view name, const std::string &definition, const std::optional<std::string> &domain) {
	check_name(name, "schema");
	const std::string checked = check_domain(domain);
	check_quota(definition);
	const AvroSchema schema = parse_avro(parse_json(definition, "schema"), checked);
	static Plan insert{"INSERT INTO recsys_internal.schema_document (owner, name, domain, dataset_type, definition) "
					   "VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING RETURNING id",
					   {REGROLEOID, TEXTOID, TEXTOID, TEXTOID, JSONBOID}};
	const Oid user = GetUserId();
	AsOwner owner;
	if (!insert.row({pg::oid(user), pg::text(name), checked.empty() ? pg::null() : pg::text(checked),
					 pg::text(to_string(schema.type)), pg::jsonb(definition)}))
		throw Error(sqlstate::AlreadyExists, "schema \"" + std::string(name) + "\" already exists");
}

SchemaDocument require_schema_document(std::string_view name) {
	// A role that was dropped leaves documents that only a superuser can still reach.
	static Plan find{"SELECT id, name, domain, dataset_type, definition, owner = $2 FROM recsys_internal.schema_document s "
					 "WHERE name = $1 AND (owner = $2 OR (SELECT pg_has_role($2::oid, r.oid, 'USAGE') FROM pg_roles r WHERE r.oid = owner) "
					 "OR (SELECT rolsuper FROM pg_roles r WHERE r.oid = $2)) ORDER BY owner = $2 DESC, id",
					 {TEXTOID, REGROLEOID}};
	const Oid user = GetUserId();
	AsOwner owner;
	const pg::Rows rows = find.rows({pg::text(name), pg::oid(user)});
	if (rows.empty())
		throw Error(sqlstate::NotFound, "schema \"" + std::string(name) + "\" does not exist", {},
					"Those you may use are listed in \"recsys.schemas\".");
	if (rows.size() > 1 && !rows[0].boolean(5))
		throw Error("42725", "schema name \"" + std::string(name) + "\" is ambiguous",
					"Several roles that you are a member of have a schema of this name.", "Use SET ROLE to choose one.");
	const Row &row = rows.front();
	return {row.int8(0), row.text(1), row.text(2), row.text(3), Json::parse(row.text(4))};
}

void delete_schema_document(std::string_view name) {
	const SchemaDocument document = require_schema_document(name);
	static Plan used{"SELECT count(*) FROM recsys_internal.dataset WHERE schema_document_id = $1", {INT8OID}};
	static Plan remove{"DELETE FROM recsys_internal.schema_document WHERE id = $1", {INT8OID}};
	AsOwner owner;
	if (const std::int64_t n = used.row({pg::int8(document.id)}).value().int8(0); n > 0)
		throw Error(sqlstate::InUse, "schema \"" + document.name + "\" is in use",
					n == 1 ? "A dataset uses it." : std::to_string(n) + " datasets use it.", "Delete them first.");
	remove.run({pg::int8(document.id)});
}

std::string describe_schema_document(std::string_view name) {
	const SchemaDocument document = require_schema_document(name);
	static Plan describe{"SELECT jsonb_build_object('name', name, 'owner', owner, 'domain', domain, 'dataset_type', dataset_type, "
						 "'schema', definition, 'created_at', created_at) FROM recsys_internal.schema_document WHERE id = $1",
						 {INT8OID}};
	AsOwner owner;
	return describe.row({pg::int8(document.id)}).value().text(0);
}

} // namespace recsys::catalog
