// A worker visits one database: it records the end of jobs whose worker is gone, runs PENDING jobs one after the other, and
// exits when there are none, so that it stands in the way of DROP DATABASE only while a job runs.
//
// It connects as the bootstrap superuser, because a job's owner may be NOLOGIN or lack CONNECT; whatever a user could
// influence runs as the owner of the group in a security-restricted operation (in_transaction).
//
// How an attempt ends, whatever happens to its worker:
//   the handler returns or throws             this worker commits the end
//   cancelled (pg_cancel_backend)             an error like others: FAILED with 57014, or STOPPED when a stop was asked for
//   too long (recsys.job_time_limit)          a timer cancels it: FAILED with 57014
//   terminated                                the process notes that it was told to exit, and exits; its exit flags the database,
//                                             and the next visit ends the job: FAILED with 57P01, or, when what ended the worker was
//                                             a shutdown of the server, another attempt
//   kill -9, crash, immediate shutdown        shared memory is made anew; the first visit after the start counts a crash
#include "jobs/launcher.hpp"

#include "jobs/board.hpp"
#include "jobs/clock.hpp"
#include "jobs/ending.hpp"
#include "jobs/handlers.hpp"
#include "jobs/home.hpp"
#include "jobs/schedule.hpp"
#include "pg/log.hpp"
#include "pg/settings.hpp"
#include "pg/user.hpp"

extern "C" {
#include "commands/extension.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "tcop/tcopprot.h"
#include "storage/latch.h"
#include "utils/backend_status.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"

PGDLLEXPORT void recsys_worker_main(Datum);
}

namespace recsys::jobs {

namespace {

constexpr TimestampTz kLockedJobDelay = 5 * kSecond;

// Settings of the database or the role that would make a job behave differently in the background.
void fix_settings() {
	static constexpr const char *kSettings[][2] = {
		{"default_transaction_isolation", "read committed"},
		{"default_transaction_read_only", "off"},
		{"default_transaction_deferrable", "off"},
		{"lock_timeout", "0"},
		{"idle_in_transaction_session_timeout", "0"},
		{"max_parallel_workers_per_gather", "0"}, // a job takes one of max_worker_processes, not more
	};
	for (const auto &s : kSettings)
		pg::call([&s] { SetConfigOption(s[0], s[1], PGC_SUSET, PGC_S_OVERRIDE); });
}

bool extension_installed() {
	return pg::call([] {
		SetCurrentStatementStartTimestamp();
		StartTransactionCommand();
		const bool there = OidIsValid(get_extension_oid("recsys", true));
		CommitTransactionCommand();
		return there;
	});
}

// ---- one job

void note_attempt(const Job &job) {
	static pg::Plan insert{"INSERT INTO recsys_internal.job_run (job_id, attempt, pid) VALUES ($1, $2, $3)", {INT8OID, INT4OID, INT4OID}};
	insert.run({pg::int8(job.id), pg::int4(job.attempts), pg::int4(MyProcPid)});
}

std::optional<Job> claim(TimestampTz worker_started) {
	static pg::Plan next{"UPDATE recsys_internal.job SET status = 'RUNNING', attempts = attempts + 1, pid = $1, not_before = NULL, "
						 "worker_started_at = $2, started_at = clock_timestamp() WHERE id = (SELECT id FROM recsys_internal.job "
						 "WHERE status = 'PENDING' AND home = $3::uuid AND (not_before IS NULL OR not_before <= $4) "
						 "ORDER BY priority DESC, id LIMIT 1 FOR UPDATE SKIP LOCKED) "
						 "RETURNING id, group_id, kind, name, resource_id, config, attempts",
						 {INT4OID, TIMESTAMPTZOID, TEXTOID, TIMESTAMPTZOID}};
	static pg::Plan others{"SELECT FROM recsys_internal.job WHERE status = 'PENDING' AND home = $1::uuid "
						   "AND (not_before IS NULL OR not_before <= $2) LIMIT 1",
						   {TEXTOID, TIMESTAMPTZOID}};
	std::optional<Job> job;
	bool more = false;
	try {
		as_extension_owner([&] {
			const std::string home = settle_home();
			const pg::Param now = pg::timestamptz(clock_now());
			if (const std::optional<pg::Row> row =
					next.row({pg::int4(MyProcPid), pg::timestamptz(worker_started), pg::text(home), now})) {
				job = job_of(*row);
				note_attempt(*job);
			}
			more = others.row({pg::text(home), now}).has_value();
			if (job)
				board::begin(job->id);
		});
	} catch (...) {
		board::finished();
		throw;
	}
	if (more && job)
		board::flag(MyDatabaseId); // a second worker may share the work
	else if (more)
		board::come_back(clock_now() + kLockedJobDelay); // somebody holds its row
	return job;
}

std::string reason_of(const pg::Failure &f) {
	std::string out = f.message;
	if (f.detail[0] != '\0')
		out += std::string("\nDETAIL:  ") + f.detail;
	if (f.hint[0] != '\0')
		out += std::string("\nHINT:  ") + f.hint;
	return out;
}

volatile sig_atomic_t time_is_up = false;

void on_time_limit() {
	time_is_up = true;
	QueryCancelPending = true;
	InterruptPending = true;
	SetLatch(MyLatch);
}

// recsys.job_time_limit for a scope. What the job is doing then is cancelled as by pg_cancel_backend.
class TimeLimit {
public:
	TimeLimit() : seconds_(pg::settings::job_time_limit) {
		static const TimeoutId id = pg::call([] { return RegisterTimeout(USER_TIMEOUT, on_time_limit); });
		id_ = id;
		time_is_up = false;
		if (seconds_ > 0)
			enable_timeout_after(id_, seconds_ * 1000);
	}
	~TimeLimit() { disable_timeout(id_, false); }
	TimeLimit(const TimeLimit &) = delete;
	TimeLimit &operator=(const TimeLimit &) = delete;
	bool passed() const { return time_is_up; }
	int seconds() const { return seconds_; }

private:
	int seconds_;
	TimeoutId id_;
};

End run_handler(const Job &job) {
	const Handler *handler = find_handler(job.kind);
	if (handler == nullptr)
		return {Verdict::Failed, "XX000", "unrecognized kind of job \"" + job.kind + "\"", nullptr};
	const TimeLimit limit;
	Outcome outcome;
	const pg::Failure f = pg::try_catch([&] { outcome = handler->run(job); });
	pg::call([] { AbortOutOfAnyTransaction(); });
	if (!f.failed)
		return {outcome.skipped.empty() ? Verdict::Succeeded : Verdict::Skipped, {}, outcome.skipped, outcome.result};
	if (board::stop_requested())
		return {Verdict::Stopped, f.sqlstate, kStoppedByRequest, nullptr};
	if (limit.passed())
		return {Verdict::Failed, "57014",
				"job ran longer than \"recsys.job_time_limit\" allows (" + std::to_string(limit.seconds()) + " s)", nullptr};
	return {Verdict::Failed, f.sqlstate, reason_of(f), nullptr};
}

void run_job(const Job &job) {
	const std::string activity = "recsys: " + describe(job);
	pgstat_report_activity(STATE_RUNNING, activity.c_str());
	const End end = run_handler(job);
	board::ending();
	QueryCancelPending = false;
	pg::check_interrupts(); // a termination: the next visit records the end
	// A cancel that was sent before ending() may still arrive during the first attempt.
	for (int attempt = 1;; ++attempt) {
		const pg::Failure f = pg::try_catch([&] { as_extension_owner([&] { record_end(job, end); }); });
		if (!f.failed)
			break;
		if (!f.interrupted || attempt == 3)
			throw Error(f.sqlstate, std::string("could not record the end of ") + describe(job) + ": " + f.message, f.detail,
						f.hint);
	}
	board::finished();
	pgstat_report_activity(STATE_IDLE, nullptr);
}

// Registered after the connection was made, so that it runs while transactions are still possible. Nothing may wait here: a job
// whose row is locked keeps no note, and then counts as crashed if the server goes down.
void note_exit(int, Datum) {
	if (board::current_job() == 0)
		return;
	(void)pg::try_catch([] {
		pg::call([] {
			AbortOutOfAnyTransaction();
			StartTransactionCommand();
			PushActiveSnapshot(GetTransactionSnapshot());
		});
		{
			static pg::Plan note{"UPDATE recsys_internal.job SET told_to_exit = true WHERE id = (SELECT id FROM recsys_internal.job "
								 "WHERE id = $1 FOR UPDATE SKIP LOCKED)",
								 {INT8OID}};
			const pg::AsOwner owner;
			note.run({pg::int8(board::current_job())});
		}
		pg::call([] {
			PopActiveSnapshot();
			CommitTransactionCommand();
		});
	});
}

void reload_settings() {
	pg::check_interrupts();
	if (!ConfigReloadPending)
		return;
	ConfigReloadPending = false;
	pg::call([] { ProcessConfigFile(PGC_SIGHUP); });
}

void run_pending(TimestampTz started) {
	for (;;) {
		reload_settings();
		if (board::workers() > pg::settings::max_workers) { // lowered meanwhile: others may be first next time
			board::come_back(clock_now() + kLockedJobDelay);
			return;
		}
		const std::optional<Job> job = claim(started);
		if (!job)
			return;
		board::come_back(next_due()); // what comes due while the job runs must not wait for its end
		run_job(*job);
	}
}

void visit() {
	if (!extension_installed()) {
		board::come_back(board::kNever);
		return;
	}
	const TimestampTz started = GetCurrentTimestamp();
	fix_settings();
	as_extension_owner([] {
		catalog::settle_schemas();
		settle_home();
	});
	end_abandoned();
	forget_old_jobs();
	start_due();
	run_pending(started);
	board::come_back(next_due());
}

} // namespace

void as_extension_owner(const std::function<void()> &body) {
	in_transaction(GetUserId(), [&body] {
		pg::AsOwner owner;
		body();
	});
}

} // namespace recsys::jobs

extern "C" void recsys_worker_main(Datum) {
	recsys::pg::entry([] {
		recsys::jobs::Errand errand;
		memcpy(&errand, MyBgworkerEntry->bgw_extra, sizeof errand);
		pqsignal(SIGTERM, die);
		pqsignal(SIGHUP, SignalHandlerForConfigReload);
		recsys::pg::call([] { BackgroundWorkerUnblockSignals(); });
		if (!recsys::jobs::board::take({errand.slot, errand.number}, errand.database))
			return;
		recsys::pg::call([&errand] {
			BackgroundWorkerInitializeConnectionByOid(errand.database, InvalidOid, 0);
			pgstat_report_appname("recsys worker");
			before_shmem_exit(recsys::jobs::note_exit, 0);
		});
		recsys::jobs::visit();
	});
	proc_exit(0);
}
