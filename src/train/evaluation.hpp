// Evaluation at a moment of the past: the settings of a version are trained on what was known then, and judged by what users did
// next (recipe/backtest.hpp), next to popularity, and pair by pair against another version. Nothing is stored.
#pragma once

#include <optional>

#include "train/spec.hpp"

#include "catalog/catalog.hpp"

namespace recsys::train {

struct EvaluationRequest {
	catalog::FoundVersion version;
	std::optional<catalog::FoundVersion> compared; // of the same group
	TimestampTz as_of;
	std::optional<TimestampTz> until; // absent = the newest event
};

/// One row a metric, in the columns of recsys.evaluate. Reads as the current user, under the active snapshot.
/// Errors: 55000 when there is nothing to train on or nobody to judge by; 0A000 for a recipe that counts at the request.
void evaluate(const EvaluationRequest &request, pg::ResultTable &out);

} // namespace recsys::train
