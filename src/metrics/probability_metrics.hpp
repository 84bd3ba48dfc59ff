// How good predicted probabilities are: whether they put the ones before the zeros (area under the ROC curve), how much
// truth they leave unsaid (log-loss), and whether 0.2 means one in five (calibration error).
//
// And the straightening of scores into probabilities, in two steps. Platt's line, p = 1 / (1 + exp(-(slope * score + shift))),
// is fitted to Platt's smoothed targets (Platt 1999) by Newton's method with halved steps (Lin, Lin and Weng 2007): two numbers,
// which need little data. Where there are more, the line is bent: the rows are cut by score into bins of about 100, each bin's
// share of ones, with the line's opinion as ten rows beside, is made to ascend by pooling neighbours (isotonic regression), and
// the log-odds are drawn straight from bin to bin. So the order of the scores is kept and no ties are made.
#include "base/wall.hpp"
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace recsys::metrics {

/// P(score of a one > score of a zero), ties half. NaN without ones or without zeros.
double area_under_curve(std::span<const double> score, std::span<const std::uint8_t> label);
/// Mean of -log p of what happened, natural logarithm; probabilities are kept 1e-15 away from 0 and 1. NaN without rows.
double log_loss(std::span<const double> probability, std::span<const std::uint8_t> label);
/// Mean over rows of |mean probability - share of ones| of the row's bin; bins are equal in width. NaN without rows.
double expected_calibration_error(std::span<const double> probability, std::span<const std::uint8_t> label, std::size_t bins = 10);

class Calibration {
public:
	Calibration() = default; // takes the score for log-odds
	/// Without ones or zeros there is nothing to fit, and the score is taken for log-odds. The line never falls.
	Calibration(std::span<const double> score, std::span<const std::uint8_t> label);
	/// As parts() gives them.
	explicit Calibration(std::span<const double> parts);
	double operator()(double score) const noexcept;
	double slope() const noexcept { return slope_; }
	double shift() const noexcept { return shift_; }
	/// Slope, shift, then a score and its log-odds for each bend.
	std::vector<double> parts() const;
	static bool valid(std::span<const double> parts) noexcept;

private:
	void bend(std::span<const double> score, std::span<const std::uint8_t> label);
	double line(double score) const noexcept { return slope_ * score + shift_; }

	double slope_ = 1, shift_ = 0;
	struct Bend {
		double score, log_odds;
	};
	std::vector<Bend> bends_; // ascending in both
};

} // namespace recsys::metrics
