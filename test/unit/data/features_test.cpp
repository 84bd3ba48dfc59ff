#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "base/rng.hpp"
#include "data/training_set.hpp"
#include "unit/thread_executor.hpp"

using namespace recsys;
using data::FeatureKind;
using data::FeatureRow;
using data::FeatureTable;
using data::LearnedFeatures;

namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN(), kInfinite = std::numeric_limits<float>::infinity();

std::vector<std::uint32_t> identity(std::size_t n) {
	std::vector<std::uint32_t> ordinals(n);
	for (std::size_t i = 0; i < n; ++i)
		ordinals[i] = static_cast<std::uint32_t>(i);
	return ordinals;
}

LearnedFeatures learn(FeatureTable &table, std::size_t n, std::size_t threads = 1) {
	test::ThreadExecutor executor(threads);
	return table.learn(identity(n), n, executor, {});
}

/// Films: two genres each out of eight, a year, a plot of words that go with the first genre, a vector.
struct Film {
	std::string genres[2];
	double year;
	std::vector<std::string> words;
	std::vector<float> vector;
};

Film film(std::size_t i) {
	Rng rng(9, i);
	const std::uint64_t genre = i % 8;
	Film f{{"g" + std::to_string(genre), "g" + std::to_string(rng.below(8))}, 1950.0 + static_cast<double>(rng.below(60)), {}, {}};
	for (int w = 0; w < 12; ++w)
		f.words.push_back("w" + std::to_string(w < 8 ? genre * 10 + rng.below(10) : 100 + rng.below(40)));
	for (int d = 0; d < 6; ++d)
		f.vector.push_back(static_cast<float>(rng.normal()));
	return f;
}

const std::vector<data::FeatureColumn> kFilmColumns = {
	{"genres", FeatureKind::Category}, {"year", FeatureKind::Number}, {"plot", FeatureKind::Text}, {"own", FeatureKind::Vector}};

void fill(FeatureRow &row, const Film &f) {
	row.clear();
	for (const std::string &genre : f.genres)
		row.category(0, genre);
	row.number(1, f.year);
	for (const std::string &word : f.words)
		row.word(2, word, 1);
	row.vector(3, f.vector);
}

double cosine(const LearnedFeatures &f, const data::EncodedColumn &c, std::size_t a, std::size_t b) {
	double sum = 0;
	for (std::size_t d = c.dense_begin; d < c.dense_end; ++d)
		sum += static_cast<double>(f.rows.dense.row(a)[d]) * static_cast<double>(f.rows.dense.row(b)[d]);
	return sum;
}

} // namespace

TEST_CASE("features: equal rows give equal bytes, in any order and at any number of threads") {
	constexpr std::size_t n = 500;
	const auto make = [&](std::uint64_t shuffle, std::size_t threads) {
		std::vector<std::uint32_t> order = identity(n);
		std::shuffle(order.begin(), order.end(), std::mt19937_64(shuffle));
		FeatureTable table(kFilmColumns, nullptr);
		std::vector<std::uint32_t> ordinals;
		FeatureRow row;
		for (const std::uint32_t i : order) {
			const Film f = film(i);
			fill(row, f);
			table.add(static_cast<std::uint32_t>(ordinals.size()), row);
			ordinals.push_back(i);
		}
		test::ThreadExecutor executor(threads);
		return table.learn(ordinals, n, executor, {});
	};
	const LearnedFeatures one = make(1, 1), other = make(2, 3);
	CHECK(std::ranges::equal(one.rows.sparse.index, other.rows.sparse.index));
	CHECK(std::ranges::equal(one.rows.sparse.offsets, other.rows.sparse.offsets));
	CHECK(std::ranges::equal(one.rows.dense.values, other.rows.dense.values));
	CHECK(std::ranges::equal(one.value_bytes, other.value_bytes));
	CHECK(std::ranges::equal(one.word_vectors, other.word_vectors));
	CHECK(one.n_described == n);
}

TEST_CASE("features: a row that comes later is encoded as if it had been there") {
	constexpr std::size_t n = 300;
	FeatureTable table(kFilmColumns, nullptr);
	FeatureRow row;
	for (std::uint32_t i = 0; i < n; ++i) {
		const Film f = film(i);
		fill(row, f);
		table.add(i, row);
	}
	const LearnedFeatures learned = learn(table, n);
	std::vector<std::uint32_t> sparse;
	std::vector<float> dense(learned.encoder.n_dense());
	REQUIRE(dense.size() == learned.rows.dense.columns);
	for (std::uint32_t i = 0; i < n; i += 7) {
		const Film f = film(i);
		fill(row, f);
		learned.encoder.encode(row, sparse, dense);
		CHECK(std::ranges::equal(sparse, learned.rows.sparse.row(i)));
		for (std::size_t d = 0; d < dense.size(); ++d)
			CHECK(dense[d] == learned.rows.dense.row(i)[d]);
	}
	row.clear();
	row.category(0, "never seen");
	row.word(2, "neither", 3);
	row.number(1, 9999);
	learned.encoder.encode(row, sparse, dense);
	REQUIRE(sparse.size() == 1); // the last interval of years
	CHECK(sparse[0] + 1 == learned.encoder.columns()[1].sparse_end);
	CHECK(dense[learned.encoder.columns()[1].dense_begin] <= 4);
}

TEST_CASE("features: texts of one kind lie closer than others, and words of a few rows suffice") {
	constexpr std::size_t n = 400;
	FeatureTable table(kFilmColumns, nullptr);
	FeatureRow row;
	for (std::uint32_t i = 0; i < n; ++i) {
		const Film f = film(i);
		fill(row, f);
		table.add(i, row);
	}
	const LearnedFeatures learned = learn(table, n);
	const data::EncodedColumn &plot = learned.encoder.columns()[2];
	CHECK(plot.unused.empty());
	CHECK(plot.dense_end - plot.dense_begin == data::kTextRank);
	double alike = 0, unlike = 0;
	for (std::size_t i = 0; i + 8 < n; i += 3) {
		alike += cosine(learned, plot, i, i + 8);
		unlike += cosine(learned, plot, i, i + 4);
		CHECK(cosine(learned, plot, i, i) == doctest::Approx(1).epsilon(1e-3));
	}
	CHECK(alike > 4 * std::abs(unlike));
}

TEST_CASE("features: a text that is filled in fewer than 85 % of the rows is not used, and says so") {
	for (const std::uint32_t n_filled : {84u, 85u}) {
		FeatureTable table({{"plot", FeatureKind::Text}}, nullptr);
		FeatureRow row;
		for (std::uint32_t i = 0; i < 100; ++i) {
			row.clear();
			if (i < n_filled) {
				row.word(0, i % 2 == 0 ? "sea" : "desert", 1);
				row.word(0, i % 3 == 0 ? "war" : "peace", 2);
			}
			table.add(i, row);
		}
		const LearnedFeatures learned = learn(table, 100);
		const data::EncodedColumn &plot = learned.encoder.columns()[0];
		CHECK(plot.filled == doctest::Approx(n_filled / 100.0));
		CHECK(plot.unused.empty() == (n_filled == 85));
		CHECK((learned.rows.dense.columns > 0) == (n_filled == 85));
		CHECK(learned.word_bytes.empty() == (n_filled == 84));
	}
}

TEST_CASE("features: numbers: missing, infinite and one far away do no harm") {
	FeatureTable table({{"price", FeatureKind::Number}, {"constant", FeatureKind::Number}, {"never", FeatureKind::Number}}, nullptr);
	FeatureRow row;
	for (std::uint32_t i = 0; i < 1000; ++i) {
		row.clear();
		row.number(0, i == 0 ? kNan : i == 1 ? kInfinite : i == 2 ? 1e300 : i == 3 ? 1e9 : static_cast<double>(i % 100));
		row.number(1, 7);
		row.number(2, -std::numeric_limits<double>::infinity());
		table.add(i, row);
	}
	const LearnedFeatures learned = learn(table, 1000);
	const data::EncodedColumn &price = learned.encoder.columns()[0];
	CHECK(price.unused.empty());
	CHECK(price.filled == doctest::Approx(0.997));
	CHECK(price.edges.size() == 15);
	CHECK(price.median == doctest::Approx(50).epsilon(0.05));
	CHECK(learned.encoder.columns()[1].unused == "all its values are equal");
	CHECK(learned.encoder.columns()[2].unused == "it has no values");
	for (const std::uint32_t missing : {0u, 1u, 2u}) {
		CHECK(learned.rows.sparse.row_size(missing) == 0);
		CHECK(learned.rows.dense.row(missing)[0] == 0);
	}
	CHECK(learned.rows.sparse.row(3)[0] + 1 == price.sparse_end);
	CHECK(learned.rows.dense.row(3)[0] == 4);
	for (const float x : learned.rows.dense.values)
		CHECK(std::isfinite(x));
}

TEST_CASE("features: a hundred thousand categories are cut to those that tell something") {
	FeatureTable table({{"tag", FeatureKind::Category}, {"sku", FeatureKind::Category}}, nullptr);
	FeatureRow row;
	std::string tag, rare, sku;
	for (std::uint32_t i = 0; i < 200'000; ++i) {
		row.clear();
		tag = "t" + std::to_string(i / 2); // each has two rows
		row.category(0, tag);
		rare = "common" + std::to_string(i % 5);
		row.category(0, rare);
		sku = "sku" + std::to_string(i);
		row.category(1, sku);
		table.add(i, row);
	}
	const LearnedFeatures learned = learn(table, 200'000, 2);
	const data::EncodedColumn &tags = learned.encoder.columns()[0], &skus = learned.encoder.columns()[1];
	CHECK(tags.distinct == 100'005);
	CHECK(tags.sparse_end - tags.sparse_begin == data::kMostCategories);
	CHECK(skus.unused == "no two rows share a value");
	CHECK(learned.rows.sparse.n_columns == data::kMostCategories);
	for (std::size_t i = 0; i < 200'000; i += 1001)
		CHECK(learned.rows.sparse.row_size(i) >= 1); // the common one is always kept
}

TEST_CASE("features: several rows of one entity are one; entities that are left out leave no trace") {
	FeatureTable table({{"tag", FeatureKind::Category}, {"price", FeatureKind::Number}}, nullptr);
	FeatureRow row;
	const auto add = [&](std::uint32_t entity, const char *tag, double price) {
		row.clear();
		row.category(0, tag);
		row.number(1, price);
		table.add(entity, row);
	};
	add(0, "a", 1);
	add(0, "b", 5);
	add(0, "a", 3);
	add(1, "a", 2);
	add(1, "b", 2);
	add(2, "gone", 100);
	add(3, "gone", 100);
	SerialExecutor executor;
	const std::vector<std::uint32_t> ordinals{1, 0, data::kNone, data::kNone};
	const LearnedFeatures learned = table.learn(ordinals, 3, executor, {});
	CHECK(learned.n_described == 2);
	CHECK(std::string(learned.value_bytes.begin(), learned.value_bytes.end()) == "ab");
	CHECK(learned.rows.sparse.row_size(1) == 3); // both tags and the largest price
	CHECK(learned.rows.sparse.row(1)[2] + 1 == learned.encoder.columns()[1].sparse_end);
	CHECK(learned.rows.sparse.row_size(2) == 0);
}

TEST_CASE("features: vectors are taken as they are, long ones shortened, wrong ones refused") {
	FeatureTable table({{"short", FeatureKind::Vector}, {"long", FeatureKind::Vector}}, nullptr);
	FeatureRow row;
	for (std::uint32_t i = 0; i < 200; ++i) {
		Rng rng(3, i);
		row.clear();
		row.vector(0, std::vector<float>{3, 4});
		std::vector<float> long_one(300);
		for (std::size_t d = 0; d < 300; ++d)
			long_one[d] = static_cast<float>(std::sin(static_cast<double>(d) * (1 + i % 4)) + 0.01 * rng.normal());
		if (i == 5)
			long_one[7] = kNan; // the whole vector is missing
		row.vector(1, long_one);
		table.add(i, row);
	}
	row.clear();
	row.vector(0, std::vector<float>{1, 2, 3});
	try {
		table.add(200, row);
		FAIL("took a vector of another length");
	} catch (const Error &e) {
		CHECK(std::string(e.sqlstate()) == "22023");
		CHECK(std::string(e.what()) == "vectors of column \"short\" differ in length");
	}
	const LearnedFeatures learned = learn(table, 201);
	CHECK(learned.rows.dense.row(0)[0] == doctest::Approx(0.6));
	CHECK(learned.rows.dense.row(0)[1] == doctest::Approx(0.8));
	const data::EncodedColumn &long_column = learned.encoder.columns()[1];
	CHECK(long_column.dense_end - long_column.dense_begin <= data::kTextRank);
	CHECK(cosine(learned, long_column, 0, 4) > 0.95);
	CHECK(std::abs(cosine(learned, long_column, 0, 1)) < 0.3);
	CHECK(cosine(learned, long_column, 5, 5) == 0);
}

TEST_CASE("features: nothing at all, one row, stop and budget") {
	FeatureTable none({}, nullptr), empty(kFilmColumns, nullptr);
	CHECK(learn(none, 5).rows.empty());
	const LearnedFeatures of_empty = learn(empty, 5);
	CHECK(of_empty.rows.empty());
	CHECK(of_empty.rows.rows() == 5);
	FeatureRow row;
	const Film f = film(1);
	FeatureTable one(kFilmColumns, nullptr);
	fill(row, f);
	one.add(0, row);
	const LearnedFeatures of_one = learn(one, 1);
	CHECK(of_one.encoder.columns()[0].unused == "no two rows share a value");
	CHECK(of_one.rows.dense.columns == 6); // the vector alone

	const std::atomic<bool> stop{true};
	FeatureTable stopped(kFilmColumns, nullptr);
	stopped.add(0, row);
	SerialExecutor executor;
	CHECK_THROWS_AS(stopped.learn(identity(1), 1, executor, StopToken(&stop)), Cancelled);

	MemoryBudget small(40'000);
	CHECK_THROWS_AS(
		[&] {
			FeatureTable large(kFilmColumns, &small);
			for (std::uint32_t i = 0; i < 1000; ++i)
				large.add(i, row);
		}(),
		Error);
	CHECK(small.used() == 0);
}

TEST_CASE("a training set has the metadata of its items and users") {
	data::TrainingSetBuilder builder(nullptr);
	builder.describe_items({{"genre", FeatureKind::Category}});
	builder.describe_users({{"age", FeatureKind::Number}});
	FeatureRow row;
	const auto item = [&](const char *id, const char *genre) {
		row.clear();
		row.category(0, genre);
		builder.add_item(id, std::nullopt, &row);
	};
	item("z", "war");
	item("a", "war");
	item("m", "love");
	item("n", "love");
	for (const auto &[user, age] : {std::pair{"v", 30.0}, {"u", 20.0}, {"nobody", 99.0}}) {
		row.clear();
		row.number(0, age);
		builder.add_user(user, row);
	}
	for (const char *user : {"u", "v", "w"})
		builder.add_event({.user = user, .item = "a", .type = "", .time = 1, .session = ""});
	SerialExecutor executor;
	const data::TrainingSet set = builder.finish(executor, {});
	const data::Features &items = set.item_features().rows, &users = set.user_features().rows;
	REQUIRE(items.rows() == set.n_items());
	CHECK(items.sparse.row(set.items().find("a"))[0] == items.sparse.row(set.items().find("z"))[0]);
	CHECK(items.sparse.row(set.items().find("a"))[0] != items.sparse.row(set.items().find("m"))[0]);
	REQUIRE(users.rows() == 3);
	CHECK(users.dense.row(set.users().find("u"))[0] < users.dense.row(set.users().find("v"))[0]);
	CHECK(users.sparse.row_size(set.users().find("w")) == 0);
	CHECK(set.user_features().n_described == 2);
}
