// Sparse 0/1 matrices by rows, and the product that counting needs: how many rows two columns share.
#include "base/wall.hpp"
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "base/budget.hpp"
#include "base/executor.hpp"
#include "base/stop.hpp"

namespace recsys::math {

/// Row r holds the columns index[offsets[r]] … index[offsets[r + 1] - 1], ascending and distinct.
struct Csr {
	std::size_t n_columns = 0;
	Budgeted<std::uint64_t> offsets; // rows() + 1 values
	Budgeted<std::uint32_t> index;

	std::size_t rows() const noexcept { return offsets.empty() ? 0 : offsets.size() - 1; }
	std::size_t row_size(std::size_t r) const noexcept { return offsets[r + 1] - offsets[r]; }
	std::span<const std::uint32_t> row(std::size_t r) const noexcept {
		return {index.data() + offsets[r], row_size(r)};
	}
};

/// Columns become rows; each new row lists its old rows in ascending order.
Csr transpose(const Csr &matrix, MemoryBudget *budget, const StopToken &stop);

/// Rows of fewer than `least` columns go; the others move up.
void drop_short_rows(Csr &matrix, std::size_t least);

/// Contiguous pieces of about equal cost: piece p is [bounds[p], bounds[p + 1]). A function of the costs alone, so
/// results that are reduced piece by piece do not depend on the number of threads.
std::vector<std::uint32_t> split_by_cost(std::span<const std::uint64_t> costs, std::size_t max_pieces);

/// Shared rows of one column with all others, ready to read.
struct Cooccurrence {
	std::span<const std::uint32_t> count;   // n_columns values; the column's own count is its size
	std::span<const std::uint32_t> touched; // columns that may have a count, in no particular order
};

/// Work of each column's counts: the summed sizes of its rows. Zero for columns that are not `wanted` (empty: all are).
Budgeted<std::uint64_t> cooccurrence_costs(const Csr &by_row, const Csr &by_column,
										   std::span<const std::uint8_t> wanted, MemoryBudget *budget,
										   const StopToken &stop);

/// For every column a with a cost, in parallel by pieces of about equal cost: visit(a, Cooccurrence). `by_column` is
/// the transpose of `by_row`. Work is the sum over rows of size squared. Row-wise (Gustavson 1978) with a dense
/// counter, which stays in the cache for all but the largest catalogues; a column that meets a good part of the
/// catalogue is swept densely instead of keeping a list, as the list would cost more than the sweep. Polls `stop`.
template <class Visit>
void for_each_cooccurrence(const Csr &by_row, const Csr &by_column, std::span<const std::uint64_t> costs,
						   Executor &executor, MemoryBudget *budget, const StopToken &stop, Visit visit) {
	constexpr std::size_t kPieces = 128, kDenseShare = 8, kPollEvery = 1 << 20;
	const std::size_t n = by_column.rows();
	Budgeted<std::uint32_t> everything(n, 0, BudgetAllocator<std::uint32_t>(budget));
	for (std::size_t a = 0; a < n; ++a)
		everything[a] = static_cast<std::uint32_t>(a);
	const std::vector<std::uint32_t> bounds = split_by_cost(costs, kPieces);
	executor.run(bounds.size() - 1, [&](std::size_t piece) {
		Budgeted<std::uint32_t> count(n, 0, BudgetAllocator<std::uint32_t>(budget));
		Budgeted<std::uint32_t> list(n + 1, 0, BudgetAllocator<std::uint32_t>(budget));
		std::uint64_t work = 0;
		stop.check();
		for (std::uint32_t a = bounds[piece]; a < bounds[piece + 1]; ++a) {
			if (costs[a] == 0)
				continue;
			const bool dense = costs[a] >= n / kDenseShare;
			std::size_t n_touched = 0;
			for (const std::uint32_t row : by_column.row(a)) {
				const std::span<const std::uint32_t> columns = by_row.row(row);
				if (dense) {
					for (const std::uint32_t b : columns)
						++count[b];
				} else {
					for (const std::uint32_t b : columns) {
						list[n_touched] = b;
						n_touched += count[b]++ == 0;
					}
				}
				if ((work += columns.size()) >= kPollEvery) {
					work = 0;
					stop.check();
				}
			}
			const std::span<const std::uint32_t> touched = dense
															   ? std::span<const std::uint32_t>(everything)
															   : std::span<const std::uint32_t>(list.data(), n_touched);
			visit(a, Cooccurrence{count, touched});
			if (dense)
				std::fill(count.begin(), count.end(), 0);
			else
				for (const std::uint32_t b : touched)
					count[b] = 0;
			work += touched.size();
		}
	});
}

} // namespace recsys::math
