// The SQL-callable functions of experiments.
#include "metrics/sequential_test.hpp"

#include "ops/experiment.hpp"

namespace {

using namespace recsys;
using catalog::Json;
using catalog::Right;

void forbid_read_only(const char *function) {
	pg::call([function] { PreventCommandIfReadOnly(function); });
}

/// The statement that gives an arm's rows (item_id, score, reason, recommendation_id) in their order. $1 user, $2 number of results,
/// $3 item, $4 filter, $5 filter values.
std::string rows_sql(const ops::Experiment &experiment, const ops::Arm &arm) {
	if (!arm.campaign.empty())
		return "SELECT r.item_id, r.score, r.reason, r.recommendation_id FROM recsys.get_recommendations(" +
			   pg::quote_literal(experiment.group.name + "." + arm.campaign) +
			   ", $1, item_id => $3, num_results => $2, filter => $4, filter_values => $5) AS r ORDER BY r.rank";
	if (!arm.source.empty()) {
		// The parameter becomes what the column is, so that its index is used.
		const pg::Rows type = pg::query("SELECT pg_catalog.format_type(atttypid, atttypmod) FROM pg_catalog.pg_attribute WHERE attrelid ="
										" pg_catalog.to_regclass($1) AND attname = 'user_id' AND NOT attisdropped",
										{TEXTOID}, {pg::text(arm.source)}, pg::Access::Read);
		if (type.empty())
			throw Error("42P01", "relation " + arm.source + " of arm \"" + arm.name + "\" does not exist", {}, "Make it again, or delete the experiment.");
		return "SELECT s.item_id::text, NULL::float8, NULL::text, NULL::text FROM " + arm.source + " AS s WHERE s.user_id = $1::" +
			   type.front().text(0) + " ORDER BY s.rank LIMIT $2";
	}
	return "SELECT f.item_id::text, NULL::float8, NULL::text, NULL::text FROM " + arm.function + "($1, $2) AS f(item_id) LIMIT $2";
}

} // namespace

RECSYS_FUNCTION(create_experiment) {
	forbid_read_only("recsys.create_experiment()");
	ops::ExperimentRequest request;
	request.name = call.text(0, "name");
	const catalog::Group group = catalog::require_group(call.text(1, "dataset_group"), Right::Own);
	request.arms = Json::parse(call.json(2, "arms"));
	request.conversion_event_type = call.text(3, "conversion_event_type");
	request.exposure_event_type = call.optional_text(4);
	request.measure = call.text(5, "measure");
	request.expected_lift = call.float8(6, "expected_lift");
	if (!call.null(7))
		request.measure_from = call.timestamptz(7, "measure_from");
	ops::create_experiment(group, request);
	return call.result(request.name);
}

RECSYS_FUNCTION(update_experiment) {
	forbid_read_only("recsys.update_experiment()");
	const ops::Experiment experiment = ops::find_experiment(call.text(0, "name"), Right::Own);
	std::optional<Json> weights;
	if (const auto given = call.optional_json(1))
		weights = Json::parse(*given);
	ops::update_experiment(experiment, weights, call.null(2) ? std::nullopt : std::optional(call.timestamptz(2, "measure_from")));
	return call.result_void();
}

RECSYS_FUNCTION(stop_experiment) {
	static pg::Plan stop{"UPDATE recsys_internal.experiment SET status = 'STOPPED', stopped_at = clock_timestamp(), updated_at = clock_timestamp()"
						 " WHERE id = $1 AND status = 'ACTIVE'",
						 {INT8OID}};
	forbid_read_only("recsys.stop_experiment()");
	const catalog::Found found = catalog::require_resource("experiment", call.text(0, "name"), Right::Own);
	const pg::AsOwner owner;
	if (stop.run({pg::int8(found.id)}) == 0)
		throw Error(sqlstate::WrongState, "experiment \"" + found.name + "\" was stopped already");
	return call.result_void();
}

RECSYS_FUNCTION(delete_experiment) {
	static pg::Plan remove{"DELETE FROM recsys_internal.experiment WHERE id = $1", {INT8OID}};
	forbid_read_only("recsys.delete_experiment()");
	const catalog::Found found = catalog::require_resource("experiment", call.text(0, "name"), Right::Own);
	const pg::AsOwner owner;
	remove.run({pg::int8(found.id)});
	return call.result_void();
}

RECSYS_FUNCTION(list_experiments) {
	static pg::Plan list{"SELECT $2, e.name, e.status, (SELECT jsonb_agg(a || jsonb_build_object('weight', (SELECT w.weights->(a->>'name') FROM"
						 " recsys_internal.experiment_weights AS w WHERE w.experiment_id = e.id ORDER BY w.since DESC LIMIT 1)) ORDER BY n)"
						 " FROM jsonb_array_elements(e.arms) WITH ORDINALITY AS x(a, n)), e.conversion_event_type, e.exposure_event_type,"
						 " e.measure, e.expected_lift, e.measure_from, e.created_at, e.stopped_at FROM recsys_internal.experiment AS e"
						 " WHERE e.group_id = $1 ORDER BY e.name",
						 {INT8OID, TEXTOID}};
	pg::ResultTable out(call);
	for (const catalog::Group &group : catalog::groups_with(Right::Read)) {
		const pg::SpiScope rows;
		const pg::AsOwner owner;
		out.append(list.fetch({pg::int8(group.id), pg::text(group.name)}, pg::Access::Read));
	}
	return call.result_void();
}

RECSYS_FUNCTION(get_experiment_arm) {
	const ops::Experiment experiment = ops::find_experiment(call.text(0, "experiment"), Right::Read);
	return call.result(ops::arm_of(experiment, call.text(1, "user_id")).name);
}

RECSYS_FUNCTION(put_experiment_assignment) {
	static pg::Plan put{"INSERT INTO recsys_internal.experiment_assignment (experiment_id, user_id, arm) VALUES ($1, $2, $3)"
						" ON CONFLICT (experiment_id, user_id) DO UPDATE SET arm = excluded.arm",
						{INT8OID, TEXTOID, TEXTOID}};
	forbid_read_only("recsys.put_experiment_assignment()");
	const ops::Experiment experiment = ops::find_experiment(call.text(0, "experiment"), Right::Own);
	const std::string user = call.text(1, "user_id"), arm = call.text(2, "arm");
	experiment.find_arm(arm);
	const pg::AsOwner owner;
	put.run({pg::int8(experiment.id), pg::text(user), pg::text(arm)});
	return call.result_void();
}

RECSYS_FUNCTION(get_experiment_recommendations) {
	const ops::Experiment experiment = ops::find_experiment(call.text(0, "experiment"), Right::Read);
	const std::string user = call.text(1, "user_id");
	const std::int32_t wanted = call.int4(2, "num_results");
	if (wanted < 1)
		throw Error(sqlstate::InvalidParameter, "argument \"num_results\" must be at least 1");
	pg::ResultTable out(call);
	const ops::Arm &arm = ops::arm_of(experiment, user);
	if (arm.campaign.empty() && arm.source.empty() && arm.function.empty())
		return call.result_void(); // whatever there was before
	const std::string values = call.null(5) ? "{}" : call.json(5, "filter_values");
	std::int32_t rank = 0;
	for (const pg::Row &row : pg::query(rows_sql(experiment, arm), {TEXTOID, INT4OID, TEXTOID, TEXTOID, JSONBOID},
										{pg::text(user), pg::int4(wanted), pg::text(call.optional_text(3)), pg::text(call.optional_text(4)), pg::jsonb(values)},
										pg::Access::Read))
		out.row({pg::text(arm.name), pg::int4(++rank), pg::text(row.optional_text(0)), row.null(1) ? pg::null() : pg::float8(row.float8(1)),
				 pg::text(row.optional_text(2)), pg::text(row.optional_text(3))});
	return call.result_void();
}

RECSYS_FUNCTION(get_experiment_results) {
	const ops::Experiment experiment = ops::find_experiment(call.text(0, "experiment"), Right::Read);
	pg::ResultTable out(call);
	ops::write_results(experiment, out);
	return call.result_void();
}

RECSYS_FUNCTION(experiment_size) {
	const double rate = call.float8(0, "conversion_rate"), lift = call.float8(1, "lift"), power = call.float8(2, "power");
	if (!(rate > 0 && rate < 1))
		throw Error(sqlstate::InvalidParameter, "argument \"conversion_rate\" must lie between 0 and 1");
	if (!(lift > 0 && rate * (1 + lift) < 1))
		throw Error(sqlstate::InvalidParameter, "argument \"lift\" must be positive, and leave the conversion rate below 1");
	if (!(power > 0 && power < 1))
		throw Error(sqlstate::InvalidParameter, "argument \"power\" must lie between 0 and 1");
	return call.result_int8(static_cast<std::int64_t>(metrics::users_needed(rate, lift, power)));
}
