// Confidence intervals and paired tests against values worked out by hand, and against how often they should hold.
#include "metrics/intervals.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "base/rng.hpp"

using namespace recsys;
using namespace recsys::metrics;

TEST_CASE("the interval of a mean") {
	// 0, 0.5, 1: deviation 0.5, error 0.5 / sqrt(3), t(2) = 4.3027
	const Estimate e = mean_of_share(3, 1.5, 1.25);
	CHECK(e.value == doctest::Approx(0.5));
	CHECK(e.low == 0.0); // 0.5 - 1.24 is no share
	CHECK(e.high == 1.0);
	const Estimate same = mean_of_share(10, 2, 0.4);
	CHECK(same.low == doctest::Approx(0.2));
	CHECK(same.high == doctest::Approx(0.2));
	// Nine of 100: deviation 0.28762, error 0.028762, t(99) = 1.98422
	const Estimate nine = mean_of_share(100, 9, 9);
	CHECK(nine.low == doctest::Approx(0.09 - 0.05707).epsilon(1e-3));
	CHECK(nine.high == doctest::Approx(0.09 + 0.05707).epsilon(1e-3));
	CHECK(std::isnan(mean_of_share(1, 0.3, 0.09).low));
	CHECK(mean_of_share(0, 0, 0).value == 0);
}

TEST_CASE("the paired difference") {
	// Differences 1, 2, 3: mean 2, error 1 / sqrt(3), t = 3.4641, p = 0.0742
	const std::vector<double> a{2, 4, 6}, b{1, 2, 3};
	const Difference d = paired_difference(a, b);
	CHECK(d.value == doctest::Approx(2));
	CHECK(d.low == doctest::Approx(2 - 2.48414).epsilon(1e-4));
	CHECK(d.high == doctest::Approx(2 + 2.48414).epsilon(1e-4));
	CHECK(d.p_value == doctest::Approx(0.07418).epsilon(1e-3));
	CHECK(paired_difference(a, a).p_value == 1);
	CHECK(paired_difference(b, a).value == doctest::Approx(-2));
	CHECK(std::isnan(paired_difference({}, {}).value));
}

TEST_CASE("95 % of the intervals hold the truth, 5 % of the tests find what is not there") {
	std::size_t held = 0, found = 0;
	constexpr std::size_t kRounds = 2000, kUsers = 40;
	for (std::size_t round = 0; round < kRounds; ++round) {
		Rng rng(7, round);
		std::vector<double> a, b;
		double sum = 0, squares = 0;
		for (std::size_t user = 0; user < kUsers; ++user) {
			const double taste = rng.uniform();
			a.push_back(taste * rng.uniform());
			b.push_back(taste * rng.uniform());
			sum += a.back();
			squares += a.back() * a.back();
		}
		const Estimate e = mean_of_share(kUsers, sum, squares);
		held += e.low <= 0.25 && 0.25 <= e.high;
		found += paired_difference(a, b).p_value < 0.05;
	}
	CHECK(held > kRounds * 0.93);
	CHECK(held < kRounds * 0.97);
	CHECK(found > kRounds * 0.035);
	CHECK(found < kRounds * 0.065);
}
