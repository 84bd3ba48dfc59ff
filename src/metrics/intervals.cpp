#include "metrics/intervals.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <boost/math/distributions/students_t.hpp>

namespace recsys::metrics {

namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN(), kTail = 0.025;

double standard_error(double n, double sum, double squares) noexcept {
	return std::sqrt(std::max(0.0, squares - sum * sum / n) / (n - 1) / n);
}

double half_width(double n, double error) noexcept {
	return error * boost::math::quantile(boost::math::complement(boost::math::students_t(n - 1), kTail));
}

} // namespace

Estimate mean_of_share(std::size_t count, double sum, double squares) noexcept {
	const auto n = static_cast<double>(count);
	if (count < 2)
		return {count == 0 ? 0.0 : sum, kNone, kNone};
	const double mean = sum / n, half = half_width(n, standard_error(n, sum, squares));
	return {mean, std::max(0.0, mean - half), std::min(1.0, mean + half)};
}

Difference paired_difference(std::span<const double> a, std::span<const double> b) noexcept {
	if (a.empty())
		return {kNone, kNone, kNone, kNone};
	const auto n = static_cast<double>(a.size());
	double sum = 0, squares = 0;
	for (std::size_t i = 0; i < a.size(); ++i) {
		sum += a[i] - b[i];
		squares += (a[i] - b[i]) * (a[i] - b[i]);
	}
	const double mean = sum / n;
	if (a.size() < 2)
		return {mean, kNone, kNone, kNone};
	const double error = standard_error(n, sum, squares), half = half_width(n, error);
	if (error == 0)
		return {mean, mean, mean, mean == 0 ? 1.0 : 0.0};
	const double t = std::abs(mean) / error;
	return {mean, mean - half, mean + half, 2 * boost::math::cdf(boost::math::complement(boost::math::students_t(n - 1), t))};
}

} // namespace recsys::metrics
