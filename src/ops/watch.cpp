#include "ops/watch.hpp"

#include <algorithm>

#include "jobs/clock.hpp"
#include "jobs/schedule.hpp"
#include "ops/campaign_statistics.hpp"

extern "C" {
#include "catalog/pg_authid_d.h"
}

namespace recsys::ops {

namespace {

using catalog::Json;

constexpr const char *kKind = "watch", *kFirst = "10 seconds";
constexpr const char *kKept = "15 days"; // of traffic: the floor is judged by 14
// A model that was trained so lately is not trained again because of drift.
constexpr const char *kRetrainPause = "1 day";
// The floor of a campaign sinks by this factor an hour while the quietest hour lies below it.
constexpr double kFloorStep = 0.75;

struct Watched {
	catalog::Group group;
	WatchRequest request;
};

std::optional<Watched> find_watched(std::int64_t group_id) {
	static pg::Plan find{"SELECT retrain_on_drift, delete_idle_after::text, adjust_floor FROM recsys_internal.watch WHERE group_id = $1", {INT8OID}};
	std::optional<catalog::Group> group = catalog::find_group(group_id);
	const pg::AsOwner owner;
	const std::optional<pg::Row> row = find.row({pg::int8(group_id)});
	if (!row || !group)
		return std::nullopt;
	return Watched{std::move(*group), {"", row->boolean(0), row->optional_text(1), row->boolean(2)}};
}

// ---- traffic

void keep_traffic(const catalog::Group &group) {
	static pg::Plan newest{"SELECT (extract(epoch FROM max(period_start)) * 1000000)::int8 - 946684800000000 FROM recsys_internal.campaign_period"
						   " WHERE campaign_id = $1",
						   {INT8OID}};
	static pg::Plan keep{"INSERT INTO recsys_internal.campaign_period VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING", {INT8OID, TIMESTAMPTZOID, INT8OID, FLOAT8OID}};
	static pg::Plan forget{"DELETE FROM recsys_internal.campaign_period AS p USING recsys_internal.campaign AS c WHERE c.id = p.campaign_id"
						   " AND c.group_id = $1 AND p.period_start < $2 - $3::interval",
						   {INT8OID, TIMESTAMPTZOID, TEXTOID}};
	const std::vector<CampaignTraffic> campaigns = campaign_traffic();
	const pg::AsOwner owner;
	for (const CampaignTraffic &campaign : campaigns) {
		if (campaign.group != group.name)
			continue;
		const std::optional<pg::Row> last = newest.row({pg::int8(campaign.id)});
		for (const Period &period : periods(campaign))
			if (!last || last->null(0) || period.start > last->int8(0))
				keep.run({pg::int8(campaign.id), pg::timestamptz(period.start), pg::int8(period.calls), pg::float8(campaign.floor)});
	}
	forget.run({pg::int8(group.id), pg::timestamptz(jobs::clock_now()), pg::text(kKept)});
}

// ---- what is done without being asked

void do_each(const pg::Rows &names, const std::string &call, Json &done) {
	for (const pg::Row &row : names) {
		pg::query("SELECT " + call, {TEXTOID}, {pg::text(row.text(0))});
		done.push_back(row.text(0));
	}
}

void retrain(const catalog::Group &group, Json &done) {
	const pg::Rows solutions = pg::query(
		"SELECT DISTINCT c.dataset_group || '.' || c.solution FROM recsys.health($1) AS h JOIN recsys.campaigns AS c"
		" ON c.dataset_group = h.dataset_group AND 'campaign ' || c.name = h.object WHERE h.finding LIKE 'data have drifted%' AND NOT EXISTS (SELECT FROM"
		" recsys.solution_versions AS v WHERE v.dataset_group = c.dataset_group AND v.solution = c.solution AND v.created_at > $2 - $3::interval)",
		{TEXTOID, TIMESTAMPTZOID, TEXTOID}, {pg::text(group.name), pg::timestamptz(jobs::clock_now()), pg::text(kRetrainPause)});
	do_each(solutions, "recsys.create_solution_version($1)", done);
}

// Recommenders are stopped rather than deleted: they start again by one call. What an experiment asks stays.
void clean_up(const catalog::Group &group, const std::string &threshold, Json &done) {
	const auto idle = [&](bool recommender) {
		return pg::query("SELECT i.dataset_group || '.' || i.campaign FROM recsys.idle_campaigns($2::interval) AS i WHERE i.dataset_group = $1"
						 " AND EXISTS (SELECT FROM recsys.recommenders AS r WHERE r.dataset_group = $1 AND r.name = i.campaign) = $3"
						 " AND NOT EXISTS (SELECT FROM recsys.recommenders AS r WHERE r.dataset_group = $1 AND r.name = i.campaign AND r.status <> 'ACTIVE')"
						 " AND NOT EXISTS (SELECT FROM recsys.experiments AS e, jsonb_array_elements(e.arms) AS a WHERE e.dataset_group = $1"
						 " AND a->>'campaign' = i.campaign)",
						 {TEXTOID, TEXTOID, BOOLOID}, {pg::text(group.name), pg::text(threshold), pg::boolean(recommender)});
	};
	do_each(idle(false), "recsys.delete_campaign($1)", done);
	do_each(idle(true), "recsys.stop_recommender($1)", done);
}

// SPEC 8.4: while the quietest full hour of the last 14 days lies below the floor of a campaign that is older than a day, by a quarter an
// hour, down to 1; never up.
void lower_floors(const catalog::Group &group, Json &done) {
	static pg::Plan find{"SELECT c.name, greatest(1, floor(c.min_provisioned_tps * $3))::int FROM recsys_internal.campaign AS c, LATERAL (SELECT"
						 " min(h.tps) AS quietest FROM (SELECT sum(p.calls) / 3600.0 AS tps FROM recsys_internal.campaign_period AS p WHERE p.campaign_id = c.id"
						 " AND p.period_start >= $2 - interval '14 days' GROUP BY date_trunc('hour', p.period_start) HAVING count(*) = 12) AS h) AS q"
						 " WHERE c.group_id = $1 AND NOT c.recommender AND c.status = 'ACTIVE' AND c.min_provisioned_tps > 1 AND q.quietest < c.min_provisioned_tps"
						 " AND c.created_at < $2 - interval '1 day' AND c.updated_at < $2 - interval '1 hour' ORDER BY c.name",
						 {INT8OID, TIMESTAMPTZOID, FLOAT8OID}};
	pg::Rows campaigns;
	{
		const pg::AsOwner owner;
		campaigns = find.rows({pg::int8(group.id), pg::timestamptz(jobs::clock_now()), pg::float8(kFloorStep)});
	}
	for (const pg::Row &row : campaigns) {
		pg::query("SELECT recsys.update_campaign($1, min_provisioned_tps => $2)", {TEXTOID, INT4OID},
				  {pg::text(group.name + "." + row.text(0)), pg::int4(static_cast<std::int32_t>(row.int8(1)))});
		done.push_back(group.name + "." + row.text(0));
	}
}

// ---- findings

void notify(const catalog::Group &group, const char *event, const pg::Row &finding) {
	constexpr std::size_t kEvidence = 1000; // a payload has less than 8,000 bytes
	const Json payload = {{"event", event},
						  {"dataset_group", group.name},
						  {"severity", finding.text(0)},
						  {"object", finding.text(1)},
						  {"finding", finding.text(2)},
						  {"evidence", finding.text(3).substr(0, kEvidence)}};
	pg::query("SELECT pg_catalog.pg_notify('recsys_health', $1)", {TEXTOID}, {pg::text(payload.dump(-1, ' ', false, Json::error_handler_t::replace))});
}

// What is found now replaces what was found before; only what came or went is told.
Json compare_findings(const catalog::Group &group) {
	static pg::Plan raise{"INSERT INTO recsys_internal.finding AS f (severity, object, finding, evidence, since, group_id) VALUES ($1, $2, $3, $4, clock_timestamp(), $5)"
						  " ON CONFLICT (group_id, object, finding) DO UPDATE SET severity = excluded.severity, evidence = excluded.evidence RETURNING f.xmax = 0",
						  {TEXTOID, TEXTOID, TEXTOID, TEXTOID, INT8OID}};
	static pg::Plan clear{"DELETE FROM recsys_internal.finding WHERE group_id = $1 AND NOT (object || chr(1) || finding = ANY ($2))"
						  " RETURNING severity, object, finding, evidence",
						  {INT8OID, TEXTARRAYOID}};
	const pg::Rows found = pg::query("SELECT severity, object, finding, evidence FROM recsys.health($1)", {TEXTOID}, {pg::text(group.name)});
	std::vector<std::string> names;
	pg::Rows raised, cleared;
	{
		const pg::AsOwner owner;
		for (const pg::Row &row : found) {
			names.push_back(row.text(1) + '\1' + row.text(2));
			if (raise.row({pg::text(row.text(0)), pg::text(row.text(1)), pg::text(row.text(2)), pg::text(row.text(3)), pg::int8(group.id)})->boolean(0))
				raised.push_back(row);
		}
		cleared = clear.rows({pg::int8(group.id), pg::text_array(names)});
	}
	for (const pg::Row &row : raised)
		notify(group, "raised", row);
	for (const pg::Row &row : cleared)
		notify(group, "cleared", row);
	return {{"findings", found.size()}, {"raised", raised.size()}, {"cleared", cleared.size()}};
}

jobs::Outcome run(const jobs::Job &job) {
	std::optional<Watched> watched;
	Oid owner = InvalidOid;
	jobs::in_transaction(BOOTSTRAP_SUPERUSERID, [&] {
		watched = find_watched(job.group_id);
		if (watched)
			owner = catalog::group_owner(watched->group);
	});
	if (!watched)
		return jobs::skipped("the dataset group is no longer watched");
	Json result;
	jobs::in_transaction(owner, [&] {
		const catalog::Group &group = watched->group;
		const WatchRequest &request = watched->request;
		Json retrained = Json::array(), removed = Json::array(), lowered = Json::array();
		keep_traffic(group);
		if (request.retrain_on_drift)
			retrain(group, retrained);
		if (request.delete_idle_after)
			clean_up(group, *request.delete_idle_after, removed);
		if (request.adjust_floor)
			lower_floors(group, lowered);
		result = compare_findings(group);
		for (const auto &[what, names] : {std::pair{"retrained", &retrained}, {"removed", &removed}, {"floor_lowered", &lowered}})
			if (!names->empty())
				result[what] = *names;
		jobs::note_result(job, result);
	});
	return result;
}

void nothing_to_mark(const jobs::Job &, const std::string &, bool) {}

void check_positive(const std::string &interval, const char *argument) {
	if (!pg::query("SELECT $1::interval > '0'", {TEXTOID}, {pg::text(interval)}, pg::Access::Read).front().boolean(0))
		throw Error(sqlstate::InvalidParameter, std::string("argument \"") + argument + "\" must be positive");
}

} // namespace

void watch(const catalog::Group &group, const WatchRequest &request) {
	static pg::Plan put{"INSERT INTO recsys_internal.watch VALUES ($1, $2, $3::interval, $4) ON CONFLICT (group_id) DO UPDATE SET"
						" retrain_on_drift = excluded.retrain_on_drift, delete_idle_after = excluded.delete_idle_after, adjust_floor = excluded.adjust_floor",
						{INT8OID, BOOLOID, TEXTOID, BOOLOID}};
	check_positive(request.every, "every");
	if (request.delete_idle_after)
		check_positive(*request.delete_idle_after, "delete_idle_after");
	const pg::AsOwner owner;
	put.run({pg::int8(group.id), pg::boolean(request.retrain_on_drift), pg::text(request.delete_idle_after), pg::boolean(request.adjust_floor)});
	jobs::set_schedule(kKind, group.id, group.id, request.every, kFirst);
}

bool unwatch(const catalog::Group &group) {
	static pg::Plan remove{"DELETE FROM recsys_internal.watch WHERE group_id = $1", {INT8OID}};
	static pg::Plan forget{"DELETE FROM recsys_internal.finding WHERE group_id = $1", {INT8OID}};
	static pg::Plan forget_traffic{"DELETE FROM recsys_internal.campaign_period WHERE campaign_id IN (SELECT id FROM recsys_internal.campaign WHERE group_id = $1)",
								   {INT8OID}};
	const pg::AsOwner owner;
	jobs::drop_schedule(kKind, group.id);
	forget.run({pg::int8(group.id)});
	forget_traffic.run({pg::int8(group.id)});
	return remove.run({pg::int8(group.id)}) > 0;
}

void register_watch() { jobs::register_handler({kKind, run, nothing_to_mark}); }

} // namespace recsys::ops

using namespace recsys;

RECSYS_FUNCTION(watch) {
	pg::call([] { PreventCommandIfReadOnly("recsys.watch()"); });
	const catalog::Group group = catalog::require_group(call.text(0, "dataset_group"), catalog::Right::Own);
	if (call.null(1))
		throw Error("22004", "argument \"every\" must not be null");
	const auto interval = [&call](int i) { return pg::output(call.datum(i), INTERVALOID); };
	ops::watch(group, {interval(1), call.boolean(2, "retrain_on_drift"), call.null(3) ? std::nullopt : std::optional(interval(3)), call.boolean(4, "adjust_floor")});
	return call.result_void();
}

RECSYS_FUNCTION(unwatch) {
	pg::call([] { PreventCommandIfReadOnly("recsys.unwatch()"); });
	const catalog::Group group = catalog::require_group(call.text(0, "dataset_group"), catalog::Right::Own);
	if (!ops::unwatch(group))
		throw Error(sqlstate::NotFound, "dataset group \"" + group.name + "\" is not watched");
	return call.result_void();
}

RECSYS_FUNCTION(list_findings) {
	static pg::Plan list{"SELECT $2, severity, object, finding, evidence, since FROM recsys_internal.finding WHERE group_id = $1 ORDER BY"
						 " array_position('{error,warning,notice}'::text[], severity), object, finding",
						 {INT8OID, TEXTOID}};
	pg::ResultTable out(call);
	for (const catalog::Group &group : catalog::groups_with(catalog::Right::Read)) {
		const pg::SpiScope rows;
		const pg::AsOwner owner;
		out.append(list.fetch({pg::int8(group.id), pg::text(group.name)}, pg::Access::Read));
	}
	return call.result_void();
}

RECSYS_FUNCTION(kept_periods) {
	static pg::Plan list{"SELECT $2, c.name, p.period_start, p.calls, p.calls / 300.0::float8, p.floor, p.calls / 300.0::float8 / p.floor,"
						 " greatest(p.calls / 300.0::float8, p.floor) / 12, NULL::float8 FROM recsys_internal.campaign_period AS p"
						 " JOIN recsys_internal.campaign AS c ON c.id = p.campaign_id WHERE c.group_id = $1",
						 {INT8OID, TEXTOID}};
	pg::ResultTable out(call);
	for (const catalog::Group &group : catalog::groups_with(catalog::Right::Read)) {
		const pg::SpiScope rows;
		const pg::AsOwner owner;
		out.append(list.fetch({pg::int8(group.id), pg::text(group.name)}, pg::Access::Read));
	}
	return call.result_void();
}
