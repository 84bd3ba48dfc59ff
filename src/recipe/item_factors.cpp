#include "recipe/item_factors.hpp"

#include <algorithm>
#include <cmath>

#include "math/kernels.hpp"
#include "math/low_rank.hpp"
#include "recipe/neighbours.hpp"

namespace recsys::recipe {

namespace {

constexpr std::uint64_t kMostPairs = 30'000'000; // a sample of the users is enough for so few numbers an item
constexpr std::size_t kClasses = 64;			 // of items by how often they occur
constexpr std::uint64_t kSeed = 0x666163746f72;
constexpr NeighbourSettings kCounting{.window = 20,
									  .distance_power = 0.5f,
									  .backward = 1,
									  .user_power = 0.3f,
									  .from_power = 0,
									  .to_power = 0,
									  .smoothing = 0,
									  .neighbours = 0,
									  .age_power = 0,
									  .max_history = 0};

/// Symmetric: both products are the same.
class LiftMap final : public math::LinearMap {
public:
	LiftMap(const TrainRequest &request, const NeighbourCounts &counts, std::size_t n_items, const math::Workers &workers)
		: class_(n_items, kClasses, BudgetAllocator<std::uint32_t>(workers.budget)) {
		const std::vector<double> total = count_totals(counts, n_items);
		sort_into_classes(total);
		counted_.n_columns = n_items;
		counted_.offsets = Budgeted<std::uint64_t>(1, 0, BudgetAllocator<std::uint64_t>(workers.budget));
		counted_.index = Budgeted<std::uint32_t>(BudgetAllocator<std::uint32_t>(workers.budget));
		values_ = Budgeted<float>(BudgetAllocator<float>(workers.budget));
		for (std::size_t part = 0; part < counts.parts.size(); ++part) {
			request.stop.check();
			const Neighbour *n = counts.parts[part].data();
			for (const std::uint32_t size : counts.sizes[part]) {
				append_row({n, size});
				n += size;
			}
		}
	}
	std::size_t rows() const noexcept override { return class_.size(); }
	std::size_t columns() const noexcept override { return class_.size(); }
	void times(const math::Matrix &x, math::Matrix &out, const math::Workers &workers) const override {
		math::multiply(counted_, values_, x, out, workers);
		// Less what chance explains: sums by class, then classes by classes.
		std::vector<float> sum(kClasses * x.columns, 0.0f), chance(sum);
		SparsePoll poll(workers.stop, 1 << 14);
		for (std::size_t item = 0; item < rows(); ++item, poll())
			if (class_[item] < kClasses)
				for (std::size_t d = 0; d < x.columns; ++d)
					sum[class_[item] * x.columns + d] += x.row(item)[d];
		for (std::size_t a = 0; a < kClasses; ++a)
			for (std::size_t b = 0; b < kClasses; ++b)
				for (std::size_t d = 0; d < x.columns; ++d)
					chance[a * x.columns + d] += chance_[a * kClasses + b] * sum[b * x.columns + d];
		for (std::size_t item = 0; item < rows(); ++item, poll())
			if (class_[item] < kClasses)
				for (std::size_t d = 0; d < x.columns; ++d)
					out.row(item)[d] -= chance[class_[item] * x.columns + d];
	}
	void transposed_times(const math::Matrix &x, math::Matrix &out, const math::Workers &workers) const override {
		times(x, out, workers);
	}

private:
	static std::vector<double> count_totals(const NeighbourCounts &counts, std::size_t n_items) {
		std::vector<double> total;
		total.reserve(n_items);
		for (std::size_t part = 0; part < counts.parts.size(); ++part) {
			const Neighbour *n = counts.parts[part].data();
			for (const std::uint32_t size : counts.sizes[part]) {
				double sum = 0;
				for (const Neighbour *end = n + size; n != end; ++n)
					sum += static_cast<double>(n->weight);
				total.push_back(sum);
			}
		}
		return total;
	}

	/// Equal steps of the logarithm between the rarest and the most frequent item; none for items without a pair.
	void sort_into_classes(const std::vector<double> &total) {
		double least = INFINITY, most = 0, all = 0;
		for (const double t : total) {
			if (t > 0)
				least = std::min(least, t);
			most = std::max(most, t);
			all += t;
		}
		const double step = most > least ? std::log(most / least) / static_cast<double>(kClasses) : 1.0;
		for (std::size_t item = 0; item < total.size(); ++item)
			if (total[item] > 0)
				class_[item] = std::min(static_cast<std::uint32_t>(std::log(total[item] / least) / step),
										static_cast<std::uint32_t>(kClasses - 1));
		const auto typical = [&](std::size_t c) { return least * std::exp((static_cast<double>(c) + 0.5) * step); };
		chance_.assign(kClasses * kClasses, 0.0f);
		if (all > 0)
			for (std::size_t a = 0; a < kClasses; ++a)
				for (std::size_t b = 0; b < kClasses; ++b)
					chance_[a * kClasses + b] = static_cast<float>(std::log1p(typical(a) * typical(b) / all));
	}

	/// log(1 + c) where a pair was counted; on the diagonal what chance takes off, so that an item says nothing about itself.
	void append_row(std::span<const Neighbour> row) {
		const auto item = static_cast<std::uint32_t>(counted_.rows());
		std::vector<Neighbour> ascending(row.begin(), row.end());
		std::sort(ascending.begin(), ascending.end(), [](const Neighbour &a, const Neighbour &b) { return a.item < b.item; });
		for (Neighbour &n : ascending)
			n.weight = std::log1p(n.weight);
		if (class_[item] < kClasses) {
			const auto at = std::find_if(ascending.begin(), ascending.end(), [&](const Neighbour &n) { return n.item > item; });
			ascending.insert(at, {item, chance_[class_[item] * kClasses + class_[item]]});
		}
		for (const Neighbour &n : ascending) {
			counted_.index.push_back(n.item);
			values_.push_back(n.weight);
		}
		counted_.offsets.push_back(counted_.index.size());
	}

	math::Csr counted_;
	Budgeted<float> values_;
	Budgeted<std::uint32_t> class_; // kClasses = none
	std::vector<float> chance_;		// classes × classes
};

/// Columns times the roots of the singular values, and as many zero ones as the kernels want.
math::Matrix scaled(const math::Matrix &m, std::span<const float> singular, MemoryBudget &budget) {
	math::Matrix out(m.rows, math::padded(m.columns), &budget);
	for (std::size_t r = 0; r < m.rows; ++r)
		for (std::size_t d = 0; d < m.columns; ++d)
			out.row(r)[d] = m.row(r)[d] * std::sqrt(singular[d]);
	return out;
}

} // namespace

ItemFactors factorize_items(const TrainRequest &request, std::span<const std::uint8_t> sides, std::size_t rank) {
	const math::Workers workers{request.executor, request.stop, &request.budget};
	request.monitor.phase("comparing items", request.data.n_items());
	std::optional<LiftMap> lift;
	{
		const Sequences sequences(request, sides, kMostPairs, kCounting.window);
		NeighbourSettings settings = kCounting;
		settings.neighbours = static_cast<std::uint32_t>(sequences.n_items());
		const NeighbourCounts counts = count_neighbours(request, sequences, settings);
		lift.emplace(request, counts, sequences.n_items(), workers);
	}
	const math::LowRank svd = math::truncated_svd(*lift, rank, kSeed, workers);
	return {scaled(svd.left, svd.singular, request.budget), scaled(svd.right, svd.singular, request.budget)};
}

} // namespace recsys::recipe
