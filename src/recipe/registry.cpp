// The table of recipes: what recsys.recipes shows, what create_solution checks, what the manual's page is made from.
#include "recipe/recipe.hpp"

#include "recipe/popularity.hpp"
#include "recipe/sims.hpp"
#include "recipe/user_personalization.hpp"

namespace recsys::recipe {

namespace {

constexpr Capabilities kAggregate{
	.context = false, .exploration = false, .auto_update = false, .scores = false, .batch = false, .real_time = false};

// Some forty tables are counted while settings are chosen, from a part of the users when there are many.
constexpr CostModel kBlendCost{.fixed_seconds = 0,
							   .event_ns = 50,
							   .user_ns = 1900,
							   .item_ns = 200000,
							   .pair_ns = 10,
							   .history_limit = 500,
							   .score_ns = 100,
							   .parallel_share = 0.92,
							   .event_bytes = 60,
							   .user_bytes = 60,
							   .item_bytes = 2000,
							   .tuning_pairs = 2e8,
							   .tuning_pair_ns = 130,
							   .tuning_pair_bytes = 0.6};

RecipeSpec blend_row(std::string_view name, RecipeType type, std::string_view description,
					 TrainResult (*train)(const TrainRequest &)) {
	return {name,
			type,
			description,
			{"interactions"},
			{},
			blend_hyperparameters(),
			{.context = false,
			 .exploration = false,
			 .auto_update = false,
			 .scores = true,
			 .batch = false,
			 .real_time = true},
			/* needs_user */ true,
			/* needs_item */ false,
			train,
			open_user_personalization,
			kBlendCost};
}

std::vector<HyperparameterSpec> sims_hyperparameters() {
	return {
		{"popularity_discount_factor", ParameterKind::Float, 0.5, 0, 1, true,
		 "How much an item's popularity counts against it: at 0 the most popular companions come first, at 1 "
		 "popularity is taken out altogether."},
		{"min_cointeraction_count", ParameterKind::Integer, 3, 0, 10, true,
		 "Users who must have chosen both items before they can be neighbours; higher values trade rare items for "
		 "fewer accidental pairs."},
		{"min_user_history_length_percentile", ParameterKind::Float, 0.005, 0, 1, false,
		 "Users whose number of different items lies below this percentile are not counted: a history of one item "
		 "says nothing about pairs."},
		{"max_user_history_length_percentile", ParameterKind::Float, 0.995, 0, 1, false,
		 "Users whose number of different items lies above this percentile are not counted: crawlers and shared "
		 "accounts pair everything with everything."},
		{"min_item_interaction_count_percentile", ParameterKind::Float, 0.01, 0, 1, false,
		 "Items whose number of users lies below this percentile are not counted: their pairs are chance."},
		{"max_item_interaction_count_percentile", ParameterKind::Float, 1.0, 0, 1, false,
		 "Items whose number of users lies above this percentile are not counted. Lower values leave bestsellers without "
		 "related items, and keep them out of those of others; at 0.9, the service's default, that is the most popular "
		 "tenth, which people look at most."},
	};
}

const std::vector<RecipeSpec> &table() {
	// Never destroyed: a backend may end through exit() while another static still asks.
	static const auto &rows = *new std::vector<RecipeSpec>{
		{"popularity-count",
		 RecipeType::PopularItems,
		 "The items that most different users chose; the same list for everybody, and the baseline that other recipes "
		 "must beat.",
		 {"interactions"},
		 {},
		 {},
		 kAggregate,
		 /* needs_user */ false,
		 /* needs_item */ false,
		 train_popularity_count,
		 open_popularity_count,
		 {.fixed_seconds = 0,
		  .event_ns = 120,
		  .user_ns = 1900,
		  .item_ns = 300,
		  .pair_ns = 0,
		  .history_limit = 0,
		  .score_ns = 0.9,
		  .parallel_share = 0.4,
		  .event_bytes = 66,
		  .user_bytes = 60,
		  .item_bytes = 120}},
		{"sims",
		 RecipeType::RelatedItems,
		 "Items that the same users chose, by co-occurrence in their histories with a discount for popularity.",
		 {"interactions"},
		 {},
		 sims_hyperparameters(),
		 kAggregate,
		 /* needs_user */ false,
		 /* needs_item */ true,
		 train_sims,
		 open_sims,
		 {.fixed_seconds = 0,
		  .event_ns = 140,
		  .user_ns = 1900,
		  .item_ns = 30000,
		  .pair_ns = 1.5,
		  .history_limit = kMaxHistory,
		  .score_ns = 1,
		  .parallel_share = 0.7,
		  .event_bytes = 66,
		  .user_bytes = 60,
		  .item_bytes = 900}},
		blend_row("user-personalization", RecipeType::UserPersonalization,
				  "Items that a user will most likely choose next: a learned blend of experts, which react to the user's "
				  "newest events at once. Settings and weights are found from the data.", train_user_personalization),
		blend_row("personalized-ranking", RecipeType::PersonalizedRanking,
				  "A given list of items in the order in which a user will most likely choose from it: the model of "
				  "user-personalization, asked for the items of the list.", train_personalized_ranking),
	};
	return rows;
}

} // namespace

std::span<const RecipeSpec> recipes() {
	return table();
}

const RecipeSpec *find_recipe(std::string_view name) noexcept {
	constexpr std::string_view kPrefix = "aws-";
	if (name.starts_with(kPrefix))
		name.remove_prefix(kPrefix.size());
	for (const RecipeSpec &recipe : table())
		if (recipe.name == name)
			return &recipe;
	return nullptr;
}

} // namespace recsys::recipe
