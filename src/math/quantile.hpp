// Percentile windows over counts, as the recipes' featurization parameters mean them.
#include "base/wall.hpp"
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <span>
#include <vector>

#include "base/stop.hpp"

namespace recsys::math {

/// Both ends belong to the window.
struct Window {
	std::uint32_t low = 1, high = 0;
	bool holds(std::uint32_t count) const noexcept { return count >= low && count <= high; }
};

/// The counts between two percentiles (0 … 1, nearest rank) of all counts above zero; who has nothing is in no window.
/// Equal counts are in or out together, and a window with minimum <= maximum is never empty while any count is above
/// zero.
inline Window percentile_window(std::span<const std::uint32_t> counts, double minimum, double maximum,
								const StopToken &stop) {
	SparsePoll poll(stop);
	std::vector<std::uint32_t> present;
	std::copy_if(counts.begin(), counts.end(), std::back_inserter(present), [&](std::uint32_t c) {
		poll();
		return c > 0;
	});
	if (present.empty())
		return {};
	const auto at = [&](double p) {
		const double rank = std::ceil(p * static_cast<double>(present.size()));
		const auto i = static_cast<std::ptrdiff_t>(std::max(rank, 1.0)) - 1;
		std::nth_element(present.begin(), present.begin() + i, present.end(), [&](std::uint32_t a, std::uint32_t b) {
			poll();
			return a < b;
		});
		return present[static_cast<std::size_t>(i)];
	};
	return {at(minimum), at(maximum)};
}

} // namespace recsys::math
