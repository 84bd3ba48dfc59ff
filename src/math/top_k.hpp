// Exact descending order over scores: the best k of a stream, and the whole order of a dense array in blocks. Serving
// asks for a first block, tests it against a filter, and asks for more only when the list is still short.
#include "base/wall.hpp"
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace recsys::math {

struct Scored {
	std::uint32_t item;
	float score;
};

/// The one order of recsys: higher score first, then lower ordinal.
inline bool before(const Scored &a, const Scored &b) noexcept {
	return a.score > b.score || (a.score == b.score && a.item < b.item);
}

/// The best `k` of a stream, in any order of arrival. Candidates gather in a buffer of twice the size; when it is full
/// the better half stays and its worst member becomes the bar for all that follow. So a candidate costs one comparison,
/// and the selections are amortised: O(n + k log k) in all. NaN and -infinity never enter.
class TopK {
public:
	void reset(std::size_t k);
	/// Right after reset: at least k candidates will come that are as good as `score`, so worse ones need not be kept.
	void expect(float score) { bar_ = {std::numeric_limits<std::uint32_t>::max(), score}; }
	/// Candidates with a lower score do not enter.
	float bar() const noexcept { return bar_.score; }
	void push(Scored candidate) {
		if (!before(candidate, bar_))
			return;
		buffer_.push_back(candidate);
		if (buffer_.size() == room_)
			shrink();
	}
	/// The best, in order; valid until the next reset or push. Ends the stream.
	std::span<const Scored> sorted();

private:
	void shrink();
	std::vector<Scored> buffer_;
	std::size_t k_ = 0, room_ = 0;
	Scored bar_{0, std::numeric_limits<float>::infinity()}; // nothing enters before reset
};

/// The scores are cut into strips of 64 whose largest members are found first, four comparisons at a time. The n-th
/// largest of these is a bar that n scores reach for certain, and strips below it are not looked at again.
class DescendingOrder {
public:
	/// `scores[i]` is the score of ordinal i; the memory must outlive the object and stay as it is.
	void reset(std::span<const float> scores);
	/// The next `n` best (fewer at the end). The span is valid until the next call. O(n_items + n log n) per call.
	std::span<const Scored> next(std::size_t n);

private:
	void start(std::size_t n);
	std::span<const float> scores_;
	std::vector<float> largest_; // of each strip
	std::vector<float> bins_;    // of a few strips in a row
	TopK block_;
	bool started_ = false;
	Scored last_{0, 0};
};

} // namespace recsys::math
