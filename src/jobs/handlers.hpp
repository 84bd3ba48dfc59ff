// What the parts of this room share about jobs; not for other rooms.
#pragma once

#include <span>

#include "jobs/jobs.hpp"

#include "pg/spi.hpp"

namespace recsys::jobs {

/// Null when this library has no such kind of job.
const Handler *find_handler(std::string_view kind) noexcept;
/// All kinds of jobs.
std::span<const Handler> all_handlers() noexcept;

/// From the columns id, group_id, kind, name, resource_id, config, attempts, in this order.
Job job_of(const pg::Row &row);
std::string describe(const Job &job);

/// For statements over recsys_internal in a worker: a transaction in the extension owner's name.
void as_extension_owner(const std::function<void()> &body);

inline constexpr const char *kStoppedByRequest = "stopped by request";

} // namespace recsys::jobs
