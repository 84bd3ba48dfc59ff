#include "math/packed_csr.hpp"

#include <numeric>

namespace recsys::math {

namespace {

constexpr std::size_t kPollEvery = 1 << 18;

template <class Put> void each_byte(std::span<const std::uint32_t> row, Put put) {
	std::uint32_t least = 0; // that the next column can be
	for (const std::uint32_t column : row) {
		std::uint32_t difference = column - least;
		for (; difference >= 0x80; difference >>= 7)
			put(static_cast<std::uint8_t>(difference | 0x80));
		put(static_cast<std::uint8_t>(difference));
		least = column + 1;
	}
}

template <class Body> void each_row(const Csr &matrix, const StopToken &stop, Body body) {
	std::size_t since_poll = kPollEvery;
	for (std::size_t row = 0; row < matrix.rows(); ++row) {
		if ((since_poll += matrix.row_size(row) + 1) >= kPollEvery) {
			stop.check();
			since_poll = 0;
		}
		body(row);
	}
}

} // namespace

PackedCsr pack(const Csr &matrix, MemoryBudget *budget, const StopToken &stop) {
	PackedCsr out;
	out.offsets = Budgeted<std::uint64_t>(matrix.rows() + 1, 0, BudgetAllocator<std::uint64_t>(budget));
	each_row(matrix, stop, [&](std::size_t row) {
		std::uint64_t size = 0;
		each_byte(matrix.row(row), [&](std::uint8_t) { ++size; });
		out.offsets[row + 1] = size;
	});
	std::partial_sum(out.offsets.begin(), out.offsets.end(), out.offsets.begin());
	out.bytes = Budgeted<std::uint8_t>(out.offsets.back(), 0, BudgetAllocator<std::uint8_t>(budget));
	each_row(matrix, stop, [&](std::size_t row) {
		std::uint8_t *to = out.bytes.data() + out.offsets[row];
		each_byte(matrix.row(row), [&](std::uint8_t byte) { *to++ = byte; });
	});
	return out;
}

} // namespace recsys::math
