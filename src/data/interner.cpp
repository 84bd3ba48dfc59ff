#include "data/interner.hpp"

#include <algorithm>
#include <utility>

#include "base/hash.hpp"

namespace recsys::data {

namespace {

/// The first eight bytes as a number that compares like them; most comparisons of ids end here, without touching the
/// ids.
std::uint64_t prefix_of(std::string_view id) noexcept {
	std::uint64_t key = 0;
	for (std::size_t i = 0; i < 8; ++i)
		key = key << 8 | (i < id.size() ? static_cast<unsigned char>(id[i]) : 0u);
	return key;
}

struct Keyed {
	std::uint64_t prefix;
	std::uint32_t arrival;
};

constexpr std::size_t kChunk = 1 << 16;     // ids sorted by one task: a few milliseconds
constexpr std::size_t kPollEvery = 1 << 15; // comparisons between two polls

/// Ascending bytes. Polls: the last merges handle all ids in one task.
struct ByteOrder {
	const Interner &ids;
	const StopToken &stop;
	std::size_t &countdown;
	bool operator()(const Keyed &a, const Keyed &b) const {
		if (--countdown == 0) {
			countdown = kPollEvery;
			stop.check();
		}
		return a.prefix != b.prefix ? a.prefix < b.prefix : ids[a.arrival] < ids[b.arrival];
	}
};

} // namespace

Interner::Interner(MemoryBudget *budget)
	: budget_(budget), bytes_(BudgetAllocator<char>(budget)), offsets_(1, 0, BudgetAllocator<std::uint64_t>(budget)),
	  slots_(1024, Slot{0, kEmpty}, BudgetAllocator<Slot>(budget)) {}

std::uint32_t Interner::intern(std::string_view id) {
	const std::uint64_t hash = hash64(id);
	const auto tag = static_cast<std::uint32_t>(hash >> 32);
	const std::size_t mask = slots_.size() - 1;
	std::size_t at = hash & mask;
	for (; slots_[at].arrival != kEmpty; at = (at + 1) & mask)
		if (slots_[at].tag == tag && (*this)[slots_[at].arrival] == id)
			return slots_[at].arrival;
	if (size() >= kEmpty - 1)
		throw Error(sqlstate::LimitExceeded, "too many different ids", "At most 4294967294 can be numbered.");
	const auto arrival = static_cast<std::uint32_t>(size());
	bytes_.insert(bytes_.end(), id.begin(), id.end());
	offsets_.push_back(bytes_.size());
	slots_[at] = {tag, arrival};
	if (3 * size() > 2 * slots_.size())
		grow();
	return arrival;
}

void Interner::grow() {
	Budgeted<Slot> wider(slots_.size() * 2, Slot{0, kEmpty}, BudgetAllocator<Slot>(budget_));
	const std::size_t mask = wider.size() - 1;
	for (std::uint32_t arrival = 0; arrival < size(); ++arrival) {
		const std::uint64_t hash = hash64((*this)[arrival]);
		std::size_t at = hash & mask;
		while (wider[at].arrival != kEmpty)
			at = (at + 1) & mask;
		wider[at] = {static_cast<std::uint32_t>(hash >> 32), arrival};
	}
	slots_ = std::move(wider);
}

Budgeted<std::uint32_t> Interner::sorted(Executor &executor, const StopToken &stop) const {
	const std::size_t n = size();
	Budgeted<Keyed> from(n, Keyed{}, BudgetAllocator<Keyed>(budget_)), to(n, Keyed{}, BudgetAllocator<Keyed>(budget_));
	executor.run((n + kChunk - 1) / kChunk, [&](std::size_t chunk) {
		stop.check();
		std::size_t countdown = kPollEvery;
		const std::size_t begin = chunk * kChunk, end = std::min(n, begin + kChunk);
		for (std::size_t i = begin; i < end; ++i)
			from[i] = {prefix_of((*this)[static_cast<std::uint32_t>(i)]), static_cast<std::uint32_t>(i)};
		std::sort(from.begin() + static_cast<std::ptrdiff_t>(begin), from.begin() + static_cast<std::ptrdiff_t>(end),
				  ByteOrder{*this, stop, countdown});
	});
	for (std::size_t width = kChunk; width < n; width *= 2) {
		executor.run((n + 2 * width - 1) / (2 * width), [&](std::size_t pair) {
			stop.check();
			std::size_t countdown = kPollEvery;
			const auto at = [&](std::size_t i) { return static_cast<std::ptrdiff_t>(std::min(n, i)); };
			const std::size_t begin = pair * 2 * width;
			std::merge(from.begin() + at(begin), from.begin() + at(begin + width), from.begin() + at(begin + width),
					   from.begin() + at(begin + 2 * width), to.begin() + at(begin), ByteOrder{*this, stop, countdown});
		});
		from.swap(to);
	}
	Budgeted<std::uint32_t> order(n, 0, BudgetAllocator<std::uint32_t>(budget_));
	for (std::size_t i = 0; i < n; ++i)
		order[i] = from[i].arrival;
	return order;
}

} // namespace recsys::data
