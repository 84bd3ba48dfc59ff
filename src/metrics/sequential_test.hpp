// Two arms of an experiment compared again and again while it runs: a test whose error holds however often one looks and whenever one
// stops. The mixture sequential probability ratio test (Robbins 1970; Johari, Pekelis and Walsh 2017): the likelihood ratio of the
// difference seen, averaged over effects spread normally with a given deviation, against no effect. It exceeds 1 / alpha at any time
// with probability alpha at most if there is none (Ville's inequality). The confidence interval is what the test does not reject.
//
// Figures are means over users, whose sums are normal enough once there are some hundreds: below kLeastUsers in an arm, and below
// kLeastConverted with a value other than zero, there is no verdict.
#include "base/wall.hpp"
#pragma once

#include <cstddef>

namespace recsys::metrics {

inline constexpr double kAlpha = 0.05;
inline constexpr std::size_t kLeastUsers = 100, kLeastConverted = 10;

/// Of an arm: users, how many of them have a value other than zero, the sum of the values and of their squares.
struct ArmFigures {
	std::size_t users = 0, converted = 0;
	double sum = 0, squares = 0;
	void add(double value) noexcept {
		++users;
		converted += value != 0;
		sum += value;
		squares += value * value;
	}
	double mean() const noexcept { return users == 0 ? 0.0 : sum / static_cast<double>(users); }
};

/// Of the other arm against the control: the lift is the difference of the means by the control's mean.
struct SequentialResult {
	bool enough = false; // else nothing below is set
	double lift = 0, low = 0, high = 0; // low and high hold at all times together with probability 1 - kAlpha
	double p_value = 1;					// always valid
};

/// `expected_lift`: the deviation of the effects that the test looks for, as a lift; it is quickest about there, and holds anyway.
/// Of several arms against one control, `comparisons` of them, all verdicts together hold with that probability (Bonferroni).
SequentialResult compare_arms(const ArmFigures &control, const ArmFigures &other, double expected_lift, std::size_t comparisons = 1);

/// Users that each of two arms needs so that a lift of `lift` on a conversion rate of `rate` is found with probability `power` at the
/// latest when they are there. Between 0 and 1 all of them, but the lift, which may be larger.
double users_needed(double rate, double lift, double power);

} // namespace recsys::metrics
