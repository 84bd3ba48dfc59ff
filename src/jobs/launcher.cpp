// The launcher belongs to no database (shared catalogs only), so that it never stands in the way of DROP DATABASE or
// CREATE DATABASE … TEMPLATE. It looks into none: a visit is a short-lived worker, which records the end of jobs whose worker
// is gone, starts what is due and runs what is PENDING. Each connectable database is visited once after a start; from then on
// only when a commit has flagged it, or at the time that its last visit has left. Until then the launcher sleeps.
//
// When no worker can be had (recsys.max_workers reached, or max_worker_processes used up by others) the visit stays due:
// a worker of ours that ends sets the latch; a refused registration is tried again every second.
#include "jobs/launcher.hpp"

#include <algorithm>
#include <vector>

#include "jobs/board.hpp"
#include "jobs/clock.hpp"
#include "pg/log.hpp"

extern "C" {
#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_database.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
#include "utils/backend_status.h"
#include "utils/snapmgr.h"
#include "utils/wait_event.h"

PGDLLEXPORT void recsys_launcher_main(Datum);
}

namespace recsys::jobs {

namespace {

constexpr TimestampTz kNoWorkerDelay = kSecond, kBrokenVisitDelay = 60 * kSecond;
constexpr TimestampTz kLongestSleep = 3600 * kSecond; // clocks are set

struct Visit {
	Oid database;
	TimestampTz due;
};
struct Started {
	BackgroundWorkerHandle *handle;
	board::Ticket ticket;
};

// All databases that allow connections, as autovacuum's launcher finds them.
std::vector<Oid> connectable_databases() {
	std::vector<Oid> out;
	pg::call([&out] {
		StartTransactionCommand();
		(void)GetTransactionSnapshot();
		Relation rel = table_open(DatabaseRelationId, AccessShareLock);
		TableScanDesc scan = table_beginscan_catalog(rel, 0, nullptr);
		HeapTuple tuple;
		while (HeapTupleIsValid(tuple = heap_getnext(scan, ForwardScanDirection))) {
			const FormData_pg_database *row = reinterpret_cast<Form_pg_database>(GETSTRUCT(tuple));
			if (row->datallowconn && row->datconnlimit != DATCONNLIMIT_INVALID_DB)
				out.push_back(row->oid);
		}
		table_endscan(scan);
		table_close(rel, AccessShareLock);
		CommitTransactionCommand();
	});
	return out;
}

class Launcher {
public:
	[[noreturn]] void run() {
		board::withdraw_all();
		board::launcher_here();
		for (const Oid database : connectable_databases())
			plan(database, 0);
		for (;;) {
			look_around();
			start_due();
			sleep();
		}
	}

private:
	void plan(Oid database, TimestampTz due) {
		for (Visit &v : visits_)
			if (v.database == database) {
				v.due = std::min(v.due, due);
				return;
			}
		visits_.push_back({database, due});
	}

	void look_around() {
		board::Flagged flagged = board::take_flagged();
		if (flagged.all)
			flagged.databases = connectable_databases();
		for (const Oid database : flagged.databases)
			plan(database, 0);
		for (const board::NextVisit &next : board::take_next_visits())
			if (next.at != board::kNever)
				plan(next.database, next.at != 0 ? next.at : clock_now() + kBrokenVisitDelay);
		// A worker that never came to take its place (fork failed, database dropped) must not keep it.
		std::erase_if(started_, [](const Started &s) {
			int pid;
			if (GetBackgroundWorkerPid(s.handle, &pid) != BGWH_STOPPED)
				return false;
			board::give_up_waiting(s.ticket);
			BackgroundWorkerHandle *handle = s.handle;
			pg::call([handle] { pfree(handle); });
			return true;
		});
	}

	// In order of asking, so that one busy database cannot starve the others.
	void start_due() {
		if (std::none_of(visits_.begin(), visits_.end(), [now = clock_now()](const Visit &v) { return v.due <= now; }))
			return;
		const std::vector<Oid> existing = connectable_databases();
		std::erase_if(visits_, [&existing](const Visit &v) {
			return std::find(existing.begin(), existing.end(), v.database) == existing.end();
		});
		const TimestampTz now = clock_now();
		for (std::size_t i = 0; i < visits_.size() && board::workers() < pg::settings::max_workers;) {
			if (visits_[i].due > now) {
				++i;
			} else if (start(visits_[i].database)) {
				visits_.erase(visits_.begin() + static_cast<std::ptrdiff_t>(i));
			} else {
				for (Visit &v : visits_)
					v.due = std::max(v.due, now + kNoWorkerDelay);
				break;
			}
		}
	}

	bool start(Oid database) {
		const std::optional<board::Ticket> ticket = board::reserve(database);
		if (!ticket)
			return false;
		BackgroundWorker worker = {};
		worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
		worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
		worker.bgw_restart_time = BGW_NEVER_RESTART;
		worker.bgw_notify_pid = MyProcPid;
		strlcpy(worker.bgw_library_name, "recsys", sizeof worker.bgw_library_name);
		strlcpy(worker.bgw_function_name, "recsys_worker_main", sizeof worker.bgw_function_name);
		strlcpy(worker.bgw_name, "recsys worker", sizeof worker.bgw_name);
		strlcpy(worker.bgw_type, "recsys worker", sizeof worker.bgw_type);
		const Errand errand{database, ticket->slot, ticket->number};
		static_assert(sizeof errand <= BGW_EXTRALEN);
		memcpy(worker.bgw_extra, &errand, sizeof errand);
		started_.reserve(started_.size() + 1); // no exception between the registration and the note of it
		BackgroundWorkerHandle *handle = nullptr;
		const bool registered = pg::call([&worker, &handle] {
			MemoryContextSwitchTo(TopMemoryContext);
			return RegisterDynamicBackgroundWorker(&worker, &handle);
		});
		if (!registered) {
			board::withdraw(*ticket);
			if (!refused_)
				pg::log("recsys could not start a background worker; jobs wait until one is free", {},
						"Consider increasing \"max_worker_processes\".");
			refused_ = true;
			return false;
		}
		refused_ = false;
		started_.push_back({handle, *ticket});
		return true;
	}

	void sleep() {
		long timeout = -1;
		const TimestampTz now = clock_now();
		// A visit that is due and yet was not started waits for a place, and whoever leaves one sets the latch.
		for (const Visit &v : visits_)
			if (v.due > now) {
				const long wait = static_cast<long>(std::min(v.due - now, kLongestSleep) / 1000 + 1);
				timeout = timeout < 0 ? wait : std::min(timeout, wait);
			}
		pg::call([timeout] {
			(void)WaitLatch(MyLatch, WL_LATCH_SET | WL_EXIT_ON_PM_DEATH | (timeout >= 0 ? WL_TIMEOUT : 0), timeout,
							PG_WAIT_EXTENSION);
			ResetLatch(MyLatch);
			CHECK_FOR_INTERRUPTS();
		});
		if (ConfigReloadPending)
			reload();
	}

	// Schedules that follow the setting are planned anew.
	void reload() {
		const int before = pg::settings::auto_update_interval;
		pg::call([] {
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		});
		if (pg::settings::auto_update_interval != before)
			for (const Oid database : connectable_databases())
				plan(database, 0);
	}

	std::vector<Visit> visits_;
	std::vector<Started> started_;
	bool refused_ = false; // the last registration was; logged once
};

void on_exit(int, Datum) { board::launcher_gone(); }

} // namespace

void declare_board() { board::declare(); }

void register_launcher() {
	BackgroundWorker worker = {};
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished; // a standby runs no jobs; after promotion this starts
	worker.bgw_restart_time = 5;
	strlcpy(worker.bgw_library_name, "recsys", sizeof worker.bgw_library_name);
	strlcpy(worker.bgw_function_name, "recsys_launcher_main", sizeof worker.bgw_function_name);
	strlcpy(worker.bgw_name, "recsys launcher", sizeof worker.bgw_name);
	strlcpy(worker.bgw_type, "recsys launcher", sizeof worker.bgw_type);
	pg::call([&worker] { RegisterBackgroundWorker(&worker); });
}

} // namespace recsys::jobs

extern "C" void recsys_launcher_main(Datum) {
	recsys::pg::entry([] {
		recsys::pg::call([] {
			pqsignal(SIGTERM, die);
			pqsignal(SIGHUP, SignalHandlerForConfigReload);
			BackgroundWorkerUnblockSignals();
			before_shmem_exit(recsys::jobs::on_exit, 0);
			BackgroundWorkerInitializeConnection(nullptr, nullptr, 0);
			pgstat_report_appname("recsys launcher");
		});
		recsys::jobs::Launcher().run();
	});
}
