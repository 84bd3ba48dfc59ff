// Functions that fail in every way an SQL function of recsys can fail, to test the door between C++ and PostgreSQL
// (pg/guard, pg/threads). Each keeps counted objects alive while it fails: the counter shows whether all were destroyed.
#include "base/error.hpp"
#include "base/executor.hpp"
#include "base/monitor.hpp"
#include "base/stop.hpp"

#include <atomic>
#include <chrono>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "pg/function.hpp"
#include "pg/threads.hpp"

extern "C" {
PG_MODULE_MAGIC;
}

namespace {

using recsys::Error;

std::atomic<int> objects{0}, threads_running{0};

// Counts itself, and owns heap memory, so that a skipped destructor is also a leak.
struct Counted {
	std::string memory = std::string(4096, 'x');
	Counted() { ++objects; }
	~Counted() { --objects; }
	Counted(const Counted &) = delete;
	Counted &operator=(const Counted &) = delete;
};

struct Running {
	Running() { ++threads_running; }
	~Running() { --threads_running; }
};

void run_statement(const std::string &sql) {
	const Counted around;
	recsys::pg::query(sql);
}

void fail(const std::string &how) {
	const Counted first, second;
	if (how == "error")
		throw Error(recsys::sqlstate::NotFound, "item \"x\" does not exist", "It was deleted.", "Create it again.");
	if (how == "bad_alloc")
		throw std::bad_alloc();
	if (how == "exception")
		throw std::runtime_error("a library failed");
	if (how == "foreign")
		throw 42;
	if (how == "postgres")
		recsys::pg::call([] {
			ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH), errmsg("raised in C"), errdetail("A detail."),
							errhint("A hint.")));
		});
	run_statement(how);
}

// Polls for a stop until it comes or a quarter of an hour is over.
void work_until_stopped(recsys::Executor &executor, recsys::StopToken stop) {
	executor.run(executor.threads(), [stop](std::size_t) {
		const Running running;
		const Counted counted;
		for (int i = 0; i < 900'000; ++i) {
			stop.check();
			std::this_thread::sleep_for(std::chrono::milliseconds(1));
		}
	});
}

} // namespace

RECSYS_FUNCTION(guard_objects) { return call.result_int8(objects.load()); }
RECSYS_FUNCTION(guard_threads) { return call.result_int8(threads_running.load()); }

// The function fails as its argument says; any other argument is run as an SQL statement.
RECSYS_FUNCTION(guard_fail) {
	const Counted outer;
	fail(call.text(0, "how"));
	return call.result("did not fail");
}

// Survives the failure through a subtransaction and reports it. What the subtransaction wrote is gone.
RECSYS_FUNCTION(guard_survive) {
	const std::string how = call.text(0, "how");
	const recsys::pg::Failure failure = recsys::pg::try_subtransaction([&how] {
		run_statement("INSERT INTO guard_log VALUES ('in the subtransaction')");
		fail(how);
	});
	run_statement("INSERT INTO guard_log VALUES ('after it')");
	if (!failure.failed)
		return call.result("did not fail");
	return call.result(std::string(failure.sqlstate) + " | " + failure.message + " | " + failure.detail + " | " +
					   failure.hint);
}

RECSYS_FUNCTION(guard_compute) {
	const Counted outer;
	recsys::pg::compute(static_cast<std::size_t>(call.int4(0, "threads")), work_until_stopped, [] { return false; });
	return call.result("was not stopped");
}

// A stop asked for by the publisher, not by an interrupt: there is no interrupt to raise, but the statement still ends.
RECSYS_FUNCTION(guard_compute_stopped) {
	const Counted outer;
	int published = 0;
	recsys::pg::compute(2, work_until_stopped, [&published] { return ++published > 3; });
	return call.result("was not stopped");
}

// An exception in a task of a thread reaches the caller with its SQLSTATE.
RECSYS_FUNCTION(guard_compute_fails) {
	const Counted outer;
	recsys::pg::compute(
		static_cast<std::size_t>(call.int4(0, "threads")),
		[](recsys::Executor &executor, recsys::StopToken) {
			executor.run(100, [](std::size_t task) {
				const Running running;
				const Counted counted;
				if (task == 50)
					throw Error(recsys::sqlstate::DamagedModel, "task failed", "It was number 50.", "Try another.");
			});
		},
		[] { return false; });
	return call.result("did not fail");
}

// A parallel sum: all tasks run once, on any number of threads.
RECSYS_FUNCTION(guard_compute_sum) {
	const auto n = static_cast<std::size_t>(call.int8(1, "n"));
	std::vector<std::int64_t> shares(n);
	recsys::pg::compute(
		static_cast<std::size_t>(call.int4(0, "threads")),
		[&shares](recsys::Executor &executor, recsys::StopToken) {
			for (int round = 0; round < 3; ++round)
				executor.run(shares.size(), [&shares](std::size_t i) { shares[i] += static_cast<std::int64_t>(i); });
		},
		[] { return false; });
	std::int64_t sum = 0;
	for (const std::int64_t share : shares)
		sum += share;
	return call.result_int8(sum);
}

// Succeeds, through the same doors: for the comparison of memory.
RECSYS_FUNCTION(guard_succeed) {
	const Counted outer;
	const recsys::pg::Rows rows = recsys::pg::query("SELECT repeat('y', 4096)");
	return call.result_int8(static_cast<std::int64_t>(rows.at(0).text(0).size()));
}
