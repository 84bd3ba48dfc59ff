// A recommender: a use case of a domain, set up by one call. It is a solution of the use case's recipe, a version of it, and a
// campaign that follows the solution's newest version; so it stands above the rooms that train and serve.
#include <algorithm>
#include <cctype>

#include "train/solution.hpp"

#include "serve/campaign.hpp"
#include "train/training.hpp"

#include "pg/function.hpp"

namespace recsys {

namespace {

std::string lower(std::string_view text) {
	std::string out(text);
	std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
	return out;
}

const recipe::RecipeSpec &require_use_case(const std::string &name, const catalog::Group &group) {
	const recipe::RecipeSpec &recipe = train::require_recipe(name);
	if (recipe.domain.empty())
		throw Error(sqlstate::InvalidParameter, "recipe \"" + std::string(recipe.name) + "\" is not a use case of a domain", {},
					"Create a solution for it with recsys.create_solution, and a campaign.");
	if (recipe.domain != group.domain)
		throw Error(sqlstate::InvalidParameter,
					"recipe \"" + std::string(recipe.name) + "\" is a use case of domain " + std::string(recipe.domain),
					group.custom() ? "Dataset group \"" + group.name + "\" has no domain."
								   : "Dataset group \"" + group.name + "\" has the domain " + group.domain + ".");
	return recipe;
}

/// The type of events that the use case learns from, as the group's events write it; nothing when it takes all.
std::optional<std::string> event_type(const catalog::Group &group, const recipe::RecipeSpec &recipe) {
	if (recipe.event_type.empty())
		return std::nullopt;
	const catalog::Dataset interactions = catalog::require_dataset(group, catalog::DatasetType::Interactions);
	const std::string events = catalog::union_sql(group, interactions, {"event_type"});
	std::vector<std::string> spellings;
	std::string others;
	for (const pg::Row &row : pg::query("SELECT e.\"event_type\" FROM (" + events + ") AS e WHERE e.\"event_type\" IS NOT NULL"
										" GROUP BY 1 ORDER BY pg_catalog.count(*) DESC, 1 LIMIT 100", {}, {}, pg::Access::Read)) {
		if (lower(row.text(0)) == lower(recipe.event_type))
			spellings.push_back(row.text(0));
		else
			others += (others.empty() ? "\"" : ", \"") + row.text(0) + "\"";
	}
	if (spellings.empty())
		throw Error(sqlstate::WrongState, "dataset has no interactions of event type \"" + std::string(recipe.event_type) + "\"",
					others.empty() ? "It has no interactions with an event type." : "It has the event types " + others + ".",
					"Recipe \"" + std::string(recipe.name) + "\" learns from them.");
	if (spellings.size() > 1)
		throw Error(sqlstate::WrongState, "event type \"" + std::string(recipe.event_type) + "\" is written in several ways",
					"There are \"" + spellings[0] + "\" and \"" + spellings[1] + "\".", "Write it in one way in all interactions.");
	return spellings.front();
}

} // namespace

} // namespace recsys

using namespace recsys;

RECSYS_FUNCTION(create_recommender) {
	pg::call([] { PreventCommandIfReadOnly("recsys.create_recommender()"); });
	train::SolutionRequest request;
	request.name = call.text(0, "name");
	const catalog::Group group = catalog::require_group(call.text(1, "dataset_group"), catalog::Right::Own);
	const recipe::RecipeSpec &recipe = require_use_case(call.text(2, "recipe"), group);
	serve::CampaignSettings settings;
	if (!call.null(3))
		settings.exploration_weight = call.float8(3, "exploration_weight");
	if (!call.null(4))
		settings.exploration_item_age_cut_off = call.int4(4, "exploration_item_age_cut_off");
	serve::check_settings(settings, recipe);
	settings.min_provisioned_tps = call.int4(5, "min_recommendation_requests_per_second");
	settings.sync_with_latest = true;
	const bool wait = call.boolean(6, "wait");
	catalog::check_name(request.name, "recommender");
	serve::check_free(group, request.name, serve::CampaignKind::Recommender);
	train::check_datasets(group, recipe);
	request.recipe = recipe.name;
	request.event_type = event_type(group, recipe);
	request.of_recommender = true;
	request.auto_training_interval = "7 days"; // as the service retrains its own
	train::create_solution(group, request);
	const std::string solution_name = group.name + "." + request.name;
	const catalog::Found solution = catalog::require_resource("solution", solution_name, catalog::Right::Own);
	if (wait)
		train::train_here(solution, train::TrainingMode::Full);
	else
		train::train_later(solution, train::TrainingMode::Full);
	return call.result(serve::create_campaign(request.name, solution_name, settings, serve::CampaignKind::Recommender));
}

RECSYS_FUNCTION(delete_recommender) {
	pg::call([] { PreventCommandIfReadOnly("recsys.delete_recommender()"); });
	train::delete_solution(serve::delete_recommender_campaign(call.text(0, "name")));
	return call.result_void();
}
