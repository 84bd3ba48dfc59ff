// Jobs that users ask for by name: in the background, or in the caller's own transaction. A job is a row of recsys_internal.job
// either way, so that names are unique and every run stays visible.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "jobs/jobs.hpp"

namespace recsys::jobs {

/// A kind of job in the words that users read.
struct Words {
	const char *kind;	// of its handler
	const char *spoken; // "dataset import job"
	const char *view;	// "dataset_import_jobs"
};

/// phase, done, total; serves interrupts, and throws to stop.
using Report = std::function<void(const char *phase, std::uint64_t done, std::uint64_t total)>;

/// Does the work of the job `id` in the current transaction, as the current user; returns the result.
using Work = std::function<catalog::Json(std::int64_t id, const Report &report)>;
/// wait => true: the job's row first, which claims the name, then its work. Errors: RS006, and those of the work.
void run_here(const Words &words, const catalog::Group &group, const std::string &name, std::int64_t resource_id,
			  const catalog::Json &config, const Work &work);

/// In a worker, outside any transaction: a job's group and who owns it. Errors: RS001 when the group is gone.
struct OwnedGroup {
	catalog::Group group;
	Oid owner;
};
OwnedGroup group_of(const Job &job);
/// In a worker: publishes what is reported of the job while it runs.
void with_report(const Job &job, const std::function<void(const Report &)> &body);

/// Errors: RS003 when as many jobs of the kind are waiting or running as the service allows.
void check_pending(const Words &words);

/// The job "name" or "group.name" among those of the groups that the caller may read; `find` gives a group's job as jsonb, if it has
/// one of this name. Errors: RS001, 42725 (the name alone is ambiguous).
using FindJob = std::function<std::optional<pg::Row>(const catalog::Group &group, std::string_view name)>;
catalog::Json describe(const Words &words, std::string_view full_name, const FindJob &find);

} // namespace recsys::jobs
