#include "recipe/held_out_cases.hpp"

#include <algorithm>

#include "base/hash.hpp"
#include "base/rng.hpp"
#include "recipe/evaluate.hpp"

namespace recsys::recipe {

namespace {

constexpr std::size_t kCuts[] = {0, 1, 2, 4, 7, 12, 19, 40};

/// Thins `cases` to about `most`, by hash, so that no user or position is preferred.
void thin(std::vector<HeldOutCase> &cases, std::size_t most, std::uint64_t seed) {
	if (cases.size() <= most)
		return;
	const double share = static_cast<double>(most) / static_cast<double>(cases.size());
	std::erase_if(cases, [&](const HeldOutCase &c) { return Rng(seed, c.user, c.length, c.early).uniform() >= share; });
}

} // namespace

HeldOutCases::HeldOutCases(const TrainRequest &request, std::span<const std::uint8_t> sides, std::size_t max_cases)
	: events_(BudgetAllocator<Event>(&request.budget)) {
	const data::TrainingSet &set = request.data;
	std::vector<std::uint32_t> users;
	for (std::uint32_t user = 0; user < set.n_users(); ++user)
		if (sides[user] == static_cast<std::uint8_t>(Side::Tuning))
			users.push_back(user);
	// Of many users a part is enough, and keeps their events few.
	if (users.size() > 2 * max_cases) {
		const double share = static_cast<double>(2 * max_cases) / static_cast<double>(users.size());
		std::erase_if(users, [&](std::uint32_t user) { return Rng(request.seed, user, 1).uniform() >= share; });
	}
	std::vector<HeldOutCase> late, early;
	for (const std::uint32_t user : users) {
		request.stop.check();
		const data::HeldOut cut = data::hold_out(set, user, request.seed);
		const auto ordinal = static_cast<std::uint32_t>(given_.size());
		const auto ask = [&](std::size_t length, std::uint32_t event, bool is_early) {
			if (is_positive(request, event))
				(is_early ? early : late).push_back({ordinal, static_cast<std::uint32_t>(length), set.item()[event], is_early, user, event});
		};
		const std::size_t n_input = cut.input_events.size();
		for (const std::size_t length : kCuts)
			if (length < n_input)
				ask(length, cut.input_events[length], true);
		std::vector<std::uint32_t> order(cut.input_events);
		order.insert(order.end(), cut.truth_events.begin(), cut.truth_events.end());
		for (std::size_t i = n_input; i < order.size(); ++i)
			ask(i, order[i], false);
		for (const std::uint32_t event : order)
			events_.push_back({set.item()[event], set.time()[event],
							   static_cast<std::int8_t>(is_positive(request, event) ? 1 : -1), set.session()[event]});
		begin_.push_back(events_.size());
		given_.push_back(n_input);
	}
	thin(late, max_cases, request.seed);
	thin(early, max_cases, request.seed);
	cases_ = std::move(late);
	cases_.insert(cases_.end(), early.begin(), early.end());
}

} // namespace recsys::recipe
