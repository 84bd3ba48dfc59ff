// The SQL-callable functions of the room.
#include "ops/check.hpp"

#include "pg/function.hpp"

namespace {

using namespace recsys;

pg::Param text_or_null(const std::string &text) {
	return text.empty() ? pg::null() : pg::text(text);
}

} // namespace

RECSYS_FUNCTION(check) {
	const catalog::Group group = catalog::require_group(call.text(0, "dataset_group"), catalog::Right::Read);
	pg::ResultTable table(call);
	for (const ops::Finding &f : ops::check(group))
		table.row({pg::text(to_string(f.severity)), pg::text(f.object), pg::text(f.finding), text_or_null(f.evidence),
				   text_or_null(f.advice)});
	return call.result_void();
}

RECSYS_FUNCTION(get_data_insights) {
	const catalog::Group group = catalog::require_group(call.text(0, "dataset_group"), catalog::Right::Read);
	pg::ResultTable table(call);
	for (const ops::Insight &insight : ops::insights(group)) {
		const ops::ColumnProfile &c = insight.column;
		table.row({pg::text(insight.dataset), pg::text(c.name), pg::text(c.type), text_or_null(c.role),
				   pg::int8(c.rows), pg::int8(c.rows - c.filled), c.distinct ? pg::int8(*c.distinct) : pg::null(),
				   pg::text(c.minimum), pg::text(c.maximum), c.mean ? pg::float8(*c.mean) : pg::null(),
				   c.median ? pg::float8(*c.median) : pg::null(), c.median ? pg::int8(c.outliers) : pg::null(),
				   c.most_common.empty() ? pg::null() : pg::text_array(c.most_common), text_or_null(insight.sample)});
	}
	return call.result_void();
}

// Behind the view recsys.storage. A chunk's length is known without reading it.
RECSYS_FUNCTION(list_storage) {
	static pg::Plan find{
		"SELECT g.name, 'model', s.name || '/' || v.number, (SELECT sum(octet_length(c.data)) FROM "
		"recsys_internal.model_chunk c WHERE c.version_id = v.id)::int8 AS bytes, ARRAY(SELECT c.name FROM "
		"recsys_internal.campaign c WHERE v.id IN (c.version_id, c.pending_version_id) ORDER BY c.name) "
		"FROM recsys_internal.dataset_group g JOIN recsys_internal.solution s ON s.group_id = g.id JOIN "
		"recsys_internal.solution_version v ON v.solution_id = s.id WHERE g.id = $1 AND EXISTS (SELECT FROM "
		"recsys_internal.model_chunk c WHERE c.version_id = v.id) UNION ALL "
		"SELECT g.name, 'table', format('%I.%I', g.schema_name, c.relname), pg_total_relation_size(c.oid), '{}' FROM "
		"recsys_internal.dataset_group g JOIN pg_class c ON c.relnamespace = "
		"to_regnamespace(quote_ident(g.schema_name)) "
		"WHERE g.id = $1 AND c.relkind = 'r' AND (c.relname IN (SELECT d.type FROM recsys_internal.dataset d WHERE "
		"d.group_id = g.id) OR (c.relname = 'user_aliases' AND EXISTS (SELECT FROM recsys_internal.dataset d WHERE "
		"d.group_id = g.id AND d.type = 'interactions'))) ORDER BY 2, 4 DESC, 3",
		{INT8OID}};
	const std::vector<catalog::Group> groups = catalog::groups_with(catalog::Right::Read);
	pg::ResultTable table(call);
	const pg::AsOwner owner;
	const pg::SpiScope spi;
	for (const catalog::Group &group : groups)
		table.append(find.fetch({pg::int8(group.id)}, pg::Access::Read));
	return call.result_void();
}
