// similar-items: what goes with an item, by what people did and by what items are like, in one answer. The companions of item a
// are ordered by how likely they are,
//
//   P(b | a) = (c(a, b) + k * p(b | a)) / (c(a) + k),    divided by share(b)^popularity_discount_factor
//
// with c(a, b) the co-occurrence of neighbours.hpp, in units in which c(a) is about the number of choices of a, and p(b | a) a choice
// by where the items stand in the space of behaviour and metadata (item_space.hpp, companion_choice.hpp). So p stands for k
// choices that nobody has made: it is all there is for a new item, and counts drown it as they come in (a Dirichlet prior, as in
// MacKay and Peto 1995). k and the weights of p are found on held-out choices.
//
// The model keeps the best kNeighbors of each item, of those that have anything in common with it, in the form of sims
// (sims.hpp), whose scorer answers. Items without events and without metadata have none, and popular items are the answer. Every
// item is compared with every other, a product of two matrices: two seconds of a core for 20,000 items, and as the square for more.
#include "base/wall.hpp"
#pragma once

#include "recipe/recipe.hpp"

namespace recsys::recipe {

/// Floating-point operations of a training, or as many as take as long: comparing items in pairs, those that were counted and all.
double similar_items_operations(std::size_t n_events, std::size_t n_items) noexcept;
std::vector<HyperparameterSpec> similar_items_hyperparameters();
TrainResult train_similar_items(const TrainRequest &request);

} // namespace recsys::recipe
