// The questions by which settings and weights are found: for users kept out of the training, what came next?
// Every event of a user's newest tenth is asked for, given all before it. Short histories are rare there, so the weights for
// them are found on early cuts of the same users, which are marked and used for nothing else.
#include "base/wall.hpp"
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "recipe/past.hpp"
#include "recipe/recipe.hpp"

namespace recsys::recipe {

struct HeldOutCase {
	std::uint32_t user;	   // ordinal among the held-out users
	std::uint32_t length;  // events of the history that are given
	std::uint32_t truth;   // the item that came next
	bool early;			   // an early cut
	std::uint32_t owner, event; // the user and the event that is asked for, in the training set
};

class HeldOutCases {
public:
	/// Of the tuning half; at most about `max_cases` of each kind, spread evenly.
	HeldOutCases(const TrainRequest &request, std::span<const std::uint8_t> sides, std::size_t max_cases);
	std::span<const HeldOutCase> cases() const noexcept { return cases_; }
	std::size_t n_users() const noexcept { return begin_.size() - 1; }
	/// All events of a held-out user, and how many of them are given, not asked for.
	std::span<const Event> events(std::size_t user) const noexcept {
		return std::span<const Event>(events_).subspan(begin_[user], begin_[user + 1] - begin_[user]);
	}
	std::size_t given(std::size_t user) const noexcept { return given_[user]; }
	std::span<const Event> history(const HeldOutCase &c) const noexcept {
		return std::span<const Event>(events_).subspan(begin_[c.user], c.length);
	}

private:
	Budgeted<Event> events_;
	std::vector<std::size_t> begin_{0}, given_;
	std::vector<HeldOutCase> cases_;
};

} // namespace recsys::recipe
