// Library headers come first, so the headers that bring them do.
#include "train/solution.hpp"
#include "train/version.hpp"

#include "train/training.hpp"

#include "jobs/jobs.hpp"
#include "pg/settings.hpp"

extern "C" {
#include "catalog/pg_authid_d.h"
}

namespace recsys::train {

namespace {

constexpr const char *kProgressKind = "training";
constexpr int kMaxInTraining = 20; // under recsys.service_limits

// A version that is trained in a client's transaction has no id that others could see; its solution's, negated, stands
// for it.
std::int64_t progress_id(const catalog::Found &solution) {
	return -solution.id;
}

void check_quota() {
	static pg::Plan count{"SELECT count(*) FROM recsys_internal.solution_version WHERE status IN"
						  " ('CREATE PENDING', 'CREATE IN_PROGRESS', 'CREATE STOPPING')",
						  {}};
	if (!pg::settings::service_limits)
		return;
	pg::AsOwner owner;
	if (count.row({}).value().int8(0) >= kMaxInTraining)
		throw Error(sqlstate::LimitExceeded, "20 solution versions are in training already",
					"This maximum holds while \"recsys.service_limits\" is on.");
}

// What the last training of this process took, for the record of its failure.
struct LastCost {
	std::int64_t job = 0;
	Cost cost;
};
LastCost last_cost;

Json run_job(const jobs::Job &job) {
	std::optional<Begun> begun;
	jobs::in_transaction(BOOTSTRAP_SUPERUSERID, [&] { begun = begin_version(job.resource_id); });
	stats::Progress progress(kProgressKind, job.group_id, job.resource_id, begun->name);
	Run run(begun->spec, progress, [&progress] { return progress.stop_requested() || jobs::stop_requested(); });
	try {
		jobs::in_transaction(begun->owner, [&] { run.read(begun->group); });
		run.compute();
		jobs::in_transaction(begun->owner, [&] {
			run.save(job.resource_id);
			activate_version(job.resource_id, run);
		});
	} catch (...) {
		last_cost = {job.id, run.cost()};
		throw;
	}
	return nullptr;
}

void job_failed(const jobs::Job &job, const std::string &reason, bool stopped) {
	const bool ours = last_cost.job == job.id;
	end_version(job.resource_id, stopped, reason, ours ? std::optional(last_cost.cost) : std::nullopt);
}

} // namespace

std::string train_here(const catalog::Found &solution) {
	const Spec spec = solution_spec(solution);
	const std::string expected = solution.name + "/" + std::to_string(next_number(solution));
	stats::Progress progress(kProgressKind, solution.group.id, progress_id(solution), expected);
	Run run(spec, progress, [&progress] { return progress.stop_requested(); });
	try {
		run.read(solution.group);
		run.compute();
	} catch (const Cancelled &) {
		if (progress.stop_requested())
			throw Error("57014", "training of solution version \"" + expected + "\" was stopped");
		throw;
	}
	const NewVersion version = add_version(solution, spec, "CREATE IN_PROGRESS", run.cost());
	run.save(version.id);
	activate_version(version.id, run);
	return version.name;
}

std::string train_later(const catalog::Found &solution) {
	check_quota();
	const NewVersion version = add_version(solution, solution_spec(solution), "CREATE PENDING", {});
	jobs::enqueue("train", solution.group, std::nullopt, version.id, Json::object());
	return version.name;
}

bool stop_training_here(const catalog::Found &solution) {
	return stats::request_stop(kProgressKind, progress_id(solution));
}

void register_jobs() {
	jobs::register_handler({"train", run_job, job_failed});
}

} // namespace recsys::train
