// Related items by behaviour and metadata together.
#include <doctest/doctest.h>

#include <cmath>
#include <set>

#include "recipe/sims.hpp"
#include "unit/recipe/training.hpp"

using namespace recsys;
using data::FeatureKind;
using recipe::Reason;
using test::Model;
using test::Training;

namespace {

constexpr std::size_t kItems = 240, kGenres = 6;

std::string item_id(std::size_t item) { return "i" + std::to_string(1000 + item); }
bool is_new(std::size_t item) { return item % 7 == 0; }

/// Users with a taste for one genre each; every seventh item has no events. Items from `strange` on are described as of the genre
/// that follows theirs.
data::TrainingSet genre_shop(bool described, std::size_t strange = kItems) {
	data::TrainingSetBuilder builder(nullptr);
	if (described)
		builder.describe_items({{"genre", FeatureKind::Category}, {"size", FeatureKind::Number}});
	data::FeatureRow row;
	for (std::size_t item = 0; item < kItems; ++item) {
		const std::string genre = "g" + std::to_string((item + (item >= strange)) % kGenres);
		row.clear();
		row.category(0, genre);
		row.number(1, static_cast<double>(Rng(77, item).below(100)));
		builder.add_item(item_id(item), std::nullopt, described ? &row : nullptr);
	}
	for (std::size_t user = 0; user < 900; ++user) {
		Rng rng(5, user);
		const std::size_t taste = rng.below(kGenres), length = 4 + rng.below(16);
		std::set<std::size_t> seen;
		for (std::size_t e = 0; e < length; ++e) {
			const std::size_t item = rng.below(kItems / kGenres) * kGenres + (rng.below(10) < 8 ? taste : rng.below(kGenres));
			if (!is_new(item) && seen.insert(item).second)
				builder.add_event({.user = "u" + std::to_string(user), .item = item_id(item), .type = "",
								   .time = static_cast<std::int64_t>(e) * 1'000'000, .session = ""});
		}
	}
	SerialExecutor executor;
	return builder.finish(executor, {});
}

std::vector<std::uint32_t> answer(Model &model, std::uint32_t item) {
	recipe::Query query;
	query.item = item;
	return model.answer(query);
}

/// The share of an item's genre among the best ten of the items for which `which` holds.
template <class Which> double same_genre(Model &model, Which which) {
	double same = 0, all = 0;
	for (std::uint32_t item = 0; item < kItems; ++item) {
		if (!which(item))
			continue;
		const std::vector<std::uint32_t> order = answer(model, item);
		for (std::size_t i = 0; i < 10; ++i, ++all)
			same += order[i] % kGenres == item % kGenres;
	}
	return same / all;
}

} // namespace

TEST_CASE("similar-items: metadata carry items without events, which are among the neighbours of others as well") {
	const data::TrainingSet set = genre_shop(true);
	Model model(Training(set, "similar-items", {}, 2));
	CHECK(same_genre(model, is_new) > 0.9); // by chance one in six
	CHECK(same_genre(model, [](std::size_t item) { return !is_new(item); }) > 0.9);
	std::set<std::uint32_t> new_neighbours;
	for (std::uint32_t item = 0; item < kItems; ++item) {
		const std::vector<std::uint32_t> order = answer(model, item);
		CHECK(std::find(order.begin(), order.end(), item) == order.end());
		for (std::size_t i = 0; i < 40; ++i)
			if (is_new(order[i]) && model.scores.reason[order[i]] == Reason::Similar)
				new_neighbours.insert(order[i]);
	}
	CHECK(new_neighbours.size() > kItems / 7 / 2);
}

TEST_CASE("similar-items: behaviour takes over where metadata tell something else") {
	const std::size_t strange = kItems - 60;
	const data::TrainingSet set = genre_shop(true, strange);
	Model model(Training(set, "similar-items", {}, 1));
	CHECK(same_genre(model, [&](std::size_t item) { return item >= strange && !is_new(item); }) > 0.8);
	CHECK(same_genre(model, [&](std::size_t item) { return item >= strange && is_new(item); }) < 0.3); // by what they seem to be
}

TEST_CASE("similar-items: without metadata by behaviour alone; what nothing is known of has no neighbours") {
	const data::TrainingSet set = genre_shop(false);
	Model model(Training(set, "similar-items", {}, 1));
	CHECK(same_genre(model, [](std::size_t item) { return !is_new(item); }) > 0.9);
	for (std::uint32_t item = 0; item < kItems; ++item) {
		const std::vector<std::uint32_t> order = answer(model, item);
		CHECK((model.scores.reason[order[0]] == Reason::Popular) == is_new(item));
		for (const std::uint32_t other : order)
			CHECK((!is_new(other) || model.scores.reason[other] == Reason::Popular));
	}
	const std::vector<std::uint32_t> unknown = answer(model, data::kNone);
	CHECK(unknown.size() == kItems);
	CHECK(model.scores.reason[unknown[0]] == Reason::Popular);
}

TEST_CASE("similar-items: a larger discount never makes the answers more popular") {
	const data::TrainingSet set = test::make_set(test::shop(1500, 200, 9));
	std::vector<double> users(set.n_items(), 0);
	for (const std::uint32_t item : set.item())
		users[item] += 1;
	double before = INFINITY;
	for (const char *discount : {"0", "0.3", "0.6", "1"}) {
		Model model(Training(set, "similar-items", {{"popularity_discount_factor", discount}}, 2));
		double popularity = 0;
		for (std::uint32_t item = 0; item < set.n_items(); ++item) {
			const std::vector<std::uint32_t> order = answer(model, item);
			for (std::size_t i = 0; i < 10; ++i)
				popularity += users[order[i]];
		}
		CHECK(popularity < before);
		before = popularity;
	}
}

TEST_CASE("similar-items: the same bytes at any number of threads") {
	const data::TrainingSet set = genre_shop(true);
	const Model one(Training(set, "similar-items", {}, 1)), three(Training(set, "similar-items", {}, 3));
	CHECK(std::ranges::equal(one.bytes, three.bytes));
}
