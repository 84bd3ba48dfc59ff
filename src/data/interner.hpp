// Ids in order of arrival, while rows are read. A table of hashes finds an id in one or two memory accesses; ranks by
// bytes come later, when all ids are known, from one sort of the distinct ids instead of one of all rows.
#include "base/wall.hpp"
#pragma once

#include <cstdint>
#include <string_view>

#include "base/budget.hpp"
#include "base/executor.hpp"
#include "base/stop.hpp"

namespace recsys::data {

class Interner {
public:
	explicit Interner(MemoryBudget *budget);
	/// The arrival number of `id`, new or known. Errors: RS003 beyond 2^32 - 2 ids.
	std::uint32_t intern(std::string_view id);
	std::size_t size() const noexcept { return offsets_.size() - 1; }
	std::string_view operator[](std::uint32_t arrival) const noexcept {
		return {bytes_.data() + offsets_[arrival], static_cast<std::size_t>(offsets_[arrival + 1] - offsets_[arrival])};
	}
	/// Arrival numbers in ascending order of bytes.
	Budgeted<std::uint32_t> sorted(Executor &executor, const StopToken &stop) const;
	std::size_t total_bytes() const noexcept { return bytes_.size(); }

private:
	struct Slot {
		std::uint32_t tag;     // high half of the hash: spares most visits to the bytes
		std::uint32_t arrival; // kEmpty when free
	};
	static constexpr std::uint32_t kEmpty = 0xffffffff;
	void grow();

	MemoryBudget *budget_;
	Budgeted<char> bytes_;
	Budgeted<std::uint64_t> offsets_; // size() + 1 values
	Budgeted<Slot> slots_;            // a power of two, at most two thirds full
};

} // namespace recsys::data
