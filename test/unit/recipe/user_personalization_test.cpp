#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cmath>

#include "recipe/blend.hpp"
#include "recipe/evaluate.hpp"
#include "recipe/item_item.hpp"
#include "recipe/neighbours.hpp"
#include "recipe/past.hpp"
#include "recipe/popularity_prior.hpp"
#include "recipe/repeat_habit.hpp"
#include "recipe/sequential_rules.hpp"
#include "recipe/stacking.hpp"
#include "recipe/user_personalization.hpp"
#include "unit/recipe/training.hpp"

using namespace recsys;
using namespace recsys::recipe;
using test::Model;
using test::Row;
using test::Training;

namespace {

constexpr const char *kRecipe = "user-personalization";
constexpr std::int64_t kSecond = 1'000'000;

std::string item_id(std::uint64_t item) { return "i" + std::to_string(1000 + item); }

/// Everybody walks along the same circle of items, from anywhere, and now and then jumps.
std::vector<Row> circle(std::size_t n_users, std::size_t n_items, std::uint64_t seed) {
	std::vector<Row> rows;
	for (std::size_t user = 0; user < n_users; ++user) {
		Rng rng(seed, user);
		std::uint64_t item = rng.below(n_items);
		const std::uint64_t length = 5 + rng.below(30);
		for (std::uint64_t e = 0; e < length; ++e) {
			rows.push_back({"u" + std::to_string(user), item_id(item), "", static_cast<std::int64_t>(e) * kSecond});
			item = rng.below(10) == 0 ? rng.below(n_items) : (item + 1) % n_items;
		}
	}
	return rows;
}

double weight_of(const TrainResult &result, std::string_view name) {
	for (const Member &member : result.members)
		if (member.name == name)
			return member.weight;
	FAIL("no such member");
	return 0;
}

/// Log of the sum of exp, the slow way.
double log_sum(const std::vector<float> &logit) {
	double sum = 0;
	for (const float x : logit)
		sum += std::exp(static_cast<double>(x));
	return std::log(sum);
}

std::vector<Event> events(std::initializer_list<std::uint32_t> items) {
	std::vector<Event> history;
	for (const std::uint32_t item : items)
		history.push_back({item, static_cast<std::int64_t>(history.size()) * kSecond, 1});
	return history;
}

} // namespace

TEST_CASE("blend: what follows is found, and told as personal") {
	const data::TrainingSet set = test::make_set(circle(600, 50, 1));
	Training training(set, kRecipe);
	Model model(training);
	const auto history = events({7, 8, 9});
	const auto answer = model.answer({.history = history});
	CHECK(answer[0] == 10);
	CHECK(model.scores.reason[10] == Reason::Personal);
	const auto next = events({7, 8, 9, 30});
	CHECK(model.answer({.history = next})[0] == 31); // the newest event acts at once
	Training again(set, kRecipe);
	const TrainResult result = again.train();
	CHECK(weight_of(result, "sequential_rules") > 0);
	CHECK(result.members.size() == 5);
	for (const Metric &metric : result.metrics)
		if (metric.name == "normalized_discounted_cumulative_gain_at_10")
			CHECK(metric.value > 0.3);
}

TEST_CASE("blend: without order in time the rules are silent") {
	std::vector<Row> rows = test::shop(800, 100, 2);
	for (Row &row : rows)
		row.time = 5;
	const data::TrainingSet set = test::make_set(rows);
	Training training(set, kRecipe);
	const TrainResult result = training.train();
	CHECK(weight_of(result, "sequential_rules") == 0);
	CHECK(weight_of(result, "item_item") + weight_of(result, "recurrent") > 0);
	for (const auto &section : result.model.sections())
		CHECK(!section.name.starts_with("sequential_rules")); // and cost nothing in the model
}

TEST_CASE("blend: what does not help has no weight") {
	// Items drawn alike by everybody: nothing personal can be known. Chance may speak for an expert once in twenty times.
	std::size_t asked = 0, believed = 0;
	for (std::uint64_t seed = 4; seed < 12; ++seed) {
		CAPTURE(seed);
		std::vector<Row> rows;
		for (std::size_t user = 0; user < 800; ++user) {
			Rng rng(seed, user);
			for (std::int64_t e = 0; e < 12; ++e)
				rows.push_back({"u" + std::to_string(user), item_id(rng.below(8) * rng.below(8)), "", e * kSecond});
		}
		const data::TrainingSet set = test::make_set(rows);
		Training training(set, kRecipe);
		const TrainResult result = training.train();
		CHECK(weight_of(result, "popularity") > 0);
		for (const std::string useless : {"sequential_rules", "item_item", "repeat_habit"}) {
			CAPTURE(useless);
			++asked;
			const bool present = std::ranges::any_of(result.model.sections(), [&](const artifact::Writer::Section &section) {
				return section.name.starts_with(useless);
			});
			CHECK(present == (weight_of(result, useless) != 0)); // no weight, no place in the model
			believed += present;
		}
	}
	CHECK(believed <= asked / 20);
}

TEST_CASE("stacking: the temperature undoes any common factor") {
	const data::TrainingSet set = test::make_set(circle(2000, 100, 3));
	Training training(set, kRecipe);
	const TrainRequest request = training.request();
	const auto sides = data::split_users(set, kHeldOutShare, request.seed);
	std::vector<std::unique_ptr<Expert>> experts;
	experts.push_back(std::make_unique<PopularityPrior>());
	experts.push_back(std::make_unique<SequentialRules>());
	artifact::Writer writer(kRecipe);
	const Sequences sequences(request, sides);
	for (const auto &expert : experts)
		expert->fit(request, sequences, nullptr, writer);
	const auto bytes = writer.finish();
	const artifact::View view(bytes);
	ExpertScorers scorers;
	for (const auto &expert : experts)
		scorers.push_back(expert->open(view, set.n_items()));
	const Stacking stacking(request, experts, scorers, HeldOutCases(request, sides, 500));
	const std::vector<LengthWeights> fitted = stacking.fit(std::vector<std::uint8_t>{1, 1});
	const double best = stacking.temperature(fitted);
	CHECK(best == doctest::Approx(1).epsilon(0.1)); // the fit itself is nearly calibrated
	for (const float factor : {0.1f, 0.5f, 3.0f, 20.0f}) {
		CAPTURE(factor);
		std::vector<LengthWeights> scaled(fitted);
		for (LengthWeights &weights : scaled)
			for (float &weight : weights)
				weight *= factor;
		CHECK(stacking.temperature(scaled) * static_cast<double>(factor) == doctest::Approx(best).epsilon(0.01));
	}
}

TEST_CASE("blend: the scores are a softmax over the catalogue for every kind of user") {
	const data::TrainingSet set = test::make_set(test::shop(500, 333, 3)); // not a multiple of a block
	Model model{Training(set, kRecipe)};
	std::vector<Event> history;
	for (std::uint32_t length = 0; length < 260; ++length) {
		model.scorer->score({.history = history}, model.scores);
		CHECK(model.scores.log_normalizer == doctest::Approx(log_sum(model.scores.logit)).epsilon(1e-6));
		history.push_back({length * 7 % static_cast<std::uint32_t>(set.n_items()), length * kSecond,
						   static_cast<std::int8_t>(length % 11 == 3 ? -1 : 1)});
	}
}

TEST_CASE("blend: a user without a history is offered what is popular") {
	const data::TrainingSet set = test::make_set(test::shop(500, 100, 4));
	Model model{Training(set, kRecipe)};
	std::vector<std::size_t> count(set.n_items());
	for (const std::uint32_t item : set.item())
		++count[item];
	const auto answer = model.answer({});
	CHECK(count[answer[0]] > count[answer[set.n_items() / 2]]);
	for (const Reason reason : model.scores.reason)
		CHECK(reason == Reason::Popular);
}

TEST_CASE("blend: recency_mask makes the newest events count more") {
	// Popular items move on: in each of twenty weeks four new ones replace four of two dozen.
	std::vector<Row> rows;
	for (std::size_t user = 0; user < 1000; ++user) {
		Rng rng(6, user);
		const std::uint64_t week = user / 50;
		for (int e = 0; e < 6; ++e)
			rows.push_back({"u" + std::to_string(user), item_id(week * 4 + rng.below(24)), "",
							static_cast<std::int64_t>(week * 604800 + rng.below(604800)) * kSecond});
	}
	const data::TrainingSet set = test::make_set(rows);
	Model masked{Training(set, kRecipe)}, plain{Training(set, kRecipe, {{"recency_mask", "false"}})};
	const std::uint32_t current = set.items().find(item_id(90));
	masked.answer({});
	plain.answer({});
	const auto share = [&](const Model &m) { return std::exp(static_cast<double>(m.scores.logit[current]) - m.scores.log_normalizer); };
	CHECK(share(masked) > 2 * share(plain));
}

TEST_CASE("blend: negative events take an item off the list and are no signal, in training and in a request") {
	const data::TrainingSet set = test::make_set(circle(600, 50, 1));
	Model model{Training(set, kRecipe)};
	auto history = events({7, 8, 9});
	history.push_back({10, 10 * kSecond, -1});
	auto answer = model.answer({.history = history});
	CHECK(std::find(answer.begin(), answer.end(), 10u) == answer.end());
	CHECK(answer.size() == set.n_items() - 1);
	CHECK(answer[0] != 11); // as 10 would have made it
	history.push_back({10, 11 * kSecond, 1}); // the newest event decides
	answer = model.answer({.history = history});
	CHECK(answer[0] == 11);
	history.push_back({10, 12 * kSecond, -1});
	CHECK(model.answer({.history = history}).size() == set.n_items() - 1);

	// Training: the same walk, but every event on an odd item is a dislike.
	std::vector<Row> rows = circle(600, 50, 1);
	for (Row &row : rows)
		row.type = (row.item.back() - '0') % 2 != 0 ? "dislike" : "like";
	const data::TrainingSet mixed = test::make_set(rows);
	Training training(mixed, kRecipe);
	training.signs({-1, 1}); // dislike, like
	Model liked(training);
	const auto walk = events({6, 8});
	const auto best = liked.answer({.history = walk});
	CHECK(best[0] == 10);
	for (std::size_t i = 0; i < 10; ++i)
		CHECK(mixed.items()[best[i]].back() % 2 == 0);
}

TEST_CASE("blend: whether users come back is learnt") {
	// Each user has two staples among many things tried once.
	std::vector<Row> rows;
	for (std::size_t user = 0; user < 500; ++user) {
		Rng rng(12, user);
		const std::uint64_t staples[2] = {rng.below(100), rng.below(100)};
		for (std::int64_t e = 0; e < 24; ++e)
			rows.push_back({"u" + std::to_string(user), item_id(e % 3 == 0 ? rng.below(100) : staples[rng.below(2)]), "", e * kSecond});
	}
	const data::TrainingSet returning = test::make_set(rows), moving = test::make_set(circle(4000, 200, 1));
	Model groceries{Training(returning, kRecipe)}, films{Training(moving, kRecipe)};
	const auto history = events({5, 6, 5, 6, 7, 5, 6});
	const auto best = groceries.answer({.history = history});
	CHECK((best[0] == 5 || best[0] == 6));
	const auto walk = events({5, 6, 7});
	const auto others = films.answer({.history = walk});
	for (std::size_t i = 0; i < 5; ++i)
		CHECK((others[i] < 5 || others[i] > 7));
}

TEST_CASE("blend: users outside the length percentiles are left out of the training") {
	std::vector<Row> rows = circle(300, 50, 1);
	for (std::int64_t e = 0; e < 3000; ++e) // a robot that knows one pair only
		rows.push_back({"robot", item_id(e % 2 == 0 ? 40 : 3), "", e * kSecond});
	const data::TrainingSet set = test::make_set(rows);
	Model without{Training(set, kRecipe)}, with{Training(set, kRecipe, {{"max_user_history_length_percentile", "1"}})};
	const auto share = [](Model &m) {
		m.answer({});
		return std::exp(static_cast<double>(m.scores.logit[3]) - m.scores.log_normalizer);
	};
	CHECK(share(without) < 0.1);
	CHECK(share(with) > 0.15);
}

TEST_CASE("blend: personalized-ranking is the same model under its own name") {
	const data::TrainingSet set = test::make_set(test::shop(300, 80, 5));
	Model a{Training(set, kRecipe)}, b{Training(set, "personalized-ranking")};
	const auto history = events({3, 4});
	a.answer({.history = history});
	b.answer({.history = history});
	CHECK(a.scores.logit == b.scores.logit);
	CHECK(b.view.recipe() == "personalized-ranking");
}

TEST_CASE("blend: a stop in the middle of a training ends it") {
	const data::TrainingSet set = test::make_set(test::shop(3000, 300, 6));
	const std::uint64_t before = StopToken::polls();
	Training(set, kRecipe, {}, 2).train();
	CHECK(StopToken::polls() - before > 10000); // it asks all the time
	std::atomic<bool> stop{false};
	/// Sets the flag when it has run so many jobs: somewhere in the middle, each time in another phase.
	struct Stopping final : Executor {
		std::atomic<bool> &flag;
		int jobs;
		Stopping(std::atomic<bool> &f, int n) : flag(f), jobs(n) {}
		std::size_t threads() const noexcept override { return 1; }
		void run(std::size_t n, const std::function<void(std::size_t)> &task) override {
			if (--jobs == 0)
				flag = true;
			for (std::size_t i = 0; i < n; ++i)
				task(i);
		}
	};
	for (const int jobs : {1, 10, 50, 100}) {
		CAPTURE(jobs);
		stop = false;
		Training training(set, kRecipe);
		Stopping executor(stop, jobs);
		const TrainRequest base = training.request();
		const TrainRequest request{base.data, base.hyperparameters, base.type_sign, base.seed,
								   executor, StopToken(&stop), base.monitor, base.budget};
		CHECK_THROWS_AS(train_user_personalization(request), Cancelled);
		CHECK(training.budget().used() == 0);
	}
}

TEST_CASE("neighbours: a table equals brute force") {
	const data::TrainingSet set = test::make_set(test::shop(80, 30, 8));
	Training training(set, kRecipe, {{"max_user_history_length_percentile", "1"}});
	const TrainRequest request = training.request();
	const Sequences s(request, {});
	REQUIRE(s.n_events() == set.n_events());
	for (const float backward : {0.0f, 0.5f}) {
		const NeighbourSettings settings{.window = 4, .distance_power = 1, .backward = backward, .user_power = 0.5f,
										 .from_power = 0.5f, .to_power = 0.3f, .smoothing = 0, .neighbours = 1000,
										 .age_power = 1, .max_history = 10};
		const NeighbourTable table(request, s, settings);
		const std::size_t n = set.n_items();
		std::vector<double> c(n * n), degree(n);
		for (std::uint32_t u = 0; u < set.n_users(); ++u) {
			const std::size_t begin = set.user_begin(u), end = set.user_begin(u + 1);
			for (std::size_t i = begin; i < end; ++i) {
				++degree[set.item()[i]];
				std::uint32_t moments = 0;
				for (std::size_t j = i + 1; j < end; ++j) {
					moments += set.time()[j] != set.time()[j - 1];
					if (moments > 4 || (moments == 0 && backward == 0))
						continue;
					const double w = std::pow(static_cast<double>(end - begin), -0.5) / std::max(1u, moments);
					c[set.item()[i] * n + set.item()[j]] += w;
					c[set.item()[j] * n + set.item()[i]] += w * (moments == 0 ? 1 : static_cast<double>(backward));
				}
			}
		}
		std::vector<double> got(n * n), expected(n * n);
		double got_sum = 0, expected_sum = 0;
		const NeighbourRows rows = table.rows();
		for (std::uint32_t a = 0; a < n; ++a) {
			for (const std::uint32_t entry : rows.row(a))
				got_sum += got[a * n + (entry & ((1u << rows.item_bits) - 1))] =
					static_cast<double>(rows.scale[a]) * (entry >> rows.item_bits);
			for (std::uint32_t b = 0; b < n; ++b)
				if (a != b && c[a * n + b] > 0)
					expected_sum += expected[a * n + b] =
						c[a * n + b] * std::pow(degree[a], -0.5) * std::pow(degree[b], -0.3);
		}
		double worst = 0;
		for (std::size_t i = 0; i < n * n; ++i)
			worst = std::max(worst, std::abs(got[i] / got_sum - expected[i] / expected_sum));
		CHECK(worst * static_cast<double>(n * n) < 1e-2); // of the mean entry: 16 bits a weight
	}
}

TEST_CASE("past: ages count moments, the newest event of an item decides") {
	const std::vector<Event> history{{1, 10, 1}, {2, 20, 1}, {3, 20, 1}, {4, 30, -1}, {1, 40, -1}, {4, 50, 1}, {99, 60, 1}};
	PastBuffer past;
	past.read(history, 10);
	REQUIRE(past.past().size() == 3); // 4 (liked again), 3, 2
	CHECK(past.past()[0].item == 4);
	CHECK(past.past()[0].age == 0);
	CHECK(past.past()[1].age == 1);
	CHECK(past.past()[2].age == 1);
	REQUIRE(past.denied().size() == 1);
	CHECK(past.denied()[0] == 1);
}
