// What the experts count: the positive events of the training users, once by user and time, once by item.
// Users whose history is shorter or longer than the percentiles asked for (robots, passers-by) are left out.
#include "base/wall.hpp"
#pragma once

#include <cstdint>
#include <span>

#include "recipe/recipe.hpp"

namespace recsys::recipe {

class Sequences {
public:
	/// How many events before and after one are ever looked at: bounds the work for users with very long histories.
	static constexpr std::size_t kReach = 500;

	/// Users u with `sides` empty or sides[u] == 0. With `max_pairs` > 0, a sample of the users, chosen by hash, whose events
	/// meet at most about that many others within `reach`: enough to choose settings by. Polls stop, charges the budget.
	Sequences(const TrainRequest &request, std::span<const std::uint8_t> sides, std::uint64_t max_pairs = 0,
			  std::size_t reach = kReach);

	std::size_t n_items() const noexcept { return item_begin_.size() - 1; }
	std::size_t n_users() const noexcept { return user_begin_.size() - 1; }
	std::size_t n_events() const noexcept { return item_.size(); }
	std::size_t user_begin(std::size_t user) const noexcept { return user_begin_[user]; }
	std::uint32_t item(std::size_t event) const noexcept { return item_[event]; }
	std::int64_t time(std::size_t event) const noexcept { return time_[event]; }
	/// Ordinal of the event's moment in its user's history: equal for equal times.
	std::uint32_t step(std::size_t event) const noexcept { return step_[event]; }
	std::uint32_t user(std::size_t event) const noexcept { return user_[event]; }
	/// The user's ordinal in the training set.
	std::uint32_t set_user(std::size_t user) const noexcept { return set_user_[user]; }
	/// As it stands in the training set.
	std::uint32_t session(std::size_t event) const noexcept { return session_[event]; }
	/// The events on an item, in order.
	std::span<const std::uint32_t> events_on(std::size_t item) const noexcept {
		return std::span<const std::uint32_t>(by_item_).subspan(item_begin_[item],
																item_begin_[item + 1] - item_begin_[item]);
	}

private:
	void index_items(const TrainRequest &request);
	Budgeted<std::uint64_t> user_begin_, item_begin_;
	Budgeted<std::uint32_t> item_, step_, user_, set_user_, session_, by_item_;
	Budgeted<std::int64_t> time_;
};

} // namespace recsys::recipe
