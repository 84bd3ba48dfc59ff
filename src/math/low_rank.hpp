// The best approximation of a matrix by one of low rank: a truncated singular value decomposition by random projection and
// power iteration (Halko, Martinsson and Tropp 2011). The matrix is only multiplied with, never looked into.
#include "base/wall.hpp"
#pragma once

#include <cstdint>
#include <vector>

#include "math/matrix.hpp"

namespace recsys::math {

/// map ~ left * diag(singular) * transpose(right); columns orthonormal, singular values descending and positive.
struct LowRank {
	Matrix left, right;			 // rows × rank, columns × rank
	std::vector<float> singular; // rank values: at most what was asked for, fewer when the matrix has no more
};

LowRank truncated_svd(const LinearMap &map, std::size_t rank, std::uint64_t seed, const Workers &workers);

} // namespace recsys::math
