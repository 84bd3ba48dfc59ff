#include "recipe/feature_bins.hpp"

#include <algorithm>
#include <cmath>

namespace recsys::recipe {

namespace {

constexpr std::size_t kMaxEdges = kBins - 2;  // bins 1 … 255
constexpr std::size_t kPollRows = 1 << 16;

/// Values between which a number changes its bin: between all neighbours when there are few, else at quantiles. An edge
/// belongs to the bin below it.
std::vector<float> edges_of(std::span<const float> column, const StopToken &stop) {
	SparsePoll poll(stop);
	std::vector<float> values;
	values.reserve(column.size());
	std::copy_if(column.begin(), column.end(), std::back_inserter(values), [](float v) { return !std::isnan(v); });
	std::sort(values.begin(), values.end(), [&](float a, float b) {
		poll();
		return a < b;
	});
	std::vector<float> edges;
	std::size_t distinct = values.empty() ? 0 : 1;
	for (std::size_t i = 1; i < values.size(); ++i)
		distinct += values[i] != values[i - 1];
	const bool few = distinct <= kMaxEdges + 1;
	std::size_t next = 1; // of kMaxEdges + 1 shares
	for (std::size_t i = 1; i < values.size(); ++i) {
		if (values[i] == values[i - 1])
			continue;
		if (!few && i * (kMaxEdges + 1) < next * values.size())
			continue;
		const float middle = values[i - 1] + (values[i] - values[i - 1]) / 2;
		edges.push_back(middle < values[i] ? middle : values[i - 1]);
		while (next * values.size() <= i * (kMaxEdges + 1))
			++next;
	}
	return edges;
}

} // namespace

ExampleTable::ExampleTable(std::vector<ColumnKind> kinds, std::size_t n_rows, MemoryBudget *budget)
	: kinds_(std::move(kinds)), n_rows_(n_rows), values_(kinds_.size() * n_rows, 0.0f, BudgetAllocator<float>(budget)) {}

FeatureBins::FeatureBins(const ExampleTable &table, Executor &executor, const StopToken &stop) : kinds_(table.kinds()) {
	std::vector<std::vector<float>> edges(table.n_features());
	executor.run(table.n_features(), [&](std::size_t f) {
		stop.check();
		if (kinds_[f] == ColumnKind::Numeric)
			edges[f] = edges_of(table.column(f), stop);
	});
	offsets_.push_back(0);
	for (const std::vector<float> &e : edges) {
		edges_.insert(edges_.end(), e.begin(), e.end());
		offsets_.push_back(static_cast<std::uint32_t>(edges_.size()));
	}
}

FeatureBins::FeatureBins(const artifact::View &view) {
	const auto kinds = view.get<std::uint8_t>("bins.kinds");
	const auto offsets = view.get<std::uint32_t>("bins.offsets", kinds.size() + 1);
	const auto edges = view.get<float>("bins.edges");
	for (const std::uint8_t kind : kinds) {
		if (kind > static_cast<std::uint8_t>(ColumnKind::Categorical))
			artifact::View::fail("bins.kinds", "has a kind that does not exist");
		kinds_.push_back(static_cast<ColumnKind>(kind));
	}
	for (std::size_t f = 0; f < kinds.size(); ++f)
		if (offsets[f] > offsets[f + 1] || offsets[f + 1] - offsets[f] > kMaxEdges)
			artifact::View::fail("bins.offsets", "does not ascend");
	if (offsets[0] != 0 || offsets[kinds.size()] != edges.size())
		artifact::View::fail("bins.offsets", "does not match the edges");
	offsets_.assign(offsets.begin(), offsets.end());
	edges_.assign(edges.begin(), edges.end());
}

void FeatureBins::write(artifact::Writer &writer) const {
	std::vector<std::uint8_t> kinds;
	for (const ColumnKind kind : kinds_)
		kinds.push_back(static_cast<std::uint8_t>(kind));
	writer.add<std::uint8_t>("bins.kinds", kinds);
	writer.add<std::uint32_t>("bins.offsets", offsets_);
	writer.add<float>("bins.edges", edges_);
}

std::uint8_t FeatureBins::bin(std::size_t feature, float value) const noexcept {
	if (std::isnan(value))
		return kAbsent;
	if (kinds_[feature] == ColumnKind::Categorical)
		return static_cast<std::uint8_t>(1 + std::clamp(value, 0.0f, static_cast<float>(kBins - 2)));
	const auto begin = edges_.begin() + offsets_[feature], end = edges_.begin() + offsets_[feature + 1];
	return static_cast<std::uint8_t>(1 + (std::lower_bound(begin, end, value) - begin));
}

BinnedTable::BinnedTable(const ExampleTable &table, const FeatureBins &bins, Executor &executor, const StopToken &stop,
						 MemoryBudget *budget)
	: n_rows_(table.n_rows()), n_features_(table.n_features()),
	  bins_(n_rows_ * n_features_, kAbsent, BudgetAllocator<std::uint8_t>(budget)) {
	executor.run(n_features_, [&](std::size_t f) {
		SparsePoll poll(stop, kPollRows);
		const std::span<const float> values = table.column(f);
		for (std::size_t row = 0; row < n_rows_; ++row) {
			poll();
			bins_[f * n_rows_ + row] = bins.bin(f, values[row]);
		}
	});
}

} // namespace recsys::recipe
