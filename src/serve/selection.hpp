// The best candidates that may be returned: exactly those that testing every item would give.
//
// Candidates are tested in the order of their scores, in blocks that grow, until enough have passed. Where so few pass that this
// would go on for long, all items that pass are looked for instead, and only these are put in order. When that pays is decided by
// counting (and by what was seen of the predicate before), never by the planner's estimates.
#pragma once

#include "math/top_k.hpp"

#include "serve/candidate_test.hpp"

namespace recsys::serve {

/// The at most `wanted` best of `logits` (by ordinal; -infinity = no candidate) that pass, best first.
std::vector<math::Scored> select_best(CandidateTest &test, const store::Model &model, std::span<const float> logits,
									  std::size_t wanted, math::DescendingOrder &order);

} // namespace recsys::serve
