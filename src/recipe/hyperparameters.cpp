// Hyperparameters arrive as text, because the service's clients write both 149 and "149", true and "True". Every
// complaint names the value and tells what would be right.
#include "recipe/recipe.hpp"

#include <charconv>
#include <cmath>
#include <stdexcept>

namespace recsys::recipe {

namespace {

std::string number(double value) {
	char text[32];
	const auto end = std::to_chars(text, text + sizeof text, value).ptr;
	return {text, end};
}

std::string names_of(const HyperparameterSpec &spec) {
	std::string names;
	for (std::size_t i = 0; i < spec.categories.size(); ++i)
		names += (i == 0 ? "" : i + 1 == spec.categories.size() ? " or " : ", ") + std::string(spec.categories[i].name);
	return names;
}

std::string range_of(const HyperparameterSpec &spec) {
	if (spec.kind == ParameterKind::Boolean)
		return "true or false";
	if (spec.kind == ParameterKind::Categorical)
		return names_of(spec);
	return number(spec.minimum) + " to " + number(spec.maximum) + (spec.default_value == kAutomatic ? ", or automatic" : "");
}

std::string valid_names(const RecipeSpec &recipe) {
	if (recipe.hyperparameters.empty())
		return "Recipe \"" + std::string(recipe.name) + "\" has no hyperparameters.";
	std::string text = "Recipe \"" + std::string(recipe.name) + "\" has the hyperparameters";
	const char *separator = " ";
	for (const HyperparameterSpec &spec : recipe.hyperparameters) {
		text += separator + std::string(spec.name) + " (" + range_of(spec) + ")";
		separator = ", ";
	}
	return text + ".";
}

std::string text_of(const HyperparameterSpec &spec, double value) {
	if (spec.kind == ParameterKind::Boolean)
		return value != 0 ? "true" : "false";
	if (value == kAutomatic && spec.default_value == kAutomatic)
		return "automatic";
	return spec.kind == ParameterKind::Categorical ? std::string(spec.category(value)) : number(value);
}

[[noreturn]] void refuse(const HyperparameterSpec &spec, const std::string &must_be, const std::string &given) {
	throw Error(sqlstate::InvalidParameter, "hyperparameter \"" + std::string(spec.name) + "\" must be " + must_be,
				"The value is " + (given.empty() ? std::string("empty") : "\"" + given + "\"") + ".",
				"The default is " + text_of(spec, spec.default_value) + ".");
}

double parse_number(const HyperparameterSpec &spec, const std::string &given) {
	const bool integer = spec.kind == ParameterKind::Integer;
	double value = 0;
	const auto [end, error] = std::from_chars(given.data(), given.data() + given.size(), value);
	if (error != std::errc() || end != given.data() + given.size() || !std::isfinite(value) ||
		(integer && value != std::floor(value)))
		refuse(spec, integer ? "an integer" : "a number", given);
	if (value < spec.minimum || value > spec.maximum)
		refuse(spec, "between " + number(spec.minimum) + " and " + number(spec.maximum), given);
	return value;
}

double parse(const HyperparameterSpec &spec, const std::string &given) {
	if (spec.kind == ParameterKind::Categorical) {
		for (const Category &category : spec.categories)
			if (category.name == given)
				return category.value;
		refuse(spec, names_of(spec), given);
	}
	if (given == "automatic" && spec.default_value == kAutomatic)
		return kAutomatic;
	if (spec.kind != ParameterKind::Boolean)
		return parse_number(spec, given);
	if (given == "true" || given == "True" || given == "1")
		return 1;
	if (given == "false" || given == "False" || given == "0")
		return 0;
	refuse(spec, "true or false", given);
}

/// A window whose minimum lies above its maximum would leave nobody to train on.
void check_windows(const Hyperparameters &values) {
	for (const auto &[name, value] : values.values()) {
		if (!name.starts_with("min_") || !name.ends_with("_percentile"))
			continue;
		const std::string maximum = "max_" + name.substr(4);
		const auto other = values.values().find(maximum);
		if (other != values.values().end() && value > other->second)
			throw Error(sqlstate::InvalidParameter,
						"hyperparameter \"" + name + "\" must not be greater than \"" + maximum + "\"",
						"The values are " + number(value) + " and " + number(other->second) + ".");
	}
}

} // namespace

std::string_view HyperparameterSpec::category(double value) const {
	for (const Category &category : categories)
		if (category.value == value)
			return category.name;
	throw std::out_of_range("no category of " + std::string(name));
}

double Hyperparameters::operator[](std::string_view name) const {
	const auto it = values_.find(name);
	if (it == values_.end())
		throw std::out_of_range("no hyperparameter " + std::string(name));
	return it->second;
}

Hyperparameters complete_hyperparameters(const RecipeSpec &recipe, const std::map<std::string, std::string> &given) {
	Hyperparameters values;
	for (const HyperparameterSpec &spec : recipe.hyperparameters)
		values.set(spec.name, spec.default_value);
	for (const auto &[name, text] : given) {
		const HyperparameterSpec *found = nullptr;
		for (const HyperparameterSpec &spec : recipe.hyperparameters)
			if (spec.name == name)
				found = &spec;
		if (found == nullptr)
			throw Error(sqlstate::InvalidParameter, "unrecognized hyperparameter \"" + name + "\"", {},
						valid_names(recipe));
		values.set(name, parse(*found, text));
	}
	check_windows(values);
	return values;
}

} // namespace recsys::recipe
