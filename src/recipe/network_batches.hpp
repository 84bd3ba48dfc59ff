// From histories to batches. Histories are cut into pieces, pieces of similar length make a batch, anew in every epoch, and a
// batch is packed step by step as a pass of the network wants it. All of it is a function of (seed, epoch, place).
#include "base/wall.hpp"
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "recipe/network_pass.hpp"

namespace recsys::recipe {

/// Histories, an entry an event. Events of one moment of a user are in no order.
struct NetworkEvents {
	Budgeted<std::uint64_t> begin;	// n_users + 1
	Budgeted<std::uint32_t> item;
	Budgeted<std::uint32_t> moment; // grows within a user; equal = at the same time
	Budgeted<std::uint32_t> extra;	// extra_columns an event: rows of Part::Extra; column 0 belongs to the place in time
	Budgeted<std::uint8_t> session; // 1 = a session begins
	std::size_t extra_columns = 0;
	std::uint32_t extra_unknown = 0; // row for column 0 of a piece's first event: how long since the last is not known

	explicit NetworkEvents(MemoryBudget *budget)
		: begin(1, 0, BudgetAllocator<std::uint64_t>(budget)), item(BudgetAllocator<std::uint32_t>(budget)),
		  moment(BudgetAllocator<std::uint32_t>(budget)), extra(BudgetAllocator<std::uint32_t>(budget)),
		  session(BudgetAllocator<std::uint8_t>(budget)) {}
	std::size_t users() const noexcept { return begin.size() - 1; }
	std::size_t size() const noexcept { return item.size(); }
};

struct NetworkPiece {
	std::uint64_t begin;  // event
	std::uint32_t length; // events that foretell; the event after each is foretold
	std::uint32_t user;
};

/// What is random in batches.
struct NetworkChance {
	std::uint64_t seed, epoch;
};

/// Pieces of at most `most` events; where a long history's first one ends changes from epoch to epoch.
std::vector<NetworkPiece> cut_histories(const NetworkEvents &events, std::uint32_t most, NetworkChance chance, const StopToken &stop);
/// Batches of `size` or more pieces of similar length, of `most` events a piece or fewer, in an order of their own.
std::vector<std::vector<NetworkPiece>> group_pieces(std::vector<NetworkPiece> pieces, std::size_t size, std::uint32_t most,
													NetworkChance chance, const StopToken &stop);
/// The longest first. Events of one moment come in any order.
void pack_pieces(const NetworkEvents &events, std::span<const NetworkPiece> pieces, NetworkChance chance, PackedHistories &out);

} // namespace recsys::recipe
