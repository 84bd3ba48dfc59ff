#include "math/top_k.hpp"

namespace recsys::math {

void TopK::reset(std::size_t k) {
	buffer_.clear();
	k_ = k;
	room_ = std::max<std::size_t>(2 * k, 64);
	// Ordinal 0 at -infinity: nothing stands before it but greater scores, so NaN and -infinity stay outside.
	bar_ = {0, k == 0 ? std::numeric_limits<float>::infinity() : -std::numeric_limits<float>::infinity()};
}

void TopK::shrink() {
	const auto middle = buffer_.begin() + static_cast<std::ptrdiff_t>(k_ - 1);
	std::nth_element(buffer_.begin(), middle, buffer_.end(), before);
	bar_ = *middle;
	buffer_.resize(k_);
}

std::span<const Scored> TopK::sorted() {
	if (buffer_.size() > k_)
		shrink();
	std::sort(buffer_.begin(), buffer_.end(), before);
	return buffer_;
}

void DescendingOrder::reset(std::span<const float> scores) {
	scores_ = scores;
	started_ = false;
}

std::span<const Scored> DescendingOrder::next(std::size_t n) {
	block_.reset(std::min(n, scores_.size()));
	for (std::size_t i = 0; i < scores_.size(); ++i) {
		const Scored candidate{static_cast<std::uint32_t>(i), scores_[i]};
		if (!started_ || before(last_, candidate))
			block_.push(candidate);
	}
	const std::span<const Scored> block = block_.sorted();
	if (!block.empty()) {
		last_ = block.back();
		started_ = true;
	}
	return block;
}

} // namespace recsys::math
