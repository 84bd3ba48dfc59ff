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
