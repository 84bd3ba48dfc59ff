#include "recipe/sequences.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "base/hash.hpp"
#include "recipe/evaluate.hpp"

namespace recsys::recipe {

namespace {

constexpr std::size_t kPollEvery = 4096; // users

/// Positive events of each user; 0 for users who are not asked for.
std::vector<std::uint32_t> count_events(const TrainRequest &request, std::span<const std::uint8_t> sides) {
	const data::TrainingSet &set = request.data;
	std::vector<std::uint32_t> length(set.n_users(), 0);
	for (std::uint32_t user = 0; user < set.n_users(); ++user) {
		if (user % kPollEvery == 0)
			request.stop.check();
		if (!sides.empty() && sides[user] != static_cast<std::uint8_t>(Side::Training))
			continue;
		for (std::size_t event = set.user_begin(user); event < set.user_begin(user + 1); ++event)
			length[user] += is_positive(request, event);
	}
	return length;
}

/// Nearest rank: the smallest length that at least a share of `q` of the users do not exceed.
std::uint32_t quantile(std::vector<std::uint32_t> lengths, double q) {
	if (lengths.empty())
		return 0;
	const double rank = std::ceil(q * static_cast<double>(lengths.size()));
	const auto at = static_cast<std::size_t>(std::clamp(rank, 1.0, static_cast<double>(lengths.size()))) - 1;
	std::nth_element(lengths.begin(), lengths.begin() + static_cast<std::ptrdiff_t>(at), lengths.end());
	return lengths[at];
}

/// Sets the lengths of users outside the percentiles to 0.
void drop_extremes(const TrainRequest &request, std::vector<std::uint32_t> &length) {
	std::vector<std::uint32_t> present;
	std::copy_if(length.begin(), length.end(), std::back_inserter(present), [](std::uint32_t n) { return n > 0; });
	const std::uint32_t lowest = quantile(present, request.hyperparameters["min_user_history_length_percentile"]);
	const std::uint32_t highest =
		std::max(lowest, quantile(present, request.hyperparameters["max_user_history_length_percentile"]));
	for (std::uint32_t &n : length)
		if (n < lowest || n > highest)
			n = 0;
}

/// Keeps about so many users by hash that the pairs stay below `max_pairs`.
void drop_sample(const TrainRequest &request, std::uint64_t max_pairs, std::size_t reach, std::vector<std::uint32_t> &length) {
	double pairs = 0;
	for (const std::uint32_t n : length)
		pairs += static_cast<double>(n) * static_cast<double>(std::min<std::size_t>(n, 2 * reach));
	if (pairs <= static_cast<double>(max_pairs))
		return;
	const double share = static_cast<double>(max_pairs) / pairs;
	for (std::uint32_t user = 0; user < request.data.n_users(); ++user)
		if (static_cast<double>(hash64(request.data.users()[user], ~request.seed) >> 11) * 0x1.0p-53 >= share)
			length[user] = 0;
}

template <class T> Budgeted<T> make(std::size_t n, MemoryBudget &budget) {
	return Budgeted<T>(n, T{}, BudgetAllocator<T>(&budget));
}

} // namespace

Sequences::Sequences(const TrainRequest &request, std::span<const std::uint8_t> sides, std::uint64_t max_pairs,
					 std::size_t reach) {
	const data::TrainingSet &set = request.data;
	std::vector<std::uint32_t> length = count_events(request, sides);
	drop_extremes(request, length);
	if (max_pairs > 0)
		drop_sample(request, max_pairs, reach, length);
	std::size_t n_users = 0, n_events = 0;
	for (const std::uint32_t n : length) {
		n_users += n > 0;
		n_events += n;
	}
	if (n_events >= std::numeric_limits<std::uint32_t>::max())
		throw Error(sqlstate::LimitExceeded, "too many interactions to train on",
					"At most 4294967294 interactions can be counted.");
	user_begin_ = make<std::uint64_t>(n_users + 1, request.budget);
	item_ = make<std::uint32_t>(n_events, request.budget);
	step_ = make<std::uint32_t>(n_events, request.budget);
	user_ = make<std::uint32_t>(n_events, request.budget);
	set_user_ = make<std::uint32_t>(n_users, request.budget);
	session_ = make<std::uint32_t>(n_events, request.budget);
	time_ = make<std::int64_t>(n_events, request.budget);
	std::size_t at = 0, kept = 0;
	for (std::uint32_t user = 0; user < set.n_users(); ++user) {
		if (user % kPollEvery == 0)
			request.stop.check();
		if (length[user] == 0)
			continue;
		const std::size_t begin = at;
		for (std::size_t event = set.user_begin(user); event < set.user_begin(user + 1); ++event) {
			if (!is_positive(request, event))
				continue;
			item_[at] = set.item()[event];
			time_[at] = set.time()[event];
			session_[at] = set.session()[event];
			user_[at] = static_cast<std::uint32_t>(kept);
			step_[at] = at == begin ? 0 : step_[at - 1] + (time_[at] != time_[at - 1]);
			++at;
		}
		set_user_[kept] = user;
		user_begin_[++kept] = at;
	}
	index_items(request);
}

void Sequences::index_items(const TrainRequest &request) {
	item_begin_ = make<std::uint64_t>(request.data.n_items() + 1, request.budget);
	by_item_ = make<std::uint32_t>(n_events(), request.budget);
	SparsePoll poll(request.stop);
	for (const std::uint32_t item : item_) {
		poll();
		++item_begin_[item + 1];
	}
	for (std::size_t item = 0; item < n_items(); ++item)
		item_begin_[item + 1] += item_begin_[item];
	Budgeted<std::uint64_t> next(item_begin_);
	for (std::size_t event = 0; event < n_events(); ++event) {
		poll();
		by_item_[next[item_[event]]++] = static_cast<std::uint32_t>(event);
	}
}

} // namespace recsys::recipe
