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
	case recipe::ParameterKind::Categorical:
		return "categorical";
	}
	return "";
}

Json hyperparameters(const recipe::RecipeSpec &recipe) {
	Json out = Json::array();
	if (!recipe.domain.empty())
		return out; // those of a use case stand at their defaults
	for (const recipe::HyperparameterSpec &p : recipe.hyperparameters) {
		Json parameter = {{"name", p.name}, {"type", kind_name(p.kind)}, {"default", typed_value(p, p.default_value)}};
		if (p.kind == recipe::ParameterKind::Categorical) {
			for (const recipe::Category &category : p.categories)
				parameter["values"].push_back(category.name);
		} else {
			parameter["minimum"] = typed_value(p, p.minimum);
			parameter["maximum"] = typed_value(p, p.maximum);
		}
		parameter["tunable"] = p.tunable;
		parameter["reason"] = p.reason;
		out.push_back(std::move(parameter));
	}
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

pg::Param text_or_null(std::string_view text) { return text.empty() ? pg::null() : pg::text(text); }
Json json_or_null(std::string_view text) { return text.empty() ? Json() : Json(text); }

} // namespace

void list_recipes(pg::ResultTable &out) {
	for (const recipe::RecipeSpec &r : recipe::recipes())
		out.row({pg::text(r.name), pg::text(recipe::to_string(r.type)), pg::text("ACTIVE"), pg::text(r.description),
				 pg::text_array(owned(r.required_datasets)), pg::text_array(owned(r.optional_datasets)),
				 pg::jsonb(hyperparameters(r).dump()), pg::jsonb(capabilities(r.capabilities).dump()),
				 pg::boolean(r.needs_user), pg::boolean(r.needs_item), text_or_null(r.domain), text_or_null(r.event_type)});
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
			{"needs_item", r.needs_item},
			{"domain", json_or_null(r.domain)},
			{"event_type", json_or_null(r.event_type)}};
}

} // namespace recsys::train
