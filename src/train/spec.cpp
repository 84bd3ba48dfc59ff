#include "train/tuning.hpp"

#include <algorithm>

namespace recsys::train {

namespace {

// As the service's clients write values: 149, "149", true and "True" alike.
std::string scalar_text(const std::string &name, const Json &value) {
	if (value.is_string())
		return value.get<std::string>();
	if (value.is_number() || value.is_boolean())
		return value.dump();
	throw Error(sqlstate::InvalidParameter, "hyperparameter \"" + name + "\" must be a number, a boolean or a string");
}

} // namespace

const recipe::RecipeSpec &require_recipe(std::string_view name) {
	if (const recipe::RecipeSpec *recipe = recipe::find_recipe(name))
		return *recipe;
	throw Error(sqlstate::NotFound, "recipe \"" + std::string(name) + "\" does not exist", {},
				"Recipes are listed in \"recsys.recipes\".");
}

recipe::Hyperparameters parse_hyperparameters(const recipe::RecipeSpec &recipe, const Json &given) {
	if (!given.is_object())
		throw Error(sqlstate::InvalidParameter, "hyperparameters must be a JSON object");
	std::map<std::string, std::string> texts;
	for (const auto &[name, value] : given.items())
		texts[name] = scalar_text(name, value);
	return recipe::complete_hyperparameters(recipe, texts);
}

Json typed_value(const recipe::HyperparameterSpec &parameter, double value) {
	if (value == recipe::kAutomatic && parameter.default_value == recipe::kAutomatic)
		return "automatic";
	switch (parameter.kind) {
	case recipe::ParameterKind::Integer:
		return static_cast<std::int64_t>(value);
	case recipe::ParameterKind::Boolean:
		return value != 0;
	case recipe::ParameterKind::Categorical:
		return parameter.category(value);
	case recipe::ParameterKind::Float:
		break;
	}
	return value;
}

Json hyperparameters_json(const recipe::RecipeSpec &recipe, const recipe::Hyperparameters &values) {
	Json out = Json::object();
	for (const recipe::HyperparameterSpec &parameter : recipe.hyperparameters)
		out[std::string(parameter.name)] = typed_value(parameter, values[parameter.name]);
	return out;
}

store::Metadata metadata_of(const Spec &spec) {
	// Recipes of actions have a reader of their own for what is known of users (store/action_reader.hpp).
	if (spec.recipe->type == recipe::RecipeType::PersonalizedActions)
		return {};
	const std::vector<const recipe::RecipeSpec *> recipes =
		spec.tuning.is_null() ? std::vector{spec.recipe} : tuned_recipes(spec.tuning);
	const auto uses = [&](const char *type) {
		return std::ranges::any_of(recipes, [&](const recipe::RecipeSpec *recipe) {
			const auto &required = recipe->required_datasets, &optional = recipe->optional_datasets;
			return std::ranges::find(required, type) != required.end() || std::ranges::find(optional, type) != optional.end();
		});
	};
	const auto excluded = [&](const char *type) { return spec.excluded_columns.value(type, std::vector<std::string>()); };
	return {uses("items"), uses("users"), excluded("items"), excluded("users"), spec.recipe->capabilities.context, excluded("interactions"),
			spec.recipe->capabilities.exploration};
}

Json to_json(const Spec &spec) {
	Json out = {{"recipe", spec.recipe->name},
				{"hyperparameters", hyperparameters_json(*spec.recipe, spec.hyperparameters)},
				{"event_type", nullptr},
				{"event_value_threshold", nullptr},
				{"negative_event_types", spec.filter.negative_types},
				{"excluded_columns", spec.excluded_columns},
				{"seed", spec.seed}};
	if (!spec.tuning.is_null())
		out["tuning"] = spec.tuning;
	if (spec.filter.event_type)
		out["event_type"] = *spec.filter.event_type;
	if (spec.filter.value_threshold)
		out["event_value_threshold"] = *spec.filter.value_threshold;
	return out;
}

Spec spec_from_json(const Json &config) {
	Spec spec;
	spec.recipe = &require_recipe(config.at("recipe").get<std::string>());
	spec.hyperparameters = parse_hyperparameters(*spec.recipe, config.at("hyperparameters"));
	if (const Json &type = config.at("event_type"); !type.is_null())
		spec.filter.event_type = type.get<std::string>();
	if (const Json &threshold = config.at("event_value_threshold"); !threshold.is_null())
		spec.filter.value_threshold = threshold.get<double>();
	spec.filter.negative_types = config.at("negative_event_types").get<std::vector<std::string>>();
	spec.excluded_columns = config.value("excluded_columns", Json::object());
	spec.seed = config.at("seed").get<std::uint64_t>();
	spec.tuning = config.value("tuning", Json());
	return spec;
}

} // namespace recsys::train
