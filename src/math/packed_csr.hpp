// A Csr in a byte or two an entry, for matrices that are kept: of each row the differences of its ascending columns, less one,
// seven bits a byte, the low ones first; all bytes of a number but its last have the high bit set.
#include "base/wall.hpp"
#pragma once

#include "math/csr.hpp"

namespace recsys::math {

struct PackedCsr {
	Budgeted<std::uint64_t> offsets; // rows + 1: where each row's bytes begin
	Budgeted<std::uint8_t> bytes;
};

PackedCsr pack(const Csr &matrix, MemoryBudget *budget, const StopToken &stop);

/// visit(column) for each column of a row, ascending. False, and no further visit, where the bytes are not those of a row with
/// columns below `n_columns`.
template <class Visit> bool unpack(std::span<const std::uint8_t> row, std::size_t n_columns, Visit visit) {
	constexpr unsigned kMaxShift = 28; // of the last byte of 32 bits
	std::uint64_t column = 0;
	for (auto byte = row.begin(); byte != row.end(); ++column) {
		std::uint64_t difference = 0;
		for (unsigned shift = 0;; shift += 7) {
			if (byte == row.end() || shift > kMaxShift)
				return false;
			difference |= static_cast<std::uint64_t>(*byte & 0x7f) << shift;
			if ((*byte++ & 0x80) == 0)
				break;
		}
		column += difference;
		if (column >= n_columns)
			return false;
		visit(static_cast<std::uint32_t>(column));
	}
	return true;
}

} // namespace recsys::math
