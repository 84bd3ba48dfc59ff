// How far to believe counts under conditions, and how much each field of conditions is worth beside the others.
#include "base/wall.hpp"
#pragma once

#include "recipe/conditions.hpp"

namespace recsys::recipe {

/// The fields that foretell the held-out events better than the items' shares alone, by more than chance explains. All of them,
/// with cautious settings, when there are too few cases to tell.
std::vector<Conditions::Field> tune_conditions(const TrainRequest &request, const Sequences &sequences, const HeldOutCases &cases,
											   ConditionKind kind);

} // namespace recsys::recipe
