#include "recipe/propensity.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>

namespace recsys::recipe {

namespace {

// Measured by cross-validation on the training parts of test/bench/bank: the optimum is flat in everything but the trees' size.
constexpr TreeSettings kSettings{.max_leaves = 0,
								 .learning_rate = 0.05,
								 .min_child_weight = 5,
								 .l2 = 1,
								 .row_share = 0.8,
								 .feature_share = 0.6,
								 .max_rounds = 1500,
								 .patience = 50};
// Little data carry additive effects only; more carry interactions.
constexpr std::array<std::uint32_t, 2> kLeafChoices = {4, 16};

std::string forest_name(std::size_t part) { return "forest" + std::to_string(part); }

} // namespace

Propensity::Propensity(const artifact::View &view) {
	const FeatureBins bins(view);
	for (std::size_t part = 0; part < kFolds; ++part)
		forests_[part] = Forest(view, forest_name(part), bins);
	const auto calibration = view.get<double>("calibration");
	if (!metrics::Calibration::valid(calibration))
		artifact::View::fail("calibration", "has an unexpected size");
	calibration_ = metrics::Calibration(calibration);
}

void Propensity::write(artifact::Writer &writer) const {
	for (std::size_t part = 0; part < kFolds; ++part)
		forests_[part].write(writer, forest_name(part));
	writer.add<double>("calibration", calibration_.parts());
}

double Propensity::score(std::span<const std::uint8_t> bins) const noexcept {
	double sum = 0;
	for (const Forest &forest : forests_)
		sum += forest(bins);
	return sum / kFolds;
}

struct PropensityFitter {
	const BinnedTable &table;
	const FeatureBins &bins;
	std::span<const std::uint8_t> label, part;
	std::uint64_t seed;
	Executor &executor;
	const StopToken &stop;
	Monitor &monitor;

	using Forests = std::array<FittedForest, kFolds>;

	/// The five forests of each of the choices, side by side.
	std::vector<Forests> fit_all(std::span<const std::uint32_t> choices) const {
		std::vector<Forests> fitted(choices.size());
		monitor.phase("growing trees", 0);
		executor.run(choices.size() * kFolds, [&](std::size_t task) {
			const std::size_t choice = task / kFolds, held_out = task % kFolds;
			TreeSettings settings = kSettings;
			settings.max_leaves = choices[choice];
			fitted[choice][held_out] = fit_forest(table, bins, label, part, static_cast<std::uint8_t>(held_out), settings,
												  seed + held_out, stop, monitor);
		});
		return fitted;
	}

	double loss(const Forests &forests) const {
		std::array<double, kFolds> rows{};
		for (const std::uint8_t p : part)
			if (p < kFolds)
				++rows[p];
		double sum = 0;
		for (std::size_t p = 0; p < kFolds; ++p)
			sum += rows[p] * forests[p].loss;
		return sum;
	}

	FittedPropensity fit(std::uint32_t max_leaves) const {
		const std::vector<std::uint32_t> choices =
			max_leaves != 0 ? std::vector{max_leaves} : std::vector(kLeafChoices.begin(), kLeafChoices.end());
		std::vector<Forests> fitted = fit_all(choices);
		std::size_t best = 0;
		for (std::size_t c = 1; c < fitted.size(); ++c)
			if (loss(fitted[c]) < loss(fitted[best]))
				best = c;
		Forests &forests = fitted[best];
		FittedPropensity result{{}, choices[best], std::vector<double>(label.size(), 0)};
		std::vector<double> scores;
		std::vector<std::uint8_t> labels;
		for (std::size_t row = 0; row < label.size(); ++row) {
			if (part[row] == kNoPart)
				continue;
			scores.push_back(forests[part[row]].log_odds[row]);
			labels.push_back(label[row]);
		}
		result.model.calibration_ = metrics::Calibration(scores, labels);
		for (std::size_t row = 0; row < label.size(); ++row) {
			if (part[row] != kNoPart)
				continue;
			double sum = 0;
			for (const FittedForest &forest : forests)
				sum += forest.log_odds[row];
			result.left_out[row] = result.model.calibration_(sum / kFolds);
		}
		for (std::size_t p = 0; p < kFolds; ++p)
			result.model.forests_[p] = std::move(forests[p].forest);
		return result;
	}
};

FittedPropensity fit_propensity(const BinnedTable &table, const FeatureBins &bins, std::span<const std::uint8_t> label,
								std::span<const std::uint8_t> part, std::uint32_t max_leaves, std::uint64_t seed, Executor &executor,
								const StopToken &stop, Monitor &monitor) {
	return PropensityFitter{table, bins, label, part, seed, executor, stop, monitor}.fit(max_leaves);
}

} // namespace recsys::recipe
