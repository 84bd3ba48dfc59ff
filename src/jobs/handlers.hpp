// What the queue and the worker share about jobs; not for other rooms.
#pragma once

#include "jobs/jobs.hpp"

#include "pg/spi.hpp"

namespace recsys::jobs {

/// Null when this library has no such kind of job.
const Handler *find_handler(std::string_view kind) noexcept;

/// From the columns id, group_id, kind, name, resource_id, config, attempts, in this order.
Job job_of(const pg::Row &row);

inline constexpr const char *kStoppedByRequest = "stopped by request";

} // namespace recsys::jobs
