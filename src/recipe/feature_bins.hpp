// Features for decision trees: a table of examples, and its values as bins of one byte.
//
// A number falls into one of at most 255 bins with about equally many examples, or one bin a value when there are few; a
// category is its own bin, the rare ones share the last. Bin 0 is "absent". Trees then never compare floats, a histogram has
// 256 cells, and a request's features are binned once for all trees.
#include "base/wall.hpp"
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "artifact/artifact.hpp"
#include "base/budget.hpp"
#include "base/executor.hpp"
#include "base/stop.hpp"

namespace recsys::recipe {

enum class ColumnKind : std::uint8_t {
	Numeric,
	Categorical, // values are 0, 1, 2 …, best in descending frequency
};

/// Examples by columns; NaN = absent.
class ExampleTable {
public:
	ExampleTable(std::vector<ColumnKind> kinds, std::size_t n_rows, MemoryBudget *budget);
	std::size_t n_rows() const noexcept { return n_rows_; }
	std::size_t n_features() const noexcept { return kinds_.size(); }
	const std::vector<ColumnKind> &kinds() const noexcept { return kinds_; }
	std::span<float> column(std::size_t feature) noexcept { return {values_.data() + feature * n_rows_, n_rows_}; }
	std::span<const float> column(std::size_t feature) const noexcept { return {values_.data() + feature * n_rows_, n_rows_}; }

private:
	std::vector<ColumnKind> kinds_;
	std::size_t n_rows_;
	Budgeted<float> values_;
};

inline constexpr std::size_t kBins = 256;
inline constexpr std::uint8_t kAbsent = 0;

/// How values become bins; part of the model.
class FeatureBins {
public:
	FeatureBins() = default;
	explicit FeatureBins(const ExampleTable &table, Executor &executor, const StopToken &stop);
	/// Sections "bins.kinds", "bins.offsets", "bins.edges". Errors of reading: RS007.
	explicit FeatureBins(const artifact::View &view);
	void write(artifact::Writer &writer) const;

	std::size_t n_features() const noexcept { return kinds_.size(); }
	ColumnKind kind(std::size_t feature) const noexcept { return kinds_[feature]; }
	std::uint8_t bin(std::size_t feature, float value) const noexcept;

private:
	std::vector<ColumnKind> kinds_;
	std::vector<std::uint32_t> offsets_; // of each feature's edges; n_features() + 1
	std::vector<float> edges_;           // ascending; a number's bin is 1 + the edges below it
};

/// The table in bins, by columns as the table.
class BinnedTable {
public:
	BinnedTable(const ExampleTable &table, const FeatureBins &bins, Executor &executor, const StopToken &stop, MemoryBudget *budget);
	std::size_t n_rows() const noexcept { return n_rows_; }
	std::size_t n_features() const noexcept { return n_features_; }
	std::span<const std::uint8_t> column(std::size_t feature) const noexcept { return {bins_.data() + feature * n_rows_, n_rows_}; }

private:
	std::size_t n_rows_, n_features_;
	Budgeted<std::uint8_t> bins_;
};

} // namespace recsys::recipe
