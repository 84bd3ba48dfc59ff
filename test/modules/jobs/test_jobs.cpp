// A kind of job that does what its config says, to test the queue without waiting for trainings. Linked with all of recsys
// into a second recsys.so, which the tests put in the place of the first: the product itself has no such job.
//
//   config {"do": [step, …]}, each step one of
//     {"sql": "…"}         as the owner of the dataset group, in a transaction of its own
//     {"seconds": 5}       waits, polling for a stop between the steps as a handler should
//     {"compute": 5}       the same on two threads
//     {"error": "22023"}   fails with a detail and a hint
//     {"error": "40P01", "until": 3}   fails in the attempts before the third
//     {"allocate": true}   fails for want of memory
//     {"skip": "…"}        has nothing to do
//   `failed` notes what it was told in recsys_internal.test_mark.
#include "base/executor.hpp"
#include "base/monitor.hpp"
#include "base/stop.hpp"

#include <chrono>
#include <new>

#include "jobs/jobs.hpp"
#include "jobs/schedule.hpp"
#include "pg/user.hpp"
#include "pg/threads.hpp"
#include "stats/progress.hpp"

extern "C" {
#include "storage/latch.h"
#include "utils/wait_event.h"
}

namespace {

using recsys::Error;
using recsys::catalog::Json;
using recsys::jobs::Job;

void pause(double seconds, recsys::stats::Progress &progress) {
	const TimestampTz end = GetCurrentTimestamp() + static_cast<TimestampTz>(seconds * 1e6);
	const auto total = static_cast<std::uint64_t>(seconds * 10);
	for (std::uint64_t tenth = 0; GetCurrentTimestamp() < end; ++tenth) {
		progress.publish("waiting", tenth, total);
		recsys::pg::call([] {
			(void)WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, 100, PG_WAIT_EXTENSION);
			ResetLatch(MyLatch);
		});
		recsys::pg::check_interrupts();
		if (recsys::jobs::stop_requested())
			throw recsys::Cancelled{};
	}
}

void compute(double seconds, recsys::stats::Progress &progress) {
	recsys::Monitor monitor;
	monitor.phase("computing", 100);
	const auto work = [&](recsys::Executor &threads, recsys::StopToken stop) {
		threads.run(threads.threads(), [&](std::size_t) {
			const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
			while (std::chrono::steady_clock::now() < end)
				stop.check();
			monitor.advance(50);
		});
	};
	recsys::pg::compute(2, work, [&] {
		progress.publish(monitor);
		return recsys::jobs::stop_requested();
	});
}

void run_step(const Json &step, const Job &job, Oid owner, recsys::stats::Progress &progress) {
	if (step.contains("sql"))
		recsys::jobs::in_transaction(owner, [&] { recsys::pg::execute(step["sql"].get<std::string>()); });
	else if (step.contains("seconds"))
		pause(step["seconds"], progress);
	else if (step.contains("compute"))
		compute(step["compute"], progress);
	else if (step.contains("error") && job.attempts < step.value("until", 1000))
		throw Error(step["error"].get<std::string>().c_str(), "told to fail", "This is the detail.", "This is the hint.");
	else if (step.contains("allocate"))
		throw std::bad_alloc();
}

recsys::jobs::Outcome run(const Job &job) {
	Oid owner = InvalidOid;
	recsys::jobs::in_transaction(GetUserId(), [&] {
		owner = recsys::catalog::group_owner(recsys::catalog::find_group(job.group_id).value());
	});
	recsys::stats::Progress progress("test", job.group_id, job.id, "test/" + std::to_string(job.id));
	for (const Json &step : job.config.value("do", Json::array())) {
		if (step.contains("skip"))
			return recsys::jobs::skipped(step["skip"]);
		run_step(step, job, owner, progress);
	}
	return Json{{"steps", job.config.value("do", Json::array()).size()}};
}

void failed(const Job &job, const std::string &reason, bool stopped) {
	static recsys::pg::Plan mark{"INSERT INTO recsys_internal.test_mark VALUES ($1, $2, $3)", {INT8OID, TEXTOID, BOOLOID}};
	mark.run({recsys::pg::int8(job.id), recsys::pg::text(reason), recsys::pg::boolean(stopped)});
}

void again(const Job &job, const std::string &reason) { failed(job, "again: " + reason, false); }

int interval = 7200;

// Handlers may be registered before _PG_init: the list is plain data.
[[maybe_unused]] const bool registered = [] {
	recsys::jobs::register_handler({"test", run, failed, again});
	recsys::jobs::register_handler({"often", run, failed, nullptr, &interval});
	return true;
}();

} // namespace

RECSYS_FUNCTION(test_enqueue) {
	const recsys::catalog::Group group =
		recsys::catalog::require_group(call.text(0, "dataset_group"), recsys::catalog::Right::Own);
	return call.result_int8(
		recsys::jobs::enqueue("test", group, call.optional_text(2), 0, Json::parse(call.json(1, "config"))));
}

RECSYS_FUNCTION(test_schedule) {
	const recsys::catalog::Group group =
		recsys::catalog::require_group(call.text(0, "dataset_group"), recsys::catalog::Right::Own);
	const recsys::pg::AsOwner owner;
	recsys::jobs::set_schedule("often", group.id, call.int8(1, "resource"), call.optional_text(2));
	return call.result_void();
}

RECSYS_FUNCTION(test_stop) {
	recsys::jobs::request_stop(call.int8(0, "job"));
	return call.result_void();
}
