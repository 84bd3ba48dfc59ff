// The sessions' side of the queue. A job is a row, written in the caller's transaction: it exists when that commits and never
// when it does not. The callback at the end of the transaction only sets flags in shared memory; nothing in it can fail.
#include "jobs/jobs.hpp"

#include <span>
#include <vector>

#include "jobs/board.hpp"
#include "jobs/handlers.hpp"
#include "jobs/home.hpp"
#include "jobs/queue.hpp"
#include "pg/settings.hpp"
#include "pg/spi.hpp"
#include "pg/user.hpp"

extern "C" {
#include "access/xact.h"
#include "access/xlog.h"
}

namespace recsys::jobs {

namespace {

constexpr int kMaxHandlers = 32;
constinit Handler handlers[kMaxHandlers]; // plain data: a kind may be registered before anything here runs
int n_handlers = 0;

// What this transaction leaves to tell when it ends. Told also after an abort, when rows were locked meanwhile that a worker
// may have passed over.
struct Stop {
	std::int64_t job;
	SubTransactionId asked_in;
};
struct AtEnd {
	bool registered = false, enqueued = false, locked = false;
	std::vector<Stop> *stops = nullptr; // never freed: a static object with a destructor would run at exit
};
AtEnd at_end;

// Room for the ids was reserved when they were added; from here on there is only reading.
void on_transaction_end(XactEvent event, void *) {
	switch (event) {
	case XACT_EVENT_COMMIT:
		for (const Stop &stop : *at_end.stops)
			if (!board::stop(MyDatabaseId, stop.job))
				at_end.locked = true; // its worker died meanwhile
		if (at_end.enqueued || at_end.locked)
			board::flag(MyDatabaseId);
		break;
	case XACT_EVENT_ABORT:
		if (at_end.locked)
			board::flag(MyDatabaseId);
		break;
	case XACT_EVENT_PRE_PREPARE:
		if (at_end.enqueued || !at_end.stops->empty())
			pg::entry([] {
				throw Error(sqlstate::FeatureNotSupported,
							"cannot prepare a transaction that has created or stopped a recsys job");
			});
		return;
	default:
		return;
	}
	at_end.enqueued = at_end.locked = false;
	at_end.stops->clear();
}

// A stop that was asked for after a savepoint is taken back with it.
void on_subtransaction_end(SubXactEvent event, SubTransactionId mine, SubTransactionId parent, void *) {
	if (event == SUBXACT_EVENT_ABORT_SUB)
		std::erase_if(*at_end.stops, [mine](const Stop &stop) { return stop.asked_in == mine; });
	else if (event == SUBXACT_EVENT_COMMIT_SUB)
		for (Stop &stop : *at_end.stops)
			if (stop.asked_in == mine)
				stop.asked_in = parent;
}

void watch_transaction() {
	if (at_end.registered)
		return;
	at_end.stops = new std::vector<Stop>;
	pg::call([] {
		RegisterXactCallback(on_transaction_end, nullptr);
		RegisterSubXactCallback(on_subtransaction_end, nullptr);
	});
	at_end.registered = true;
}

void require_workers() {
	if (pg::call([] { return RecoveryInProgress(); }))
		throw Error("25006", "cannot create a job during recovery", {}, "Connect to the primary server.");
	if (!board::present())
		throw Error(sqlstate::WrongState, "recsys is not preloaded, so there are no background workers",
					{}, "Add \"recsys\" to \"shared_preload_libraries\" and restart the server, or pass wait => true "
						"where the function has it.");
	if (pg::settings::max_workers == 0)
		throw Error(sqlstate::WrongState, "background workers are switched off", "\"recsys.max_workers\" is 0.",
					"Increase \"recsys.max_workers\", or pass wait => true where the function has it. Jobs also need "
					"\"recsys\" in \"shared_preload_libraries\".");
}

} // namespace

void register_handler(const Handler &handler) {
	if (n_handlers == kMaxHandlers)
		throw Error("XX000", "too many job handlers");
	handlers[n_handlers++] = handler;
}

const Handler *find_handler(std::string_view kind) noexcept {
	for (int i = 0; i < n_handlers; ++i)
		if (kind == handlers[i].kind)
			return &handlers[i];
	return nullptr;
}

std::span<const Handler> all_handlers() noexcept { return {handlers, static_cast<std::size_t>(n_handlers)}; }

Outcome skipped(std::string reason) {
	Outcome outcome;
	outcome.skipped = std::move(reason);
	return outcome;
}

std::string describe(const Job &job) {
	return "job " + std::to_string(job.id) + " (" + job.kind + (job.name ? " \"" + *job.name + "\"" : "") + ")";
}

void visit_after_commit() {
	if (!board::present())
		return;
	watch_transaction();
	at_end.locked = true; // not `enqueued`: no job depends on it, so the transaction may be prepared
}

Job job_of(const pg::Row &row) {
	Job job;
	job.id = row.int8(0);
	job.group_id = row.int8(1);
	job.kind = row.text(2);
	job.name = row.optional_text(3);
	job.resource_id = row.null(4) ? 0 : row.int8(4);
	job.config = catalog::Json::parse(row.text(5));
	job.attempts = static_cast<int>(row.int8(6));
	return job;
}

std::int64_t enqueue(const char *kind, const catalog::Group &group, const std::optional<std::string> &name,
					 std::int64_t resource_id, const catalog::Json &config, int priority) {
	require_workers();
	if (find_handler(kind) == nullptr)
		throw Error("XX000", std::string("unrecognized kind of job \"") + kind + "\"");
	watch_transaction();
	static pg::Plan insert{"INSERT INTO recsys_internal.job (group_id, kind, name, resource_id, config, priority, home) "
						   "VALUES ($1, $2, $3, $4, $5, $6, $7::uuid) ON CONFLICT DO NOTHING RETURNING id",
						   {INT8OID, TEXTOID, TEXTOID, INT8OID, JSONBOID, INT4OID, TEXTOID}};
	pg::AsOwner owner;
	const std::optional<pg::Row> row =
		insert.row({pg::int8(group.id), pg::text(kind), pg::text(name), pg::int8(resource_id), pg::jsonb(config.dump()),
					pg::int4(priority), pg::text(settle_home())});
	if (!row)
		throw Error(sqlstate::AlreadyExists, "job \"" + name.value_or("") + "\" already exists in dataset group \"" +
												 group.name + "\"");
	at_end.enqueued = true;
	return row->int8(0);
}

void request_stop(std::int64_t job_id) {
	watch_transaction();
	static pg::Plan find{"SELECT id, group_id, kind, name, resource_id, config, attempts, "
						 "status = 'RUNNING' AND home = $2::uuid FROM recsys_internal.job WHERE id = $1 AND status IN ('PENDING', 'RUNNING') FOR UPDATE",
						 {INT8OID, TEXTOID}};
	static pg::Plan stop_pending{"UPDATE recsys_internal.job SET status = 'STOPPED', stop_requested = true, "
								 "failure_reason = $2, finished_at = clock_timestamp() WHERE id = $1",
								 {INT8OID, TEXTOID}};
	static pg::Plan stop_running{"UPDATE recsys_internal.job SET stop_requested = true WHERE id = $1", {INT8OID}};
	pg::AsOwner owner;
	at_end.locked = board::present();
	const std::optional<pg::Row> row = find.row({pg::int8(job_id), pg::text(settle_home())});
	if (!row)
		return; // it has ended by itself
	if (row->boolean(7)) { // by a worker of this database
		stop_running.run({pg::int8(job_id)});
		if (board::present())
			at_end.stops->push_back({job_id, GetCurrentSubTransactionId()});
		return;
	}
	const Job job = job_of(*row);
	const std::string reason = kStoppedByRequest;
	if (const Handler *handler = find_handler(job.kind))
		handler->failed(job, reason, true);
	stop_pending.run({pg::int8(job_id), pg::text(reason)});
}

bool stop_requested() { return board::present() && board::stop_requested(); }

} // namespace recsys::jobs
