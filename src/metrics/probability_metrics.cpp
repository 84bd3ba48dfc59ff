#include "metrics/probability_metrics.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

namespace recsys::metrics {

namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t kBinRows = 100, kMaxBins = 100;
constexpr double kLineRows = 10; // how many rows the line's opinion is worth in a bin

double logistic(double x) noexcept {
	return x >= 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x));
}

// log(1 + exp(x)) without overflow.
double softplus(double x) noexcept { return std::max(x, 0.0) + std::log1p(std::exp(-std::fabs(x))); }

/// Cross-entropy of logistic(slope * score + shift) with targets that need not be 0 or 1.
double cross_entropy(std::span<const double> score, std::span<const double> target, double slope, double shift) {
	double sum = 0;
	for (std::size_t i = 0; i < score.size(); ++i) {
		const double x = slope * score[i] + shift;
		sum += softplus(x) - target[i] * x;
	}
	return sum;
}

struct Line {
	double slope = 1, shift = 0;
};

struct Newton {
	double slope, shift; // the full step
	double descent;      // of the loss along it; negative
};
Newton newton_step(std::span<const double> score, std::span<const double> target, const Line &at) {
	constexpr double kRidge = 1e-9; // keeps the matrix invertible when all scores are equal
	double g1 = 0, g0 = 0, h11 = kRidge, h00 = kRidge, h10 = 0;
	for (std::size_t i = 0; i < score.size(); ++i) {
		const double p = logistic(at.slope * score[i] + at.shift), w = p * (1 - p), error = p - target[i];
		g1 += error * score[i];
		g0 += error;
		h11 += w * score[i] * score[i];
		h10 += w * score[i];
		h00 += w;
	}
	const double determinant = h11 * h00 - h10 * h10;
	const double slope = -(h00 * g1 - h10 * g0) / determinant, shift = -(h11 * g0 - h10 * g1) / determinant;
	return {slope, shift, g1 * slope + g0 * shift};
}

Line fit_line(std::span<const double> score, std::span<const std::uint8_t> label, double ones) {
	constexpr int kSteps = 100, kHalvings = 20;
	const double zeros = static_cast<double>(label.size()) - ones;
	Line fit;
	std::vector<double> target(label.size());
	for (std::size_t i = 0; i < label.size(); ++i)
		target[i] = label[i] != 0 ? (ones + 1) / (ones + 2) : 1 / (zeros + 2);
	double loss = cross_entropy(score, target, fit.slope, fit.shift);
	for (int step = 0; step < kSteps; ++step) {
		const Newton n = newton_step(score, target, fit);
		if (!(n.descent < -1e-9))
			break;
		double share = 1;
		for (int h = 0; h < kHalvings; ++h, share /= 2) {
			const double next = cross_entropy(score, target, fit.slope + share * n.slope, fit.shift + share * n.shift);
			if (next < loss + 1e-4 * share * n.descent) {
				fit = {fit.slope + share * n.slope, fit.shift + share * n.shift};
				loss = next;
				break;
			}
			if (h + 1 == kHalvings)
				step = kSteps; // no better point: this is the minimum as far as numbers go
		}
	}
	// Scores that point the wrong way say nothing; the share of ones does.
	return fit.slope >= 0 ? fit : Line{0, std::log((ones + 1) / (zeros + 1))};
}

/// Rows of neighbouring scores.
struct Bin {
	double rows = 0, scores = 0;	// sums
	double ones = 0, opinions = 0; // with the line's opinion
	double share() const noexcept { return ones / opinions; }
	void operator+=(const Bin &o) noexcept {
		rows += o.rows;
		scores += o.scores;
		ones += o.ones;
		opinions += o.opinions;
	}
};

} // namespace

double area_under_curve(std::span<const double> score, std::span<const std::uint8_t> label) {
	std::vector<std::size_t> order(score.size());
	std::iota(order.begin(), order.end(), std::size_t{0});
	std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return score[a] < score[b]; });
	double ones = 0, zeros = 0, above = 0; // above: pairs of a one over a zero
	for (std::size_t begin = 0, end; begin < order.size(); begin = end) {
		double tied_ones = 0, tied_zeros = 0;
		for (end = begin; end < order.size() && score[order[end]] == score[order[begin]]; ++end)
			++(label[order[end]] != 0 ? tied_ones : tied_zeros);
		above += tied_ones * (zeros + tied_zeros / 2);
		ones += tied_ones;
		zeros += tied_zeros;
	}
	return ones == 0 || zeros == 0 ? kNone : above / (ones * zeros);
}

double log_loss(std::span<const double> probability, std::span<const std::uint8_t> label) {
	constexpr double kLeast = 1e-15;
	double sum = 0;
	for (std::size_t i = 0; i < probability.size(); ++i) {
		const double p = std::clamp(probability[i], kLeast, 1 - kLeast);
		sum -= std::log(label[i] != 0 ? p : 1 - p);
	}
	return probability.empty() ? kNone : sum / static_cast<double>(probability.size());
}

double expected_calibration_error(std::span<const double> probability, std::span<const std::uint8_t> label, std::size_t bins) {
	std::vector<double> excess(bins, 0); // sum of probabilities less the ones
	for (std::size_t i = 0; i < probability.size(); ++i) {
		const auto bin = static_cast<std::size_t>(std::max(probability[i], 0.0) * static_cast<double>(bins));
		excess[std::min(bin, bins - 1)] += probability[i] - (label[i] != 0 ? 1.0 : 0.0);
	}
	double sum = 0;
	for (const double e : excess)
		sum += std::fabs(e);
	return probability.empty() ? kNone : sum / static_cast<double>(probability.size());
}

Calibration::Calibration(std::span<const double> score, std::span<const std::uint8_t> label) {
	const auto ones = static_cast<double>(std::count_if(label.begin(), label.end(), [](auto l) { return l != 0; }));
	if (ones == 0 || ones == static_cast<double>(label.size()))
		return;
	const Line fitted = fit_line(score, label, ones);
	slope_ = fitted.slope;
	shift_ = fitted.shift;
	if (slope_ > 0)
		bend(score, label);
}

void Calibration::bend(std::span<const double> score, std::span<const std::uint8_t> label) {
	std::vector<std::size_t> order(score.size());
	std::iota(order.begin(), order.end(), std::size_t{0});
	std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return score[a] < score[b]; });
	const std::size_t n_bins = std::clamp<std::size_t>(order.size() / kBinRows, 1, kMaxBins);
	const double doubt = kLineRows * static_cast<double>(n_bins) / static_cast<double>(order.size()); // of the line, a row
	std::vector<Bin> bins;
	std::size_t made = 0;
	for (std::size_t begin = 0, end; begin < order.size(); begin = end) {
		Bin bin;
		end = begin;
		const std::size_t wanted = ++made * order.size() / n_bins;
		// Equal scores stay together.
		while (end < order.size() && (end < wanted || (end > begin && score[order[end]] == score[order[end - 1]]))) {
			const double score_here = score[order[end]], one = label[order[end]] != 0 ? 1.0 : 0.0;
			bin += {1, score_here, one + doubt * logistic(line(score_here)), 1 + doubt};
			++end;
		}
		if (bin.rows == 0)
			continue; // a long run of equal scores took its place
		bins.push_back(bin);
		while (bins.size() > 1 && bins[bins.size() - 2].share() >= bins.back().share()) {
			const Bin last = bins.back();
			bins.pop_back();
			bins.back() += last;
		}
	}
	for (const Bin &bin : bins)
		bends_.push_back({bin.scores / bin.rows, std::log(bin.share() / (1 - bin.share()))});
}

double Calibration::operator()(double score) const noexcept {
	if (bends_.empty())
		return logistic(line(score));
	const auto above = std::upper_bound(bends_.begin(), bends_.end(), score,
										[](double s, const Bend &bend) { return s < bend.score; });
	if (above == bends_.begin() || above == bends_.end()) { // beyond the ends: parallel to the line
		const Bend &end = above == bends_.begin() ? bends_.front() : bends_.back();
		return logistic(end.log_odds + slope_ * (score - end.score));
	}
	const Bend &below = *(above - 1);
	const double way = (score - below.score) / (above->score - below.score);
	return logistic(below.log_odds + way * (above->log_odds - below.log_odds));
}

std::vector<double> Calibration::parts() const {
	std::vector<double> out{slope_, shift_};
	for (const Bend &bend : bends_) {
		out.push_back(bend.score);
		out.push_back(bend.log_odds);
	}
	return out;
}

bool Calibration::valid(std::span<const double> parts) noexcept { return parts.size() >= 2 && parts.size() % 2 == 0; }

Calibration::Calibration(std::span<const double> parts) : slope_(parts[0]), shift_(parts[1]) {
	for (std::size_t i = 2; i < parts.size(); i += 2)
		bends_.push_back({parts[i], parts[i + 1]});
}

} // namespace recsys::metrics
