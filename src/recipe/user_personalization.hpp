// user-personalization and personalized-ranking: a learned blend of experts (blend.hpp) that finds its own settings and
// weights. Everything is learnt on nine tenths of the users first: settings and weights from one half of the rest, the
// metrics from the other. Then the counts are taken again over all users, with the settings and weights found.
#include "base/wall.hpp"
#pragma once

#include "recipe/recipe.hpp"

namespace recsys::recipe {

/// Rows of the recipe table that are this recipe's own.
std::vector<HyperparameterSpec> blend_hyperparameters();

TrainResult train_user_personalization(const TrainRequest &request);
TrainResult train_personalized_ranking(const TrainRequest &request);
artifact::Writer update_user_personalization(const artifact::View &old, const TrainRequest &request);
/// Opens both. Errors: RS007.
std::unique_ptr<Scorer> open_user_personalization(const artifact::View &view);

/// The same model as if `expert` were alone: what a benchmark compares the blend with. Errors: RS007.
std::unique_ptr<Scorer> open_expert_alone(const artifact::View &view, std::string_view expert);

} // namespace recsys::recipe
