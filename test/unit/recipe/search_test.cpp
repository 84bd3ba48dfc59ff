// The search for settings: what is drawn, that it finds what is better, that it is the same every time, and that nobody whom the
// final metrics are measured on is seen.
#include <doctest/doctest.h>

#include <cmath>
#include <set>

#include "base/error.hpp"
#include "recipe/evaluate.hpp"
#include "recipe/search.hpp"
#include "unit/recipe/training.hpp"

using namespace recsys;
using namespace recsys::test;

TEST_CASE("settings are drawn evenly, without repetition, until there are none left") {
	const recipe::RecipeSpec &sims = *recipe::find_recipe("sims");
	const recipe::Hyperparameters start = recipe::complete_hyperparameters(sims, {});
	const auto drawn = recipe::draw_settings(start, {{"popularity_discount_factor", false, 0.2, 0.8, {}}, {"min_cointeraction_count", true, 1, 4, {}}}, 64);
	REQUIRE(drawn.size() == 64);
	std::set<std::pair<double, double>> cells;
	for (const recipe::Hyperparameters &settings : drawn) {
		const double discount = settings["popularity_discount_factor"], count = settings["min_cointeraction_count"];
		CHECK(discount >= 0.2);
		CHECK(discount <= 0.8);
		CHECK(count == std::floor(count));
		cells.insert({std::floor((discount - 0.2) / 0.15), count});
		CHECK(settings["max_user_history_length_percentile"] == start["max_user_history_length_percentile"]);
	}
	CHECK(cells.size() == 16); // four by four, none missed
	// The default of 3 is the start's own.
	CHECK(recipe::draw_settings(start, {{"min_cointeraction_count", true, 1, 4, {}}}, 10).size() == 3);
	CHECK(recipe::draw_settings(start, {{"min_cointeraction_count", true, 0, 0, {2, 7}}}, 10).size() == 2);
	CHECK(recipe::draw_settings(start, {}, 10).empty());
}

namespace {

recipe::SearchPlan sims_plan(std::size_t trials) {
	const recipe::RecipeSpec &sims = *recipe::find_recipe("sims");
	recipe::SearchPlan plan;
	plan.candidates = {{&sims, recipe::complete_hyperparameters(sims, {{"min_cointeraction_count", "10"}, {"popularity_discount_factor", "1"}}),
						{{"min_cointeraction_count", true, 0, 10, {}}, {"popularity_discount_factor", false, 0, 1, {}}}}};
	plan.max_trials = trials;
	return plan;
}

} // namespace

TEST_CASE("a search finds better settings than poor ones, the same with any number of threads") {
	const data::TrainingSet set = make_set(shop(600, 60, 3));
	Training one(set, "sims"), four(set, "sims", {}, 4);
	const recipe::SearchResult found = recipe::search(one.request(), sims_plan(12)), again = recipe::search(four.request(), sims_plan(12));
	REQUIRE(found.trials.size() == 12);
	CHECK(found.best != 0);
	CHECK(found.trials[found.best].objective > found.trials[0].objective);
	CHECK(found.best == again.best);
	for (std::size_t i = 0; i < found.trials.size(); ++i) {
		CHECK(found.trials[i].objective == again.trials[i].objective);
		CHECK(found.trials[i].users == found.trials[0].users);
		CHECK(found.trials[i].objective <= found.trials[found.best].objective);
	}
}

TEST_CASE("many data are searched in rungs, and the settings as given reach the last") {
	const data::TrainingSet set = make_set(shop(1500, 60, 4));
	Training training(set, "sims");
	recipe::SearchPlan plan = sims_plan(18);
	plan.least_events = 500; // three rungs
	REQUIRE(set.n_events() > 500 * 9);
	const recipe::SearchResult found = recipe::search(training.request(), plan);
	std::set<std::size_t> users;
	for (const recipe::Trial &trial : found.trials)
		users.insert(trial.users);
	CHECK(users.size() == 3);
	CHECK(found.trials[0].users == *users.rbegin());
	CHECK(found.trials[found.best].users == *users.rbegin());
	CHECK(found.trials[found.best].objective >= found.trials[0].objective);
}

TEST_CASE("whoever the final metrics are measured on is not seen") {
	// Their events name items of their own. Were they seen, the trials' item counts would tell.
	const std::vector<Row> rows = shop(600, 60, 5);
	const data::TrainingSet before = make_set(rows);
	const auto sides = data::split_users(before, recipe::kHeldOutShare, 42);
	std::vector<Row> changed = rows;
	std::size_t others = 0;
	for (Row &row : changed)
		if (sides[before.users().find(row.user)] == static_cast<std::uint8_t>(recipe::Side::Metrics)) {
			row.item = "i1000";
			++others;
		}
	REQUIRE(others > 50);
	const data::TrainingSet after = make_set(changed);
	REQUIRE(data::split_users(after, recipe::kHeldOutShare, 42) == sides);
	Training a(before, "sims"), b(after, "sims");
	const recipe::SearchResult x = recipe::search(a.request(), sims_plan(4)), y = recipe::search(b.request(), sims_plan(4));
	for (std::size_t i = 0; i < 4; ++i)
		CHECK(x.trials[i].objective == doctest::Approx(y.trials[i].objective).epsilon(1e-12));
}

TEST_CASE("recipes are compared at their defaults, then the best one's settings are searched") {
	const data::TrainingSet set = make_set(shop(600, 60, 6));
	Training training(set, "sims");
	const recipe::RecipeSpec &popular = *recipe::find_recipe("popularity-count"), &sims = *recipe::find_recipe("sims");
	recipe::SearchPlan plan = sims_plan(6);
	plan.candidates.insert(plan.candidates.begin(), {&popular, recipe::complete_hyperparameters(popular, {}), {}});
	const recipe::SearchResult found = recipe::search(training.request(), plan);
	CHECK(found.trials.size() == 6);
	CHECK(found.trials[0].recipe == &popular);
	CHECK(found.trials[found.best].recipe == &sims);
	CHECK(found.trials[5].recipe == &sims);
}

TEST_CASE("without anybody to measure by there is no search") {
	const data::TrainingSet set = make_set({{"a", "x", ""}, {"b", "y", ""}, {"c", "x", ""}});
	Training training(set, "sims");
	CHECK_THROWS_AS(recipe::search(training.request(), sims_plan(3)), Error);
	recipe::SearchPlan alone = sims_plan(1);
	CHECK(recipe::search(training.request(), alone).best == 0); // nothing to compare
}

TEST_CASE("a set of some users is that of their rows alone, with all items") {
	const std::vector<Row> rows = shop(50, 30, 7);
	const data::TrainingSet all = make_set(rows);
	std::vector<std::uint8_t> keep(all.n_users());
	for (std::uint32_t user = 0; user < keep.size(); ++user)
		keep[user] = user % 3 == 0;
	const data::TrainingSet some = all.of_users(keep, nullptr, {});
	std::uint32_t next = 0;
	for (std::uint32_t user = 0; user < all.n_users(); user += 3, ++next) {
		CHECK(some.users()[next] == all.users()[user]);
		REQUIRE(some.user_begin(next + 1) - some.user_begin(next) == all.user_begin(user + 1) - all.user_begin(user));
		for (std::size_t i = 0; i < some.user_begin(next + 1) - some.user_begin(next); ++i) {
			const std::size_t a = some.user_begin(next) + i, b = all.user_begin(user) + i;
			CHECK(some.item()[a] == all.item()[b]);
			CHECK(some.time()[a] == all.time()[b]);
		}
	}
	CHECK(some.n_users() == next);
	CHECK(some.n_items() == all.n_items());
	CHECK(some.item_shown().size() == all.n_items());
	CHECK(&some.context_features().encoder.columns() == &all.context_features().encoder.columns());
}
