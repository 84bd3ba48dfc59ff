// What is trained by itself: solutions again and again (auto_training), and deployed models kept up to date (auto_update). Each is
// a kind of job; a schedule or a user asks for it, and the job finds out whether there is anything to do.
#pragma once

#include <optional>
#include <string>

#include "catalog/catalog.hpp"

namespace recsys::train {

/// Schedules of a solution that was just created. `interval`: of automatic training, PostgreSQL's text; absent = none.
void schedule_solution(const catalog::Found &solution, bool updates, const std::optional<std::string> &interval);
/// Changes or ends (absent) the automatic training of a solution.
void schedule_training(const catalog::Found &solution, const std::optional<std::string> &interval);
/// Of a solution that is deleted.
void drop_schedules(const catalog::Found &solution);

/// Adds the job, in the caller's transaction; returns its number. Errors: 22023 when the recipe has no updates; those of
/// jobs::enqueue.
std::int64_t train_now_if_new(const catalog::Found &solution);
std::int64_t update_now_if_new(const catalog::Found &solution);

/// Called at load.
void register_automatic_jobs();

} // namespace recsys::train
