// Exact descending order over dense scores, produced in blocks: serving asks for a first block, tests it against a filter,
// and asks for more only when the list is still short.
#include "base/wall.hpp"
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace recsys::math {

struct Scored {
	std::uint32_t item;
	float score;
};

/// Higher score first, then lower ordinal; NaN and -infinity never appear.
class DescendingOrder {
public:
	/// `scores[i]` is the score of ordinal i; the memory must outlive the object.
	void reset(std::span<const float> scores);
	/// The next `n` best (fewer at the end). The span is valid until the next call. O(n_items + n log n) per call.
	std::span<const Scored> next(std::size_t n);

private:
	std::span<const float> scores_;
	std::vector<Scored> block_;
	bool started_ = false;
	Scored last_{0, 0};
};

} // namespace recsys::math
