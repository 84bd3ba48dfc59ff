// What holds for every row of the table, also for recipes to come.
#include <doctest/doctest.h>

#include <atomic>
#include <cmath>
#include <random>
#include <set>

#include <nlohmann/json.hpp>

#include "unit/recipe/training.hpp"

using namespace recsys;
using test::Model;
using test::Row;
using test::Training;

TEST_CASE("every recipe: same rows and seed, same bytes, at any number of threads and in any order of rows") {
	std::vector<Row> rows = test::shop(400, 120, 11);
	const data::TrainingSet set = test::make_set(rows);
	std::shuffle(rows.begin(), rows.end(), std::mt19937_64(5));
	rows.insert(rows.end(), rows.begin(), rows.begin() + 500); // repeated rows count once
	const data::TrainingSet shuffled = test::make_set(rows);
	for (const recipe::RecipeSpec &spec : test::algorithms()) {
		CAPTURE(spec.name);
		const std::string name(spec.name);
		const Model one(Training(set, name.c_str(), {}, 1)), two(Training(set, name.c_str(), {}, 2)),
			other(Training(shuffled, name.c_str(), {}, 3));
		CHECK(std::ranges::equal(one.bytes, two.bytes));
		CHECK(std::ranges::equal(one.bytes, other.bytes));
		REQUIRE(one.metrics.size() == two.metrics.size());
		for (std::size_t i = 0; i < one.metrics.size(); ++i) {
			CHECK(one.metrics[i].name == two.metrics[i].name);
			CHECK(one.metrics[i].value == two.metrics[i].value);
			CHECK(one.metrics[i].value == other.metrics[i].value);
			CHECK(one.metrics[i].value >= 0);
			CHECK(one.metrics[i].value <= 1);
		}
		CHECK(one.metrics.size() >= 8);
	}
}

TEST_CASE("every recipe: a model has the common sections and answers densely") {
	const data::TrainingSet set = test::make_set(test::shop(300, 80, 12));
	for (const recipe::RecipeSpec &spec : test::algorithms()) {
		CAPTURE(spec.name);
		Model model(Training(set, std::string(spec.name).c_str()));
		// A recipe may share another one's algorithm; the model names one that opens it.
		const recipe::RecipeSpec *opener = recipe::find_recipe(model.view.recipe());
		REQUIRE((opener != nullptr));
		CHECK((opener->open == spec.open));
		const artifact::IdView ids(model.view, "item");
		REQUIRE(ids.size() == set.n_items());
		for (std::uint32_t i = 0; i < ids.size(); ++i)
			CHECK(ids[i] == set.items()[i]);
		CHECK(model.view.get<std::uint8_t>("item.flags", set.n_items())[0] == 0);
		const auto summary = nlohmann::json::parse(model.view.text("summary"));
		CHECK(summary["recipe"] == opener->name);
		CHECK(summary["n_users"] == set.n_users());
		CHECK(summary["n_items"] == set.n_items());
		CHECK(summary["n_events"] == set.n_events());
		CHECK(summary["seed"] == 42);
		CHECK(model.scorer->n_items() == set.n_items());
		const recipe::Event event{3, set.newest_time(), 1};
		recipe::Query query;
		query.history = {&event, model.scorer->max_history() == 0 ? 0u : 1u};
		query.item = spec.needs_item ? 3 : data::kNone;
		model.scorer->score(query, model.scores);
		REQUIRE(model.scores.logit.size() == set.n_items());
		REQUIRE(model.scores.reason.size() == set.n_items());
		double sum = 0;
		for (const float logit : model.scores.logit) {
			CHECK(!std::isnan(logit));
			sum += std::exp(static_cast<double>(logit) - model.scores.log_normalizer);
		}
		CHECK(sum == doctest::Approx(1.0).epsilon(1e-4));
		const std::vector<float> first = model.scores.logit;
		model.scorer->score(recipe::Query{}, model.scores); // the scores are reused between requests
		model.scorer->score(query, model.scores);
		CHECK(model.scores.logit == first);
	}
}

TEST_CASE("every recipe: the smallest and strangest data train and answer") {
	const double nan = std::numeric_limits<double>::quiet_NaN();
	std::vector<std::vector<Row>> cases;
	cases.push_back({{"u", "i", "", 1, nan}});
	cases.push_back({{"u", "i", "", 1, nan}, {"u", "i", "", 2, nan}, {"u", "i", "", 3, 1.0}});
	cases.push_back({{"u", "i", "", 1, nan}, {"v", "i", "", 1, nan}});
	cases.push_back({{"u", "a", "", 1, nan}, {"u", "b", "", 1, nan}, {"u", "c", "", 1, nan}});
	std::vector<Row> frozen = test::shop(100, 30, 3);
	for (Row &row : frozen)
		row.time = 7;
	cases.push_back(frozen);
	std::vector<Row> extreme = test::shop(50, 30, 4);
	extreme[0].time = std::numeric_limits<std::int64_t>::min();
	extreme[1].time = std::numeric_limits<std::int64_t>::max();
	extreme[2].value = 3e38;
	extreme[3].value = -3e38;
	cases.push_back(extreme);
	for (const std::vector<Row> &rows : cases) {
		const data::TrainingSet set = test::make_set(rows);
		for (const recipe::RecipeSpec &spec : test::algorithms()) {
			CAPTURE(spec.name);
			CAPTURE(rows.size());
			Model model(Training(set, std::string(spec.name).c_str(), {}, 2));
			model.answer({});
			const recipe::Event event{0, 5, 1};
			recipe::Query query;
			query.history = {&event, model.scorer->max_history() == 0 ? 0u : 1u};
			query.item = 0;
			CHECK(model.answer(query).size() <= set.n_items());
		}
	}
}

TEST_CASE("every recipe: an items dataset without events, and nothing at all") {
	data::TrainingSetBuilder builder(nullptr);
	builder.add_item("lonely", 5);
	builder.add_item("alone", std::nullopt);
	SerialExecutor executor;
	const data::TrainingSet items_only = builder.finish(executor, {}), nothing = test::make_set({});
	for (const recipe::RecipeSpec &spec : test::algorithms()) {
		CAPTURE(spec.name);
		const std::string name(spec.name);
		Model lonely(Training(items_only, name.c_str())), empty(Training(nothing, name.c_str()));
		CHECK(lonely.answer({}).size() == 2);
		CHECK(lonely.view.get<std::uint8_t>("item.flags")[0] == recipe::kItemHadRow);
		CHECK(lonely.metrics.empty()); // nobody to measure on
		CHECK(empty.answer({}).empty());
	}
}

TEST_CASE("every recipe: a set stop flag ends the training soon") {
	const data::TrainingSet set = test::make_set(test::shop(3000, 300, 6));
	const std::atomic<bool> stop{true};
	for (const recipe::RecipeSpec &spec : test::algorithms()) {
		CAPTURE(spec.name);
		Training training(set, std::string(spec.name).c_str(), {}, 2, 0, &stop);
		const std::uint64_t before = StopToken::polls();
		CHECK_THROWS_AS(training.train(), Cancelled);
		CHECK(StopToken::polls() - before <= 8);
		CHECK(training.budget().used() == 0);
	}
}

TEST_CASE("every recipe: polls grow with the work") {
	const data::TrainingSet small = test::make_set(test::shop(500, 300, 6)),
							large = test::make_set(test::shop(20000, 300, 6));
	for (const recipe::RecipeSpec &spec : test::algorithms()) {
		CAPTURE(spec.name);
		const auto polls = [&](const data::TrainingSet &set) {
			const std::uint64_t before = StopToken::polls();
			Training(set, std::string(spec.name).c_str(), {}, 2).train();
			return StopToken::polls() - before;
		};
		CHECK(polls(large) > 4 * polls(small));
	}
}

TEST_CASE("every recipe: too small a budget fails with 53400 and leaves nothing charged") {
	const data::TrainingSet set = test::make_set(test::shop(3000, 300, 6));
	for (const recipe::RecipeSpec &spec : test::algorithms()) {
		CAPTURE(spec.name);
		Training training(set, std::string(spec.name).c_str(), {}, 2, 6000);
		try {
			training.train();
			FAIL("trained in 6000 bytes");
		} catch (const Error &e) {
			CHECK(std::string(e.sqlstate()) == "53400");
		}
		CHECK(training.budget().used() == 0);
	}
}

TEST_CASE("every recipe: damaged sections are refused, never read") {
	const data::TrainingSet set = test::make_set(test::shop(60, 20, 6));
	for (const recipe::RecipeSpec &spec : test::algorithms()) {
		CAPTURE(spec.name);
		Training training(set, std::string(spec.name).c_str());
		const artifact::Writer model = training.train().model;
		for (const artifact::Writer::Section &damaged : model.sections()) {
			if (damaged.name.starts_with("item.") || damaged.name == "summary" || damaged.bytes.size() < 8)
				continue;
			CAPTURE(damaged.name);
			artifact::Writer writer(std::string(spec.name));
			for (const artifact::Writer::Section &section : model.sections()) {
				const std::span<const std::byte> bytes(section.bytes);
				writer.add(section.name, section.name == damaged.name ? bytes.first(bytes.size() / 8 * 4 - 4) : bytes);
			}
			const auto bytes = writer.finish();
			const artifact::View view(bytes);
			try {
				const auto scorer = spec.open(view);
				recipe::Scores scores;
				for (std::uint32_t item = 0; item < scorer->n_items(); ++item) {
					recipe::Query query;
					query.item = item;
					scorer->score(query, scores);
				}
			} catch (const Error &e) {
				CHECK(std::string(e.sqlstate()) == "RS007");
			}
		}
	}
}
