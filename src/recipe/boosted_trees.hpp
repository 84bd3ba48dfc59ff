// Gradient boosting of decision trees for the probability of a yes (Friedman 2001; Newton steps as Chen and Guestrin 2016).
//
// Each tree corrects the log-odds of those before it. It grows leaf by leaf, the best split first, from histograms of the
// gradients over the features' bins (Ke et al. 2017): a split costs one pass over the smaller child, the other child's
// histogram is the parent's less that. An absent value goes where it fits better. The categories of a feature are put in the
// order of their mean gradients and cut in two there, which is the best cut into two sets (Fisher 1958).
//
// A forest is fitted by one thread; several forests are fitted side by side (recipe/propensity.hpp). It depends on nothing
// but the table, the labels, the settings and the seed.
#include "base/wall.hpp"
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/monitor.hpp"
#include "recipe/feature_bins.hpp"

namespace recsys::recipe {

struct TreeSettings {
	std::uint32_t max_leaves;
	double learning_rate;
	double min_child_weight; // least sum of p (1 - p) on each side of a split
	double l2;				 // pulls a leaf's value to 0: so many examples' worth of doubt
	double row_share, feature_share; // drawn for each tree: trees that see different data err differently
	std::uint32_t max_rounds, patience;	 // stops when so many trees in a row did not help the held-out examples
};

/// One node; the children of an inner one are neighbours.
struct TreeNode {
	std::uint32_t left = 0; // of its tree's first node; 0 = a leaf
	std::uint16_t feature = 0;
	std::uint8_t threshold = 0;	  // numbers: bins up to it go left
	std::uint8_t absent_left = 0; // numbers
	std::uint32_t set = 0;		  // categories: the set of bins that goes left
	float value = 0;			  // leaves: what is added to the log-odds
};

class Forest {
public:
	using BinSet = std::array<std::uint64_t, kBins / 64>;

	Forest() = default;
	/// Sections "<name>.base", ".roots", ".nodes", ".sets". Errors of reading: RS007.
	Forest(const artifact::View &view, std::string_view name, const FeatureBins &bins);
	void write(artifact::Writer &writer, std::string_view name) const;

	std::size_t size() const noexcept { return roots_.size(); }
	/// Log-odds of an example, given as its features' bins.
	double operator()(std::span<const std::uint8_t> bins) const noexcept;

private:
	friend class ForestFitter;
	bool goes_left(const TreeNode &node, std::uint8_t bin) const noexcept;
	double tree(std::size_t tree, std::span<const std::uint8_t> bins) const noexcept;

	double base_ = 0; // log-odds of the share of ones
	std::vector<std::uint32_t> roots_;
	std::vector<TreeNode> nodes_;
	std::vector<std::uint8_t> categorical_; // per feature
	std::vector<BinSet> sets_;
};

struct FittedForest {
	Forest forest;
	std::vector<double> log_odds; // of each row of the table
	double loss;				  // log-loss of the held-out part
};
inline constexpr std::uint8_t kNoPart = 255;
/// Fits on the rows of the other parts, and cuts the forest where the log-loss of the part `held_out` was lowest. Rows of
/// kNoPart have no say; the result tells their log-odds too.
FittedForest fit_forest(const BinnedTable &table, const FeatureBins &bins, std::span<const std::uint8_t> label,
						std::span<const std::uint8_t> part, std::uint8_t held_out, const TreeSettings &settings, std::uint64_t seed,
						const StopToken &stop, Monitor &monitor);

} // namespace recsys::recipe
