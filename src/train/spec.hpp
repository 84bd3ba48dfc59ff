// What decides a model besides the data. A solution holds one; each version keeps a copy as JSON (`config`), so that it
// can be read, and trained again, whatever became of the solution since.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "recipe/search.hpp"
#include "store/training_reader.hpp"

#include "catalog/catalog.hpp"

namespace recsys::train {

using catalog::Json;

/// All trainings use one seed: the users held out for the metrics then stay the same, and versions can be compared.
inline constexpr std::uint64_t kSeed = 1;

struct Spec {
	const recipe::RecipeSpec *recipe = nullptr;
	recipe::Hyperparameters hyperparameters;
	store::EventFilter filter;
	Json excluded_columns = Json::object(); // dataset type → names of fields that are not learned from
	std::uint64_t seed = kSeed;
	Json tuning; // what is searched before the training (train/tuning.hpp); null = nothing
};

/// What of the metadata the spec's recipe learns from.
store::Metadata metadata_of(const Spec &spec);

/// Errors: RS001 with a hint when there is no such recipe. The prefix "aws-" may be left out.
const recipe::RecipeSpec &require_recipe(std::string_view name);

/// Checks `given`, a JSON object of numbers, booleans and strings, and fills in the defaults. Errors: 22023.
recipe::Hyperparameters parse_hyperparameters(const recipe::RecipeSpec &recipe, const Json &given);
/// A value of the parameter as JSON of its kind.
Json typed_value(const recipe::HyperparameterSpec &parameter, double value);
Json hyperparameters_json(const recipe::RecipeSpec &recipe, const recipe::Hyperparameters &values);

Json to_json(const Spec &spec);
Spec spec_from_json(const Json &config);

} // namespace recsys::train
