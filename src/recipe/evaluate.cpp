#include "recipe/evaluate.hpp"

#include <algorithm>

#include "base/hash.hpp"
#include "base/rng.hpp"
#include "math/top_k.hpp"
#include "metrics/ranking_metrics.hpp"

namespace recsys::recipe {

namespace {

constexpr std::size_t kListLength = 25;
constexpr std::size_t kBatch = 1024; // users whose lists are kept until they are added up
constexpr std::size_t kTask = 16;    // users scored by one task, sharing its Scores

constexpr std::size_t kMostContexts = 4; // of one user

/// A list, and what it should have had: items, all chosen in the situation of one event.
struct Question {
	std::uint32_t event;
	std::vector<std::uint32_t> truth, ranked;
};
using Judged = std::vector<Question>; // empty for a user who cannot be judged

std::vector<std::uint32_t> choose_users(const TrainRequest &request, std::span<const std::uint8_t> sides, Side side) {
	std::vector<std::uint32_t> users;
	for (std::uint32_t user = 0; user < request.data.n_users(); ++user)
		if (sides[user] == static_cast<std::uint8_t>(side))
			users.push_back(user);
	if (users.size() <= kMaxEvaluated)
		return users;
	std::vector<std::pair<std::uint64_t, std::uint32_t>> by_hash;
	for (const std::uint32_t user : users)
		by_hash.emplace_back(mix64(hash64(request.data.users()[user], request.seed)), user);
	std::nth_element(by_hash.begin(), by_hash.begin() + kMaxEvaluated, by_hash.end());
	users.clear();
	for (std::size_t i = 0; i < kMaxEvaluated; ++i)
		users.push_back(by_hash[i].second);
	std::sort(users.begin(), users.end());
	return users;
}

/// One task's memory, reused from user to user.
struct Workplace {
	Scores scores;
	math::DescendingOrder order;
	std::vector<Event> history;
};

/// To the question that it belongs to, or a new one.
void add_truth(const data::TrainingSet &set, std::uint32_t event, EvaluationQuery kind, Judged &out) {
	const auto same = std::find_if(out.begin(), out.end(), [&](const Question &question) {
		return kind != EvaluationQuery::InContexts || set.context().empty() || set.context()[question.event] == set.context()[event];
	});
	if (same != out.end())
		same->truth.push_back(set.item()[event]);
	else if (out.size() < kMostContexts)
		out.push_back({event, {set.item()[event]}, {}});
}

void judge(const Scorer &scorer, const TrainRequest &request, std::uint32_t user, EvaluationQuery kind,
		   Workplace &place, Judged &out) {
	const data::TrainingSet &set = request.data;
	const data::HeldOut cut = data::hold_out(set, user, request.seed);
	out.clear();
	Query query;
	place.history.clear();
	for (const std::uint32_t event : cut.input_events) {
		const bool positive = is_positive(request, event);
		place.history.push_back({set.item()[event], set.time()[event], static_cast<std::int8_t>(positive ? 1 : -1), set.session()[event]});
		if (positive)
			query.item = set.item()[event]; // the newest stays
	}
	if (query.item == data::kNone)
		return;
	for (const std::uint32_t event : cut.truth_events)
		if (is_positive(request, event))
			add_truth(set, event, kind, out);
	if (kind != EvaluationQuery::NewestItem) {
		query.item = data::kNone;
		const std::size_t n = std::min(place.history.size(), scorer.max_history());
		query.history = std::span<const Event>(place.history).last(n);
	}
	for (Question &question : out) {
		query.situation = situation_of(set, question.event, user);
		scorer.score(query, place.scores);
		place.order.reset(place.scores.logit);
		for (const math::Scored &best : place.order.next(kListLength))
			question.ranked.push_back(best.item);
	}
}

std::vector<Metric> in_order(const metrics::RankingMetrics &m) {
	std::vector<Metric> out{{"coverage", m.coverage()}};
	for (std::size_t i = 0; i < metrics::kListMetrics; ++i) {
		const metrics::Estimate estimate = m.estimate(i);
		out.push_back({metrics::list_metric_name(i), estimate.value, estimate.low, estimate.high});
	}
	return out;
}

} // namespace

std::vector<Metric> evaluate(const Scorer &scorer, const TrainRequest &request, std::span<const std::uint8_t> sides,
							 Side side, EvaluationQuery kind) {
	const std::vector<std::uint32_t> users = choose_users(request, sides, side);
	metrics::RankingMetrics sum(request.data.n_items());
	std::vector<Judged> batch(std::min(kBatch, users.size()));
	request.monitor.phase("evaluating", users.size());
	for (std::size_t begin = 0; begin < users.size(); begin += kBatch) {
		const std::size_t n = std::min(kBatch, users.size() - begin);
		request.executor.run((n + kTask - 1) / kTask, [&](std::size_t task) {
			Workplace place;
			for (std::size_t i = task * kTask; i < std::min(n, (task + 1) * kTask); ++i) {
				request.stop.check();
				judge(scorer, request, users[begin + i], kind, place, batch[i]);
				request.monitor.advance();
			}
		});
		for (std::size_t i = 0; i < n; ++i)
			for (const Question &question : batch[i])
				sum.add(question.ranked, question.truth);
	}
	return sum.users() == 0 ? std::vector<Metric>{} : in_order(sum);
}

std::vector<std::uint8_t> queried_items(const TrainRequest &request, std::span<const std::uint8_t> sides, Side side) {
	std::vector<std::uint8_t> asked(request.data.n_items(), 0);
	for (const std::uint32_t user : choose_users(request, sides, side)) {
		request.stop.check();
		const data::HeldOut cut = data::hold_out(request.data, user, request.seed);
		const auto newest = std::find_if(cut.input_events.rbegin(), cut.input_events.rend(),
										 [&](std::uint32_t event) { return is_positive(request, event); });
		if (newest != cut.input_events.rend())
			asked[request.data.item()[*newest]] = 1;
	}
	return asked;
}

} // namespace recsys::recipe
