// The SQL-callable functions of metric attribution.
#include "ops/attribution.hpp"

namespace {

using namespace recsys;
using catalog::Json;
using catalog::Right;

void forbid_read_only(const char *function) {
	pg::call([function] { PreventCommandIfReadOnly(function); });
}

} // namespace

RECSYS_FUNCTION(create_metric_attribution) {
	forbid_read_only("recsys.create_metric_attribution()");
	const std::string name = call.text(0, "name");
	const catalog::Group group = catalog::require_group(call.text(1, "dataset_group"), Right::Own);
	ops::create_metric_attribution(group, name, Json::parse(call.json(2, "metrics")));
	return call.result(name);
}

RECSYS_FUNCTION(update_metric_attribution) {
	forbid_read_only("recsys.update_metric_attribution()");
	const ops::MetricAttribution attribution = ops::find_metric_attribution(call.text(0, "name"), Right::Own);
	ops::update_metric_attribution(attribution, Json::parse(call.json(1, "add_metrics")), call.text_array(2, "remove_metrics"));
	return call.result_void();
}

RECSYS_FUNCTION(delete_metric_attribution) {
	static pg::Plan remove{"DELETE FROM recsys_internal.metric_attribution WHERE id = $1", {INT8OID}};
	forbid_read_only("recsys.delete_metric_attribution()");
	const catalog::Found found = catalog::require_resource("metric_attribution", call.text(0, "name"), Right::Own);
	const pg::AsOwner owner;
	remove.run({pg::int8(found.id)});
	return call.result_void();
}

RECSYS_FUNCTION(describe_metric_attribution) {
	return call.result_json(ops::describe_metric_attribution(ops::find_metric_attribution(call.text(0, "name"), Right::Read)));
}

RECSYS_FUNCTION(list_metric_attributions) {
	static pg::Plan list{"SELECT $2, a.name, m.name, m.event_type, m.math_function || '(' || coalesce(initcap(m.dataset) || '.' || m.column_name, '') || ')',"
						 " m.created_at FROM recsys_internal.metric_attribution AS a JOIN recsys_internal.attributed_metric AS m"
						 " ON m.attribution_id = a.id WHERE a.group_id = $1 ORDER BY m.name",
						 {INT8OID, TEXTOID}};
	pg::ResultTable out(call);
	for (const catalog::Group &group : catalog::groups_with(Right::Read)) {
		const pg::SpiScope rows;
		const pg::AsOwner owner;
		out.append(list.fetch({pg::int8(group.id), pg::text(group.name)}, pg::Access::Read));
	}
	return call.result_void();
}

RECSYS_FUNCTION(get_attributed_metrics) {
	const ops::MetricAttribution attribution = ops::find_metric_attribution(call.text(0, "metric_attribution"), Right::Read);
	ops::Period period;
	if (!call.null(1))
		period.since = call.timestamptz(1, "since");
	if (!call.null(2))
		period.until = call.timestamptz(2, "until");
	if (call.null(3))
		throw Error("22004", "argument \"width\" must not be null");
	period.width = pg::raw(call.datum(3));
	pg::ResultTable out(call);
	ops::write_attributed_metrics(attribution, period, out);
	return call.result_void();
}
