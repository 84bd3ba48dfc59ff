// The sequential test by simulation: looked at every day it is wrong in 5 % of the experiments at most, and it finds what is there as
// often as it says.
#include <doctest/doctest.h>

#include <cmath>
#include <initializer_list>

#include "base/rng.hpp"
#include "metrics/sequential_test.hpp"

using namespace recsys;
using namespace recsys::metrics;

namespace {

/// The first day on which the test would stop the experiment; 0 = never. Users come evenly, half to each arm.
int stop_day(std::uint64_t seed, std::uint64_t experiment, double control_rate, double other_rate, std::size_t users_an_arm, int days) {
	Rng rng(seed, experiment);
	ArmFigures control, other;
	for (int day = 1; day <= days; ++day) {
		const std::size_t until = users_an_arm * static_cast<std::size_t>(day) / static_cast<std::size_t>(days);
		while (control.users < until) {
			control.add(rng.uniform() < control_rate ? 1 : 0);
			other.add(rng.uniform() < other_rate ? 1 : 0);
		}
		const SequentialResult now = compare_arms(control, other, 0.1);
		if (now.enough && now.p_value <= kAlpha)
			return day;
	}
	return 0;
}

} // namespace

TEST_CASE("1,000 experiments without a difference, looked at every day for 60 days, stop falsely in 5 % at most") {
	for (const double rate : {0.03, 0.2, 0.6}) {
		std::size_t stopped = 0;
		for (std::uint64_t experiment = 0; experiment < 1000; ++experiment)
			stopped += stop_day(11, experiment, rate, rate, 12000, 60) != 0;
		CHECK_MESSAGE(stopped <= 50, rate);
	}
}

TEST_CASE("looking every day at a test that is made for one look is wrong far more often") {
	std::size_t stopped = 0;
	for (std::uint64_t experiment = 0; experiment < 300; ++experiment) {
		Rng rng(12, experiment);
		ArmFigures a, b;
		bool found = false;
		for (int day = 1; day <= 60; ++day) {
			for (int i = 0; i < 200; ++i) {
				a.add(rng.uniform() < 0.2 ? 1 : 0);
				b.add(rng.uniform() < 0.2 ? 1 : 0);
			}
			const double n = static_cast<double>(a.users), p = (a.sum + b.sum) / (2 * n);
			found = found || std::abs(a.mean() - b.mean()) > 1.96 * std::sqrt(2 * p * (1 - p) / n);
		}
		stopped += found;
	}
	CHECK(stopped > 60);
}

TEST_CASE("a true lift of 10 % is found with the stated power") {
	for (const double power : {0.5, 0.8, 0.9}) {
		const auto users = static_cast<std::size_t>(users_needed(0.2, 0.1, power));
		std::size_t found = 0;
		double days = 0;
		for (std::uint64_t experiment = 0; experiment < 400; ++experiment) {
			const int day = stop_day(13, experiment, 0.2, 0.22, users, 30);
			found += day != 0;
			days += day == 0 ? 30 : day;
		}
		CHECK_MESSAGE(found >= 400 * (power - 0.03), power);
		CHECK(days / 400 < 28); // and before the end, mostly
	}
	CHECK(users_needed(0.2, 0.1, 0.8) > 6272); // what one look needs
	CHECK(users_needed(0.2, 0.1, 0.8) < 3 * 6272);
	CHECK(users_needed(0.2, 0.2, 0.8) < users_needed(0.2, 0.1, 0.8) / 3);
}

TEST_CASE("its interval holds at all times together") {
	std::size_t missed = 0;
	for (std::uint64_t experiment = 0; experiment < 400; ++experiment) {
		Rng rng(14, experiment);
		ArmFigures a, b;
		bool outside = false;
		for (int day = 1; day <= 40; ++day) {
			for (int i = 0; i < 200; ++i) { // values, not only zero and one
				a.add(rng.uniform() < 0.3 ? 10 * rng.uniform() : 0);
				b.add(rng.uniform() < 0.3 ? 12 * rng.uniform() : 0); // a lift of 20 %
			}
			const SequentialResult now = compare_arms(a, b, 0.1);
			// The bounds are of the difference by the control's mean of now.
			const double truth = 0.3 / a.mean();
			outside = outside || (now.enough && (truth < now.low || truth > now.high));
		}
		missed += outside;
	}
	CHECK(missed <= 20);
}

TEST_CASE("too little is no verdict") {
	ArmFigures a, b;
	for (int i = 0; i < 99; ++i) {
		a.add(1);
		b.add(0);
	}
	CHECK_FALSE(compare_arms(a, b, 0.1).enough);
	for (int i = 0; i < 100; ++i) {
		a.add(i % 2);
		b.add(i < 9);
	}
	CHECK_FALSE(compare_arms(a, b, 0.1).enough); // nine converted
	b.add(1);
	CHECK(compare_arms(a, b, 0.1).enough);
}
