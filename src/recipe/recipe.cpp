#include "recipe/recipe.hpp"

#include <nlohmann/json.hpp>

#include "math/cpu.hpp"

namespace recsys::recipe {

const char *to_string(RecipeType type) noexcept {
	switch (type) {
	case RecipeType::UserPersonalization:
		return "USER_PERSONALIZATION";
	case RecipeType::PersonalizedRanking:
		return "PERSONALIZED_RANKING";
	case RecipeType::RelatedItems:
		return "RELATED_ITEMS";
	case RecipeType::PopularItems:
		return "POPULAR_ITEMS";
	case RecipeType::PersonalizedActions:
		return "PERSONALIZED_ACTIONS";
	case RecipeType::UserSegmentation:
		return "USER_SEGMENTATION";
	}
	return "";
}

const char *to_string(Reason reason) noexcept {
	switch (reason) {
	case Reason::Personal:
		return "personal";
	case Reason::Similar:
		return "similar";
	case Reason::Popular:
		return "popular";
	case Reason::Trending:
		return "trending";
	case Reason::New:
		return "new";
	case Reason::Exploration:
		return "exploration";
	}
	return "";
}

void add_common_sections(artifact::Writer &writer, const TrainRequest &request) {
	const data::TrainingSet &set = request.data;
	writer.add<std::uint64_t>("item.offsets", set.items().offsets());
	writer.add<char>("item.bytes", set.items().bytes());
	Budgeted<std::uint8_t> flags(set.n_items(), 0, BudgetAllocator<std::uint8_t>(&request.budget));
	for (std::size_t item = 0; item < flags.size(); ++item)
		flags[item] = set.item_has_row()[item] != 0 ? kItemHadRow : 0;
	writer.add<std::uint8_t>("item.flags", flags);
	// nlohmann's object is an ordered map: equal content is equal text.
	const nlohmann::json summary = {{"recipe", writer.recipe()},
									{"n_users", set.n_users()},
									{"n_items", set.n_items()},
									{"n_events", set.n_events()},
									{"newest_time", set.newest_time()},
									{"seed", request.seed},
									{"hyperparameters", request.hyperparameters.values()},
									{"instruction_set", math::instruction_set()}};
	writer.add_text("summary", summary.dump());
}

} // namespace recsys::recipe
