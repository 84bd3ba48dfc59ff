// How well a model of the past predicts what came after it: each user who was active later is asked for as he stood then, with all
// his history up to that moment and whether he had any or not, the whole catalogue is ranked, and what he chose later is the truth.
// Items that appeared later count as truth that nobody could have known.
#include "base/wall.hpp"
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "metrics/ranking_metrics.hpp"
#include "recipe/recipe.hpp"

namespace recsys::recipe {

/// What came after the moment.
struct Aftermath {
	const data::TrainingSet &set;
	std::span<const std::int8_t> type_sign; // as in TrainRequest, of the set's own event types
};

/// The users of the aftermath with a positive event in it: all, or as many as `evaluate` would ask, chosen by hash.
std::vector<std::uint32_t> active_users(const Aftermath &later, std::uint64_t seed);

struct Backtest {
	std::vector<std::uint8_t> judged; // a user each; 0 when the request needs an item and he had none
	std::vector<metrics::ListValues> values;
	double coverage = 0;
};

/// Asks a model of `request.data` for each of the users. Parallel; the result does not depend on the number of threads.
Backtest backtest(const Scorer &scorer, const RecipeSpec &recipe, const TrainRequest &request, const Aftermath &later,
				  std::span<const std::uint32_t> users);

} // namespace recsys::recipe
