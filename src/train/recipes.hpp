// The recipe table as SQL sees it.
#pragma once

#include "train/spec.hpp"

namespace recsys::train {

/// One row a recipe, in the columns of the view recipes.
void list_recipes(pg::ResultTable &out);
Json describe_recipe(const recipe::RecipeSpec &recipe);

} // namespace recsys::train
