#include "recipe/counted_pairs.hpp"

#include <algorithm>

#include "math/packed_csr.hpp"

namespace recsys::recipe {

namespace {

constexpr const char *kLeast = "pairs.least", *kDiscount = "pairs.discount", *kHistoryOffsets = "pairs.history_offsets",
					 *kHistories = "pairs.histories", *kItemOffsets = "pairs.item_offsets", *kItems = "pairs.items";

void write_packed(const math::Csr &matrix, const char *offsets, const char *bytes, MemoryBudget *budget, const StopToken &stop,
				  artifact::Writer &writer) {
	const math::PackedCsr packed = math::pack(matrix, budget, stop);
	writer.add<std::uint64_t>(offsets, packed.offsets);
	writer.add<std::uint8_t>(bytes, packed.bytes);
}

} // namespace

void write_pairs(CountedHistories &&counted, MemoryBudget *budget, const StopToken &stop, artifact::Writer &writer) {
	writer.add<std::uint32_t>(kLeast, {&counted.least, 1});
	writer.add<double>(kDiscount, counted.discount);
	math::Csr histories = std::move(counted.histories);
	math::drop_short_rows(histories, 2); // they have no pairs
	write_packed(histories, kHistoryOffsets, kHistories, budget, stop, writer);
	write_packed(math::transpose(histories, budget, stop), kItemOffsets, kItems, budget, stop, writer);
}

CountedPairs::Rows CountedPairs::rows(const artifact::View &view, const char *offsets, const char *bytes) {
	return {view.get<std::uint64_t>(offsets), view.get<std::uint8_t>(bytes), 0, bytes};
}

bool CountedPairs::present(const artifact::View &view) noexcept { return view.has(kLeast); }

CountedPairs::CountedPairs(const artifact::View &view, std::size_t n_items)
	: discount_(view.get<double>(kDiscount, n_items)), by_history_(rows(view, kHistoryOffsets, kHistories)),
	  by_item_(rows(view, kItemOffsets, kItems)), least_(view.get<std::uint32_t>(kLeast, 1).front()) {
	by_history_.n_columns = n_items;
	by_item_.n_columns = by_history_.size();
	if (by_item_.size() != n_items)
		artifact::View::fail(kItemOffsets, "has an unexpected size");
}

// Rows are checked when they are read: checking all of them at every opening would cost more than all requests.
template <class Visit> void CountedPairs::Rows::each(std::uint32_t row, Visit visit) const {
	const std::uint64_t begin = offsets[row], end = offsets[row + 1];
	if (begin > end || end > bytes.size() || !math::unpack(bytes.subspan(begin, end - begin), n_columns, visit))
		artifact::View::fail(section, "has a row that is none");
}

void CountedPairs::neighbours(std::uint32_t item, std::vector<math::Scored> &out) const {
	std::vector<std::uint32_t> count(discount_.size(), 0);
	by_item_.each(item, [&](std::uint32_t history) { by_history_.each(history, [&](std::uint32_t other) { ++count[other]; }); });
	out.clear();
	for (std::uint32_t other = 0; other < count.size(); ++other)
		if (other != item && count[other] >= least_)
			out.push_back({other, similarity_of(count[other], discount_[other])});
	std::sort(out.begin(), out.end(), math::before);
}

} // namespace recsys::recipe
