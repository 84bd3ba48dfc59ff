#include "recipe/user_states.hpp"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <limits>

#include "base/hash.hpp"
#include "base/rng.hpp"
#include "recipe/evaluate.hpp"

namespace recsys::recipe {

namespace {

constexpr const char *kUsers = "recurrent.users", *kStates = "recurrent.states";
constexpr std::size_t kCompared = 100; // votes
constexpr std::size_t kTogether = 32;  // histories of a pass: their values fit the cache
constexpr std::size_t kTask = 1024;	   // users of a task

using Half = Eigen::half;

std::uint64_t fingerprint(Past votes, const EventCode &code) noexcept {
	const std::size_t n = std::min(votes.size(), kCompared);
	std::uint64_t hash = n;
	for (std::size_t i = 0; i < n; ++i) {
		const bool begins = i + 1 < n && code.begins_session(*votes[i + 1].event, *votes[i].event);
		hash = mix64(hash ^ (std::uint64_t{votes[i].item} << 1 | begins));
		hash = mix64(hash ^ static_cast<std::uint64_t>(votes[i].event->time));
	}
	return hash;
}

/// A user's newest events as a request reads them: rows of one moment and item count once, and only the newest are looked at.
void read_events(const TrainRequest &request, std::uint32_t user, std::span<const std::uint32_t> item_of, std::vector<Event> &out) {
	const data::TrainingSet &set = request.data;
	out.clear();
	for (std::size_t event = set.user_begin(user + 1); event-- > set.user_begin(user) && out.size() < kMaxPast;) {
		const std::uint32_t item = set.item()[event];
		const auto sign = static_cast<std::int8_t>(is_positive(request, event) ? 1 : -1);
		const auto moment = std::find_if(out.rbegin(), out.rend(), [&](const Event &e) { return e.time != set.time()[event]; });
		if (std::none_of(out.rbegin(), moment, [&](const Event &e) { return e.item == item && e.sign == sign; }))
			out.push_back({item, set.time()[event], sign, set.session()[event]});
	}
	if (!item_of.empty())
		for (Event &event : out)
			event.item = item_of[event.item];
	std::reverse(out.begin(), out.end());
}

/// The states of some users, computed together.
class StateTask {
public:
	StateTask(const TrainRequest &request, const NetworkWeights &weights, const float *items, const EventCode &code,
			  std::span<const std::uint32_t> item_of, std::size_t n_items)
		: request_(request), weights_(weights), items_(items), code_(code), item_of_(item_of), n_items_(n_items),
		  size_(NetworkPass::state_size(weights.layout.shape())), pass_(&request.budget), events_(kTogether), pasts_(kTogether) {}

	/// Users from `first` on, at most kTogether; `users` and `states` are theirs.
	void run(std::uint32_t first, std::span<UserStates::User> users, std::span<std::uint16_t> states) {
		std::vector<std::size_t> order;
		for (std::size_t i = 0; i < users.size(); ++i) {
			const std::uint32_t user = first + static_cast<std::uint32_t>(i);
			read_events(request_, user, item_of_, events_[i]);
			pasts_[i].read(events_[i], n_items_);
			const Past past = pasts_[i].past();
			users[i] = {hash64(request_.data.users()[user]), past.empty() ? 0 : past[0].event->time, fingerprint(past, code_),
						static_cast<std::uint32_t>(past.size()), 0};
			if (!past.empty())
				order.push_back(i);
		}
		std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return users[a].votes > users[b].votes; });
		std::vector<Stretch> stretches;
		for (const std::size_t i : order)
			stretches.push_back({pasts_[i].past(), users[i].votes});
		pack_stretches(stretches, code_, packed_);
		pass_.forward(weights_, items_, packed_, {}, request_.stop);
		std::vector<float> state(size_);
		for (std::size_t row = 0; row < order.size(); ++row) {
			pass_.state_before_last(row, packed_.step[users[order[row]].votes - 1] + row, state.data());
			for (std::size_t i = 0; i < size_; ++i)
				states[order[row] * size_ + i] = Half(state[i]).x;
		}
	}

private:
	const TrainRequest &request_;
	const NetworkWeights &weights_;
	const float *items_;
	const EventCode &code_;
	std::span<const std::uint32_t> item_of_;
	std::size_t n_items_, size_;
	NetworkPass pass_;
	PackedHistories packed_;
	std::vector<std::vector<Event>> events_;
	std::vector<PastBuffer> pasts_;
};

} // namespace

void pack_stretches(std::span<const Stretch> stretches, const EventCode &code, PackedHistories &out) {
	out.extra_columns = EventCode::kColumns;
	out.step.assign(1, 0);
	out.slot.clear();
	out.extra.clear();
	out.session.clear();
	for (std::size_t t = 0; !stretches.empty() && t < stretches.front().count; ++t) {
		for (const auto &[past, count] : stretches) {
			if (t >= count)
				break;
			const std::size_t i = count - 1 - t;
			const Event *before = i + 1 < past.size() ? past[i + 1].event : nullptr, &now = *past[i].event;
			out.slot.push_back(past[i].item);
			out.extra.resize(out.extra.size() + EventCode::kColumns);
			code.rows(before, now, out.extra.data() + out.extra.size() - EventCode::kColumns);
			out.session.push_back(before != nullptr && code.begins_session(*before, now));
		}
		out.step.push_back(static_cast<std::uint32_t>(out.slot.size()));
	}
}

void write_user_states(const TrainRequest &request, const NetworkWeights &weights, const float *items, const EventCode &code,
					   std::span<const std::uint32_t> item_of, artifact::Writer &writer) {
	const std::size_t n = request.data.n_users(), size = NetworkPass::state_size(weights.layout.shape());
	const std::size_t n_items = std::numeric_limits<std::uint32_t>::max();
	Budgeted<UserStates::User> users(n, UserStates::User{}, BudgetAllocator<UserStates::User>(&request.budget));
	Budgeted<std::uint16_t> states(n * size, 0, BudgetAllocator<std::uint16_t>(&request.budget));
	request.monitor.phase("storing where users stand", n);
	request.executor.run((n + kTask - 1) / kTask, [&](std::size_t task) {
		StateTask work(request, weights, items, code, item_of, n_items);
		for (std::size_t first = task * kTask; first < std::min(n, (task + 1) * kTask); first += kTogether) {
			const std::size_t count = std::min({kTogether, n - first, (task + 1) * kTask - first});
			work.run(static_cast<std::uint32_t>(first), std::span(users).subspan(first, count),
					 std::span(states).subspan(first * size, count * size));
			request.monitor.advance(count);
		}
	});
	Budgeted<std::uint32_t> order(n, 0, BudgetAllocator<std::uint32_t>(&request.budget));
	for (std::uint32_t user = 0; user < n; ++user)
		order[user] = user;
	std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) { return users[a].key < users[b].key; });
	Budgeted<UserStates::User> sorted_users{BudgetAllocator<UserStates::User>(&request.budget)};
	Budgeted<std::uint16_t> sorted_states{BudgetAllocator<std::uint16_t>(&request.budget)};
	sorted_users.reserve(n);
	sorted_states.reserve(n * size);
	for (const std::uint32_t user : order) {
		sorted_users.push_back(users[user]);
		const auto first = states.begin() + static_cast<std::ptrdiff_t>(user * size);
		sorted_states.insert(sorted_states.end(), first, first + static_cast<std::ptrdiff_t>(size));
	}
	writer.add<UserStates::User>(kUsers, sorted_users);
	writer.add<std::uint16_t>(kStates, sorted_states);
}

UserStates::UserStates(const artifact::View &view, const NetworkShape &shape)
	: size_(NetworkPass::state_size(shape)) {
	if (!view.has(kUsers))
		return;
	users_ = view.get<User>(kUsers);
	states_ = view.get<std::uint16_t>(kStates, users_.size() * size_);
}

std::size_t UserStates::find(Past past, const EventCode &code, std::vector<float> &state) const {
	if (past.user == 0 || past.empty())
		return 0;
	const auto at = std::lower_bound(users_.begin(), users_.end(), past.user, [](const User &u, std::uint64_t key) { return u.key < key; });
	if (at == users_.end() || at->key != past.user || at->votes == 0)
		return 0;
	const auto then = std::find_if(past.begin(), past.end(), [&](const Vote &vote) { return vote.event->time <= at->newest; });
	const auto since = static_cast<std::size_t>(then - past.begin());
	const std::size_t left = past.size() - since;
	// A request looks at no more events than the state did, so the oldest may have fallen out of sight; else all must be there.
	if (past.size() < kMaxPast ? left != at->votes : left < std::min<std::size_t>(at->votes, kCompared))
		return 0;
	if (fingerprint(past.subspan(since), code) != at->fingerprint)
		return 0;
	state.resize(size_);
	const std::uint16_t *stored = states_.data() + static_cast<std::size_t>(at - users_.begin()) * size_;
	for (std::size_t i = 0; i < size_; ++i)
		state[i] = static_cast<float>(Eigen::numext::bit_cast<Half>(stored[i]));
	return std::all_of(state.begin(), state.end(), [](float x) { return std::isfinite(x); }) ? since + 1 : 0;
}

} // namespace recsys::recipe
