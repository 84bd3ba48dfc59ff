// How sure a mean is, and a difference of means: 95 % confidence intervals and p-values by Student's t distribution. Means of the
// values that users have, so the users are what is counted on to vary.
#include "base/wall.hpp"
#pragma once

#include <cstddef>
#include <span>

namespace recsys::metrics {

/// A value and the bounds of its 95 % confidence interval; NaN where one value alone tells nothing of its spread.
struct Estimate {
	double value, low, high;
};

/// The mean of `n` values between 0 and 1, from their sum and their sum of squares; the bounds stay between 0 and 1.
/// Without values the mean is 0.
Estimate mean_of_share(std::size_t n, double sum, double squares) noexcept;

/// A mean difference, and how often chance alone would make one at least as large: two-sided, 1 when all are equal.
struct Difference {
	double value, low, high, p_value;
};

/// Of pairs: `a[i]` and `b[i]` belong to the same user. NaN without pairs.
Difference paired_difference(std::span<const double> a, std::span<const double> b) noexcept;

} // namespace recsys::metrics
