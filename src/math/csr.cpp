#include "math/csr.hpp"

#include <numeric>

namespace recsys::math {

Csr transpose(const Csr &matrix, MemoryBudget *budget, const StopToken &stop) {
	constexpr std::size_t kPollEvery = 1 << 18;
	Csr out;
	out.n_columns = matrix.rows();
	out.offsets = Budgeted<std::uint64_t>(matrix.n_columns + 1, 0, BudgetAllocator<std::uint64_t>(budget));
	out.index = Budgeted<std::uint32_t>(matrix.index.size(), 0, BudgetAllocator<std::uint32_t>(budget));
	for (std::size_t i = 0; i < matrix.index.size(); ++i) {
		if (i % kPollEvery == 0)
			stop.check();
		++out.offsets[matrix.index[i] + 1];
	}
	std::partial_sum(out.offsets.begin(), out.offsets.end(), out.offsets.begin());
	Budgeted<std::uint64_t> next(out.offsets.begin(), out.offsets.end(), BudgetAllocator<std::uint64_t>(budget));
	std::size_t since_poll = 0;
	for (std::size_t row = 0; row < matrix.rows(); ++row) {
		for (const std::uint32_t column : matrix.row(row))
			out.index[next[column]++] = static_cast<std::uint32_t>(row);
		if ((since_poll += matrix.row_size(row) + 1) >= kPollEvery) {
			since_poll = 0;
			stop.check();
		}
	}
	return out;
}

void drop_short_rows(Csr &matrix, std::size_t least) {
	std::size_t rows = 0;
	std::uint64_t begin = 0, to = 0; // of the row that is looked at; of those kept, the end
	for (std::size_t row = 0; row < matrix.rows(); ++row) {
		const std::uint64_t end = matrix.offsets[row + 1];
		if (end - begin >= least) {
			std::copy_n(matrix.index.data() + begin, to == begin ? 0 : end - begin, matrix.index.data() + to);
			to += end - begin;
			matrix.offsets[++rows] = to;
		}
		begin = end;
	}
	matrix.index.resize(to);
	if (!matrix.offsets.empty())
		matrix.offsets.resize(rows + 1);
}

Budgeted<std::uint64_t> cooccurrence_costs(const Csr &by_row, const Csr &by_column,
										   std::span<const std::uint8_t> wanted, MemoryBudget *budget,
										   const StopToken &stop) {
	constexpr std::size_t kPollEvery = 1 << 18;
	Budgeted<std::uint64_t> costs(by_column.rows(), 0, BudgetAllocator<std::uint64_t>(budget));
	std::size_t since_poll = kPollEvery;
	for (std::size_t a = 0; a < costs.size(); ++a) {
		if (!wanted.empty() && wanted[a] == 0)
			continue;
		for (const std::uint32_t row : by_column.row(a))
			costs[a] += by_row.row_size(row);
		if ((since_poll += by_column.row_size(a) + 1) >= kPollEvery) {
			since_poll = 0;
			stop.check();
		}
	}
	return costs;
}

std::vector<std::uint32_t> split_by_cost(std::span<const std::uint64_t> costs, std::size_t max_pieces) {
	// One unit a member keeps members without cost from gathering in one piece.
	const std::uint64_t total = std::accumulate(costs.begin(), costs.end(), std::uint64_t{costs.size()});
	const std::uint64_t share = std::max<std::uint64_t>(1, (total + max_pieces - 1) / max_pieces);
	std::vector<std::uint32_t> bounds{0};
	std::uint64_t sum = 0;
	for (std::size_t i = 0; i < costs.size(); ++i)
		if ((sum += costs[i] + 1) >= share) {
			bounds.push_back(static_cast<std::uint32_t>(i + 1));
			sum = 0;
		}
	if (bounds.back() != costs.size())
		bounds.push_back(static_cast<std::uint32_t>(costs.size()));
	return bounds;
}

} // namespace recsys::math
