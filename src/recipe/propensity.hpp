// The probability of a yes, so calibrated that 0.2 means one in five, from features that were not prepared for it.
//
// The examples are dealt out into five parts, all of one user into the same. Five forests are fitted, each on four parts and
// stopped by the fifth; their mean is the model, and errs less than any of them. What each forest says of the part that it
// did not see tells which settings suit these data (the size of the trees, the one that matters), and calibrates the score.
// There is nothing for a user to tune.
#include "base/wall.hpp"
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "artifact/artifact.hpp"
#include "base/executor.hpp"
#include "base/monitor.hpp"
#include "base/stop.hpp"
#include "metrics/probability_metrics.hpp"
#include "recipe/boosted_trees.hpp"

namespace recsys::recipe {

inline constexpr std::size_t kFolds = 5;

class Propensity {
public:
	Propensity() = default;
	/// Errors: RS007.
	explicit Propensity(const artifact::View &view);
	void write(artifact::Writer &writer) const;
	/// Log-odds before calibration, of a row of bins.
	double score(std::span<const std::uint8_t> bins) const noexcept;
	double probability(std::span<const std::uint8_t> bins) const noexcept { return calibration_(score(bins)); }

private:
	friend struct PropensityFitter;
	std::array<Forest, kFolds> forests_;
	metrics::Calibration calibration_;
};

struct FittedPropensity {
	Propensity model;
	std::uint32_t max_leaves;      // the settings that were chosen
	std::vector<double> left_out;  // calibrated probabilities of the rows that were left out; 0 elsewhere
};

/// `part` gives each row's part, below kFolds, or kNoPart: such rows neither fit nor stop nor calibrate. `max_leaves` 0 = find the best.
FittedPropensity fit_propensity(const BinnedTable &table, const FeatureBins &bins, std::span<const std::uint8_t> label,
								std::span<const std::uint8_t> part, std::uint32_t max_leaves, std::uint64_t seed, Executor &executor,
								const StopToken &stop, Monitor &monitor);

} // namespace recsys::recipe
