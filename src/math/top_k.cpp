#include "math/top_k.hpp"

#include <functional>

#include "math/sum_exp.hpp"

namespace recsys::math {

namespace {
constexpr std::size_t kStrip = 64, kBins = 4;
}

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
	largest_.clear();
	started_ = false;
}

// A bin stands for at least one score as good as its largest, so the n-th largest bin is reached by n scores. Few bins
// are enough: with four times n the bar lies close above the n-th score, and sorting them costs nothing.
void DescendingOrder::start(std::size_t n) {
	const std::size_t n_strips = (scores_.size() + kStrip - 1) / kStrip;
	largest_.resize(n_strips);
	for (std::size_t strip = 0; strip < n_strips; ++strip)
		largest_[strip] = largest(scores_.subspan(strip * kStrip, std::min(kStrip, scores_.size() - strip * kStrip)));
	const std::size_t n_bins = std::min(n_strips, kBins * n);
	if (n == 0 || n_bins < n)
		return;
	bins_.clear();
	for (std::size_t bin = 0; bin < n_bins; ++bin) {
		const std::size_t begin = bin * n_strips / n_bins, end = (bin + 1) * n_strips / n_bins;
		bins_.push_back(*std::max_element(&largest_[begin], largest_.data() + end));
	}
	const auto middle = bins_.begin() + static_cast<std::ptrdiff_t>(n - 1);
	std::nth_element(bins_.begin(), middle, bins_.end(), std::greater<>());
	if (*middle > -std::numeric_limits<float>::infinity())
		block_.expect(*middle);
}

std::span<const Scored> DescendingOrder::next(std::size_t n) {
	block_.reset(std::min(n, scores_.size()));
	if (!started_)
		start(std::min(n, scores_.size()));
	for (std::size_t strip = 0; strip < largest_.size(); ++strip) {
		if (largest_[strip] < block_.bar())
			continue;
		const std::size_t end = std::min((strip + 1) * kStrip, scores_.size());
		for (std::size_t i = strip * kStrip; i < end; ++i) {
			const Scored candidate{static_cast<std::uint32_t>(i), scores_[i]};
			if (!started_ || before(last_, candidate))
				block_.push(candidate);
		}
	}
	const std::span<const Scored> block = block_.sorted();
	if (!block.empty()) {
		last_ = block.back();
		started_ = true;
	}
	return block;
}

} // namespace recsys::math
