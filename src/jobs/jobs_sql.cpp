// Front desk: the queue, schedules and running work as SQL sees them, and what the owner of a group may do to jobs and schedules.
#include "stats/progress.hpp"

#include "jobs/clock.hpp"
#include "jobs/handlers.hpp"
#include "jobs/home.hpp"
#include "jobs/jobs.hpp"
#include "jobs/queue.hpp"
#include "jobs/schedule.hpp"

namespace recsys::jobs {

namespace {

void add_running(pg::ResultTable &result, const std::vector<catalog::Group> &groups) {
	for (const stats::Running &r : stats::running())
		for (const catalog::Group &group : groups)
			if (group.id == r.group_id)
				result.row({pg::int4(r.pid), pg::text(group.name), pg::text(r.kind), pg::text(r.resource),
							pg::text(r.phase), pg::int8(static_cast<std::int64_t>(r.done)),
							pg::int8(static_cast<std::int64_t>(r.total)), r.loss == 0 ? pg::null() : pg::float8(r.loss),
							pg::int8(static_cast<std::int64_t>(r.memory)), pg::timestamptz(r.started),
							pg::timestamptz(r.phase_started)});
}

// The groups whose jobs the caller may see, as a parameter.
pg::Param readable_groups() {
	std::vector<std::string> ids;
	for (const catalog::Group &group : catalog::groups_with(catalog::Right::Read))
		ids.push_back(std::to_string(group.id));
	return pg::text_array(ids);
}

// `id` by a statement that gives its group. What the caller may not see does not exist.
void require_own(pg::Plan &find_group, const char *what, std::int64_t id) {
	std::optional<pg::Row> row;
	{
		const pg::AsOwner owner;
		row = find_group.row({pg::int8(id)});
	}
	const std::optional<catalog::Group> group = row ? catalog::find_group(row->int8(0)) : std::nullopt;
	const std::string view = std::string("recsys.") + what + "s";
	if (!group || !(catalog::has_right(*group, catalog::Right::Own) || catalog::has_right(*group, catalog::Right::Read)))
		throw Error(sqlstate::NotFound, std::string(what) + " " + std::to_string(id) + " does not exist", {},
					"Those you may see are listed in \"" + view + "\".");
	catalog::require_group(group->name, catalog::Right::Own);
}

void require_own_job(std::int64_t id) {
	static pg::Plan find{"SELECT group_id FROM recsys_internal.job WHERE id = $1", {INT8OID}};
	require_own(find, "job", id);
}
void require_own_schedule(std::int64_t id) {
	static pg::Plan find{"SELECT group_id FROM recsys_internal.schedule WHERE id = $1", {INT8OID}};
	require_own(find, "schedule", id);
}

std::string job_status(std::int64_t id) {
	static pg::Plan find{"SELECT status FROM recsys_internal.job WHERE id = $1", {INT8OID}};
	const pg::AsOwner owner;
	const std::optional<pg::Row> row = find.row({pg::int8(id)});
	return row ? row->text(0) : "deleted";
}

// `changed`: the statement that wants a job in some state has found one.
void require_state(bool changed, std::int64_t id, const char *state) {
	if (!changed)
		throw Error(sqlstate::WrongState, "job " + std::to_string(id) + " " + state, "Its status is " + job_status(id) + ".");
}

// As it is here: in a copy of the database that has not worked yet, nothing is of this home.
pg::Param here() {
	return pg::text(find_home());
}

} // namespace

RECSYS_FUNCTION(running_work) {
	pg::ResultTable result(call);
	add_running(result, catalog::groups_with(catalog::Right::Read));
	return call.result_null();
}

// What a job or schedule works on, by the tables of the rooms above: jobs alias j (kind, resource_id, group_id).
#define RECSYS_RESOURCE(j)                                                                                             \
	" LEFT JOIN recsys_internal.solution_version v ON (" j ".kind = 'train' OR " j ".kind LIKE 'batch%') AND v.id = " j ".resource_id"                \
	" LEFT JOIN recsys_internal.solution s ON s.id = CASE WHEN " j ".kind LIKE 'auto%' THEN " j ".resource_id"          \
	" ELSE v.solution_id END"                                                                                          \
	" LEFT JOIN recsys_internal.dataset d ON " j ".kind IN ('import', 'export') AND d.id = " j ".resource_id "
#define RECSYS_RESOURCE_NAME "coalesce(s.name || coalesce('/' || v.number, ''), d.type)"

RECSYS_FUNCTION(job_rows) {
	static pg::Plan readable{
		"SELECT j.id, g.name, j.kind, j.name, " RECSYS_RESOURCE_NAME ", CASE WHEN f.foreign_here THEN 'PARKED' ELSE j.status END, "
		"j.attempts, j.priority, CASE WHEN j.status = 'PENDING' THEN j.not_before END, j.pid, j.created_at, j.started_at, "
		"j.finished_at, j.sqlstate, CASE WHEN f.foreign_here THEN $3 ELSE j.failure_reason END, j.result "
		"FROM recsys_internal.job j JOIN recsys_internal.dataset_group g ON g.id = j.group_id CROSS JOIN LATERAL "
		"(SELECT j.status IN ('PENDING', 'RUNNING') AND j.home IS DISTINCT FROM $2::uuid) AS f(foreign_here)" RECSYS_RESOURCE("j")
		"WHERE j.group_id = ANY ($1::bigint[]) ORDER BY j.id",
		{TEXTARRAYOID, TEXTOID, TEXTOID}};
	const pg::Param groups = readable_groups();
	pg::ResultTable result(call);
	const pg::AsOwner owner;
	const pg::SpiScope spi;
	result.append(readable.fetch({groups, here(), pg::text(kForeign)}, pg::Access::Read));
	return call.result_null();
}

RECSYS_FUNCTION(job_run_rows) {
	static pg::Plan readable{"SELECT r.job_id, r.attempt, g.name, j.kind, " RECSYS_RESOURCE_NAME ", r.status, r.pid, r.started_at, "
							 "r.finished_at, r.sqlstate, r.reason FROM recsys_internal.job_run r JOIN recsys_internal.job j "
							 "ON j.id = r.job_id JOIN recsys_internal.dataset_group g ON g.id = j.group_id" RECSYS_RESOURCE("j")
							 "WHERE j.group_id = ANY ($1::bigint[]) ORDER BY r.started_at, r.job_id, r.attempt",
							 {TEXTARRAYOID}};
	const pg::Param groups = readable_groups();
	pg::ResultTable result(call);
	const pg::AsOwner owner;
	const pg::SpiScope spi;
	result.append(readable.fetch({groups}, pg::Access::Read));
	return call.result_null();
}

RECSYS_FUNCTION(schedule_rows) {
	static pg::Plan readable{
		"SELECT c.id, g.name, c.kind, " RECSYS_RESOURCE_NAME ", CASE WHEN c.home IS DISTINCT FROM $2::uuid THEN 'PARKED' "
		"WHEN c.paused THEN 'PAUSED' WHEN coalesce(c.every, f.every) IS NULL THEN 'OFF' ELSE 'ON' END, coalesce(c.every, f.every), "
		"c.next_due, c.last_run_at, c.last_job_id, l.status, "
		"CASE WHEN c.home IS DISTINCT FROM $2::uuid THEN $3 ELSE l.failure_reason END, c.missed_runs, c.missed_reason "
		"FROM recsys_internal.schedule c JOIN recsys_internal.dataset_group g ON g.id = c.group_id "
		"LEFT JOIN recsys_internal.job l ON l.id = c.last_job_id LEFT JOIN ROWS FROM (unnest($4::text[]), unnest($5::interval[])) "
		"AS f(kind, every) ON f.kind = c.kind" RECSYS_RESOURCE("c") "WHERE c.group_id = ANY ($1::bigint[]) ORDER BY c.id",
		{TEXTARRAYOID, TEXTOID, TEXTOID, TEXTARRAYOID, TEXTARRAYOID}};
	const pg::Param groups = readable_groups();
	const DefaultIntervals d = default_intervals();
	pg::ResultTable result(call);
	const pg::AsOwner owner;
	const pg::SpiScope spi;
	result.append(readable.fetch(
		{groups, here(), pg::text(kForeign), pg::text_array(d.kinds), pg::text_array(d.intervals)}, pg::Access::Read));
	return call.result_null();
}

RECSYS_FUNCTION(cancel_job) {
	const std::int64_t id = call.int8(0, "job");
	require_own_job(id);
	const std::string before = job_status(id);
	require_state(before == "PENDING" || before == "RUNNING", id, "has ended");
	request_stop(id);
	return call.result(job_status(id));
}

RECSYS_FUNCTION(resume_job) {
	static pg::Plan resume{"UPDATE recsys_internal.job SET status = 'PENDING', home = $2::uuid, not_before = NULL WHERE id = $1 "
						   "AND (status = 'PENDING' OR status = 'RUNNING' AND home <> $2::uuid)",
						   {INT8OID, TEXTOID}};
	const std::int64_t id = call.int8(0, "job");
	require_own_job(id);
	bool changed;
	{
		const pg::AsOwner owner;
		changed = resume.run({pg::int8(id), pg::text(settle_home())}) != 0;
	}
	require_state(changed, id, "does not wait");
	visit_after_commit();
	return call.result("PENDING");
}

RECSYS_FUNCTION(set_job_priority) {
	static pg::Plan set{"UPDATE recsys_internal.job SET priority = $2 WHERE id = $1 AND status = 'PENDING'", {INT8OID, INT4OID}};
	const std::int64_t id = call.int8(0, "job");
	const std::int32_t priority = call.int4(1, "priority");
	require_own_job(id);
	bool changed;
	{
		const pg::AsOwner owner;
		changed = set.run({pg::int8(id), pg::int4(priority)}) != 0;
	}
	require_state(changed, id, "does not wait");
	return call.result_void();
}

RECSYS_FUNCTION(pause_schedule) {
	static pg::Plan pause{"UPDATE recsys_internal.schedule SET paused = true WHERE id = $1", {INT8OID}};
	const std::int64_t id = call.int8(0, "schedule");
	require_own_schedule(id);
	const pg::AsOwner owner;
	pause.run({pg::int8(id)});
	return call.result_void();
}

RECSYS_FUNCTION(resume_schedule) {
	const std::int64_t id = call.int8(0, "schedule");
	require_own_schedule(id);
	resume_schedule(id);
	return call.result_void();
}

} // namespace recsys::jobs
