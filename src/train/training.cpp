// Library headers come first, so the headers that bring them do.
#include "train/solution.hpp"
#include "train/version.hpp"

#include "train/training.hpp"

#include "jobs/jobs.hpp"
#include "pg/report.hpp"
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

// What decides the next version: the solution's settings, or those of the version that is updated.
struct Plan {
	Spec spec;
	std::optional<std::int64_t> base;
	int base_number = 0;
	VersionRequest request(const char *status, TrainingType type) const {
		return {spec, status, base ? "UPDATE" : "FULL", type == TrainingType::Manual ? "MANUAL" : "AUTOMATIC", base_number};
	}
};
Plan plan_version(const catalog::Found &solution, TrainingMode mode, TrainingType type) {
	static pg::Plan newest{"SELECT id, number, config FROM recsys_internal.solution_version WHERE solution_id = $1 AND "
						   "training_mode = 'FULL' AND status = 'ACTIVE' ORDER BY number DESC LIMIT 1",
						   {INT8OID}};
	if (mode == TrainingMode::Full)
		return {solution_spec(solution, type == TrainingType::Manual || !tuned_lately(solution)), std::nullopt};
	const pg::AsOwner owner;
	const std::optional<pg::Row> row = newest.row({pg::int8(solution.id)});
	if (!row)
		throw Error(sqlstate::WrongState, "solution \"" + solution.name + "\" has no version to update",
					"An update brings new items into the newest ACTIVE version that was trained in full.",
					"Train one with training_mode => 'FULL'.");
	Plan plan{spec_from_json(Json::parse(row->text(2))), row->int8(0), static_cast<int>(row->int8(1))};
	plan.spec.tuning = nullptr;
	return plan;
}

// What the last training of this process took, for the record of its failure.
struct LastCost {
	std::int64_t job = 0;
	Cost cost;
};
LastCost last_cost;

jobs::Outcome run_job(const jobs::Job &job) {
	std::optional<Begun> begun;
	jobs::in_transaction(BOOTSTRAP_SUPERUSERID, [&] { begun = begin_version(job.resource_id); });
	stats::Progress progress(kProgressKind, job.group_id, job.resource_id, begun->name);
	Run run(begun->spec, progress, [&progress] { return progress.stop_requested() || jobs::stop_requested(); }, begun->base);
	Json result = {{"solution_version", begun->name}};
	try {
		jobs::in_transaction(begun->owner, [&] { run.read(begun->group); });
		run.compute();
		jobs::in_transaction(begun->owner, [&] {
			jobs::note_result(job, result);
			run.save(job.resource_id);
			activate_version(job.resource_id, run);
			if (const std::vector<std::string> deleted = delete_superseded(job.resource_id); !deleted.empty()) {
				result["deleted"] = deleted;
				jobs::note_result(job, result);
			}
		});
	} catch (...) {
		last_cost = {job.id, run.cost()};
		throw;
	}
	return result;
}

void job_failed(const jobs::Job &job, const std::string &reason, bool stopped) {
	const bool ours = last_cost.job == job.id;
	end_version(job.resource_id, stopped, reason, ours ? std::optional(last_cost.cost) : std::nullopt);
}

void job_again(const jobs::Job &job, const std::string &) {
	reopen_version(job.resource_id);
}

} // namespace

void require_updates(const recipe::RecipeSpec &recipe) {
	if (recipe.update == nullptr)
		throw Error(sqlstate::InvalidParameter, "recipe \"" + std::string(recipe.name) + "\" has no training mode UPDATE", {},
					"Use FULL.");
}

std::string train_here(const catalog::Found &solution, TrainingMode mode) {
	const Plan plan = plan_version(solution, mode, TrainingType::Manual);
	const std::string expected = solution.name + "/" + std::to_string(next_number(solution));
	stats::Progress progress(kProgressKind, solution.group.id, progress_id(solution), expected);
	Run run(plan.spec, progress, [&progress] { return progress.stop_requested(); }, plan.base);
	try {
		run.read(solution.group);
		run.compute();
	} catch (const Cancelled &) {
		if (progress.stop_requested())
			throw Error("57014", "training of solution version \"" + expected + "\" was stopped");
		throw;
	}
	const NewVersion version = add_version(solution, plan.request("CREATE IN_PROGRESS", TrainingType::Manual), run.cost());
	run.save(version.id);
	activate_version(version.id, run);
	std::string deleted;
	for (const std::string &name : delete_superseded(version.id))
		deleted += (deleted.empty() ? "\"" : ", \"") + name + "\"";
	if (!deleted.empty())
		pg::notice("superseded solution versions were deleted: " + deleted, {}, "\"keep_versions\" of the solution says how many stay.");
	return version.name;
}

std::string train_later(const catalog::Found &solution, TrainingMode mode, TrainingType type) {
	check_quota();
	const NewVersion version = add_version(solution, plan_version(solution, mode, type).request("CREATE PENDING", type), {});
	jobs::enqueue("train", solution.group, std::nullopt, version.id, Json::object(),
				  type == TrainingType::Manual ? jobs::kAskedPriority : jobs::kAutomaticPriority);
	return version.name;
}

bool stop_training_here(const catalog::Found &solution) {
	return stats::request_stop(kProgressKind, progress_id(solution));
}

void register_jobs() {
	jobs::register_handler({"train", run_job, job_failed, job_again});
}

} // namespace recsys::train
