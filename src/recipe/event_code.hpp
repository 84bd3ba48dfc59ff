// What the network is told of an event beside its item, and where sessions begin: the same in training and in a request.
//
// The time since the event before is told by its order of magnitude, a row of Part::Extra each. Sessions are those that the
// data tell; where they are silent, one ends with a pause. The pause is the shortest of half an hour, two hours, and so on up to
// a month that leaves sessions of some length; data without such a pause have no sessions.
#include "base/wall.hpp"
#pragma once

#include <cstdint>
#include <span>

#include "recipe/network_training.hpp"
#include "recipe/recipe.hpp"

namespace recsys::recipe {

struct EventCode {
	static constexpr std::uint32_t kGaps = 32;		  // 0 = none, then doubling from one second on
	static constexpr std::uint32_t kUnknownGap = kGaps; // of the oldest event that is looked at
	static constexpr std::uint32_t kRows = kGaps + 1;
	static constexpr std::size_t kColumns = 1;

	std::int64_t pause = 0;			  // microseconds; 0 = no pause ends a session
	std::uint32_t told_sessions = 0;  // 1 = sessions are told

	bool two_levels() const noexcept { return pause > 0 || told_sessions != 0; }
	bool begins_session(const Event &before, const Event &now) const noexcept;
	/// kColumns rows. `before` is null for the oldest event.
	void rows(const Event *before, const Event &now, std::uint32_t *out) const noexcept;
	/// Adds a user's events, oldest first, as one history.
	void append(std::span<const Event> history, NetworkEvents &out) const;
};

/// Finds where sessions end, from users' histories.
class SessionFinder {
public:
	void add(std::span<const Event> history) noexcept;
	EventCode found() const noexcept;

private:
	static constexpr std::size_t kPauses = 6;
	double events_ = 0, told_ = 0, ends_told_ = 0, ends_[kPauses] = {};
};

} // namespace recsys::recipe
