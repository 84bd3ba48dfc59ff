// Library headers come first, so the headers that bring them do.
#include "train/run.hpp"

#include "train/automatic.hpp"

#include "jobs/jobs.hpp"
#include "jobs/schedule.hpp"
#include "pg/settings.hpp"
#include "store/model_store.hpp"
#include "train/data_mark.hpp"
#include "train/solution.hpp"
#include "train/training.hpp"
#include "train/version.hpp"

extern "C" {
#include "catalog/pg_authid_d.h"
}

namespace recsys::train {

namespace {

using pg::AsOwner;
using pg::Plan;
using pg::Row;

constexpr const char *kTraining = "auto_training", *kUpdate = "auto_update";
constexpr const char *kFirstTraining = "1 hour"; // after the solution was created, at the latest

struct Target {
	catalog::Found solution;
	Oid owner;
};

Target target_of(const jobs::Job &job) {
	static Plan find{"SELECT name FROM recsys_internal.solution WHERE id = $1", {INT8OID}};
	std::optional<Target> target;
	jobs::in_transaction(BOOTSTRAP_SUPERUSERID, [&] {
		std::optional<Row> row;
		{
			const AsOwner owner;
			row = find.row({pg::int8(job.resource_id)});
		}
		std::optional<catalog::Group> group = catalog::find_group(job.group_id);
		if (!row || !group)
			throw Error(sqlstate::NotFound, "the solution was deleted meanwhile");
		const Oid group_owner = catalog::group_owner(*group);
		target = Target{{job.resource_id, row->text(0), std::move(*group)}, group_owner};
	});
	return std::move(*target);
}

// ---- automatic training

// The newest full training, whatever became of it; an empty name when there is none.
struct LastTraining {
	std::string name;
	bool in_training = false;
	Json mark; // of the newest ACTIVE one
};
LastTraining last_training(const catalog::Found &solution) {
	static Plan find{"SELECT number, status LIKE 'CREATE PENDING' OR status IN ('CREATE IN_PROGRESS', 'CREATE STOPPING'), "
					 "(SELECT data_mark FROM recsys_internal.solution_version WHERE solution_id = $1 AND training_mode = 'FULL' "
					 "AND status = 'ACTIVE' ORDER BY number DESC LIMIT 1) FROM recsys_internal.solution_version "
					 "WHERE solution_id = $1 AND training_mode = 'FULL' ORDER BY number DESC LIMIT 1",
					 {INT8OID}};
	const AsOwner owner;
	const std::optional<Row> row = find.row({pg::int8(solution.id)});
	if (!row)
		return {};
	return {solution.name + "/" + row->text(0), row->boolean(1), row->null(2) ? Json() : Json::parse(row->text(2))};
}

// A recommender that was stopped neither serves nor learns.
std::optional<std::string> stopped_recommender(const catalog::Found &solution) {
	static Plan find{"SELECT name FROM recsys_internal.campaign WHERE solution_id = $1 AND status = 'INACTIVE' LIMIT 1", {INT8OID}};
	const AsOwner owner;
	const std::optional<Row> row = find.row({pg::int8(solution.id)});
	return row ? std::optional(row->text(0)) : std::nullopt;
}

// "" when there is reason to train.
std::string why_not_train(const catalog::Found &solution, bool first_run) {
	if (const std::optional<std::string> stopped = stopped_recommender(solution))
		return "recommender \"" + *stopped + "\" is stopped";
	const LastTraining last = last_training(solution);
	if (last.in_training)
		return "solution version \"" + last.name + "\" is in training";
	if (first_run && !last.name.empty())
		return "solution version \"" + last.name + "\" was made by hand already";
	if (!last.mark.is_null() && !new_interactions(last.mark, data_mark(solution.group)))
		return "no new interactions since solution version \"" + last.name + "\" was trained";
	return {};
}

jobs::Outcome run_training(const jobs::Job &job) {
	const Target target = target_of(job);
	jobs::Outcome outcome;
	jobs::in_transaction(target.owner, [&] {
		outcome = jobs::skipped(why_not_train(target.solution, job.config.value("first_run", false)));
		if (!outcome.skipped.empty())
			return;
		outcome.result = {{"solution_version", train_later(target.solution, TrainingMode::Full, TrainingType::Automatic)}};
		jobs::note_result(job, outcome.result);
	});
	return outcome;
}

// ---- automatic update

// The newest version that was trained in full, which updates are for.
struct Deployed {
	std::int64_t id;
	std::string name;
	Spec spec;
	bool serves;
	Json mark; // of the data that the model knows
};
std::optional<Deployed> find_deployed(const catalog::Found &solution, bool lock) {
#define RECSYS_NEWEST_FULL                                                                                             \
	"SELECT v.id, v.number, v.config, EXISTS (SELECT FROM recsys_internal.campaign AS c WHERE c.version_id = v.id AND c.status <> 'INACTIVE'), "   \
	"coalesce(v.latest_update->'data_mark', v.data_mark) FROM recsys_internal.solution_version AS v WHERE v.id = (SELECT n.id " \
	"FROM recsys_internal.solution_version AS n WHERE n.solution_id = $1 AND n.training_mode = 'FULL' AND n.status = 'ACTIVE' " \
	"ORDER BY n.number DESC LIMIT 1)"
	static Plan find{RECSYS_NEWEST_FULL, {INT8OID}};
	static Plan find_and_lock{RECSYS_NEWEST_FULL " FOR NO KEY UPDATE OF v", {INT8OID}};
	const AsOwner owner;
	const std::optional<Row> row = (lock ? find_and_lock : find).row({pg::int8(solution.id)});
	if (!row)
		return std::nullopt;
	return Deployed{row->int8(0), solution.name + "/" + row->text(1), spec_from_json(Json::parse(row->text(2))), row->boolean(3),
					row->null(4) ? Json() : Json::parse(row->text(4))};
}

// "" when there is something to update.
std::string why_not_update(const catalog::Found &solution, const std::optional<Deployed> &version) {
	if (!version)
		return "solution \"" + solution.name + "\" has no version that was trained in full";
	if (version->spec.recipe->update == nullptr)
		return "recipe \"" + std::string(version->spec.recipe->name) + "\" of solution version \"" + version->name + "\" has no updates";
	if (!version->serves)
		return "no campaign serves solution version \"" + version->name + "\", the newest that was trained in full";
	if (!new_data(version->mark, data_mark(solution.group)))
		return "no new interactions or items since solution version \"" + version->name + "\" was trained or updated";
	return {};
}

void note_update(const Deployed &version, const Run &run, int revision) {
	static Plan note{"UPDATE recsys_internal.solution_version SET latest_update = $2::jsonb || "
					 "pg_catalog.jsonb_build_object('updated_at', clock_timestamp()), updated_at = clock_timestamp() WHERE id = $1",
					 {INT8OID, TEXTOID}};
	const Json facts = {{"revision", revision}, {"new_items", run.added_items()}, {"data_mark", run.data_mark()}};
	const AsOwner owner;
	note.run({pg::int8(version.id), pg::text(facts.dump())});
}

// The model that serves is replaced at the commit, for all sessions at once.
jobs::Outcome save_update(const jobs::Job &job, const catalog::Found &solution, const Deployed &version, Run &run) {
	const std::optional<Deployed> now = find_deployed(solution, true);
	if (!now || now->id != version.id)
		return jobs::skipped("solution version \"" + version.name + "\" was superseded meanwhile");
	const bool changed = run.added_items() != 0 || run.content_hash() != store::newest_revision(version.id).content_hash;
	const Json result = {{"solution_version", version.name}, {"new_items", run.added_items()}};
	if (changed)
		jobs::note_result(job, result);
	note_update(version, run, changed ? run.save(version.id) : store::newest_revision(version.id).revision);
	if (!changed)
		return jobs::skipped("the new data hold nothing that an update of solution version \"" + version.name + "\" brings in");
	catalog::invalidate_caches();
	return result;
}

jobs::Outcome run_update(const jobs::Job &job) {
	const Target target = target_of(job);
	std::optional<Deployed> version;
	std::string nothing;
	jobs::in_transaction(target.owner, [&] {
		version = find_deployed(target.solution, false);
		nothing = why_not_update(target.solution, version);
	});
	if (!nothing.empty())
		return jobs::skipped(nothing);
	stats::Progress progress("update", job.group_id, job.id, version->name);
	Run run(version->spec, progress, jobs::stop_requested, version->id);
	jobs::Outcome outcome;
	jobs::in_transaction(target.owner, [&] { run.read(target.solution.group); });
	run.compute();
	jobs::in_transaction(target.owner, [&] { outcome = save_update(job, target.solution, *version, run); });
	return outcome;
}

// The jobs' own rows tell everything about them.
void nothing_to_mark(const jobs::Job &, const std::string &, bool) {}

} // namespace

void schedule_training(const catalog::Found &solution, const std::optional<std::string> &interval) {
	const AsOwner owner;
	if (interval)
		jobs::set_schedule(kTraining, solution.group.id, solution.id, interval, kFirstTraining);
	else
		jobs::drop_schedule(kTraining, solution.id);
}

void schedule_solution(const catalog::Found &solution, bool updates, const std::optional<std::string> &interval) {
	if (interval)
		schedule_training(solution, interval);
	const AsOwner owner;
	if (updates)
		jobs::set_schedule(kUpdate, solution.group.id, solution.id, std::nullopt);
}

void drop_schedules(const catalog::Found &solution) {
	const AsOwner owner;
	jobs::drop_schedule(kTraining, solution.id);
	jobs::drop_schedule(kUpdate, solution.id);
}

std::int64_t train_now_if_new(const catalog::Found &solution) {
	return jobs::enqueue(kTraining, solution.group, std::nullopt, solution.id, Json::object());
}

std::int64_t update_now_if_new(const catalog::Found &solution) {
	require_updates(*solution_spec(solution).recipe);
	return jobs::enqueue(kUpdate, solution.group, std::nullopt, solution.id, Json::object());
}

void register_automatic_jobs() {
	jobs::register_handler({kTraining, run_training, nothing_to_mark});
	jobs::register_handler({kUpdate, run_update, nothing_to_mark, nullptr, &pg::settings::auto_update_interval});
}

} // namespace recsys::train
