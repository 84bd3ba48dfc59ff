// A worker visits one database: it records the end of jobs whose worker is gone, runs PENDING jobs one after the other, and
// exits when there are none, so that it stands in the way of DROP DATABASE only while a job runs.
//
// It connects as the bootstrap superuser, because a job's owner may be NOLOGIN or lack CONNECT; whatever a user could
// influence runs as the owner of the group in a security-restricted operation (in_transaction).
//
// How a job ends, whatever happens to its worker:
//   the handler returns or throws             this worker commits SUCCEEDED, FAILED or STOPPED
//   cancelled (pg_cancel_backend)             an error like others: FAILED with 57014, or STOPPED when a stop was asked for
//   terminated (pg_terminate_backend, DROP DATABASE … FORCE)    the process exits at once; its exit flags the database, and
//                                             the next visit finds a RUNNING job without a worker: FAILED with 57P01
//   kill -9, crash, immediate shutdown        shared memory is made anew; the first visit after the start: FAILED with 57P02
// A job that was cut off is not tried again by itself: if it was what brought the server down, it would do so for ever.
#include "jobs/launcher.hpp"

#include "jobs/board.hpp"
#include "jobs/handlers.hpp"
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
#include "utils/backend_status.h"

PGDLLEXPORT void recsys_worker_main(Datum);
}

namespace recsys::jobs {

namespace {

struct End {
	const char *status;
	std::string sqlstate, reason;
	catalog::Json result;
	bool failed() const { return strcmp(status, "SUCCEEDED") != 0; }
	bool stopped() const { return strcmp(status, "STOPPED") == 0; }
};

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

// For statements over recsys_internal: a transaction in the extension owner's name.
void as_extension_owner(const std::function<void()> &body) {
	in_transaction(GetUserId(), [&body] {
		pg::AsOwner owner;
		body();
	});
}

void write_end(std::int64_t job, const End &end) {
	static pg::Plan write{"UPDATE recsys_internal.job SET status = $2, sqlstate = $3, failure_reason = $4, result = $5, "
						  "finished_at = clock_timestamp(), pid = NULL, worker_started_at = NULL WHERE id = $1",
						  {INT8OID, TEXTOID, TEXTOID, TEXTOID, JSONBOID}};
	const auto none_if_empty = [](const std::string &s) { return s.empty() ? pg::null() : pg::text(s); };
	write.run({pg::int8(job), pg::text(end.status), none_if_empty(end.sqlstate), none_if_empty(end.reason),
			   end.result.is_null() ? pg::null() : pg::jsonb(end.result.dump())});
}

// The resource first, then the job. A handler that cannot mark its resource must not keep the job RUNNING for ever.
void record_end(const Job &job, const End &end) {
	static pg::Plan lock{"SELECT FROM recsys_internal.job WHERE id = $1 FOR UPDATE", {INT8OID}};
	lock.row({pg::int8(job.id)}); // before the resource, as a stop does: in another order the two could deadlock
	const Handler *handler = find_handler(job.kind);
	if (end.failed() && handler != nullptr) {
		const pg::Failure f = pg::try_subtransaction([&] { handler->failed(job, end.reason, end.stopped()); });
		if (f.failed)
			pg::log("recsys could not mark what job " + std::to_string(job.id) + " worked on as failed", f.message);
	}
	write_end(job.id, end);
}

std::string describe(const Job &job) {
	return "job " + std::to_string(job.id) + " (" + job.kind + (job.name ? " \"" + *job.name + "\"" : "") + ")";
}

void log_end(const Job &job, const End &end) {
	if (end.failed())
		pg::log("recsys " + describe(job) + (end.stopped() ? " was stopped" : " failed: " + end.reason),
				end.sqlstate.empty() ? std::string() : "SQLSTATE " + end.sqlstate + ".");
}

// ---- jobs whose worker is gone

// With the row locked and still RUNNING, a living worker cannot have left the job behind: it lets go of it only after its
// end is committed. So the answer of the board is exact.
void end_if_abandoned(const pg::Row &row) {
	const Job job = job_of(row);
	if (board::has_worker(MyDatabaseId, job.id))
		return;
	End end{};
	if (row.boolean(7)) {
		end = {"STOPPED", {}, kStoppedByRequest, nullptr};
	} else if (row.boolean(8)) {
		end = {"FAILED", "57P02", "server restarted while the job was running", nullptr};
	} else {
		end = {"FAILED", "57P01", "the job's worker process was terminated by an administrator", nullptr};
	}
	record_end(job, end);
	log_end(job, end);
}

void end_abandoned() {
	static pg::Plan next{"SELECT id, group_id, kind, name, resource_id, config, attempts, stop_requested, "
						 "worker_started_at IS NULL OR worker_started_at < $2 FROM recsys_internal.job "
						 "WHERE status = 'RUNNING' AND id > $1 ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED",
						 {INT8OID, TIMESTAMPTZOID}};
	std::int64_t last = 0;
	for (bool more = true; more;)
		as_extension_owner([&] {
			const std::optional<pg::Row> row = next.row({pg::int8(last), pg::timestamptz(board::began_at())});
			more = row.has_value();
			if (!more)
				return;
			last = row->int8(0);
			end_if_abandoned(*row);
		});
}

// ---- one job

std::optional<Job> claim(TimestampTz worker_started) {
	static pg::Plan next{"UPDATE recsys_internal.job SET status = 'RUNNING', attempts = attempts + 1, pid = $1, "
						 "worker_started_at = $2, started_at = clock_timestamp() WHERE id = (SELECT id "
						 "FROM recsys_internal.job WHERE status = 'PENDING' ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED) "
						 "RETURNING id, group_id, kind, name, resource_id, config, attempts",
						 {INT4OID, TIMESTAMPTZOID}};
	static pg::Plan others{"SELECT FROM recsys_internal.job WHERE status = 'PENDING' LIMIT 1", {}};
	std::optional<Job> job;
	bool more = false;
	try {
		as_extension_owner([&] {
			if (const std::optional<pg::Row> row = next.row({pg::int4(MyProcPid), pg::timestamptz(worker_started)}))
				job = job_of(*row);
			more = others.row({}).has_value();
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
		board::leave_rest();
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

End run_handler(const Job &job) {
	const Handler *handler = find_handler(job.kind);
	if (handler == nullptr)
		return {"FAILED", "XX000", "unrecognized kind of job \"" + job.kind + "\"", nullptr};
	catalog::Json result;
	const pg::Failure f = pg::try_catch([&] { result = handler->run(job); });
	pg::call([] { AbortOutOfAnyTransaction(); });
	if (!f.failed)
		return {"SUCCEEDED", {}, {}, result};
	if (board::stop_requested())
		return {"STOPPED", f.sqlstate, kStoppedByRequest, nullptr};
	return {"FAILED", f.sqlstate, reason_of(f), nullptr};
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
	log_end(job, end);
	pgstat_report_activity(STATE_IDLE, nullptr);
}

void reload_settings() {
	pg::check_interrupts();
	if (!ConfigReloadPending)
		return;
	ConfigReloadPending = false;
	pg::call([] { ProcessConfigFile(PGC_SIGHUP); });
}

void visit() {
	if (!extension_installed())
		return;
	const TimestampTz started = GetCurrentTimestamp();
	fix_settings();
	as_extension_owner([] { catalog::settle_schemas(); });
	end_abandoned();
	for (;;) {
		reload_settings();
		if (board::workers() > pg::settings::max_workers) { // lowered meanwhile: others may be first next time
			board::leave_rest();
			return;
		}
		const std::optional<Job> job = claim(started);
		if (!job)
			return;
		run_job(*job);
	}
}

} // namespace

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
		});
		recsys::jobs::visit();
	});
	proc_exit(0);
}
