#include <doctest/doctest.h>

#include <chrono>
#include <map>
#include <numeric>
#include <set>

#include "recipe/sims.hpp"
#include "unit/recipe/training.hpp"

using namespace recsys;
using namespace recsys::recipe;
using test::Model;
using test::Row;
using test::Training;

namespace {

const std::map<std::string, std::string> kOpen = {{"min_user_history_length_percentile", "0"},
												  {"max_user_history_length_percentile", "1"},
												  {"min_item_interaction_count_percentile", "0"},
												  {"max_item_interaction_count_percentile", "1"}};

SimsOptions open_options(double discount, std::uint32_t least, std::size_t k = 200) {
	return {discount, least, 0, 1, 0, 1, k};
}

Neighbors neighbors_of(const data::TrainingSet &set, const SimsOptions &options, std::size_t threads = 1) {
	Training training(set, "sims", {}, threads);
	Neighbors result = find_neighbors(training.request(), options, {}, {});
	// The budget ends with this function: hand out copies that nobody is charged for.
	return {Budgeted<std::uint64_t>(result.offsets.begin(), result.offsets.end()),
			Budgeted<std::uint32_t>(result.item.begin(), result.item.end()),
			Budgeted<float>(result.similarity.begin(), result.similarity.end()), {}};
}

std::span<const std::uint32_t> row(const Neighbors &n, std::size_t a) {
	return {n.item.data() + n.offsets[a], n.offsets[a + 1] - n.offsets[a]};
}

/// Users per item, by brute force.
std::vector<std::set<std::uint32_t>> users_of(const data::TrainingSet &set) {
	std::vector<std::set<std::uint32_t>> users(set.n_items());
	for (std::uint32_t u = 0; u < set.n_users(); ++u)
		for (std::size_t e = set.user_begin(u); e < set.user_begin(u + 1); ++e)
			users[set.item()[e]].insert(u);
	return users;
}

std::size_t common(const std::set<std::uint32_t> &a, const std::set<std::uint32_t> &b) {
	return static_cast<std::size_t>(std::count_if(a.begin(), a.end(), [&](auto u) { return b.contains(u); }));
}

} // namespace

TEST_CASE("sims: neighbours equal brute force, exactly and at any number of threads") {
	for (const std::uint64_t seed : {1u, 2u, 3u}) {
		// Three shapes: dense sweeps, kept lists, and both in one set.
		const data::TrainingSet set = test::make_set(test::shop(300, seed == 1 ? 40 : seed == 2 ? 2000 : 300, seed));
		const auto users = users_of(set);
		for (const double discount : {0.0, 0.5, 1.0})
			for (const std::uint32_t least : {0u, 3u}) {
				const Neighbors got =
					neighbors_of(set, open_options(discount, least, 15), static_cast<std::size_t>(seed));
				bool equal = true;
				for (std::uint32_t a = 0; a < set.n_items(); ++a) {
					std::vector<std::pair<float, std::uint32_t>> expected;
					for (std::uint32_t b = 0; b < set.n_items(); ++b) {
						const std::size_t co = common(users[a], users[b]);
						if (b != a && co >= std::max(1u, least))
							expected.emplace_back(
								static_cast<float>(static_cast<double>(co) *
												   std::pow(static_cast<double>(users[b].size()), -discount)),
								b);
					}
					std::sort(expected.begin(), expected.end(), [](const auto &x, const auto &y) {
						return x.first > y.first || (x.first == y.first && x.second < y.second);
					});
					expected.resize(std::min<std::size_t>(expected.size(), 15));
					equal = equal && row(got, a).size() == expected.size();
					for (std::size_t i = 0; equal && i < expected.size(); ++i)
						equal = row(got, a)[i] == expected[i].second &&
								got.similarity[got.offsets[a] + i] == expected[i].first;
				}
				CHECK(equal);
			}
	}
}

TEST_CASE("sims: pairs below min_cointeraction_count never appear") {
	const data::TrainingSet set = test::make_set(test::shop(400, 100, 8));
	const auto users = users_of(set);
	for (const std::uint32_t least : {1u, 2u, 5u, 10u}) {
		const Neighbors got = neighbors_of(set, open_options(0.5, least));
		bool holds = true, present = false;
		for (std::uint32_t a = 0; a < set.n_items(); ++a)
			for (const std::uint32_t b : row(got, a)) {
				holds = holds && common(users[a], users[b]) >= least;
				present = true;
			}
		CHECK(holds);
		CHECK(present);
	}
}

TEST_CASE("sims: raising the discount never raises the mean popularity of the answers") {
	const data::TrainingSet set = test::make_set(test::shop(600, 150, 9));
	const auto users = users_of(set);
	std::vector<double> last(set.n_items(), 1e300);
	bool fell = false;
	for (const double discount : {0.0, 0.2, 0.4, 0.6, 0.8, 1.0}) {
		const Neighbors got = neighbors_of(set, open_options(discount, 1, 10));
		for (std::uint32_t a = 0; a < set.n_items(); ++a) {
			double sum = 0;
			for (const std::uint32_t b : row(got, a))
				sum += static_cast<double>(users[b].size());
			CHECK(sum <= last[a] + 1e-9);
			fell = fell || (sum < last[a] && discount > 0);
			last[a] = sum;
		}
	}
	CHECK(fell);
}

TEST_CASE("sims: users and items outside the windows do not contribute") {
	// Forty users with five items of ten, one crawler with all, one visitor with one item.
	std::vector<Row> rows;
	for (int u = 0; u < 40; ++u)
		for (int k = 0; k < 5; ++k)
			rows.push_back({"u" + std::to_string(100 + u), "i" + std::to_string((u + k * k) % 10), "", k});
	std::vector<Row> with = rows;
	for (int i = 0; i < 10; ++i)
		with.push_back({"crawler", "i" + std::to_string(i), "", i});
	with.push_back({"visitor", "i3", "", 1});
	const data::TrainingSet plain = test::make_set(rows), disturbed = test::make_set(with);
	SimsOptions options = open_options(0.5, 1);
	const Neighbors expected = neighbors_of(plain, options), everybody = neighbors_of(disturbed, options);
	CHECK(!std::ranges::equal(everybody.item, expected.item));
	options.min_user_percentile = 0.05;
	options.max_user_percentile = 0.95;
	const Neighbors got = neighbors_of(disturbed, options);
	CHECK(std::ranges::equal(got.offsets, expected.offsets));
	CHECK(std::ranges::equal(got.item, expected.item));
	CHECK(std::ranges::equal(got.similarity, expected.similarity));

	// One item that everybody has, and one that one user has.
	std::vector<Row> more = rows;
	for (int u = 0; u < 40; ++u)
		more.push_back({"u" + std::to_string(100 + u), "everywhere", "", 9});
	more.push_back({"u100", "once", "", 10});
	const data::TrainingSet items = test::make_set(more);
	SimsOptions inner = open_options(0.5, 1);
	inner.min_item_percentile = 0.1;
	inner.max_item_percentile = 0.9;
	const Neighbors inside = neighbors_of(items, inner);
	const std::uint32_t everywhere = items.items().find("everywhere"), once = items.items().find("once");
	CHECK(row(inside, everywhere).empty());
	CHECK(row(inside, once).empty());
	CHECK(std::ranges::find(inside.item, everywhere) == inside.item.end());
	CHECK(std::ranges::find(inside.item, once) == inside.item.end());
	CHECK(std::ranges::equal(inside.similarity, expected.similarity));
}

TEST_CASE("sims: neighbours first, then everything by popularity, never the query item") {
	const data::TrainingSet set = test::make_set(test::shop(300, 80, 10));
	Model model(Training(set, "sims"));
	const std::vector<std::uint32_t> popular = model.answer({});
	REQUIRE(popular.size() == set.n_items());
	for (const Reason reason : model.scores.reason)
		CHECK(reason == Reason::Popular);
	CHECK(model.answer({{}, static_cast<std::uint32_t>(set.n_items() + 5)}) == popular); // an item of another model
	const auto offsets = model.view.get<std::uint64_t>("neighbor.offsets");
	const auto neighbor = model.view.get<std::uint32_t>("neighbor.item");
	std::size_t with_neighbors = 0;
	for (std::uint32_t a = 0; a < set.n_items(); ++a) {
		const std::vector<std::uint32_t> answer = model.answer({{}, a});
		REQUIRE(answer.size() == set.n_items() - 1);
		CHECK(std::find(answer.begin(), answer.end(), a) == answer.end());
		const std::size_t n = offsets[a + 1] - offsets[a];
		with_neighbors += n > 0;
		std::vector<std::uint32_t> rest = popular;
		std::erase(rest, a);
		for (std::size_t i = 0; i < answer.size(); ++i) {
			if (i < n) {
				CHECK(answer[i] == neighbor[offsets[a] + i]);
				CHECK(model.scores.reason[answer[i]] == Reason::Similar);
				std::erase(rest, answer[i]);
			} else {
				CHECK(answer[i] == rest[i - n]);
				CHECK(model.scores.reason[answer[i]] == Reason::Popular);
			}
		}
		if (n > 0 && n < answer.size())
			CHECK(model.scores.logit[answer[n - 1]] > model.scores.logit[answer[n]]);
	}
	CHECK(with_neighbors > set.n_items() / 2);
}

TEST_CASE("sims: beyond the stored neighbours everything is scored as brute force would") {
	const data::TrainingSet set = test::make_set(test::shop(900, 500, 21));
	std::map<std::string, std::string> hyperparameters = kOpen;
	hyperparameters["min_cointeraction_count"] = "1";
	Training training(set, "sims", hyperparameters);
	const Neighbors all = find_neighbors(training.request(), open_options(0.5, 1, set.n_items()), {}, {});
	Model model(training);
	std::size_t extended = 0;
	for (std::uint32_t a = 0; a < set.n_items(); ++a) {
		const std::vector<std::uint32_t> stored = model.answer({{}, a});
		std::vector<float> &logit = model.scores.logit;
		if (!model.scorer->extend({{}, a}, model.scores)) {
			CHECK(row(all, a).size() < kNeighbors);
			continue;
		}
		++extended;
		CHECK(row(all, a).size() >= kNeighbors);
		CHECK(logit[a] == -std::numeric_limits<float>::infinity());
		double sum = 0;
		for (const float l : logit)
			sum += std::exp(static_cast<double>(l) - model.scores.log_normalizer);
		CHECK(sum == doctest::Approx(1.0).epsilon(1e-4));
		bool in_order = true;
		for (std::size_t i = 0; i < row(all, a).size(); ++i) {
			const std::uint32_t b = row(all, a)[i];
			in_order = in_order && model.scores.reason[b] == Reason::Similar && (i >= kNeighbors || b == stored[i]);
			if (i == 0)
				continue;
			const std::uint32_t before = row(all, a)[i - 1];
			const std::size_t at = all.offsets[a] + i;
			in_order = in_order && (all.similarity[at] < all.similarity[at - 1] ? logit[b] < logit[before] : logit[b] == logit[before]);
		}
		CHECK(in_order);
		const auto related = static_cast<std::size_t>(std::count(model.scores.reason.begin(), model.scores.reason.end(), Reason::Similar));
		CHECK(related == row(all, a).size());
		for (std::uint32_t b = 0; b < set.n_items(); ++b)
			if (model.scores.reason[b] == Reason::Popular)
				CHECK(logit[b] < logit[row(all, a).back()]);
	}
	CHECK(extended > 20);
}

TEST_CASE("sims: extending leaves out what was ruled out, and refuses damaged pairs") {
	const data::TrainingSet set = test::make_set(test::shop(900, 500, 21));
	Training training(set, "sims", {{"min_cointeraction_count", "1"}});
	const artifact::Writer trained = training.train().model;
	Model model(training);
	std::uint32_t a = 0;
	while (model.answer({{}, a}), !model.scorer->extend({{}, a}, model.scores))
		++a;
	const std::vector<std::uint32_t> answer = model.answer({{}, a});
	const std::uint32_t best = answer.front(), last = answer.back();
	model.scores.logit[best] = model.scores.logit[last] = -std::numeric_limits<float>::infinity();
	REQUIRE(model.scorer->extend({{}, a}, model.scores));
	CHECK(model.scores.logit[best] == -std::numeric_limits<float>::infinity());
	CHECK(model.scores.logit[last] == -std::numeric_limits<float>::infinity());
	std::size_t refused = 0;
	for (const char *section : {"pairs.history_offsets", "pairs.histories", "pairs.item_offsets", "pairs.items"}) {
		CAPTURE(section);
		artifact::Writer writer("sims");
		for (const artifact::Writer::Section &s : trained.sections()) {
			std::vector<std::byte> bytes(s.bytes.begin(), s.bytes.end());
			if (s.name == section)
				std::fill(bytes.begin(), bytes.end(), std::byte{0xee});
			writer.add<std::byte>(s.name, bytes);
		}
		const auto bytes = writer.finish();
		try {
			const auto scorer = training.spec().open(artifact::View(bytes));
			scorer->score({{}, a}, model.scores);
			scorer->extend({{}, a}, model.scores);
		} catch (const Error &e) {
			CHECK(std::string(e.sqlstate()) == "RS007");
			++refused;
		}
	}
	CHECK(refused == 4);
}

TEST_CASE("sims: with the defaults the most popular items have related items, too") {
	const data::TrainingSet set = test::make_set(test::shop(800, 100, 9));
	const auto users = users_of(set);
	std::vector<std::uint32_t> items(set.n_items());
	std::iota(items.begin(), items.end(), 0u);
	std::sort(items.begin(), items.end(), [&](auto a, auto b) { return users[a].size() > users[b].size(); });
	const auto similar_of = [&](Model &model, std::uint32_t item) {
		model.answer({.history = {}, .item = item});
		return std::count(model.scores.reason.begin(), model.scores.reason.end(), Reason::Similar);
	};
	Model model(Training(set, "sims")), narrow(Training(set, "sims", {{"max_item_interaction_count_percentile", "0.9"}}));
	for (std::size_t i = 0; i < 5; ++i) {
		CHECK(similar_of(model, items[i]) > 10);
		CHECK(similar_of(narrow, items[i]) == 0);
	}
}

TEST_CASE("sims: negative events are no signal") {
	std::vector<Row> rows;
	for (int u = 0; u < 10; ++u) {
		rows.push_back({"u" + std::to_string(u), "a", "view", 1});
		rows.push_back({"u" + std::to_string(u), "b", "view", 2});
		rows.push_back({"u" + std::to_string(u), "c", "dislike", 3});
	}
	const data::TrainingSet set = test::make_set(rows);
	Training training(set, "sims", kOpen);
	training.signs({-1, 1});
	const Neighbors got = find_neighbors(training.request(), open_options(0.5, 3), {}, {});
	CHECK(std::vector<std::uint32_t>(got.item.begin(), got.item.end()) == std::vector<std::uint32_t>{1, 0});
}

TEST_CASE("sims: a history counts with its newest items, so one giant cannot make the work quadratic") {
	const int n = 3 * static_cast<int>(kMaxHistory);
	std::vector<Row> rows;
	for (int i = 0; i < n; ++i)
		rows.push_back({"giant", std::to_string(100000 + i), "", i});
	rows.push_back({"giant", "100000", "", n}); // came back to his oldest item
	const data::TrainingSet set = test::make_set(rows);
	const Neighbors got = neighbors_of(set, open_options(0.5, 1, 5));
	CHECK(row(got, 0).size() == 5);
	for (std::uint32_t i = 1; i < set.n_items(); ++i)
		CHECK(row(got, i).empty() == (i < set.n_items() - kMaxHistory + 1));
}

TEST_CASE("sims: rows that are not wanted stay empty, the others are the same") {
	const data::TrainingSet set = test::make_set(test::shop(300, 80, 10));
	Training training(set, "sims");
	std::vector<std::uint8_t> wanted(set.n_items(), 0);
	for (std::size_t i = 0; i < wanted.size(); i += 3)
		wanted[i] = 1;
	const Neighbors all = find_neighbors(training.request(), open_options(0.5, 1), {}, {}),
					some = find_neighbors(training.request(), open_options(0.5, 1), {}, wanted);
	for (std::size_t a = 0; a < set.n_items(); ++a)
		CHECK(std::ranges::equal(row(some, a), wanted[a] != 0 ? row(all, a) : std::span<const std::uint32_t>{}));
}

TEST_CASE("sims: beats popularity where users have tastes") {
	const data::TrainingSet set = test::make_set(test::shop(4000, 400, 77));
	const auto ndcg10 = [](const std::vector<Metric> &metrics) { return metrics.at(3).value; };
	const double sims = ndcg10(Model(Training(set, "sims", kOpen, 2)).metrics),
				 popular = ndcg10(Model(Training(set, "popularity-count", {}, 2)).metrics);
	CHECK(sims > 1.3 * popular);
}

namespace {

struct Line {
	const char *user, *order, *item;
};

data::TrainingSet order_lines(const std::vector<Line> &lines) {
	data::TrainingSetBuilder builder(nullptr);
	std::int64_t time = 0;
	for (const Line &line : lines)
		builder.add_event({line.user, line.item, "Purchase", 1.0, ++time, line.order});
	SerialExecutor executor;
	return builder.finish(executor, {});
}

SimsOptions basket_options(std::uint32_t least) {
	SimsOptions options = open_options(0.5, least);
	options.baskets = true;
	return options;
}

std::vector<std::pair<std::string, float>> together(const data::TrainingSet &set, const Neighbors &n, const char *item) {
	const std::uint32_t a = set.items().find(item);
	std::vector<std::pair<std::string, float>> out;
	for (std::size_t i = n.offsets[a]; i < n.offsets[a + 1]; ++i)
		out.emplace_back(set.items()[n.item[i]], n.similarity[i]);
	return out;
}

} // namespace

TEST_CASE("bought together: orders count where they are known, else customers") {
	// One customer buys bread with butter three times, and once a lamp; somebody without orders buys tea and a cup.
	const data::TrainingSet set = order_lines({{"ann", "1", "bread"}, {"ann", "1", "butter"}, {"ann", "2", "bread"},
											   {"ann", "2", "butter"}, {"ann", "2", "bread"}, {"ann", "3", "butter"},
											   {"ann", "3", "bread"}, {"ann", "4", "lamp"}, {"bob", "", "tea"},
											   {"bob", "", "cup"}, {"bob", "9", "cup"}});
	const Neighbors got = neighbors_of(set, basket_options(1));
	using Answer = std::vector<std::pair<std::string, float>>;
	const auto similarity = static_cast<float>(3 / std::sqrt(3.0)); // three orders with both, three with the other
	CHECK(together(set, got, "bread") == Answer{{"butter", similarity}});
	CHECK(together(set, got, "butter") == Answer{{"bread", similarity}});
	CHECK(together(set, got, "lamp").empty()); // an order of one item; in the user's history it is with bread
	CHECK(together(set, got, "tea") == Answer{{"cup", 1.0f}}); // the cup bought alone later does not count against it
	CHECK(together(set, neighbors_of(set, open_options(0.5, 1)), "lamp").size() == 2);
	CHECK(together(set, neighbors_of(set, basket_options(4)), "bread").empty());
}

TEST_CASE("bought together: equals brute force over orders, at any number of threads") {
	std::vector<std::string> texts;
	std::vector<Line> lines;
	std::map<std::pair<std::string, std::string>, std::set<std::string>> orders;
	for (int user = 0; user < 3000; ++user)
		for (int order = 0; order < 1 + user % 3; ++order)
			for (int i = 0; i < 1 + (user + order) % 4; ++i) {
				const std::string u = "u" + std::to_string(user), o = order == 2 ? "" : "o" + std::to_string(order),
								  item = "i" + std::to_string((user * 7 + order * 3 + i * i * 5) % 60);
				orders[{u, o}].insert(item);
				texts.insert(texts.end(), {u, o, item});
			}
	for (std::size_t i = 0; i < texts.size(); i += 3)
		lines.push_back({texts[i].c_str(), texts[i + 1].c_str(), texts[i + 2].c_str()});
	const data::TrainingSet set = order_lines(lines);
	std::map<std::string, std::size_t> in_orders;
	std::map<std::pair<std::string, std::string>, std::size_t> both;
	for (const auto &[key, items] : orders)
		if (items.size() >= 2)
			for (const std::string &a : items) {
				++in_orders[a];
				for (const std::string &b : items)
					both[{a, b}] += a != b;
			}
	const Neighbors one = neighbors_of(set, basket_options(1), 1), two = neighbors_of(set, basket_options(1), 3);
	CHECK(std::ranges::equal(one.item, two.item));
	CHECK(std::ranges::equal(one.similarity, two.similarity));
	std::size_t pairs = 0;
	for (std::uint32_t a = 0; a < set.n_items(); ++a)
		for (const auto &[b, similarity] : together(set, one, std::string(set.items()[a]).c_str())) {
			const auto co = static_cast<double>(both[{std::string(set.items()[a]), b}]);
			CHECK(similarity == static_cast<float>(co * std::pow(static_cast<double>(in_orders[b]), -0.5)));
			++pairs;
		}
	CHECK(pairs == static_cast<std::size_t>(std::ranges::count_if(both, [](const auto &p) { return p.second > 0; })));
}

TEST_CASE("bought together: what is always bought and never viewed together comes first") {
	data::TrainingSetBuilder builder(nullptr);
	for (int user = 0; user < 60; ++user) {
		const std::string u = "u" + std::to_string(user), other = "other" + std::to_string(user % 9);
		const std::string order = "order" + std::to_string(user);
		builder.add_event({u, "printer", "Purchase", 1.0, 10 * user, order});
		builder.add_event({u, "ink", "Purchase", 1.0, 10 * user, order});
		builder.add_event({u, other, "Purchase", 1.0, 10 * user, user % 2 == 0 ? order : order + "b"});
	}
	SerialExecutor executor;
	const data::TrainingSet set = builder.finish(executor, {});
	Model model(Training(set, "ecomm-frequently-bought-together"));
	CHECK(set.items()[model.answer({{}, set.items().find("printer")}).front()] == "ink");
	CHECK(set.items()[model.answer({{}, set.items().find("ink")}).front()] == "printer");
}
