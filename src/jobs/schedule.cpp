// Intervals are counted from the start of the run before. Runs that could not take place (the server was down, no worker was
// free, the run before had not ended) are not made up for one by one: one run follows at once, and the schedule says how many
// were missed and why.
#include "jobs/schedule.hpp"

#include <algorithm>

#include "jobs/board.hpp"
#include "jobs/clock.hpp"
#include "jobs/handlers.hpp"
#include "jobs/home.hpp"
#include "jobs/queue.hpp"
#include "pg/log.hpp"
#include "pg/user.hpp"

namespace recsys::jobs {

namespace {

struct Due {
	std::int64_t id, group_id, resource_id, missed;
	std::string kind, name_of_last;
	bool first;
	bool still_running;
};

// The setting may have changed since the next run was planned.
void follow_settings() {
	static pg::Plan follow{
		"UPDATE recsys_internal.schedule AS s SET next_due = d.next FROM (SELECT x.id, coalesce(x.last_run_at, x.created_at) + "
		"f.every AS next FROM recsys_internal.schedule AS x JOIN ROWS FROM (unnest($1::text[]), unnest($2::interval[])) "
		"AS f(kind, every) ON f.kind = x.kind WHERE x.every IS NULL) AS d WHERE d.id = s.id AND s.next_due <> d.next",
		{TEXTARRAYOID, TEXTARRAYOID}};
	const DefaultIntervals d = default_intervals();
	follow.run({pg::text_array(d.kinds), pg::text_array(d.intervals)});
}

#define RECSYS_ACTIVE_SCHEDULE "NOT s.paused AND s.home = $1::uuid AND (s.every IS NOT NULL OR s.kind = ANY ($2))"

std::optional<Due> take_due(TimestampTz now, const std::string &home) {
	static pg::Plan find{
		"SELECT s.id, s.group_id, s.resource_id, s.kind, s.last_run_at IS NULL, s.last_job_id, j.status IN ('PENDING', 'RUNNING'),"
		" floor(extract(epoch FROM $3 - s.next_due) / greatest(extract(epoch FROM coalesce(s.every, f.every)), 1))::bigint"
		" FROM recsys_internal.schedule AS s LEFT JOIN recsys_internal.job AS j ON j.id = s.last_job_id"
		" LEFT JOIN ROWS FROM (unnest($2::text[]), unnest($4::interval[])) AS f(kind, every) ON f.kind = s.kind"
		" WHERE " RECSYS_ACTIVE_SCHEDULE " AND s.next_due <= $3 ORDER BY s.next_due, s.id LIMIT 1 FOR UPDATE OF s SKIP LOCKED",
		{TEXTOID, TEXTARRAYOID, TIMESTAMPTZOID, TEXTARRAYOID}};
	const DefaultIntervals d = default_intervals();
	const std::optional<pg::Row> row =
		find.row({pg::text(home), pg::text_array(d.kinds), pg::timestamptz(now), pg::text_array(d.intervals)});
	if (!row)
		return std::nullopt;
	return Due{row->int8(0), row->int8(1), row->int8(2), row->int8(7), row->text(3), row->text(5), row->boolean(4), row->boolean(6)};
}

void note_missed(const Due &due, std::int64_t runs, const std::string &reason) {
	static pg::Plan note{"UPDATE recsys_internal.schedule SET missed_runs = missed_runs + $2, missed_reason = $3 WHERE id = $1",
						 {INT8OID, INT4OID, TEXTOID}};
	note.run({pg::int8(due.id), pg::int4(static_cast<std::int32_t>(std::min<std::int64_t>(runs, 1000000))), pg::text(reason)});
}

void plan_next(const Due &due, TimestampTz now, const std::optional<std::int64_t> &job) {
	static pg::Plan plan{
		"UPDATE recsys_internal.schedule AS s SET next_due = $2 + coalesce(s.every, (SELECT f.every FROM ROWS FROM "
		"(unnest($4::text[]), unnest($5::interval[])) AS f(kind, every) WHERE f.kind = s.kind)), "
		"last_run_at = CASE WHEN $3 IS NULL THEN last_run_at ELSE $2 END, last_job_id = coalesce($3, last_job_id) WHERE id = $1",
		{INT8OID, TIMESTAMPTZOID, INT8OID, TEXTARRAYOID, TEXTARRAYOID}};
	const DefaultIntervals d = default_intervals();
	plan.run({pg::int8(due.id), pg::timestamptz(now), job ? pg::int8(*job) : pg::null(), pg::text_array(d.kinds),
			  pg::text_array(d.intervals)});
}

void start(const Due &due, TimestampTz now) {
	if (due.still_running) {
		note_missed(due, due.missed + 1, "job " + due.name_of_last + ", the run before, had not ended");
		plan_next(due, now, std::nullopt);
		return;
	}
	if (due.missed > 0)
		note_missed(due, due.missed, "the server was not running, or had no worker to spare, when they were due; one run was made up for them");
	const std::optional<catalog::Group> group = catalog::find_group(due.group_id);
	const catalog::Json config = due.first ? catalog::Json{{"first_run", true}} : catalog::Json::object();
	plan_next(due, now, enqueue(due.kind.c_str(), group.value(), std::nullopt, due.resource_id, config, kAutomaticPriority));
}

} // namespace

DefaultIntervals default_intervals() {
	DefaultIntervals out;
	for (const Handler &handler : all_handlers())
		if (handler.interval != nullptr && *handler.interval > 0) {
			out.kinds.emplace_back(handler.kind);
			out.intervals.push_back(std::to_string(*handler.interval) + " s");
		}
	return out;
}

void set_schedule(const char *kind, std::int64_t group_id, std::int64_t resource_id, const std::optional<std::string> &every,
				  const std::optional<std::string> &first) {
	static pg::Plan upsert{
		"INSERT INTO recsys_internal.schedule AS s (group_id, kind, resource_id, every, next_due, home, created_at) "
		"VALUES ($1, $2, $3, $4::interval, $5 + least($4::interval, $6::interval), $7::uuid, $5) ON CONFLICT (kind, resource_id) "
		"DO UPDATE SET every = excluded.every, paused = false, home = excluded.home, "
		"next_due = greatest(coalesce(s.last_run_at, s.created_at) + excluded.every, excluded.created_at)",
		{INT8OID, TEXTOID, INT8OID, TEXTOID, TIMESTAMPTZOID, TEXTOID, TEXTOID}};
	const Handler *handler = find_handler(kind);
	const std::optional<std::string> fallback = std::to_string(handler->interval == nullptr ? 0 : *handler->interval) + " s";
	upsert.run({pg::int8(group_id), pg::text(kind), pg::int8(resource_id), pg::text(every), pg::timestamptz(clock_now()),
				pg::text(every ? first : fallback), pg::text(settle_home())});
	visit_after_commit();
}

void drop_schedule(const char *kind, std::int64_t resource_id) {
	static pg::Plan drop{"DELETE FROM recsys_internal.schedule WHERE kind = $1 AND resource_id = $2", {TEXTOID, INT8OID}};
	drop.run({pg::text(kind), pg::int8(resource_id)});
}

void resume_schedule(std::int64_t id) {
	static pg::Plan resume{
		"UPDATE recsys_internal.schedule AS s SET paused = false, home = $2::uuid, "
		"next_due = greatest(s.next_due, $3 + coalesce(s.every, (SELECT f.every FROM ROWS FROM (unnest($4::text[]), "
		"unnest($5::interval[])) AS f(kind, every) WHERE f.kind = s.kind))), last_run_at = CASE WHEN s.every IS NULL THEN $3 "
		"ELSE s.last_run_at END WHERE id = $1 AND (paused OR home <> $2::uuid)",
		{INT8OID, TEXTOID, TIMESTAMPTZOID, TEXTARRAYOID, TEXTARRAYOID}};
	const DefaultIntervals d = default_intervals();
	const pg::AsOwner owner;
	resume.run({pg::int8(id), pg::text(settle_home()), pg::timestamptz(clock_now()), pg::text_array(d.kinds),
				pg::text_array(d.intervals)});
	visit_after_commit();
}

void start_due() {
	for (bool more = true; more;) {
		const pg::Failure f = pg::try_catch([&more] {
			as_extension_owner([&more] {
				const std::string home = settle_home();
				const TimestampTz now = clock_now();
				follow_settings();
				const std::optional<Due> due = take_due(now, home);
				more = due.has_value();
				if (due)
					start(*due, now);
			});
		});
		if (f.failed) {
			pg::log("recsys could not start what is due", f.message);
			return;
		}
	}
}

TimestampTz next_due() {
	static pg::Plan find{"SELECT min(t) FROM (SELECT min(s.next_due) FROM recsys_internal.schedule AS s WHERE " RECSYS_ACTIVE_SCHEDULE
						 " UNION ALL SELECT min(not_before) FROM recsys_internal.job WHERE status = 'PENDING' AND home = $1::uuid)"
						 " AS u(t)",
						 {TEXTOID, TEXTARRAYOID}};
	TimestampTz at = board::kNever;
	as_extension_owner([&at] {
		const pg::SpiScope spi;
		bool null = true;
		const SPITupleTable *rows =
			find.fetch({pg::text(settle_home()), pg::text_array(default_intervals().kinds)}, pg::Access::Write, 1);
		const Datum value = pg::column(rows, 0, 0, null);
		if (!null)
			at = DatumGetTimestampTz(value);
	});
	return at;
}

} // namespace recsys::jobs
