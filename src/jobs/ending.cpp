// With a job's row locked and still RUNNING, a living worker cannot have left the job behind: it lets go of it only after its
// end is committed. So what the board says about jobs without a worker is exact.
//
// Crashes are counted, because nobody is left to tell which job was at fault: a job that was running twice when the server went
// down is not started a third time. A shutdown in good order is told apart by the note that a worker leaves when it is
// terminated (told_to_exit), and does not count.
#include "jobs/ending.hpp"

#include <algorithm>

#include "jobs/board.hpp"
#include "jobs/clock.hpp"
#include "jobs/handlers.hpp"
#include "jobs/home.hpp"
#include "pg/log.hpp"
#include "pg/user.hpp"

namespace recsys::jobs {

namespace {

constexpr int kMaxAttempts = 5; // with the delays below, a quarter of an hour for the cause to pass
constexpr int kMaxCrashes = 2;
constexpr TimestampTz kFirstDelay = 10 * kSecond;
constexpr int kDelayFactor = 4;

TimestampTz delay_after(int attempts) noexcept {
	TimestampTz delay = kFirstDelay;
	for (int i = 1; i < std::min(attempts, kMaxAttempts); ++i)
		delay *= kDelayFactor;
	return delay;
}

// Of the attempt; the job's own follows from it.
const char *run_status(Verdict verdict) noexcept {
	switch (verdict) {
	case Verdict::Succeeded:
		return "SUCCEEDED";
	case Verdict::Skipped:
		return "SKIPPED";
	case Verdict::Failed:
		return "FAILED";
	case Verdict::Stopped:
		return "STOPPED";
	case Verdict::Crashed:
		return "CRASHED";
	case Verdict::Interrupted:
		return "INTERRUPTED";
	}
	return "";
}

struct Locked {
	bool stop_requested;
	int crashes;
};
// Before the resource, as a stop does: in another order the two could deadlock.
Locked lock_job(const Job &job) {
	static pg::Plan lock{"SELECT stop_requested, crashes FROM recsys_internal.job WHERE id = $1 FOR UPDATE", {INT8OID}};
	const std::optional<pg::Row> row = lock.row({pg::int8(job.id)});
	return row ? Locked{row->boolean(0), static_cast<int>(row->int8(1))} : Locked{};
}

/// How long to wait for the next attempt; nothing when this was the last.
std::optional<TimestampTz> next_attempt(const Job &job, const End &end, int crashes) {
	if (end.verdict == Verdict::Interrupted)
		return 0;
	if (end.verdict == Verdict::Crashed)
		return crashes < kMaxCrashes ? std::optional(delay_after(job.attempts)) : std::nullopt;
	if (end.verdict == Verdict::Failed && can_pass(end.sqlstate) && job.attempts < kMaxAttempts)
		return delay_after(job.attempts);
	return std::nullopt;
}

pg::Param none_if_empty(const std::string &s) { return s.empty() ? pg::null() : pg::text(s); }

void write_run(const Job &job, const End &end) {
	static pg::Plan write{"UPDATE recsys_internal.job_run SET status = $3, sqlstate = $4, reason = $5, "
						  "finished_at = clock_timestamp() WHERE job_id = $1 AND attempt = $2",
						  {INT8OID, INT4OID, TEXTOID, TEXTOID, TEXTOID}};
	write.run({pg::int8(job.id), pg::int4(job.attempts), pg::text(run_status(end.verdict)), none_if_empty(end.sqlstate),
			   none_if_empty(end.reason)});
}

void write_last(const Job &job, const End &end, int crashes) {
	static pg::Plan write{"UPDATE recsys_internal.job SET status = $2, sqlstate = $3, failure_reason = $4, result = $5, crashes = $6, "
						  "finished_at = clock_timestamp(), pid = NULL, worker_started_at = NULL, told_to_exit = false "
						  "WHERE id = $1",
						  {INT8OID, TEXTOID, TEXTOID, TEXTOID, JSONBOID, INT4OID}};
	write.run({pg::int8(job.id), pg::text(end.verdict == Verdict::Crashed ? "FAILED" : run_status(end.verdict)),
			   none_if_empty(end.sqlstate), none_if_empty(end.reason),
			   end.result.is_null() ? pg::null() : pg::jsonb(end.result.dump()), pg::int4(crashes)});
}

void write_next(const Job &job, const End &end, int crashes, TimestampTz delay) {
	static pg::Plan write{"UPDATE recsys_internal.job SET status = 'PENDING', sqlstate = $2, failure_reason = $3, crashes = $4, "
						  "not_before = $5, pid = NULL, worker_started_at = NULL, told_to_exit = false WHERE id = $1",
						  {INT8OID, TEXTOID, TEXTOID, INT4OID, TIMESTAMPTZOID}};
	write.run({pg::int8(job.id), none_if_empty(end.sqlstate), none_if_empty(end.reason), pg::int4(crashes),
			   pg::timestamptz(clock_now() + delay)});
}

// A handler that cannot mark its resource must not keep the job RUNNING for ever.
void tell_resource(const Job &job, const End &end, bool again) {
	const Handler *handler = find_handler(job.kind);
	if (handler == nullptr || end.verdict == Verdict::Succeeded || end.verdict == Verdict::Skipped)
		return;
	const pg::Failure f = pg::try_subtransaction([&] {
		if (!again)
			handler->failed(job, end.reason, end.verdict == Verdict::Stopped);
		else if (handler->again != nullptr)
			handler->again(job, end.reason);
	});
	if (f.failed)
		pg::log("recsys could not mark what job " + std::to_string(job.id) + " worked on", f.message);
}

void log_end(const Job &job, const End &end, const std::optional<TimestampTz> &delay) {
	if (end.verdict == Verdict::Succeeded || end.verdict == Verdict::Skipped)
		return;
	std::string message = "recsys " + describe(job) + (end.verdict == Verdict::Stopped ? " was stopped" : " failed: " + end.reason);
	if (delay)
		message += "; it is tried again in " + std::to_string(*delay / kSecond) + " s";
	pg::log(message, end.sqlstate.empty() ? std::string() : "SQLSTATE " + end.sqlstate + ".");
}

/// Columns as job_of wants them, then whether the server restarted since, told_to_exit, whether it is of this home, and result.
End abandoned(const pg::Row &row) {
	if (!row.null(10))
		return {Verdict::Succeeded, {}, {}, catalog::Json::parse(row.text(10))};
	if (!row.boolean(9))
		return {Verdict::Failed, "55000", std::string("was running and ") + kForeign, nullptr};
	if (!row.boolean(7))
		return {Verdict::Failed, "57P01", "the job's worker process was terminated by an administrator", nullptr};
	if (row.boolean(8))
		return {Verdict::Interrupted, "57P01", "the server was stopped while the job was running", nullptr};
	return {Verdict::Crashed, "57P02", "the server went down while the job was running", nullptr};
}

} // namespace

bool can_pass(std::string_view sqlstate) noexcept {
	if (sqlstate == "53400")
		return false; // a configured limit
	static constexpr std::string_view kClasses[] = {"08", "40", "53"}; // connections, rollbacks, resources
	static constexpr std::string_view kCodes[] = {"55006", "55P03", "57P03", "58000", "58030", "HV00N"};
	return std::any_of(std::begin(kClasses), std::end(kClasses), [&](std::string_view c) { return sqlstate.starts_with(c); }) ||
		   std::find(std::begin(kCodes), std::end(kCodes), sqlstate) != std::end(kCodes);
}

void note_result(const Job &job, const catalog::Json &result) {
	static pg::Plan note{"UPDATE recsys_internal.job SET result = $2 WHERE id = $1", {INT8OID, JSONBOID}};
	const pg::AsOwner owner;
	note.run({pg::int8(job.id), pg::jsonb(result.dump())});
}

void record_end(const Job &job, const End &told) {
	const Locked locked = lock_job(job);
	End end = told;
	if (locked.stop_requested && end.verdict != Verdict::Succeeded && end.verdict != Verdict::Skipped)
		end = {Verdict::Stopped, {}, kStoppedByRequest, nullptr}; // whatever ended it, that is what was wanted
	const int crashes = locked.crashes + (end.verdict == Verdict::Crashed);
	const std::optional<TimestampTz> delay = next_attempt(job, end, crashes);
	if (end.verdict == Verdict::Crashed && !delay)
		end.reason += " for the second time; it is not started again";
	tell_resource(job, end, delay.has_value());
	write_run(job, end);
	if (delay)
		write_next(job, end, crashes, *delay);
	else
		write_last(job, end, crashes);
	log_end(job, end, delay);
}

void end_abandoned() {
	static pg::Plan next{"SELECT id, group_id, kind, name, resource_id, config, attempts, "
						 "worker_started_at IS NULL OR worker_started_at < $2, told_to_exit, home = $3::uuid, result "
						 "FROM recsys_internal.job WHERE status = 'RUNNING' AND id > $1 ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED",
						 {INT8OID, TIMESTAMPTZOID, TEXTOID}};
	std::int64_t last = 0;
	for (bool more = true; more;)
		as_extension_owner([&] {
			const std::string home = settle_home();
			const std::optional<pg::Row> row = next.row({pg::int8(last), pg::timestamptz(board::began_at()), pg::text(home)});
			more = row.has_value();
			if (!more)
				return;
			last = row->int8(0);
			if (!board::has_worker(MyDatabaseId, last))
				record_end(job_of(*row), abandoned(*row));
		});
}

void forget_old_jobs() {
	static pg::Plan jobs{"DELETE FROM recsys_internal.job WHERE finished_at < $1 AND name IS NULL", {TIMESTAMPTZOID}};
	static pg::Plan runs{"DELETE FROM recsys_internal.job_run AS r USING recsys_internal.job AS j "
						 "WHERE j.id = r.job_id AND j.finished_at < $1 AND j.name IS NOT NULL",
						 {TIMESTAMPTZOID}};
	if (pg::settings::job_retention == 0)
		return;
	as_extension_owner([] {
		const TimestampTz before = clock_now() - pg::settings::job_retention * kSecond;
		jobs.run({pg::timestamptz(before)});
		runs.run({pg::timestamptz(before)});
	});
}

} // namespace recsys::jobs
