// What is done again and again. A schedule is a row: a kind of job, a resource, and when it is due next. When it is due, a
// worker that visits the database creates a job of the kind for the resource; whether there is anything to do is the job's business
// (jobs::skipped).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "jobs/jobs.hpp"

namespace recsys::jobs {

/// Makes the resource's schedule of this kind, or changes its interval. `every`: PostgreSQL's text of an interval; absent = as the
/// setting of the kind says. `first`: the first run is due at the latest this long (an interval too) from now. Within AsOwner.
/// Wakes the launcher at commit.
void set_schedule(const char *kind, std::int64_t group_id, std::int64_t resource_id, const std::optional<std::string> &every,
				  const std::optional<std::string> &first = std::nullopt);
/// The resource is gone or no longer wants it. Within AsOwner.
void drop_schedule(const char *kind, std::int64_t resource_id);

/// A schedule that was paused or is foreign goes on; what came due meanwhile is skipped.
void resume_schedule(std::int64_t id);

/// The intervals that settings give to kinds; a kind that is switched off is missing.
struct DefaultIntervals {
	std::vector<std::string> kinds, intervals;
};
DefaultIntervals default_intervals();

// ---- in a worker

/// Creates jobs for whatever is due. Opens its own transactions.
void start_due();
/// When something will be due next: a schedule, or the next attempt at a job; board::kNever when nothing.
TimestampTz next_due();

} // namespace recsys::jobs
