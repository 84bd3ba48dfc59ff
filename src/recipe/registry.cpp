// The table of recipes: what recsys.recipes shows, what create_solution checks, what the manual's page is made from.
#include "recipe/recipe.hpp"

#include "recipe/next_best_action.hpp"
#include "recipe/popularity.hpp"
#include "recipe/recurrent_network.hpp"
#include "recipe/similar_items.hpp"
#include "recipe/sims.hpp"
#include "recipe/user_affinity.hpp"
#include "recipe/user_personalization.hpp"

namespace recsys::recipe {

namespace {

constexpr Capabilities kAggregate{
	.context = false, .exploration = false, .auto_update = false, .scores = false, .batch = true, .real_time = false};

// Some forty tables are counted while settings are chosen, from a part of the users when there are many.
constexpr CostModel kBlendCost{.fixed_seconds = 0,
							   .event_ns = 50,
							   .user_ns = 1900,
							   .item_ns = 200000,
							   .pair_ns = 10,
							   .history_limit = 500,
							   .score_ns = 100,
							   .parallel_share = 0.92,
							   .event_bytes = 80,
							   .user_bytes = 60,
							   .item_bytes = 2500,
							   .tuning_pairs = 2e8,
							   .tuning_pair_ns = 130,
							   .tuning_pair_bytes = 0.6,
							   .operations = network_operations,
							   .learnt_item_bytes = 1500};

RecipeSpec blend_row(std::string_view name, RecipeType type, std::string_view description,
					 TrainResult (*train)(const TrainRequest &),
					 artifact::Writer (*update)(const artifact::View &, const TrainRequest &)) {
	return {name,
			type,
			description,
			{"interactions"},
			{"items", "users"},
			blend_hyperparameters(),
			{.context = true,
			 .exploration = update != nullptr,
			 .auto_update = update != nullptr,
			 .scores = true,
			 .batch = true,
			 .real_time = true},
			/* needs_user */ true,
			/* needs_item */ false,
			train,
			open_user_personalization,
			kBlendCost,
			update};
}

constexpr CostModel kSimsCost{.fixed_seconds = 0,
							  .event_ns = 140,
							  .user_ns = 1900,
							  .item_ns = 30000,
							  .pair_ns = 1.5,
							  .history_limit = kMaxHistory,
							  .score_ns = 1,
							  .parallel_share = 0.7,
							  .event_bytes = 70,
							  .user_bytes = 60,
							  .item_bytes = 900};

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

// Counting users is all there is to it; recipes that order by newer counts fall back on it.
constexpr CostModel kPopularityCost{.fixed_seconds = 0,
									.event_ns = 120,
									.user_ns = 1900,
									.item_ns = 300,
									.pair_ns = 0,
									.history_limit = 0,
									.score_ns = 0.9,
									.parallel_share = 0.4,
									.event_bytes = 66,
									.user_bytes = 60,
									.item_bytes = 120};

RecipeSpec trending_row() {
	Capabilities capabilities = kAggregate;
	capabilities.real_time = true;
	capabilities.batch = false; // a trend is of the moment
	return {.name = "trending-now",
			.type = RecipeType::PopularItems,
			.description = "The items whose interactions grow fastest: those of the newest interval less those of the one before it, "
						   "counted at the time of the request, so that nothing needs training and new items take part.",
			.required_datasets = {"interactions"},
			.optional_datasets = {},
			.hyperparameters = {{"trend_discovery_frequency",
								 ParameterKind::Categorical,
								 30,
								 30,
								 1440,
								 false,
								 "The length of the two intervals that are compared; short ones notice sooner, and need enough events to "
								 "tell growth from chance.",
								 {{"30 minutes", 30}, {"1 hour", 60}, {"2 hours", 120}, {"3 hours", 180}, {"1 day", 1440}}}},
			.capabilities = capabilities,
			.needs_user = false,
			.needs_item = false,
			.train = train_popularity_count,
			.open = open_popularity_count,
			.cost = kPopularityCost,
			.trends = true};
}

RecipeSpec together_row() {
	return {.name = "frequently-bought-together",
			.type = RecipeType::RelatedItems,
			.description = "Items that are bought in one order, by co-occurrence in baskets: orders where session_id tells them, else all "
						   "that a customer bought. Train it on purchases alone (event_type).",
			.required_datasets = {"interactions"},
			.optional_datasets = {},
			.hyperparameters = sims_hyperparameters(),
			.capabilities = kAggregate,
			.needs_user = false,
			.needs_item = true,
			.train = train_frequently_bought_together,
			.open = open_sims,
			.cost = kSimsCost};
}

RecipeSpec sims_row() {
	return {.name = "sims",
			.type = RecipeType::RelatedItems,
			.description = "Items that the same users chose, by co-occurrence in their histories with a discount for popularity.",
			.required_datasets = {"interactions"},
			.optional_datasets = {},
			.hyperparameters = sims_hyperparameters(),
			.capabilities = kAggregate,
			.needs_user = false,
			.needs_item = true,
			.train = train_sims,
			.open = open_sims,
			.cost = kSimsCost};
}

constexpr CostModel kSimilarCost{.fixed_seconds = 0,
								 .event_ns = 200,
								 .user_ns = 1900,
								 .item_ns = 400000,
								 .pair_ns = 0,
								 .history_limit = 40,
								 .score_ns = 1,
								 .parallel_share = 0.9,
								 .event_bytes = 66,
								 .user_bytes = 60,
								 .item_bytes = 13000,
								 .tuning_pairs = 3e7,
								 .tuning_pair_ns = 0,
								 .tuning_pair_bytes = 6,
								 .operations = similar_items_operations};

RecipeSpec similar_row() {
	return {.name = "similar-items",
			.type = RecipeType::RelatedItems,
			.description = "Items that go with an item, by what people chose and by what items are like: metadata and text carry items "
						   "with few events, and events take over as they come in.",
			.required_datasets = {"interactions"},
			.optional_datasets = {"items"},
			.hyperparameters = similar_items_hyperparameters(),
			.capabilities = kAggregate,
			.needs_user = false,
			.needs_item = true,
			.train = train_similar_items,
			.open = open_sims,
			.cost = kSimilarCost};
}

RecipeSpec personalization_row() {
	return blend_row("user-personalization", RecipeType::UserPersonalization,
					 "Items that a user will most likely choose next: a learned blend of experts, which react to the user's "
					 "newest events at once. Settings and weights are found from the data.", train_user_personalization,
					 update_user_personalization);
}

RecipeSpec popularity_row(TrainResult (*train)(const TrainRequest &)) {
	return {.name = "popularity-count",
			.type = RecipeType::PopularItems,
			.description = "The items that most different users chose; the same list for everybody, and the baseline that other recipes "
						   "must beat.",
			.required_datasets = {"interactions"},
			.optional_datasets = {},
			.hyperparameters = {},
			.capabilities = kAggregate,
			.needs_user = false,
			.needs_item = false,
			.train = train,
			.open = open_popularity_count,
			.cost = kPopularityCost};
}

/// A domain's use case: another recipe, with its settings at their defaults, for the events of one type.
struct UseCase {
	std::string_view name, event_type, leaves_out, description;
};

RecipeSpec use_case(std::string_view domain, RecipeSpec row, const UseCase &as) {
	row.name = as.name;
	row.domain = domain;
	row.event_type = as.event_type;
	row.leaves_out = as.leaves_out;
	row.description = as.description;
	row.needs_user = row.needs_user || !as.leaves_out.empty();
	row.capabilities.scores = row.capabilities.batch = false;
	return row;
}

void add_video_use_cases(std::vector<RecipeSpec> &rows) {
	constexpr std::string_view kVideo = "VIDEO_ON_DEMAND";
	RecipeSpec more_like = similar_row();
	more_like.optional_datasets.clear();
	more_like.required_datasets.push_back("items");
	rows.push_back(use_case(kVideo, sims_row(),
							{"vod-because-you-watched-x", "Watch", "Watch", "What those watch who watched an item, without what the user watched."}));
	rows.push_back(use_case(kVideo, more_like,
							{"vod-more-like-x", "", "Watch", "What is like an item, by what people chose and by its metadata, without what the user watched."}));
	rows.push_back(use_case(kVideo, popularity_row(train_popularity_count),
							{"vod-most-popular", "Watch", "", "What most different users watched."}));
	rows.push_back(use_case(kVideo, trending_row(),
							{"vod-trending-now", "", "", "What grows fastest: the events of the newest half hour against those of the one before it."}));
	rows.push_back(use_case(kVideo, personalization_row(),
							{"vod-top-picks", "", "Watch", "What the user will most likely choose next, without what he watched."}));
}

void add_shop_use_cases(std::vector<RecipeSpec> &rows) {
	constexpr std::string_view kShop = "ECOMMERCE";
	rows.push_back(use_case(kShop, popularity_row(train_popularity_by_events),
							{"ecomm-popular-items-by-views", "View", "", "What is viewed most often, by all together."}));
	rows.push_back(use_case(kShop, popularity_row(train_popularity_by_events),
							{"ecomm-popular-items-by-purchases", "Purchase", "", "What is bought most often, by all together."}));
	rows.push_back(use_case(kShop, together_row(),
							{"ecomm-frequently-bought-together", "Purchase", "",
							 "What is bought in one order with an item, or by one customer where orders are not known."}));
	rows.push_back(use_case(kShop, sims_row(),
							{"ecomm-customers-who-viewed-x-also-viewed", "View", "Purchase",
							 "What those view who viewed an item, without what the user bought."}));
	rows.push_back(use_case(kShop, personalization_row(),
							{"ecomm-recommended-for-you", "", "Purchase", "What the user will most likely choose next, without what he bought."}));
}

RecipeSpec next_best_action_row() {
	return {.name = "next-best-action",
			.type = RecipeType::PersonalizedActions,
			.description = "Actions (enrol, subscribe, apply) in the order of the probability that the user takes them within the "
						   "optimization period; calibrated, so that 0.2 means one in five and may be multiplied with money.",
			.required_datasets = {"actions", "interactions"},
			.optional_datasets = {"action_interactions", "users"},
			.hyperparameters = next_best_action_hyperparameters(),
			.capabilities = {.context = false, .exploration = false, .auto_update = false, .scores = true, .batch = false, .real_time = true},
			.needs_user = true,
			.needs_item = false,
			.train = train_next_best_action,
			.open = open_next_best_action,
			// Measured with four answers a user, and mostly the answers' cost: of more than 300 thousand the newest are taken.
			.cost = {.fixed_seconds = 0,
					 .event_ns = 200,
					 .user_ns = 1.4e6,
					 .item_ns = 1000,
					 .pair_ns = 0,
					 .history_limit = 1,
					 .score_ns = 0,
					 .parallel_share = 0.9,
					 .event_bytes = 60,
					 .user_bytes = 2500,
					 .item_bytes = 100}};
}

RecipeSpec affinity_row(std::string_view name, std::string_view description, std::vector<std::string_view> datasets,
						TrainResult (*train)(const TrainRequest &)) {
	Capabilities capabilities = kAggregate;
	capabilities.batch = false; // segments have jobs of their own
	return {.name = name,
			.type = RecipeType::UserSegmentation,
			.description = description,
			.required_datasets = std::move(datasets),
			.optional_datasets = {},
			.hyperparameters = affinity_hyperparameters(),
			.capabilities = capabilities,
			.needs_user = false,
			.needs_item = false,
			.train = train,
			.open = open_affinity,
			.cost = {.fixed_seconds = 0,
					 .event_ns = 300,
					 .user_ns = 2000,
					 .item_ns = 1000,
					 .pair_ns = 0,
					 .history_limit = 1,
					 .score_ns = 0,
					 .parallel_share = 0.6,
					 .event_bytes = 80,
					 .user_bytes = 100,
					 .item_bytes = 200}};
}

std::vector<RecipeSpec> all_rows() {
	std::vector<RecipeSpec> rows{
		popularity_row(train_popularity_count),
		trending_row(),
		sims_row(),
		similar_row(),
		together_row(),
		personalization_row(),
		blend_row("personalized-ranking", RecipeType::PersonalizedRanking,
				  "A given list of items in the order in which a user will most likely choose from it: the model of "
				  "user-personalization, asked for the items of the list.", train_personalized_ranking,
				  nullptr),
		affinity_row("item-affinity", "The users who will most likely interact with an item.", {"interactions"}, train_item_affinity),
		affinity_row("item-attribute-affinity", "The users who will most likely interact with items that have given attributes.",
					 {"interactions", "items"}, train_item_attribute_affinity),
		next_best_action_row(),
	};
	add_video_use_cases(rows);
	add_shop_use_cases(rows);
	return rows;
}

const std::vector<RecipeSpec> &table() {
	// Never destroyed: a backend may end through exit() while another static still asks.
	static const auto &rows = *new std::vector<RecipeSpec>(all_rows());
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
