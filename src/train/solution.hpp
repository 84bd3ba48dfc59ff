// Solutions: a recipe with its settings for one dataset group.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "train/tuning.hpp"

#include "catalog/catalog.hpp"

namespace recsys::train {

/// What create_solution was asked for, besides its place.
struct SolutionRequest {
	std::string name, recipe;
	std::optional<std::string> event_type;
	std::optional<double> event_value_threshold;
	std::vector<std::string> negative_event_types;
	Json hyperparameters = Json::object();
	TuningRequest tuning; // with perform_auto_ml, `recipe` is empty
	bool of_recommender = false; // only recommenders have the recipes of use cases
	Json excluded_columns = Json::object(); // as given
	std::optional<std::string> auto_training_interval; // PostgreSQL's text
	std::int32_t keep_versions = 3; // 0 = all
};

/// Errors: 42602 name, RS001 recipe or dataset, 22023 hyperparameter, search, event type or excluded columns, 42703 excluded column, RS006 when
/// the name is used, RS003 under recsys.service_limits.
void create_solution(const catalog::Group &group, const SolutionRequest &request);

/// The datasets that a recipe requires must exist before anything is trained or queued. Errors: RS001.
void check_datasets(const catalog::Group &group, const recipe::RecipeSpec &recipe);
/// What update_solution was asked to change; absent = stays.
struct SolutionUpdate {
	std::optional<std::string> auto_training_interval;
	std::optional<std::int32_t> keep_versions;
	bool stop_auto_training = false;
};
/// Errors: 22023.
void update_solution(const catalog::Found &solution, const SolutionUpdate &update);

/// The settings of a solution as of now. Those with a search: what the last one found, unless they are to `search_again`.
Spec solution_spec(const catalog::Found &solution, bool search_again = true);
/// Keeps what a search found.
void note_tuned(std::int64_t version_id, const Spec &spec, const Json &tuning);
/// Whether the last search is so new that automatic trainings need no other.
bool tuned_lately(const catalog::Found &solution);
/// The number that the solution's next version will get, if nobody is faster.
int next_number(const catalog::Found &solution);

/// Deletes it with its versions and models. Errors: RS002 while a campaign uses it or a version is in training.
void delete_solution(const catalog::Found &solution);

/// As jsonb text.
std::string describe_solution(const catalog::Found &solution);
/// The rows of the view solutions for one group.
void list_solutions(const catalog::Group &group, pg::ResultTable &out);

} // namespace recsys::train
