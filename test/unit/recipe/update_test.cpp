// Updates: new items come in, what was learnt stays.
#include <doctest/doctest.h>

#include <cmath>

#include "recipe/neighbours.hpp"
#include "recipe/update.hpp"
#include "unit/recipe/training.hpp"

using namespace recsys;
using namespace recsys::recipe;
using test::Model;
using test::Row;
using test::Training;

namespace {

constexpr const char *kRecipe = "user-personalization";

struct Updated {
	Updated(const Model &old, const data::TrainingSet &set, std::size_t threads = 1) : training(set, kRecipe, {}, threads) {
		training.signs(std::vector<std::int8_t>(set.event_types().size(), 1));
		const auto charged = training.spec().update(old.view, training.request()).finish();
		bytes = Budgeted<std::byte>(charged.begin(), charged.end());
		view = artifact::View(bytes);
		scorer = training.spec().open(view);
	}
	Training training;
	Budgeted<std::byte> bytes;
	artifact::View view;
	std::unique_ptr<Scorer> scorer;
};

Model train(const data::TrainingSet &set) {
	Training training(set, kRecipe);
	training.signs(std::vector<std::int8_t>(set.event_types().size(), 1));
	return Model(training);
}

/// Items before, between and behind those of the shop, with and without events.
std::vector<Row> with_new_items(std::vector<Row> rows) {
	for (const char *item : {"a", "i1003x", "z"})
		for (int user = 0; user < (*item == 'z' ? 1 : 40); ++user)
			rows.push_back({"n" + std::to_string(user), item, "", 1'000'000'000});
	return rows;
}

/// One event for each of a few items, as ordinals of a model.
std::vector<Event> history(const artifact::View &view, const std::vector<std::string> &ids) {
	const artifact::IdView items(view, "item");
	std::vector<Event> events;
	for (const std::string &id : ids)
		events.push_back({items.find(id), static_cast<std::int64_t>(events.size()) * 1'000'000, 1});
	return events;
}

} // namespace

TEST_CASE("update: every recipe that says so has one") {
	for (const RecipeSpec &recipe : recipes())
		CHECK_MESSAGE(recipe.capabilities.auto_update == (recipe.update ? true : false), recipe.name);
	CHECK_FALSE(find_recipe("personalized-ranking")->capabilities.auto_update);
}

TEST_CASE("update: the items that were there keep their scores, new ones have a share") {
	const std::vector<Row> rows = test::shop(300, 50, 3);
	const data::TrainingSet before = test::make_set(rows), after = test::make_set(with_new_items(rows));
	Model old = train(before);
	const Updated updated(old, after);
	const artifact::IdView items(updated.view, "item"), old_items(old.view, "item");
	REQUIRE(items.size() == old_items.size() + 3);
	REQUIRE(updated.scorer->n_items() == items.size());
	for (const std::vector<std::string> &ids : {std::vector<std::string>{}, {"i1003"}, {"i1003", "i1010", "i1001"}}) {
		const std::vector<Event> past = history(old.view, ids), same_past = history(updated.view, ids);
		Scores was, now;
		old.scorer->score({.history = past}, was);
		updated.scorer->score({.history = same_past}, now);
		for (std::uint32_t item = 0; item < old_items.size(); ++item) {
			const std::uint32_t moved = items.find(old_items[item]);
			REQUIRE(moved != data::kNone);
			CHECK(now.logit[moved] == doctest::Approx(was.logit[item]).epsilon(1e-5)); // kernels take items in groups
			CHECK(now.reason[moved] == was.reason[item]);
		}
		CHECK(std::isfinite(now.logit[items.find("z")]));
		CHECK(now.logit[items.find("a")] > now.logit[items.find("z")]);
	}
	const auto flags = updated.view.get<std::uint8_t>("item.flags");
	CHECK((flags[items.find("a")] & kItemAdded) != 0);
	CHECK((flags[items.find("i1003")] & kItemAdded) == 0);
}

TEST_CASE("update: nothing new makes equal bytes, and so does any number of threads") {
	const std::vector<Row> rows = test::shop(200, 40, 5);
	const data::TrainingSet before = test::make_set(rows), after = test::make_set(with_new_items(rows));
	Model old = train(before);
	CHECK(Updated(old, before).bytes == old.bytes);
	CHECK(Updated(old, after, 1).bytes == Updated(old, after, 4).bytes);
}

TEST_CASE("update: of an update, with items that are gone") {
	const std::vector<Row> rows = test::shop(200, 40, 5);
	const data::TrainingSet before = test::make_set(rows), after = test::make_set(with_new_items(rows));
	Model old = train(before);
	Updated once(old, after);
	Model again = train(before);
	again.bytes = once.bytes;
	again.view = artifact::View(again.bytes);
	const Updated twice(again, before); // the new items have no events any more
	CHECK(artifact::IdView(twice.view, "item").size() == before.n_items() + 3);
	Scores now;
	twice.scorer->score({}, now);
	for (const float logit : now.logit)
		CHECK(std::isfinite(logit));
}

TEST_CASE("update: a neighbour table whose items need another bit keeps its weights to a rounding") {
	constexpr std::uint32_t kItems = 65536, kAdded = 3;
	data::TrainingSetBuilder few(nullptr), many(nullptr);
	for (std::uint32_t item = 0; item < kItems + kAdded; ++item) {
		const std::string id = "i" + std::to_string(1'000'000 + item);
		if (item >= kAdded)
			few.add_item(id, std::nullopt);
		many.add_item(id, std::nullopt);
	}
	SerialExecutor executor;
	const data::TrainingSet before = few.finish(executor, {}), after = many.finish(executor, {});
	Training small(before, kRecipe), large(after, kRecipe);
	artifact::Writer writer(kRecipe);
	add_common_sections(writer, small.request());
	std::vector<std::uint64_t> begin(kItems + 1, 2);
	begin[0] = 0;
	const std::vector<std::uint32_t> entries = {65535u << 16 | 9, 20000u << 16 | 65535};
	std::vector<float> scale(kItems, 0.0f);
	scale[0] = 1.0f / 65535;
	const NeighbourSettings settings{.window = 1, .distance_power = 0, .backward = 0, .user_power = 0, .from_power = 0, .to_power = 0,
									 .smoothing = 0, .neighbours = 2, .age_power = 0, .max_history = 1};
	writer.add<std::uint64_t>("t.begin", begin);
	writer.add<std::uint32_t>("t.entries", entries);
	writer.add<float>("t.scale", scale);
	writer.add<NeighbourSettings>("t.settings", std::span(&settings, 1));
	const auto bytes = writer.finish();
	const artifact::View view(bytes);
	const UpdatedItems items(view, large.request());
	artifact::Writer updated(kRecipe);
	update_neighbours(view, "t", items, large.request(), updated);
	const auto result = updated.finish();
	const artifact::View now(result);
	const auto rows = now.get<std::uint32_t>("t.entries");
	REQUIRE(rows.size() == 2);
	const float unit = now.get<float>("t.scale")[kAdded]; // the first item moved behind the added ones
	CHECK((rows[0] & 0x1ffff) == 9 + kAdded);
	CHECK((rows[1] & 0x1ffff) == 65535 + kAdded);
	CHECK(unit * static_cast<float>(rows[0] >> 17) == doctest::Approx(1.0));
	CHECK(unit * static_cast<float>(rows[1] >> 17) == doctest::Approx(20000.0 / 65535).epsilon(1e-4));
}
