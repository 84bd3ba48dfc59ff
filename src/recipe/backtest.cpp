#include "recipe/backtest.hpp"

#include <algorithm>
#include <atomic>

#include "base/hash.hpp"
#include "math/top_k.hpp"
#include "recipe/evaluate.hpp"

namespace recsys::recipe {

namespace {

constexpr std::size_t kListLength = 25, kTask = 16; // users asked by one task, sharing its Scores

bool positive(const Aftermath &later, std::size_t event) {
	return later.type_sign.empty() || later.type_sign[later.set.type()[event]] > 0;
}

/// Ordinals in the model of what the user chose later; of items that it does not know, numbers beyond its own.
std::vector<std::uint32_t> truth_of(const Aftermath &later, std::uint32_t user, const data::IdDictionary &items) {
	std::vector<std::uint32_t> truth;
	for (std::size_t event = later.set.user_begin(user); event < later.set.user_begin(user + 1); ++event) {
		if (!positive(later, event))
			continue;
		const std::uint32_t item = later.set.item()[event], known = items.find(later.set.items()[item]);
		truth.push_back(known != data::kNone ? known : static_cast<std::uint32_t>(items.size()) + item);
	}
	return truth;
}

class Asker {
public:
	Asker(const Scorer &scorer, const RecipeSpec &recipe, const TrainRequest &request)
		: scorer_(scorer), recipe_(recipe), request_(request) {}

	/// False when there is nothing to ask with.
	bool ask(std::string_view user, std::vector<std::uint32_t> &ranked) {
		Query query;
		read_history(user, query);
		if (recipe_.needs_item && query.item == data::kNone)
			return false;
		if (recipe_.needs_item) {
			query.history = {};
		} else {
			query.item = data::kNone;
			query.history = std::span<const Event>(history_).last(std::min(history_.size(), scorer_.max_history()));
		}
		scorer_.score(query, scores_);
		order_.reset(scores_.logit);
		ranked.clear();
		for (const math::Scored &best : order_.next(kListLength))
			ranked.push_back(best.item);
		return true;
	}

private:
	// Also the newest item that he liked.
	void read_history(std::string_view user, Query &query) {
		const data::TrainingSet &set = request_.data;
		history_.clear();
		const std::uint32_t known = set.users().find(user);
		if (known == data::kNone)
			return;
		for (std::size_t event = set.user_begin(known); event < set.user_begin(known + 1); ++event) {
			const bool liked = is_positive(request_, event);
			history_.push_back({set.item()[event], set.time()[event], static_cast<std::int8_t>(liked ? 1 : -1), set.session()[event]});
			if (liked)
				query.item = set.item()[event];
		}
	}

	const Scorer &scorer_;
	const RecipeSpec &recipe_;
	const TrainRequest &request_;
	Scores scores_;
	math::DescendingOrder order_;
	std::vector<Event> history_;
};

} // namespace

std::vector<std::uint32_t> active_users(const Aftermath &later, std::uint64_t seed) {
	std::vector<std::pair<std::uint64_t, std::uint32_t>> by_hash;
	for (std::uint32_t user = 0; user < later.set.n_users(); ++user)
		for (std::size_t event = later.set.user_begin(user); event < later.set.user_begin(user + 1); ++event)
			if (positive(later, event)) {
				by_hash.emplace_back(hash64(later.set.users()[user], seed), user);
				break;
			}
	if (by_hash.size() > kMaxEvaluated) {
		std::nth_element(by_hash.begin(), by_hash.begin() + kMaxEvaluated, by_hash.end());
		by_hash.resize(kMaxEvaluated);
	}
	std::vector<std::uint32_t> users;
	for (const auto &[hash, user] : by_hash)
		users.push_back(user);
	std::sort(users.begin(), users.end());
	return users;
}

Backtest backtest(const Scorer &scorer, const RecipeSpec &recipe, const TrainRequest &request, const Aftermath &later,
				  std::span<const std::uint32_t> users) {
	Backtest out{std::vector<std::uint8_t>(users.size()), std::vector<metrics::ListValues>(users.size())};
	const std::size_t n_items = request.data.n_items();
	std::vector<std::atomic<std::uint8_t>> listed(n_items);
	request.monitor.phase("evaluating", users.size());
	request.executor.run((users.size() + kTask - 1) / kTask, [&](std::size_t task) {
		Asker asker(scorer, recipe, request);
		std::vector<std::uint32_t> ranked;
		for (std::size_t i = task * kTask; i < std::min(users.size(), (task + 1) * kTask); ++i) {
			request.stop.check();
			request.monitor.advance();
			if (!asker.ask(later.set.users()[users[i]], ranked))
				continue;
			out.judged[i] = 1;
			out.values[i] = metrics::judge_list(ranked, truth_of(later, users[i], request.data.items()));
			for (const std::uint32_t item : ranked)
				listed[item].store(1, std::memory_order_relaxed);
		}
	});
	const auto n = std::count_if(listed.begin(), listed.end(), [](const auto &item) { return item.load(std::memory_order_relaxed) != 0; });
	out.coverage = n_items == 0 ? 0.0 : static_cast<double>(n) / static_cast<double>(n_items);
	return out;
}

} // namespace recsys::recipe
