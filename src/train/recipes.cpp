#include "train/recipes.hpp"

namespace recsys::train {

namespace {

std::vector<std::string> owned(const std::vector<std::string_view> &names) {
	return {names.begin(), names.end()};
}

const char *kind_name(recipe::ParameterKind kind) {
	switch (kind) {
	case recipe::ParameterKind::Integer:
		return "integer";
	case recipe::ParameterKind::Float:
		return "float";
	case recipe::ParameterKind::Boolean:
		return "boolean";
	}
	return "";
}

// A value of the parameter as JSON of its kind.
Json typed(const recipe::HyperparameterSpec &parameter, double value) {
	if (parameter.kind == recipe::ParameterKind::Boolean)
		return value != 0;
	if (parameter.kind == recipe::ParameterKind::Integer)
		return static_cast<std::int64_t>(value);
	return value;
}

Json hyperparameters(const recipe::RecipeSpec &recipe) {
	Json out = Json::array();
	for (const recipe::HyperparameterSpec &p : recipe.hyperparameters)
		out.push_back({{"name", p.name},
					   {"type", kind_name(p.kind)},
					   {"default", typed(p, p.default_value)},
					   {"minimum", typed(p, p.minimum)},
					   {"maximum", typed(p, p.maximum)},
					   {"tunable", p.tunable},
					   {"reason", p.reason}});
	return out;
}

Json capabilities(const recipe::Capabilities &c) {
	return {{"real_time", c.real_time},
			{"auto_update", c.auto_update},
			{"exploration", c.exploration},
			{"context", c.context},
			{"batch", c.batch},
			{"scores", c.scores}};
}

} // namespace

void list_recipes(pg::ResultTable &out) {
	for (const recipe::RecipeSpec &r : recipe::recipes())
		out.row({pg::text(r.name), pg::text(recipe::to_string(r.type)), pg::text("ACTIVE"), pg::text(r.description),
				 pg::text_array(owned(r.required_datasets)), pg::text_array(owned(r.optional_datasets)),
				 pg::jsonb(hyperparameters(r).dump()), pg::jsonb(capabilities(r.capabilities).dump()),
				 pg::boolean(r.needs_user), pg::boolean(r.needs_item)});
}

Json describe_recipe(const recipe::RecipeSpec &r) {
	return {{"name", r.name},
			{"recipe_type", recipe::to_string(r.type)},
			{"status", "ACTIVE"},
			{"description", r.description},
			{"required_datasets", r.required_datasets},
			{"optional_datasets", r.optional_datasets},
			{"hyperparameters", hyperparameters(r)},
			{"capabilities", capabilities(r.capabilities)},
			{"needs_user", r.needs_user},
			{"needs_item", r.needs_item}};
}

} // namespace recsys::train
