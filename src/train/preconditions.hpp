// What must hold before a training makes sense. The technical minimum always: something to learn from. The minima and
// maxima of the service only under recsys.service_limits, in its own words.
#pragma once

#include "data/training_set.hpp"
#include "train/spec.hpp"

namespace recsys::train {

/// Whether anything was read. Errors: 55000 naming the event type or threshold that took everything.
void check_rows(const Spec &spec, const store::ReadCounts &counts, const data::TrainingSet &set,
				std::span<const std::int8_t> type_sign);

/// Errors: RS003 for fewer than 1000 interactions, fewer than 25 users (or 1 % of all) with two, more than 10 event
/// types.
void check_service_limits(const Spec &spec, const data::TrainingSet &set, std::span<const std::int8_t> type_sign);

} // namespace recsys::train
