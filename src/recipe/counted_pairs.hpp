// Every pair of items that a training counted, kept with the model. Lists of neighbours end after the best few hundred; where a
// filter leaves nothing of them, what comes next has to be counted anew, for one item and when it is asked for.
//
// Kept are the histories of at least two items, and for each item its histories, both packed (math/packed_csr): some three bytes
// for an item of a history. Counting walks the histories of the item: as many steps as they have items together.
#include "base/wall.hpp"
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "artifact/artifact.hpp"
#include "math/csr.hpp"
#include "math/top_k.hpp"

namespace recsys::recipe {

/// How alike two items are of which `count` histories have both.
inline float similarity_of(std::uint32_t count, double discount) noexcept {
	return static_cast<float>(static_cast<double>(count) * discount);
}

/// What similarities are counted from.
struct CountedHistories {
	math::Csr histories;	   // histories × items
	Budgeted<double> discount; // n_items: similarity = common histories × discount of the neighbour
	std::uint32_t least = 1;   // common histories of neighbours
};
/// Sections `pairs.…`.
void write_pairs(CountedHistories &&counted, MemoryBudget *budget, const StopToken &stop, artifact::Writer &writer);

class CountedPairs {
public:
	static bool present(const artifact::View &view) noexcept;
	/// Errors: RS007.
	CountedPairs(const artifact::View &view, std::size_t n_items);
	/// All neighbours of the item with their similarities, best first. Errors: RS007.
	void neighbours(std::uint32_t item, std::vector<math::Scored> &out) const;

private:
	struct Rows {
		std::span<const std::uint64_t> offsets;
		std::span<const std::uint8_t> bytes;
		std::size_t n_columns;
		const char *section;
		std::size_t size() const noexcept { return offsets.empty() ? 0 : offsets.size() - 1; }
		template <class Visit> void each(std::uint32_t row, Visit visit) const;
	};
	static Rows rows(const artifact::View &view, const char *offsets, const char *bytes);

	std::span<const double> discount_;
	Rows by_history_, by_item_;
	std::uint32_t least_ = 1;
};

} // namespace recsys::recipe
