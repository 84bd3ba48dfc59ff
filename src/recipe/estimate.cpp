// What a training will cost, before it runs: a model, linear but for the sampling, in the counts that are known
// before the data are read.
#include "recipe/recipe.hpp"

#include <algorithm>

#include "math/cpu.hpp"
#include "recipe/evaluate.hpp"

namespace recsys::recipe {

namespace {

constexpr double kBatchBytes = 6e7; // of a network's batches

/// Of one core, as measured, while a network is learnt: kernels.hpp.
double operations_a_second() noexcept {
	return math::has_avx512() ? 1.2e11 : math::has_avx2_fma() ? 5e10 : 1.7e10;
}

} // namespace

Estimate estimate_training(const RecipeSpec &recipe, std::size_t n_events, std::size_t n_users, std::size_t n_items,
						   std::size_t threads) {
	const CostModel &cost = recipe.cost;
	const auto events = static_cast<double>(n_events), users = static_cast<double>(n_users),
			   items = static_cast<double>(n_items);
	const double pairs = events * std::min(2.5 * events / std::max(users, 1.0), cost.history_limit);
	const double judged = std::min(users * kHeldOutShare / 2, static_cast<double>(kMaxEvaluated)) * items;
	const double tuned = std::min(pairs, cost.tuning_pairs);
	const double learnt = cost.operations == nullptr ? 0 : cost.operations(n_events, n_items) / operations_a_second();
	const double cpu =
		cost.fixed_seconds + learnt + 1e-9 * (cost.tuning_pair_ns * tuned + cost.event_ns * events + cost.user_ns * users + cost.item_ns * items +
									 cost.pair_ns * pairs + cost.score_ns * judged);
	const double alone = 1 - cost.parallel_share,
				 spread = cost.parallel_share / static_cast<double>(std::max<std::size_t>(threads, 1));
	const double bytes = cost.event_bytes * events + cost.user_bytes * users + cost.item_bytes * items +
						 cost.tuning_pair_bytes * tuned + cost.learnt_item_bytes * items + (learnt > 0 ? kBatchBytes : 0.0);
	return {cpu * (alone + spread), cpu, static_cast<std::size_t>(bytes)};
}

} // namespace recsys::recipe
