// sims: items that the same users chose. For a query item a the candidates b are ordered by
//
//   sim(a, b) = co(a, b) / n_b ^ popularity_discount_factor
//
// co(a, b) = users who chose both, n_b = users who chose b. At 0 the most popular companions come first; at 1 the order
// is that of P(a | b), popularity taken out (the family of item-based top-N of Deshpande and Karypis 2004).
//
// Who counts. A history is the set of a user's different items. Users and items whose counts lie outside the percentile
// windows do not contribute: they are neither counted nor answered, and a query for such an item gets popular items. Of
// a history inside the window only the newest kMaxHistory items count: co-occurrence costs the square of a history's
// length, and two things that one till, crawler or shared account met thousands of items apart tell nothing about each
// other. So the work is at most kMaxHistory for each event, whatever the data.
//
// frequently-bought-together is the same over baskets instead of users: the items of one order (session_id), and, of events that
// belong to no order, those of one customer. Baskets of one item do not count: they say nothing about what goes together. So
// co(a, b) and n_b are orders, and the user windows are windows of the sizes of baskets.
//
// The model keeps the best kNeighbors a row, and all pairs to count further ones from (counted_pairs.hpp). The answer is the
// neighbours, then everything else by popularity (reason Popular, always below every neighbour); never the query item itself.
#include "base/wall.hpp"
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "math/csr.hpp"
#include "recipe/counted_pairs.hpp"
#include "recipe/recipe.hpp"

namespace recsys::recipe {

inline constexpr std::size_t kNeighbors = 200;

struct SimsOptions {
	double popularity_discount_factor;
	std::uint32_t min_cointeraction_count;
	double min_user_percentile, max_user_percentile, min_item_percentile, max_item_percentile;
	std::size_t n_neighbors = kNeighbors;
	bool baskets = false;
};

inline constexpr std::size_t kMaxHistory = 4096;

/// Row a: its neighbours, best first. n_items × up to n_neighbors, CSR.
struct Neighbors {
	Budgeted<std::uint64_t> offsets; // n_items + 1
	Budgeted<std::uint32_t> item;
	Budgeted<float> similarity; // descending in a row
	CountedHistories counted;	// what they come from
};

/// `sides` leaves out all but training users; empty counts everybody. Rows of items that are not `wanted` stay empty;
/// empty wants all.
Neighbors find_neighbors(const TrainRequest &request, const SimsOptions &options, std::span<const std::uint8_t> sides,
						 std::span<const std::uint8_t> wanted);

/// What open_sims needs, besides the common sections: the neighbours, and the popularity among the users of `sides`. Gives back
/// what the neighbours were counted from.
CountedHistories write_neighbors(const TrainRequest &request, std::span<const std::uint8_t> sides, Neighbors neighbors,
								 artifact::Writer &writer);

TrainResult train_sims(const TrainRequest &request);
TrainResult train_frequently_bought_together(const TrainRequest &request);
std::unique_ptr<Scorer> open_sims(const artifact::View &view);

} // namespace recsys::recipe
