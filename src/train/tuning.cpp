#include "train/tuning.hpp"

#include <algorithm>
#include <cmath>

#include "pg/settings.hpp"

namespace recsys::train {

namespace {

constexpr std::int64_t kDefaultTrials = 20, kMostTrials = 1000, kServiceTrials = 40;

[[noreturn]] void refuse(const std::string &message, const std::string &detail = {}, const std::string &hint = {}) {
	throw Error(sqlstate::InvalidParameter, message, detail, hint);
}

std::string tunable_names(const recipe::RecipeSpec &recipe) {
	std::string names;
	for (const recipe::HyperparameterSpec &parameter : recipe.hyperparameters)
		if (parameter.tunable)
			names += (names.empty() ? "\"" : ", \"") + std::string(parameter.name) + "\"";
	return names;
}

const recipe::HyperparameterSpec *find_tunable(const recipe::RecipeSpec &recipe, std::string_view name) {
	for (const recipe::HyperparameterSpec &parameter : recipe.hyperparameters)
		if (parameter.tunable && parameter.name == name)
			return &parameter;
	return nullptr;
}

// One value as a hyperparameter of the recipe would take it.
double value_of(const recipe::RecipeSpec &recipe, const recipe::HyperparameterSpec &parameter, const Json &value) {
	const Json given = {{std::string(parameter.name), value}};
	return parse_hyperparameters(recipe, given)[parameter.name];
}

recipe::SearchRange range_of(const recipe::RecipeSpec &recipe, const recipe::HyperparameterSpec &parameter, const Json &given) {
	const std::string name(parameter.name);
	recipe::SearchRange range{name, parameter.kind == recipe::ParameterKind::Integer, parameter.minimum, parameter.maximum, {}};
	const bool numeric = range.integer || parameter.kind == recipe::ParameterKind::Float;
	if (!given.is_object() || given.empty())
		refuse("range of hyperparameter \"" + name + "\" must be a JSON object", {},
			   R"(Write {"min": 1, "max": 5}, or {"values": [1, 2, 5]}.)");
	for (const auto &[key, value] : given.items()) {
		if (key == "values" && value.is_array() && !value.empty()) {
			for (const Json &one : value)
				range.values.push_back(value_of(recipe, parameter, one));
		} else if (key == "min" && numeric && value.is_number()) {
			range.minimum = value_of(recipe, parameter, value);
		} else if (key == "max" && numeric && value.is_number()) {
			range.maximum = value_of(recipe, parameter, value);
		} else {
			refuse("range of hyperparameter \"" + name + "\" has no valid \"" + key + "\"", {},
				   numeric ? R"(Write {"min": 1, "max": 5}, or {"values": [1, 2, 5]}.)" : R"(Write {"values": [ … ]}.)");
		}
	}
	if (!range.values.empty() && given.size() > 1)
		refuse("range of hyperparameter \"" + name + "\" has both \"values\" and limits");
	if (range.minimum > range.maximum)
		refuse("range of hyperparameter \"" + name + "\" is empty", "\"min\" is greater than \"max\".");
	return range;
}

// Those asked for that the recipe has; all that it can search when none were asked for.
std::vector<recipe::SearchRange> ranges_of(const recipe::RecipeSpec &recipe, const Json &given) {
	std::vector<recipe::SearchRange> ranges;
	for (const recipe::HyperparameterSpec &parameter : recipe.hyperparameters) {
		const std::string name(parameter.name);
		if (!parameter.tunable || (!given.empty() && !given.contains(name)))
			continue;
		Json whole = Json::object();
		if (parameter.kind == recipe::ParameterKind::Boolean)
			whole["values"] = {false, true};
		else if (parameter.kind == recipe::ParameterKind::Categorical)
			for (const recipe::Category &category : parameter.categories)
				whole["values"].push_back(category.name);
		else
			whole["max"] = parameter.maximum;
		ranges.push_back(range_of(recipe, parameter, given.empty() ? whole : given.at(name)));
	}
	return ranges;
}

// What answers a request that names a user at most, with a model.
bool comparable(const recipe::RecipeSpec &recipe) {
	return recipe.domain.empty() && !recipe.trends && !recipe.needs_item &&
		   (recipe.type == recipe::RecipeType::UserPersonalization || recipe.type == recipe::RecipeType::PopularItems);
}

Json check_recipes(const Json *given) {
	Json names = Json::array();
	if (given == nullptr) {
		for (const recipe::RecipeSpec &recipe : recipe::recipes())
			if (comparable(recipe))
				names.push_back(recipe.name);
		return names;
	}
	if (!given->is_array() || given->empty())
		refuse("\"recipes\" of hpo_config must be an array of names");
	const recipe::RecipeSpec *first = nullptr;
	for (const Json &name : *given) {
		const recipe::RecipeSpec &recipe = require_recipe(name.is_string() ? name.get<std::string>() : name.dump());
		if (recipe.type == recipe::RecipeType::PersonalizedActions)
			refuse("recipe \"" + std::string(recipe.name) + "\" cannot be compared with others", "It recommends actions, not items.");
		if (!recipe.domain.empty() || recipe.trends)
			refuse("recipe \"" + std::string(recipe.name) + "\" cannot be compared with others",
				   recipe.trends ? "It counts at the request, so there is no training to compare." : "It is a use case of a domain.");
		if (first != nullptr && first->needs_item != recipe.needs_item)
			refuse("recipes \"" + std::string(first->name) + "\" and \"" + std::string(recipe.name) + "\" cannot be compared",
				   "One of them answers requests that name an item, the other does not.");
		if (std::find(names.begin(), names.end(), Json(recipe.name)) != names.end())
			refuse("recipe \"" + std::string(recipe.name) + "\" is given twice");
		first = first == nullptr ? &recipe : first;
		names.push_back(recipe.name);
	}
	return names;
}

Json check_ranges(const Json &tuning, const Json *given) {
	const std::vector<const recipe::RecipeSpec *> recipes = tuned_recipes(tuning);
	const Json ranges = given == nullptr ? Json::object() : *given;
	if (!ranges.is_object())
		refuse("\"ranges\" of hpo_config must be a JSON object", {}, R"(Write, for example, {"bptt": {"min": 4, "max": 32}}.)");
	for (const auto &[name, range] : ranges.items()) {
		bool found = false;
		for (const recipe::RecipeSpec *recipe : recipes)
			if (const recipe::HyperparameterSpec *parameter = find_tunable(*recipe, name)) {
				range_of(*recipe, *parameter, range);
				found = true;
			}
		if (!found)
			refuse("hyperparameter \"" + name + "\" cannot be searched", {},
				   "Recipe \"" + std::string(recipes.front()->name) + "\" searches " + tunable_names(*recipes.front()) + ".");
	}
	return ranges;
}

std::int64_t check_trials(const Json *given) {
	if (given == nullptr)
		return kDefaultTrials;
	const std::int64_t most = pg::settings::service_limits ? kServiceTrials : kMostTrials;
	if (!given->is_number_integer() || given->get<std::int64_t>() < 1)
		refuse("\"max_training_jobs\" of hpo_config must be an integer of at least 1");
	if (given->get<std::int64_t>() > most)
		throw Error(sqlstate::LimitExceeded, "\"max_training_jobs\" of hpo_config must be at most " + std::to_string(most));
	return given->get<std::int64_t>();
}

} // namespace

Json check_tuning(const TuningRequest &request, const recipe::RecipeSpec *recipe) {
	if (!request.perform_hpo && !request.perform_auto_ml) {
		if (!request.hpo_config.is_null())
			refuse("argument \"hpo_config\" needs perform_hpo or perform_auto_ml");
		return nullptr;
	}
	const Json config = request.hpo_config.is_null() ? Json::object() : request.hpo_config;
	if (!config.is_object())
		refuse("hpo_config must be a JSON object");
	for (const auto &[key, value] : config.items())
		if (key != "ranges" && key != "max_training_jobs" && key != "recipes")
			refuse("unrecognized key \"" + key + "\" in hpo_config", {}, "Keys are \"ranges\", \"max_training_jobs\" and \"recipes\".");
	const auto find = [&config](const char *key) { return config.contains(key) ? &config.at(key) : nullptr; };
	if (find("recipes") != nullptr && !request.perform_auto_ml)
		refuse("\"recipes\" of hpo_config needs perform_auto_ml");
	if (find("ranges") != nullptr && !request.perform_hpo)
		refuse("\"ranges\" of hpo_config needs perform_hpo");
	if (request.perform_hpo && recipe != nullptr && tunable_names(*recipe).empty())
		refuse("recipe \"" + std::string(recipe->name) + "\" has no hyperparameters to search", {},
			   "Column \"hyperparameters\" of \"recsys.recipes\" tells which are tunable.");
	Json out = {{"perform_hpo", request.perform_hpo}, {"perform_auto_ml", request.perform_auto_ml}};
	out["recipes"] = recipe != nullptr ? Json::array({recipe->name}) : check_recipes(find("recipes"));
	out["ranges"] = check_ranges(out, find("ranges"));
	out["max_training_jobs"] = check_trials(find("max_training_jobs"));
	return out;
}

std::vector<const recipe::RecipeSpec *> tuned_recipes(const Json &tuning) {
	std::vector<const recipe::RecipeSpec *> recipes;
	for (const Json &name : tuning.at("recipes"))
		recipes.push_back(&require_recipe(name.get<std::string>()));
	return recipes;
}

recipe::SearchPlan search_plan(const Spec &spec) {
	recipe::SearchPlan plan;
	const bool hpo = spec.tuning.at("perform_hpo").get<bool>();
	for (const recipe::RecipeSpec *recipe : tuned_recipes(spec.tuning))
		plan.candidates.push_back({recipe, recipe == spec.recipe ? spec.hyperparameters : parse_hyperparameters(*recipe, Json::object()),
								   hpo ? ranges_of(*recipe, spec.tuning.at("ranges")) : std::vector<recipe::SearchRange>()});
	plan.max_trials = spec.tuning.at("max_training_jobs").get<std::size_t>();
	return plan;
}

Json tuning_result(const Spec &spec, const recipe::SearchResult &found) {
	Json trials = Json::array();
	for (const recipe::Trial &trial : found.trials)
		trials.push_back({{"trial", trials.size() + 1},
						  {"recipe", trial.recipe->name},
						  {"hyperparameters", hyperparameters_json(*trial.recipe, trial.hyperparameters)},
						  {"users", trial.users},
						  {"value", trial.objective}});
	const recipe::Trial &best = found.trials[found.best];
	const Json values = hyperparameters_json(*best.recipe, best.hyperparameters);
	Json tuned = Json::object();
	if (spec.tuning.at("perform_hpo").get<bool>())
		for (const recipe::SearchRange &range : ranges_of(*best.recipe, spec.tuning.at("ranges")))
			tuned[range.name] = values.at(range.name);
	return {{"objective", recipe::kObjective}, {"best", found.best + 1}, {"trials", trials}, {"tuned_hpo_params", tuned}};
}

} // namespace recsys::train
