// Items as vectors that tell who goes with whom: the dot product of two is about how much more often than by chance the same
// users have them close to each other,
//
//   forth(a) . back(b)  ~  log((1 + c(a, b)) / (1 + e(a, b))),   e(a, b) = c(a) * c(b) / sum of all c,
//
// with c(a, b) the co-occurrence of neighbours.hpp within a window. One imagined pair beside the counted ones keeps what was
// seen once from being a strong sign. The matrix is dense, but no larger than its counted pairs: what depends on e alone is
// a function of two totals, which are sorted into classes. Related work: word vectors as a factorised matrix of shifted
// pointwise mutual information (Levy and Goldberg 2014).
#include "base/wall.hpp"
#pragma once

#include "math/matrix.hpp"
#include "recipe/sequences.hpp"

namespace recsys::recipe {

inline constexpr std::size_t kItemRank = 64;

/// items × rank, padded to a multiple of math::kLanes; the rank is smaller when the items do not differ in more ways. Items without
/// events have zero rows. Both are the same but for the signs of columns.
struct ItemFactors {
	math::Matrix forth, back;
};
ItemFactors factorize_items(const TrainRequest &request, std::span<const std::uint8_t> sides, std::size_t rank = kItemRank);

} // namespace recsys::recipe
