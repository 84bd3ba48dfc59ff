// What a training will cost, before it runs: a linear model whose constants were measured (test/bench/estimate.cpp
// prints the measured beside the predicted). It is asked before data are read, so it knows counts only; the spread of
// history lengths, which decides the number of pairs, is taken as the log-normal that logs of people show.
#include "recipe/recipe.hpp"

#include <algorithm>
#include <cmath>

#include "recipe/sims.hpp"

namespace recsys::recipe {

namespace {

struct CostModel {
	std::string_view recipe;
	double fixed_seconds;
	double event_ns, item_ns, pair_ns;          // CPU time of one
	double parallel_share;                      // of the CPU time, spread over the threads
	double event_bytes, user_bytes, item_bytes; // at the peak
};

// Reading into a TrainingSet is part of every training; the recipe's own work comes on top.
constexpr CostModel kModels[] = {
	{"popularity-count", 0.01, 350, 500, 0, 0.3, 66, 60, 120},
	{"sims", 0.01, 420, 3000, 0.8, 0.6, 66, 60, 1800},
};

} // namespace

Estimate estimate_training(const RecipeSpec &recipe, std::size_t n_events, std::size_t n_users, std::size_t n_items,
						   std::size_t threads) {
	const CostModel *model = &kModels[0];
	for (const CostModel &candidate : kModels)
		if (candidate.recipe == recipe.name)
			model = &candidate;
	const auto events = static_cast<double>(n_events), users = static_cast<double>(n_users),
			   items = static_cast<double>(n_items);
	const double mean_history = events / std::max(users, 1.0);
	const double pairs = events * std::min(2.5 * mean_history, static_cast<double>(kMaxHistory));
	const double cpu =
		model->fixed_seconds + 1e-9 * (model->event_ns * events + model->item_ns * items + model->pair_ns * pairs);
	const double spread = model->parallel_share / static_cast<double>(std::max<std::size_t>(threads, 1));
	const double bytes = model->event_bytes * events + model->user_bytes * users + model->item_bytes * items;
	return {cpu * (1 - model->parallel_share + spread), cpu, static_cast<std::size_t>(bytes)};
}

} // namespace recsys::recipe
