// What a solution searches before it trains: settings (perform_hpo), recipes (perform_auto_ml) or both, in the JSON form in which
// the catalog keeps it: {"perform_hpo", "perform_auto_ml", "recipes": […], "ranges": {name: {"min", "max"} | {"values"}},
// "max_training_jobs"}.
#pragma once

#include "train/spec.hpp"

namespace recsys::train {

struct TuningRequest {
	bool perform_hpo = false, perform_auto_ml = false;
	Json hpo_config; // as given; null when absent
};

/// Null when nothing is searched. `recipe` is null exactly when recipes are compared. Errors: 22023; RS001 for a recipe that does not
/// exist; RS003 under recsys.service_limits.
Json check_tuning(const TuningRequest &request, const recipe::RecipeSpec *recipe);

/// The recipes that a search compares.
std::vector<const recipe::RecipeSpec *> tuned_recipes(const Json &tuning);

/// Of a spec whose `tuning` is not null.
recipe::SearchPlan search_plan(const Spec &spec);

/// What a search found: {"objective", "best", "trials": [{"trial", "recipe", "hyperparameters", "users", "value"}],
/// "tuned_hpo_params"}; the last holds the best values of what was searched, in the form in which create_solution takes them.
Json tuning_result(const Spec &spec, const recipe::SearchResult &found);

} // namespace recsys::train
