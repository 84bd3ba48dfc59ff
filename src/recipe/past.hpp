// A user's history as experts see it. An item's newest event decides: if it is negative, the item is denied and none of its
// events is a signal. Age counts moments, not events: events of equal time (a basket, or a log without times) are equally
// old, because nothing is known about their order.
#include "base/wall.hpp"
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "recipe/recipe.hpp"

namespace recsys::recipe {

inline constexpr std::size_t kMaxPast = 200; // events; older ones change no answer measurably

/// One positive event; `age` is the number of distinct newer moments among the positive events.
struct Vote {
	std::uint32_t item, age;
	const Event *event = nullptr; // of the history that was read
};
/// The votes, newest first, and whose they are, as Query tells it.
struct Past : std::span<const Vote> {
	Past() = default;
	Past(std::span<const Vote> votes, std::uint64_t of = 0) noexcept : std::span<const Vote>(votes), user(of) {}
	std::uint64_t user = 0;
};

/// Lives on the stack of a request.
class PastBuffer {
public:
	/// `history`: oldest first, must outlive the votes; items must be below `n_items`, others are skipped.
	void read(std::span<const Event> history, std::size_t n_items, std::uint64_t user = 0) noexcept;
	Past past() const noexcept { return {{votes_.data(), n_votes_}, user_}; }
	std::span<const std::uint32_t> denied() const noexcept { return {denied_.data(), n_denied_}; }

private:
	std::array<Vote, kMaxPast> votes_;
	std::array<std::uint32_t, kMaxPast> denied_;
	std::size_t n_votes_ = 0, n_denied_ = 0;
	std::uint64_t user_ = 0;
};

} // namespace recsys::recipe
