#include "math/top_k.hpp"

#include <algorithm>
#include <limits>

namespace recsys::math {

namespace {

bool before(const Scored &a, const Scored &b) noexcept {
	return a.score > b.score || (a.score == b.score && a.item < b.item);
}

} // namespace

void DescendingOrder::reset(std::span<const float> scores) {
	scores_ = scores;
	block_.clear();
	started_ = false;
}

std::span<const Scored> DescendingOrder::next(std::size_t n) {
	n = std::min(n, scores_.size());
	block_.clear();
	if (n == 0)
		return {};
	// Candidates gather in a buffer of twice the block; when it is full the better half stays and its worst member becomes
	// the bar for all that follow, so each item costs one comparison and the selections are amortised.
	const std::size_t room = std::max<std::size_t>(2 * n, 64);
	block_.reserve(std::min(room, scores_.size()));
	Scored bar{0, -std::numeric_limits<float>::infinity()};
	for (std::size_t i = 0; i < scores_.size(); ++i) {
		const Scored candidate{static_cast<std::uint32_t>(i), scores_[i]};
		if (!(candidate.score > bar.score)) // a later item of equal score stands behind; NaN and -infinity fail here too
			continue;
		if (started_ && !before(last_, candidate))
			continue;
		block_.push_back(candidate);
		if (block_.size() == room) {
			std::nth_element(block_.begin(), block_.begin() + static_cast<std::ptrdiff_t>(n - 1), block_.end(), before);
			block_.resize(n);
			bar = block_[n - 1];
		}
	}
	if (block_.size() > n) {
		std::nth_element(block_.begin(), block_.begin() + static_cast<std::ptrdiff_t>(n - 1), block_.end(), before);
		block_.resize(n);
	}
	std::sort(block_.begin(), block_.end(), before);
	if (!block_.empty()) {
		last_ = block_.back();
		started_ = true;
	}
	return block_;
}

} // namespace recsys::math
