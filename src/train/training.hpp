// The two ways to train a solution: here and now, or by a background worker after the commit.
#pragma once

#include <string>

#include "catalog/catalog.hpp"

namespace recsys::recipe {
struct RecipeSpec;
}

namespace recsys::train {

enum class TrainingMode { Full, Update };
enum class TrainingType { Manual, Automatic };

/// Errors: 22023 for a recipe whose models are not updated.
void require_updates(const recipe::RecipeSpec &recipe);

/// Trains in this backend and transaction. A failure is an error and leaves no version. Returns the version's name.
/// Errors: 55000 for an update without a version to update.
std::string train_here(const catalog::Found &solution, TrainingMode mode);

/// Adds a version that a worker will train when this transaction has committed. Returns its name.
/// Errors: 55000 without workers; RS003 for the 21st version in training under recsys.service_limits.
std::string train_later(const catalog::Found &solution, TrainingMode mode, TrainingType type = TrainingType::Manual);

/// Stops a training of the solution that runs with wait => true in another session, where its version cannot be seen
/// yet. False when there is none.
bool stop_training_here(const catalog::Found &solution);

/// Called at load: makes background training known to the workers.
void register_jobs();

} // namespace recsys::train
