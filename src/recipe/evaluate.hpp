// The offline evaluation that every recipe shares: users who were kept out of the
// training give the oldest 90 % of their events as input, the scorer ranks the whole catalogue, and the newest 10 %
// tell how good the first 25 are. No filter and no exploration: the metrics judge the model alone.
#include "base/wall.hpp"
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "recipe/recipe.hpp"

namespace recsys::recipe {

inline constexpr double kHeldOutShare = 0.1;        // of the users
inline constexpr std::size_t kMaxEvaluated = 10000; // users; more only narrow an error of the mean that is below 1 %

/// Sides of data::split_users.
enum class Side : std::uint8_t { Training = 0, Tuning = 1, Metrics = 2 };

/// What a held-out user's input becomes in the query.
enum class EvaluationQuery {
	History,    // all of it, as a user would be served
	InContexts, // likewise, once for each context of the events that he is asked about, which are the truth of that list alone
	NewestItem, // the newest item alone: related items are asked for the page a user is on
};

/// True when the event is a positive signal. `type_sign` may be empty: then every type is.
inline bool is_positive(const TrainRequest &request, std::size_t event) noexcept {
	return request.type_sign.empty() || request.type_sign[request.data.type()[event]] > 0;
}

/// A list is asked for in the situation of the first event of its truth.
/// The metrics of `scorer` (trained without them) on the users of `side`, of whom at most kMaxEvaluated are asked,
/// chosen by hash. Users whose input or truth has no positive event are left out. Empty when nobody is left: no number
/// is better than an invented one. Parallel over users, added up in their order, so the result does not depend on the
/// number of threads.
std::vector<Metric> evaluate(const Scorer &scorer, const TrainRequest &request, std::span<const std::uint8_t> sides,
							 Side side, EvaluationQuery kind);

/// 1 for each item that `evaluate` would ask for with EvaluationQuery::NewestItem.
std::vector<std::uint8_t> queried_items(const TrainRequest &request, std::span<const std::uint8_t> sides, Side side);

} // namespace recsys::recipe
