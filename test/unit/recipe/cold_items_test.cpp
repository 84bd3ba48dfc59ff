// New items, judged by what they are like.
#include <doctest/doctest.h>

#include <cmath>
#include <set>

#include "recipe/cold_items.hpp"
#include "recipe/feature_sections.hpp"
#include "unit/recipe/training.hpp"

using namespace recsys;
using data::FeatureKind;
using test::Model;
using test::Training;

namespace {

constexpr std::size_t kItems = 240, kGenres = 6;

std::string item_id(std::size_t item) { return "i" + std::to_string(1000 + item); }

enum class Features { Telling, Random, None };

/// Users with a taste for one genre each; every seventh item is new and has no events.
data::TrainingSet genre_shop(Features features, std::size_t n_users = 900) {
	data::TrainingSetBuilder builder(nullptr);
	if (features != Features::None)
		builder.describe_items({{"genre", FeatureKind::Category}, {"size", FeatureKind::Number}});
	data::FeatureRow row;
	for (std::size_t item = 0; item < kItems; ++item) {
		Rng rng(77, item);
		const std::size_t genre = features == Features::Random ? rng.below(kGenres) : item % kGenres;
		const std::string name = "g" + std::to_string(genre);
		row.clear();
		row.category(0, name);
		row.number(1, static_cast<double>(rng.below(100)));
		builder.add_item(item_id(item), std::nullopt, features == Features::None ? nullptr : &row);
	}
	for (std::size_t user = 0; user < n_users; ++user) {
		Rng rng(5, user);
		const std::size_t taste = rng.below(kGenres), length = 4 + rng.below(16);
		std::set<std::size_t> seen;
		for (std::size_t e = 0; e < length; ++e) {
			std::size_t item = rng.below(kItems / kGenres) * kGenres + (rng.below(10) < 8 ? taste : rng.below(kGenres));
			if (item % 7 == 0 || !seen.insert(item).second)
				continue;
			builder.add_event({.user = "u" + std::to_string(user), .item = item_id(item), .type = "",
							   .time = static_cast<std::int64_t>(e) * 1'000'000, .session = ""});
		}
	}
	SerialExecutor executor;
	return builder.finish(executor, {});
}

/// The share of the user's genre among the best five new items, over users with a history in each genre.
double right_genre(Model &model) {
	double right = 0, all = 0;
	for (std::size_t genre = 0; genre < kGenres; ++genre) {
		std::vector<recipe::Event> history;
		for (std::size_t k = 0; history.size() < 4; ++k)
			if (const std::size_t item = k * kGenres + genre; item % 7 != 0)
				history.push_back({static_cast<std::uint32_t>(item), static_cast<std::int64_t>(k), 1});
		std::size_t found = 0;
		for (const std::uint32_t item : model.answer({.history = history}))
			if (item % 7 == 0 && found++ < 4) {
				right += item % kGenres == genre;
				all += 1;
			}
	}
	return right / all;
}

} // namespace

TEST_CASE("new items: those of a user's kind come first, and say that they are new") {
	const data::TrainingSet set = genre_shop(Features::Telling);
	Model model(Training(set, "user-personalization", {}, 2));
	REQUIRE(recipe::ColdItems::present(model.view));
	CHECK(right_genre(model) > 0.75); // by chance one in six
	model.answer({});
	for (std::uint32_t item = 0; item < kItems; ++item)
		CHECK((model.scores.reason[item] == recipe::Reason::New) == (item % 7 == 0));
	const recipe::ColdItems cold(model.view, kItems);
	CHECK(cold.items().size() >= kItems / 7);
}

TEST_CASE("new items: without a history they are as likely as items like them, neither at the top nor at the bottom") {
	const data::TrainingSet set = genre_shop(Features::Telling);
	Model model(Training(set, "user-personalization", {}, 1));
	const std::vector<std::uint32_t> order = model.answer({});
	double place = 0;
	for (std::size_t i = 0; i < order.size(); ++i)
		if (order[i] % 7 == 0)
			place += static_cast<double>(i) / static_cast<double>(kItems / 7);
	CHECK(place > 0.2 * kItems);
	CHECK(place < 0.8 * kItems);
	double sum = 0;
	for (const float logit : model.scores.logit)
		sum += std::exp(static_cast<double>(logit) - model.scores.log_normalizer);
	CHECK(sum == doctest::Approx(1).epsilon(1e-4));
}

TEST_CASE("new items: features that tell nothing decide nothing") {
	const data::TrainingSet set = genre_shop(Features::Random);
	Model model(Training(set, "user-personalization", {}, 1));
	REQUIRE(recipe::ColdItems::present(model.view));
	const auto settings = model.view.get<recipe::ColdSettings>("cold.settings", 1)[0];
	CHECK(std::abs(settings.weight) < 0.5f);
	CHECK(right_genre(model) < 0.45);
}

TEST_CASE("new items: the same bytes at any number of threads; without features no trace") {
	const data::TrainingSet set = genre_shop(Features::Telling, 500), plain = genre_shop(Features::None, 500);
	const Model one(Training(set, "user-personalization", {}, 1)), three(Training(set, "user-personalization", {}, 3));
	CHECK(std::ranges::equal(one.bytes, three.bytes));
	const Model without(Training(plain, "user-personalization", {}, 1));
	CHECK(!recipe::ColdItems::present(without.view));
	CHECK(!without.view.has("items.columns"));
}

TEST_CASE("new items: an item that was always there and never chosen is known, not new") {
	data::TrainingSetBuilder builder(nullptr);
	builder.describe_items({{"genre", FeatureKind::Category}});
	data::FeatureRow row;
	for (std::size_t item = 0; item < 120; ++item) {
		row.clear();
		row.category(0, item % 2 == 0 ? "even" : "odd");
		std::optional<std::int64_t> created = 0;
		if (item == 7)
			created = 1'000'000'000; // later than all events
		builder.add_item(item_id(item), created, &row);
	}
	for (std::size_t user = 0; user < 400; ++user) {
		Rng rng(8, user);
		for (std::int64_t e = 1; e < 12; ++e)
			if (const std::size_t item = rng.below(120); item != 7 && item != 8)
				builder.add_event({.user = "u" + std::to_string(user), .item = item_id(item), .type = "", .time = e * 1000, .session = ""});
	}
	SerialExecutor executor;
	const data::TrainingSet set = builder.finish(executor, {});
	Model model(Training(set, "user-personalization"));
	model.answer({});
	CHECK(model.scores.reason[7] == recipe::Reason::New);
	CHECK(model.scores.reason[8] == recipe::Reason::Popular);
	CHECK(model.scores.logit[7] > model.scores.logit[8] + 1);
}

TEST_CASE("new items: strange metadata train and answer") {
	std::vector<data::TrainingSet> sets;
	SerialExecutor executor;
	data::FeatureRow row;
	row.category(0, "x");
	for (int kind = 0; kind < 3; ++kind) { // features of items without events; one item; all items alike
		data::TrainingSetBuilder builder(nullptr);
		builder.describe_items({{"genre", FeatureKind::Category}});
		for (std::size_t item = 0; item < (kind == 1 ? 1u : 90u); ++item)
			builder.add_item(item_id(item), std::nullopt, &row);
		for (std::size_t user = 0; user < 60 && kind != 0; ++user)
			for (std::size_t e = 0; e < 5; ++e)
				builder.add_event({.user = "u" + std::to_string(user), .item = item_id(kind == 1 ? 0 : (user * 7 + e * 3) % 80), .type = "",
								   .time = static_cast<std::int64_t>(e), .session = ""});
		sets.push_back(builder.finish(executor, {}));
	}
	for (const data::TrainingSet &set : sets) {
		Model model(Training(set, "user-personalization", {}, 2));
		CHECK(model.answer({}).size() == set.n_items());
		for (const float logit : model.scores.logit)
			CHECK(std::isfinite(logit));
	}
}

TEST_CASE("new items: damaged sections are refused, never read") {
	const data::TrainingSet set = genre_shop(Features::Telling, 300);
	Training training(set, "user-personalization");
	const artifact::Writer model = training.train().model;
	for (const artifact::Writer::Section &damaged : model.sections()) {
		if (!damaged.name.starts_with("cold.") && !damaged.name.starts_with("items."))
			continue;
		CAPTURE(damaged.name);
		artifact::Writer writer("user-personalization");
		for (const artifact::Writer::Section &section : model.sections()) {
			const std::span<const std::byte> bytes(section.bytes);
			writer.add(section.name, section.name == damaged.name ? bytes.first(bytes.size() / 8 * 4) : bytes);
		}
		const auto bytes = writer.finish();
		const artifact::View view(bytes);
		try {
			const recipe::ColdItems cold(view, set.n_items());
			const data::FeatureEncoder encoder = recipe::open_features(view, "items");
			std::vector<std::uint32_t> sparse;
			std::vector<float> dense(encoder.n_dense());
			data::FeatureRow row;
			row.category(0, "g1");
			row.number(1, 3);
			encoder.encode(row, sparse, dense);
		} catch (const Error &e) {
			CHECK(std::string(e.sqlstate()) == "RS007");
		}
	}
	const Model whole(training);
	const data::FeatureEncoder stored = recipe::open_features(whole.view, "items"), &learned = set.item_features().encoder;
	REQUIRE(stored.columns().size() == 2);
	data::FeatureRow row;
	row.category(0, "g3");
	row.number(1, 42);
	std::vector<std::uint32_t> a, b;
	std::vector<float> x(stored.n_dense()), y(x);
	stored.encode(row, a, x);
	learned.encode(row, b, y);
	CHECK(a == b);
	CHECK(x == y);
}
