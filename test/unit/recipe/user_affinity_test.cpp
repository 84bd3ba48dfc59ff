// Users for items: the formula against a plain rendering of it, what is found from the data, and models that are damaged.
#include <doctest/doctest.h>

#include <cmath>
#include <numeric>

#include "recipe/user_affinity.hpp"
#include "unit/recipe/training.hpp"

using namespace recsys;
using recipe::Affinity;
using recipe::AffinityRung;
using recipe::AffinitySettings;
using recipe::Histories;
using test::Model;
using test::Row;
using test::Training;

namespace {

/// A log of `users`, each a list of entries.
struct Log {
	std::vector<std::uint64_t> offsets{0};
	std::vector<std::uint32_t> entries;
	std::size_t n_items = 0;
	explicit Log(const std::vector<std::vector<std::uint32_t>> &users, std::size_t items) : n_items(items) {
		for (const auto &user : users) {
			entries.insert(entries.end(), user.begin(), user.end());
			offsets.push_back(entries.size());
		}
	}
	Histories view() const { return {offsets, entries, n_items}; }
};

Log random_log(std::size_t n_users, std::size_t n_items) {
	std::vector<std::vector<std::uint32_t>> users(n_users);
	for (std::size_t u = 0; u < n_users; ++u) {
		Rng rng(7, u);
		std::vector<std::uint32_t> all(n_items);
		std::iota(all.begin(), all.end(), 0u);
		for (std::size_t k = 0, n = rng.below(8); k < n; ++k) {
			std::swap(all[k], all[k + rng.below(n_items - k)]);
			users[u].push_back(all[k] | (k > 0 && rng.below(3) == 0 ? Histories::kAsNew : 0));
		}
	}
	return Log(users, n_items);
}

std::uint32_t item_of(std::uint32_t entry) { return entry & ~Histories::kAsNew; }

/// The votes of one user as the formula reads.
double plain_votes(const Histories &log, const AffinitySettings &s, const std::vector<std::uint32_t> &asked, std::size_t user) {
	const auto has = [&](std::uint32_t item) { return std::find(asked.begin(), asked.end(), item) != asked.end(); };
	const auto weight = [&](std::size_t v) { return std::pow(static_cast<double>(log.user(v).size()), -static_cast<double>(s.user_power)); };
	double sum = 0, weights = 0;
	std::size_t age = 0;
	for (std::size_t k = 0; k < log.user(user).size(); ++k) {
		if ((log.user(user)[k] & Histories::kAsNew) == 0)
			age = k;
		const std::uint32_t a = item_of(log.user(user)[k]);
		double with = 0, all = 0;
		for (std::size_t v = 0; v < log.n_users(); ++v) {
			const auto entries = log.user(v);
			if (std::none_of(entries.begin(), entries.end(), [&](std::uint32_t e) { return item_of(e) == a; }))
				continue;
			std::size_t age_of_a = 0, age_of_e = 0; // as new = of one age
			for (std::size_t k = 0, last = 0; k < entries.size(); ++k) {
				if ((entries[k] & Histories::kAsNew) == 0)
					last = k;
				if (item_of(entries[k]) == a)
					age_of_a = last;
			}
			for (std::size_t k = 0; k < entries.size(); ++k) {
				if ((entries[k] & Histories::kAsNew) == 0)
					age_of_e = k;
				const std::uint32_t e = item_of(entries[k]);
				const double pair = weight(v) * (age_of_e > age_of_a ? static_cast<double>(s.backward) : 1);
				with += e != a && has(e) ? pair : 0;
				all += e != a ? pair : 0;
			}
		}
		double w = all > 0 ? with / std::pow(all, static_cast<double>(s.item_power)) : 0;
		if (has(a) && s.own > 0 && all > 0)
			w += static_cast<double>(s.own) * std::pow(all, 1 - static_cast<double>(s.item_power));
		const double d = std::pow(1.0 + static_cast<double>(age), -static_cast<double>(s.age_power));
		sum += d * w;
		weights += d;
	}
	return sum / std::pow(weights, static_cast<double>(s.activity_power));
}

/// Two tastes, ten items each; nobody takes an item twice, and half of what a user takes is still to come.
std::vector<Row> tastes(std::size_t n_users) {
	std::vector<Row> rows;
	for (std::size_t u = 0; u < n_users; ++u) {
		Rng rng(3, u);
		std::vector<std::uint32_t> items(10);
		std::iota(items.begin(), items.end(), 0u);
		for (std::size_t k = 0, n = 4 + rng.below(4); k < n; ++k) {
			std::swap(items[k], items[k + rng.below(10 - k)]);
			rows.push_back({"u" + std::to_string(u), (u % 2 == 0 ? "even" : "odd") + std::to_string(items[k]), "", static_cast<std::int64_t>(k * 1000000)});
		}
	}
	return rows;
}

double metric(const std::vector<recipe::Metric> &metrics, const std::string &name) {
	for (const recipe::Metric &m : metrics)
		if (m.name == name)
			return m.value;
	return NAN;
}

} // namespace

TEST_CASE("user affinity: the formula, for one item and for several") {
	const Log log = random_log(60, 15);
	for (const AffinitySettings &s : {AffinitySettings{0, 1, 0, 0, 0, 0}, AffinitySettings{0.3f, 0.25f, 0.4f, 0.5f, 0.3f, 0.8f}, AffinitySettings{1, 0.5f, 1, 1, 1, 1}}) {
		const std::vector<float> totals = recipe::affinity_totals(log.view(), s);
		const Affinity affinity(log.view(), s, totals);
		for (const std::vector<std::uint32_t> &asked : {std::vector<std::uint32_t>{4}, std::vector<std::uint32_t>{0, 4, 9, 14}, std::vector<std::uint32_t>{}}) {
			std::vector<float> scores;
			affinity.score(asked, scores, [] {});
			REQUIRE(scores.size() == 60);
			for (std::size_t u = 0; u < 60; ++u) {
				if (log.view().user(u).empty()) {
					CHECK(scores[u] == -std::numeric_limits<float>::infinity());
					continue;
				}
				const double expected = plain_votes(log.view(), s, asked, u);
				if (expected > 0)
					CHECK(static_cast<double>(scores[u]) == doctest::Approx(expected).epsilon(1e-4));
				else
					CHECK(recipe::affinity_rung(scores[u]) == AffinityRung::Active);
			}
		}
	}
}

TEST_CASE("user affinity: without votes the most active come first, and who has the item last where people do not come back") {
	const Log log({{0, 1}, {1, 2}, {3}, {4, 5, 6}, {}}, 7);
	const AffinitySettings s{-1, 1, 0, 0, 0, 0};
	const std::vector<float> totals = recipe::affinity_totals(log.view(), s);
	std::vector<float> scores;
	Affinity(log.view(), s, totals).score(std::vector<std::uint32_t>{2}, scores, [] {});
	CHECK(recipe::affinity_rung(scores[0]) == AffinityRung::Affine); // by item 1
	CHECK(recipe::affinity_rung(scores[1]) == AffinityRung::Returning);
	CHECK(recipe::affinity_rung(scores[2]) == AffinityRung::Active);
	CHECK(recipe::affinity_rung(scores[3]) == AffinityRung::Active);
	CHECK(scores[0] > scores[3]);
	CHECK(scores[3] > scores[2]);
	CHECK(scores[2] > scores[1]);
	// Of several items one may be had and another not.
	Affinity(log.view(), s, totals).score(std::vector<std::uint32_t>{1, 2}, scores, [] {});
	CHECK(recipe::affinity_rung(scores[1]) == AffinityRung::Affine);
}

TEST_CASE("item-affinity: same bytes at any number of threads, and better than the most active users") {
	const data::TrainingSet set = test::make_set(tastes(600));
	const Model one(Training(set, "item-affinity", {}, 1)), three(Training(set, "item-affinity", {}, 3));
	CHECK(std::ranges::equal(one.bytes, three.bytes));
	REQUIRE(one.metrics.size() == 4);
	CHECK(metric(one.metrics, "recall_at_1_percent") > 1.5 * metric(one.metrics, "recall_at_1_percent_of_most_active"));
	CHECK(metric(one.metrics, "coverage") > 0);
	CHECK(metric(one.metrics, "coverage") <= 1);
	const auto &scorer = dynamic_cast<const recipe::AffinityScorer &>(*one.scorer);
	CHECK(scorer.users().size() == 600);
	std::vector<float> scores;
	scorer.affinity().score(std::vector<std::uint32_t>{set.items().find("even3")}, scores, [] {});
	std::vector<std::uint32_t> order(scores.size());
	std::iota(order.begin(), order.end(), 0u);
	std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) { return scores[a] > scores[b]; });
	for (std::size_t k = 0; k < 50; ++k) {
		const std::string id(scorer.users()[order[k]]);
		CHECK(std::stoi(id.substr(1)) % 2 == 0);
		CHECK(recipe::affinity_rung(scores[order[k]]) == AffinityRung::Affine);
	}
}

TEST_CASE("item-affinity: where people come back, who has the item is asked again") {
	std::vector<Row> rows;
	for (std::size_t u = 0; u < 400; ++u)
		for (std::int64_t k = 0; k < 6; ++k)
			rows.push_back({"u" + std::to_string(u), "i" + std::to_string((u + static_cast<std::size_t>(k % 2) * 7) % 20), "", k * 1000000});
	const data::TrainingSet set = test::make_set(rows);
	const Model model(Training(set, "item-affinity"));
	CHECK(model.view.get<float>("affinity.settings", 6)[0] > 0);
}

TEST_CASE("item-affinity: where one thing leads to another, those stand first who have the one and not yet the other") {
	// Everybody takes first k, later then k, and others in between; "then 0" is asked of those who took it or not.
	std::vector<Row> rows;
	for (std::size_t u = 0; u < 400; ++u) {
		Rng rng(5, u);
		for (std::int64_t k = 0; k < 8; ++k) {
			const std::string number = std::to_string((u + static_cast<std::size_t>(k / 2) * 11 + rng.below(2)) % 40);
			rows.push_back({"u" + std::to_string(u), (k % 2 == 0 ? "first" : "then") + number, "", k * 1000000});
		}
	}
	const data::TrainingSet set = test::make_set(rows);
	const Model model(Training(set, "item-affinity"));
	CHECK(model.view.get<float>("affinity.settings", 6)[1] < 0.5f);
}

TEST_CASE("item-affinity: the smallest and strangest data") {
	std::vector<std::vector<Row>> cases;
	cases.push_back({{"u", "i", "", 1}});
	cases.push_back({{"u", "i", "", 1}, {"u", "j", "", 1}, {"v", "j", "", 1}});
	cases.push_back({{"u", "i", "", std::numeric_limits<std::int64_t>::min()}, {"u", "j", "", std::numeric_limits<std::int64_t>::max()}});
	for (const std::vector<Row> &rows : cases) {
		const data::TrainingSet set = test::make_set(rows);
		const Model model(Training(set, "item-affinity", {}, 2));
		const auto &scorer = dynamic_cast<const recipe::AffinityScorer &>(*model.scorer);
		std::vector<float> scores;
		for (std::uint32_t item = 0; item < set.n_items(); ++item) {
			scorer.affinity().score(std::vector<std::uint32_t>{item}, scores, [] {});
			for (const float score : scores)
				CHECK(std::isfinite(score));
		}
	}
}

TEST_CASE("item-affinity: negative events are no history, a stop and the budget are heeded") {
	std::vector<Row> rows = tastes(100);
	for (Row &row : rows)
		row.type = row.item == "even1" ? "hide" : "take";
	const data::TrainingSet set = test::make_set(rows);
	Training training(set, "item-affinity");
	training.signs({-1, 1});
	const Model model(training);
	const std::uint32_t hidden = set.items().find("even1");
	for (const std::uint32_t entry : model.view.get<std::uint32_t>("history.items"))
		CHECK(item_of(entry) != hidden);

	const std::atomic<bool> stop = true;
	CHECK_THROWS_AS(Training(set, "item-affinity", {}, 1, 0, &stop).train(), Cancelled);
	CHECK_THROWS_AS(Training(set, "item-affinity", {}, 1, 1000).train(), Error);
	CHECK_THROWS_AS(Training(set, "item-attribute-affinity").train(), Error); // no attributes
}

TEST_CASE("item-affinity: a model that names what is not there is damaged") {
	const data::TrainingSet set = test::make_set(tastes(50));
	recipe::TrainResult result = Training(set, "item-affinity").train();
	for (const std::string damaged : {"history.items", "history.offsets", "affinity.totals", "affinity.settings"}) {
		CAPTURE(damaged);
		artifact::Writer writer(result.model.recipe());
		for (const artifact::Writer::Section &section : result.model.sections()) {
			std::vector<std::byte> bytes(section.bytes.begin(), section.bytes.end());
			if (section.name == damaged && damaged != "affinity.totals")
				std::fill(bytes.begin(), bytes.begin() + 8, std::byte{0x7e});
			if (section.name == damaged && damaged == "affinity.totals")
				bytes.resize(bytes.size() - 4);
			writer.add<std::byte>(section.name, bytes);
		}
		const auto bytes = writer.finish();
		CHECK_THROWS_AS(recipe::open_affinity(artifact::View(bytes)), Error);
	}
}
