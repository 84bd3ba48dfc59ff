// The search for a recipe and for its settings: candidates are trained and compared by how well they predict, and the best is
// used for the training proper.
//
// Nobody whom the final metrics are measured on takes part. The search sees the users of the other two sides, and every trial
// is a training on them with a split of its own, by another seed, measured by its normalized_discounted_cumulative_gain_at_25:
// all trials on the same users, so that they can be compared.
//
// Many data are searched in rungs (successive halving; Jamieson and Talwalkar 2016): all candidates on a part of the users, the
// best third of them on three times as many, until the best are compared on all. Settings are drawn from the ranges by an
// additive recurrence (Roberts 2018), whose points spread evenly however many are drawn; the first candidate are the settings
// as given, so the search never ends with worse ones by its own measure. Nothing in it is random.
#include "base/wall.hpp"
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "recipe/recipe.hpp"

namespace recsys::recipe {

inline constexpr const char *kObjective = "normalized_discounted_cumulative_gain_at_25";

/// Where a hyperparameter is searched: evenly in [minimum, maximum], or among `values` when there are any.
struct SearchRange {
	std::string name;
	bool integer = false;
	double minimum = 0, maximum = 0;
	std::vector<double> values;
};

/// A recipe to compare, from these settings on.
struct Candidate {
	const RecipeSpec *recipe;
	Hyperparameters hyperparameters;
	std::vector<SearchRange> ranges; // none: only these settings
};

/// A recipe with settings, and how it did.
struct Trial {
	Trial(const RecipeSpec *r, Hyperparameters h) : recipe(r), hyperparameters(std::move(h)) {}
	const RecipeSpec *recipe;
	Hyperparameters hyperparameters;
	std::size_t users = 0; // of the largest training it took part in; 0 when there was nothing to compare
	double objective = 0;  // of that training
};

/// Several recipes are compared at their settings first; of the best, more settings are tried until there were `max_trials`
/// trials in all or none is left to try.
struct SearchPlan {
	std::vector<Candidate> candidates; // at least one
	std::size_t max_trials = 1;
	/// Below so many events a part of the users says too little, and all candidates are compared on all.
	std::size_t least_events = 100000;
};

struct SearchResult {
	std::vector<Trial> trials; // in the order in which they were begun
	std::size_t best = 0;
};

/// `request.hyperparameters` are not looked at. Errors: 55000 when there is nobody to measure by; those of the recipes.
SearchResult search(const TrainRequest &request, const SearchPlan &plan);

/// Up to `n` settings out of the ranges, all different and different from `start`, which gives the others.
std::vector<Hyperparameters> draw_settings(const Hyperparameters &start, const std::vector<SearchRange> &ranges, std::size_t n);

} // namespace recsys::recipe
