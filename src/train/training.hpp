// The two ways to train a solution: here and now, or by a background worker after the commit.
#pragma once

#include <string>

#include "catalog/catalog.hpp"

namespace recsys::train {

/// Trains in this backend and transaction. A failure is an error and leaves no version. Returns the version's name.
std::string train_here(const catalog::Found &solution);

/// Adds a version that a worker will train when this transaction has committed. Returns its name.
/// Errors: 55000 without workers; RS003 for the 21st version in training under recsys.service_limits.
std::string train_later(const catalog::Found &solution);

/// Stops a training of the solution that runs with wait => true in another session, where its version cannot be seen
/// yet. False when there is none.
bool stop_training_here(const catalog::Found &solution);

/// Called at load: makes background training known to the workers.
void register_jobs();

} // namespace recsys::train
