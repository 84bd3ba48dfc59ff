#include <doctest/doctest.h>

#include "metrics/ranking_metrics.hpp"
#include "recipe/evaluate.hpp"
#include "unit/recipe/training.hpp"

using namespace recsys;
using namespace recsys::recipe;
using test::Training;

namespace {

/// Ranks the items of the history last, the others by a hash of the newest history item or of the query item.
class Stub final : public Scorer {
public:
	explicit Stub(std::size_t n, std::size_t history) : n_(n), history_(history) {}
	std::size_t n_items() const noexcept override { return n_; }
	std::size_t max_history() const noexcept override { return history_; }
	void score(const Query &query, Scores &out) const override {
		out.logit.resize(n_);
		out.reason.assign(n_, Reason::Personal);
		CHECK(query.history.size() <= history_);
		CHECK(query.history.empty() != (query.item == data::kNone));
		const std::uint32_t key = query.history.empty() ? query.item : query.history.back().item;
		for (std::uint32_t i = 0; i < n_; ++i)
			out.logit[i] = static_cast<float>(Rng(key, i).uniform());
		for (const Event &event : query.history)
			out.logit[event.item] = event.sign > 0 ? -1.0f : -std::numeric_limits<float>::infinity();
	}

private:
	std::size_t n_, history_;
};

std::vector<std::uint32_t> ranking(const Scores &scores) {
	std::vector<std::uint32_t> order;
	for (std::uint32_t i = 0; i < scores.logit.size(); ++i)
		if (scores.logit[i] > -std::numeric_limits<float>::infinity())
			order.push_back(i);
	std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return scores.logit[a] > scores.logit[b]; });
	return order;
}

} // namespace

TEST_CASE("the evaluation is what its definition says, step by step, at any number of threads") {
	std::vector<test::Row> rows = test::shop(1500, 70, 31);
	for (std::size_t i = 0; i < rows.size(); ++i)
		rows[i].type = i % 5 == 0 ? "dislike" : "view";
	const data::TrainingSet set = test::make_set(rows);
	for (const EvaluationQuery kind : {EvaluationQuery::History, EvaluationQuery::NewestItem}) {
		std::vector<Metric> first;
		for (const std::size_t threads : {1u, 3u}) {
			Training training(set, "popularity-count", {}, threads);
			training.signs({-1, 1});
			const TrainRequest request = training.request();
			const std::vector<std::uint8_t> sides = data::split_users(set, kHeldOutShare, request.seed);
			const Stub stub(set.n_items(), 5);
			const std::vector<Metric> got = evaluate(stub, request, sides, Side::Metrics, kind);
			const std::vector<std::uint8_t> asked = queried_items(request, sides, Side::Metrics);

			metrics::RankingMetrics expected(set.n_items());
			for (std::uint32_t user = 0; user < set.n_users(); ++user) {
				if (sides[user] != 2)
					continue;
				const data::HeldOut cut = data::hold_out(set, user, request.seed);
				std::vector<Event> history;
				std::vector<std::uint32_t> truth;
				std::uint32_t newest = data::kNone;
				for (const std::uint32_t e : cut.input_events) {
					const bool positive = set.event_types()[set.type()[e]] == "view";
					history.push_back({set.item()[e], set.time()[e], static_cast<std::int8_t>(positive ? 1 : -1)});
					newest = positive ? set.item()[e] : newest;
				}
				for (const std::uint32_t e : cut.truth_events)
					if (set.event_types()[set.type()[e]] == "view")
						truth.push_back(set.item()[e]);
				if (newest != data::kNone)
					CHECK(asked[newest] == 1);
				if (truth.empty() || newest == data::kNone)
					continue;
				Query query;
				if (kind == EvaluationQuery::History)
					query.history = std::span<const Event>(history).last(std::min<std::size_t>(history.size(), 5));
				else
					query.item = newest;
				Scores scores;
				stub.score(query, scores);
				expected.add(ranking(scores), truth);
			}
			REQUIRE(expected.users() > 20);
			REQUIRE(got.size() == 8);
			CHECK(got[0].name == "coverage");
			CHECK(got[0].value == expected.coverage());
			CHECK(got[1].name == "mean_reciprocal_rank_at_25");
			CHECK(got[1].value == expected.mean_reciprocal_rank_at_25());
			CHECK(got[3].name == "normalized_discounted_cumulative_gain_at_10");
			CHECK(got[3].value == expected.ndcg_at(10));
			CHECK(got[7].name == "precision_at_25");
			CHECK(got[7].value == expected.precision_at(25));
		}
	}
}

TEST_CASE("nobody to judge gives no numbers") {
	const data::TrainingSet set = test::make_set({{"u", "a", "", 1}, {"v", "b", "", 1}});
	Training training(set, "popularity-count");
	const std::vector<std::uint8_t> sides(set.n_users(), 0);
	CHECK(evaluate(Stub(2, 5), training.request(), sides, Side::Metrics, EvaluationQuery::History).empty());
}
