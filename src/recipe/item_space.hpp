// Where items stand: as vectors of who goes with whom (item_factors.hpp), and as vectors of what their metadata say. Of an item
// with few events the first are mostly foretold from its metadata, by ridge regression over the items that are known:
//
//   behaviour = rest * foretold + (1 - rest) * factorised,   rest = kEvidence / (kEvidence + users who chose the item)
//
// and so is its share of all choices. Without metadata the forecast is nothing in particular: no direction, a typical share.
#include "base/wall.hpp"
#pragma once

#include <vector>

#include "math/matrix.hpp"
#include "recipe/item_factors.hpp"

namespace recsys::recipe {

inline constexpr double kEvidence = 5; // users: below, metadata say more of an item than its events do

struct ItemSpace {
	math::Matrix behaviour;		  // items × rank
	std::vector<float> sign;	  // of the columns: sum of sign * a * b ~ log of how much oftener than by chance a and b meet
	std::vector<float> log_share; // of all choices
};

/// By the users of `sides`, as `factors` are; items with taken[item] != 0 are placed as if nobody had chosen them (empty: none).
ItemSpace place_items(const TrainRequest &request, std::span<const std::uint8_t> sides, const ItemFactors &factors,
					  std::span<const std::uint8_t> taken);

/// Items × at most `rank`: the features condensed, rows of length one, or zero where an item has none. No columns without features.
math::Matrix condense_metadata(const TrainRequest &request, std::size_t rank);

} // namespace recsys::recipe
