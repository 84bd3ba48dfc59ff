// What a training will cost, before it runs: a linear model in the counts that are known before the data are read.
#include "recipe/recipe.hpp"

#include <algorithm>

#include "recipe/evaluate.hpp"

namespace recsys::recipe {

Estimate estimate_training(const RecipeSpec &recipe, std::size_t n_events, std::size_t n_users, std::size_t n_items,
						   std::size_t threads) {
	const CostModel &cost = recipe.cost;
	const auto events = static_cast<double>(n_events), users = static_cast<double>(n_users),
			   items = static_cast<double>(n_items);
	const double pairs = events * std::min(2.5 * events / std::max(users, 1.0), cost.history_limit);
	const double judged = std::min(users * kHeldOutShare / 2, static_cast<double>(kMaxEvaluated)) * items;
	const double cpu =
		cost.fixed_seconds + 1e-9 * (cost.event_ns * events + cost.user_ns * users + cost.item_ns * items +
									 cost.pair_ns * pairs + cost.score_ns * judged);
	const double alone = 1 - cost.parallel_share,
				 spread = cost.parallel_share / static_cast<double>(std::max<std::size_t>(threads, 1));
	const double bytes = cost.event_bytes * events + cost.user_bytes * users + cost.item_bytes * items;
	return {cpu * (alone + spread), cpu, static_cast<std::size_t>(bytes)};
}

} // namespace recsys::recipe
