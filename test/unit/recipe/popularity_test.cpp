#include <doctest/doctest.h>

#include <atomic>
#include <map>
#include <set>

#include "recipe/evaluate.hpp"
#include "recipe/popularity.hpp"
#include "unit/recipe/training.hpp"

using namespace recsys;
using test::Model;
using test::Row;
using test::Training;

TEST_CASE("popularity-count: different users count, ties go by id") {
	const std::vector<Row> rows = test::shop(500, 60, 21);
	const data::TrainingSet set = test::make_set(rows);
	Model model(Training(set, "popularity-count"));
	std::map<std::string, std::set<std::string>> users;
	for (const Row &row : rows)
		users[row.item].insert(row.user);
	std::vector<std::pair<std::size_t, std::string>> expected; // by count descending, then id
	for (const auto &[item, who] : users)
		expected.emplace_back(who.size(), item);
	std::stable_sort(expected.begin(), expected.end(), [](const auto &a, const auto &b) { return a.first > b.first; });
	const std::vector<std::uint32_t> order = model.answer({});
	REQUIRE(order.size() == expected.size());
	for (std::size_t i = 0; i < order.size(); ++i) {
		CHECK(set.items()[order[i]] == expected[i].second);
		CHECK(model.scores.reason[order[i]] == recipe::Reason::Popular);
	}
	CHECK(model.scorer->max_history() == 0);
}

TEST_CASE("popularity-count: negative events do not count, repeated ones count once") {
	const data::TrainingSet set = test::make_set({{"u", "b", "view", 1},
												  {"u", "b", "view", 2},
												  {"u", "b", "view", 3},
												  {"u", "a", "view", 4},
												  {"v", "a", "view", 5},
												  {"v", "c", "dislike", 1},
												  {"w", "c", "dislike", 1},
												  {"x", "c", "dislike", 1}});
	REQUIRE(set.event_types() == std::vector<std::string>{"dislike", "view"});
	Training training(set, "popularity-count");
	training.signs({-1, 1});
	const auto counts = recipe::count_positive(training.request(), {});
	CHECK(std::vector<std::uint32_t>(counts.begin(), counts.end()) == std::vector<std::uint32_t>{2, 1, 0});
	const std::vector<std::uint8_t> sides{0, 2, 0, 0}; // v is held out
	const auto without = recipe::count_positive(training.request(), sides);
	CHECK(std::vector<std::uint32_t>(without.begin(), without.end()) == std::vector<std::uint32_t>{1, 1, 0});
	const auto events = recipe::count_positive(training.request(), {}, recipe::Counted::Events);
	CHECK(std::vector<std::uint32_t>(events.begin(), events.end()) == std::vector<std::uint32_t>{2, 3, 0});
	const auto training_events = recipe::count_positive(training.request(), sides, recipe::Counted::Events);
	CHECK(std::vector<std::uint32_t>(training_events.begin(), training_events.end()) == std::vector<std::uint32_t>{1, 3, 0});
}

TEST_CASE("popularity logits keep the order of counts that single precision cannot tell apart") {
	std::vector<std::uint32_t> counts;
	for (std::uint32_t i = 0; i < 3000; ++i)
		counts.push_back(4000000000u - i / 2); // pairs of equal counts
	counts.push_back(0);
	counts.push_back(1);
	const auto logits = recipe::popularity_logits(counts, nullptr, {});
	for (std::size_t a = 0; a + 1 < counts.size(); ++a) {
		CHECK((counts[a] > counts[a + 1]) == (logits[a] > logits[a + 1]));
		CHECK((counts[a] == counts[a + 1]) == (logits[a] == logits[a + 1]));
	}
	CHECK(logits[3000] == 0.0f);
	CHECK(logits[0] == doctest::Approx(std::log(4e9)).epsilon(1e-3));
	CHECK(recipe::popularity_logits({}, nullptr, {}).empty());
}

TEST_CASE("popularity logits poll the stop flag in proportion to the items") {
	std::vector<std::uint32_t> counts(2'000'000);
	for (std::size_t i = 0; i < counts.size(); ++i)
		counts[i] = static_cast<std::uint32_t>(i * 2654435761u % 1000003);
	const std::uint64_t before = StopToken::polls();
	recipe::popularity_logits(counts, nullptr, {});
	CHECK(StopToken::polls() - before >= counts.size() >> 13); // n log n comparisons
	const std::atomic<bool> stop{true};
	CHECK_THROWS_AS(recipe::popularity_logits(counts, nullptr, StopToken(&stop)), Cancelled);
}

TEST_CASE("popularity-count: the softmax is the smoothed share of users") {
	const data::TrainingSet set = test::make_set({{"u", "a", "", 1}, {"v", "a", "", 1}, {"u", "b", "", 2}});
	Model model(Training(set, "popularity-count"));
	model.answer({});
	const auto share = [&](std::size_t item) {
		return std::exp(model.scores.logit[item] - model.scores.log_normalizer);
	};
	CHECK(share(0) == doctest::Approx(3.0 / 5));
	CHECK(share(1) == doctest::Approx(2.0 / 5));
}

TEST_CASE("counting users and counting events put a regular's favourite in different places") {
	std::vector<Row> rows;
	for (int i = 0; i < 20; ++i)
		rows.push_back({"regular", "coffee", "", i});
	for (int i = 0; i < 5; ++i)
		rows.push_back({"u" + std::to_string(i), "cake", "", i});
	const data::TrainingSet set = test::make_set(rows);
	Model by_users(Training(set, "popularity-count")), by_events(Training(set, "ecomm-popular-items-by-views"));
	CHECK(set.items()[by_users.answer({}).front()] == "cake");
	CHECK(set.items()[by_events.answer({}).front()] == "coffee");
}
