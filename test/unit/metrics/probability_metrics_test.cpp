#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "base/rng.hpp"
#include "metrics/probability_metrics.hpp"

using namespace recsys;
using metrics::area_under_curve;
using metrics::Calibration;
using metrics::expected_calibration_error;
using metrics::log_loss;

using Labels = std::vector<std::uint8_t>;
using Numbers = std::vector<double>;

TEST_CASE("area under the curve: pairs in the right order, ties half") {
	// pairs of a one over a zero: .35 > .1, .8 > .1, .8 > .4; not .35 > .4
	CHECK(area_under_curve(Numbers{.1, .4, .35, .8}, Labels{0, 0, 1, 1}) == doctest::Approx(.75));
	CHECK(area_under_curve(Numbers{1, 2, 3, 4}, Labels{0, 0, 1, 1}) == 1);
	CHECK(area_under_curve(Numbers{4, 3, 2, 1}, Labels{0, 0, 1, 1}) == 0);
	CHECK(area_under_curve(Numbers{5, 5, 5, 5}, Labels{0, 1, 0, 1}) == .5);
	CHECK(area_under_curve(Numbers{1, 2, 2}, Labels{0, 0, 1}) == doctest::Approx(.75)); // (1 + .5) / 2
	CHECK(std::isnan(area_under_curve(Numbers{1, 2}, Labels{1, 1})));
	CHECK(std::isnan(area_under_curve(Numbers{}, Labels{})));
}

TEST_CASE("log-loss: the mean surprise") {
	CHECK(log_loss(Numbers{.9, .1, .8, .35}, Labels{1, 0, 1, 1}) == doctest::Approx(.370917));
	CHECK(log_loss(Numbers{.5, .5}, Labels{0, 1}) == doctest::Approx(std::log(2)));
	CHECK(log_loss(Numbers{0}, Labels{1}) == doctest::Approx(-std::log(1e-15))); // certain and wrong: bad, but finite
	CHECK(log_loss(Numbers{1}, Labels{1}) == doctest::Approx(0).epsilon(1e-12));
	CHECK(std::isnan(log_loss(Numbers{}, Labels{})));
}

TEST_CASE("calibration error: what was promised against what came, bin by bin") {
	// 0.2 means one in five
	CHECK(expected_calibration_error(Numbers{.2, .2, .2, .2, .2}, Labels{0, 0, 1, 0, 0}) == doctest::Approx(0));
	// bin of .2: promised .2, came 0 (two rows); bin of .9: promised .9, came .5 (two rows)
	CHECK(expected_calibration_error(Numbers{.2, .2, .9, .9}, Labels{0, 0, 1, 0}) == doctest::Approx((2 * .2 + 2 * .4) / 4));
	CHECK(expected_calibration_error(Numbers{1, 1}, Labels{1, 1}) == 0); // the upper edge lies in the last bin
	CHECK(expected_calibration_error(Numbers{.1, .9}, Labels{0, 1}, 1) == doctest::Approx(0)); // one bin: the mean alone
	CHECK(std::isnan(expected_calibration_error(Numbers{}, Labels{})));
}

namespace {

/// Scores around 0, and outcomes whose log-odds are a function of the score.
template <class LogOdds> double calibrated_error(std::size_t rows, LogOdds &&log_odds, Calibration &fit) {
	Numbers score;
	Labels label;
	Rng rng(3);
	const auto draw = [&] {
		score.push_back(2 * rng.normal());
		label.push_back(rng.uniform() < 1 / (1 + std::exp(-log_odds(score.back()))) ? 1 : 0);
	};
	for (std::size_t i = 0; i < rows; ++i)
		draw();
	fit = Calibration(score, label);
	score.clear();
	label.clear();
	for (std::size_t i = 0; i < 200000; ++i)
		draw();
	for (double &s : score)
		s = fit(s);
	return expected_calibration_error(score, label);
}

} // namespace

TEST_CASE("calibration finds the line, or the curve, that the outcomes were drawn from") {
	Calibration fit;
	CHECK(calibrated_error(50000, [](double s) { return .5 * s - 1; }, fit) < .01);
	CHECK(fit.slope() == doctest::Approx(.5).epsilon(.05));
	CHECK(fit.shift() == doctest::Approx(-1).epsilon(.05));
	CHECK(calibrated_error(300, [](double s) { return .5 * s - 1; }, fit) < .06); // little data: the line
	const auto step = [](double s) { return s < 1 ? -2.0 : 2.0; };
	CHECK(calibrated_error(50000, step, fit) < .01);
	CHECK(fit(0) == doctest::Approx(.119).epsilon(.15)); // where a line would say something in between
	CHECK(fit(-3) == doctest::Approx(.119).epsilon(.3));
}

TEST_CASE("calibration keeps the order of the scores, makes no ties, and reads back what it wrote") {
	Numbers score;
	Labels label;
	Rng rng(4);
	for (int i = 0; i < 5000; ++i) {
		score.push_back(rng.normal());
		label.push_back(rng.uniform() < .3 + .1 * (score.back() > 0) ? 1 : 0);
	}
	const Calibration fit(score, label), read(fit.parts());
	double last = -1;
	for (double s = -9; s < 9; s += .01) {
		CHECK(fit(s) > last);
		last = fit(s);
		CHECK(read(s) == fit(s));
	}
}

TEST_CASE("calibration of scores that say little") {
	CHECK(Calibration(Numbers{1, 2}, Labels{1, 1}).slope() == 1); // nothing to learn from one kind
	CHECK(Calibration(Numbers{}, Labels{}).shift() == 0);
	Labels two(1000, 0);
	two[0] = two[1] = 1;
	const Calibration equal(Numbers(1000, 3.0), two);
	CHECK(equal(3.0) == doctest::Approx(.002).epsilon(.6));
	CHECK(std::isfinite(equal(-3.0)));
	// scores that point the wrong way are not followed, and not turned round either
	const Calibration wrong(Numbers{4, 3, 2, 1}, Labels{0, 0, 1, 1});
	CHECK(wrong.slope() == 0);
	CHECK(wrong(100) == doctest::Approx(.5));
	// separated scores do not run away
	const Calibration separated(Numbers{-2, -1, 1, 2}, Labels{0, 0, 1, 1});
	CHECK(separated(2) > .5);
	CHECK(separated(2) < 1);
}
