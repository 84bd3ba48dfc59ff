#include "metrics/sequential_test.hpp"

#include <algorithm>
#include <cmath>

#include <boost/math/distributions/normal.hpp>

namespace recsys::metrics {

namespace {

double variance_of_mean(const ArmFigures &arm) noexcept {
	const auto n = static_cast<double>(arm.users);
	return std::max(0.0, arm.squares - arm.sum * arm.sum / n) / (n - 1) / n;
}

/// The largest difference, by its absolute value, that the test does not reject.
double half_width(double variance, double mixing, double alpha) noexcept {
	const double both = variance + mixing;
	return std::sqrt(2 * variance * both / mixing * (std::log(1 / alpha) + 0.5 * std::log(both / variance)));
}

} // namespace

SequentialResult compare_arms(const ArmFigures &control, const ArmFigures &other, double expected_lift, std::size_t comparisons) {
	SequentialResult out;
	for (const ArmFigures *arm : {&control, &other})
		if (arm->users < kLeastUsers || arm->converted < kLeastConverted)
			return out;
	const double base = control.mean(), variance = variance_of_mean(control) + variance_of_mean(other);
	if (!(base > 0) || !(variance > 0))
		return out;
	// The effect's scale is a share of the mean of both, which tells nothing of their difference.
	const double scale = expected_lift * (control.sum + other.sum) / static_cast<double>(control.users + other.users);
	const double mixing = scale * scale, difference = other.mean() - base;
	const double log_ratio =
		0.5 * std::log(variance / (variance + mixing)) + mixing * difference * difference / (2 * variance * (variance + mixing));
	const auto tests = static_cast<double>(comparisons);
	const double half = half_width(variance, mixing, kAlpha / tests);
	return {true, difference / base, (difference - half) / base, (difference + half) / base, std::min(1.0, tests * std::exp(-log_ratio))};
}

double users_needed(double rate, double lift, double power) {
	const boost::math::normal standard;
	const double quantile = boost::math::quantile(standard, power), difference = rate * lift, other = rate + difference;
	const double per_user = rate * (1 - rate) + other * (1 - other); // variance of the difference of two users
	const double scale = lift * (rate + other) / 2;
	double low = 1, high = 1e15;
	while (high - low > 0.5) {
		const double n = std::sqrt(low * high), variance = per_user / n;
		if (difference - half_width(variance, scale * scale, kAlpha) >= quantile * std::sqrt(variance))
			high = n;
		else
			low = n;
		if (high / low < 1 + 1e-12)
			break;
	}
	return std::ceil(high);
}

} // namespace recsys::metrics
