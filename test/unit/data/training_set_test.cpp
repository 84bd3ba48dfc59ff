#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "base/rng.hpp"
#include "data/training_set.hpp"
#include "unit/thread_executor.hpp"

using namespace recsys;
using namespace recsys::data;

namespace {

struct OwnedRow {
	std::string user, item, type, session;
	double value;
	std::int64_t time;
};

EventRow view(const OwnedRow &row) {
	return {row.user, row.item, row.type, row.value, row.time, row.session};
}

TrainingSet build(const std::vector<OwnedRow> &rows, std::size_t threads = 1, MemoryBudget *budget = nullptr,
				  const StopToken &stop = {}) {
	TrainingSetBuilder builder(budget);
	for (const OwnedRow &row : rows)
		builder.add_event(view(row));
	test::ThreadExecutor executor(threads);
	return builder.finish(executor, stop);
}

std::vector<OwnedRow> random_rows(std::size_t n, std::uint64_t seed, std::uint64_t n_users = 40) {
	Rng rng(seed);
	const double nan = std::numeric_limits<double>::quiet_NaN();
	const char *types[] = {"", "view", "buy"};
	std::vector<OwnedRow> rows;
	for (std::size_t i = 0; i < n; ++i) {
		OwnedRow row;
		row.user = "u" + std::to_string(rng.below(n_users));
		row.item = std::string(1, static_cast<char>(rng.below(256))) + std::to_string(rng.below(30));
		row.type = types[rng.below(3)];
		row.session = rng.below(3) == 0 ? "" : "s" + std::to_string(rng.below(5));
		row.value = rng.below(2) == 0 ? nan : static_cast<double>(rng.below(4)) - 1.5;
		row.time = static_cast<std::int64_t>(rng.below(50)) - 25;
		rows.push_back(row);
	}
	return rows;
}

bool same_bits(std::span<const float> a, std::span<const float> b) {
	return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

void check_equal(const TrainingSet &a, const TrainingSet &b) {
	CHECK(std::ranges::equal(a.users().bytes(), b.users().bytes()));
	CHECK(std::ranges::equal(a.users().offsets(), b.users().offsets()));
	CHECK(std::ranges::equal(a.items().bytes(), b.items().bytes()));
	CHECK(std::ranges::equal(a.items().offsets(), b.items().offsets()));
	CHECK(std::ranges::equal(a.user_offsets(), b.user_offsets()));
	CHECK(std::ranges::equal(a.item(), b.item()));
	CHECK(std::ranges::equal(a.time(), b.time()));
	CHECK(std::ranges::equal(a.type(), b.type()));
	CHECK(std::ranges::equal(a.session(), b.session()));
	CHECK(same_bits(a.value(), b.value()));
	CHECK(a.event_types() == b.event_types());
	CHECK(std::ranges::equal(a.item_created(), b.item_created()));
	CHECK(std::ranges::equal(a.item_has_row(), b.item_has_row()));
	CHECK(a.newest_time() == b.newest_time());
}

} // namespace

TEST_CASE("rows come out sorted, complete and once, whatever their order") {
	std::vector<OwnedRow> rows = random_rows(5000, 1);
	rows.insert(rows.end(), rows.begin(), rows.begin() + 700); // exact duplicates
	const TrainingSet set = build(rows);

	// The reference: a set of tuples, absent values before all numbers, as the columns must be ordered.
	using Key = std::tuple<std::string, std::int64_t, std::string, std::string, bool, double, std::string>;
	std::set<Key> expected;
	for (const OwnedRow &r : rows) {
		const bool present = !std::isnan(r.value);
		expected.insert({r.user, r.time, r.item, r.type, present, present ? r.value : 0.0, r.session});
	}
	REQUIRE(set.n_events() == expected.size());
	std::size_t i = 0;
	std::map<std::pair<std::string, std::string>, std::uint32_t> sessions;
	for (const Key &key : expected) {
		const auto &[user, time, item, type, present, value, session] = key;
		const std::uint32_t u = set.users().find(user);
		REQUIRE(u != kNone);
		REQUIRE(i >= set.user_begin(u));
		REQUIRE(i < set.user_begin(u + 1));
		CHECK(set.items()[set.item()[i]] == item);
		CHECK(set.time()[i] == time);
		CHECK(set.event_types()[set.type()[i]] == type);
		CHECK(std::isnan(set.value()[i]) == !present);
		if (present)
			CHECK(static_cast<double>(set.value()[i]) == value);
		CHECK((set.session()[i] == kNone) == session.empty());
		if (!session.empty()) {
			const auto known = sessions.try_emplace({user, session}, set.session()[i]).first;
			CHECK(known->second == set.session()[i]);
		}
		++i;
	}
	for (auto a = sessions.begin(); a != sessions.end(); ++a)
		for (auto b = std::next(a); b != sessions.end() && b->first.first == a->first.first; ++b)
			CHECK(a->second != b->second);

	std::mt19937_64 shuffler(3);
	for (const std::size_t threads : {1u, 2u, 3u}) {
		std::shuffle(rows.begin(), rows.end(), shuffler);
		check_equal(set, build(rows, threads));
	}
}

TEST_CASE("ids are sorted by unsigned bytes and found") {
	std::vector<OwnedRow> rows;
	for (const char *id : {"b", "a", "ab", "\xff", "\x7f", "abcdefghi", "abcdefgh", "abcdefgh\x01", ""})
		rows.push_back({"user", id, "", "", 1.0, 0});
	rows.push_back({"user", std::string("a\0", 2), "", "", 1.0, 0});
	const TrainingSet set = build(rows);
	REQUIRE(set.n_items() == 10);
	for (std::uint32_t i = 0; i < set.n_items(); ++i) {
		CHECK(set.items().find(set.items()[i]) == i);
		if (i > 0)
			CHECK(set.items()[i - 1] < set.items()[i]);
	}
	CHECK(set.items().find("aa") == kNone);
	CHECK(set.items().find("zzz") == kNone);
	CHECK(IdDictionary().find("a") == kNone);
}

TEST_CASE("many ids: the chunked sort equals a plain sort") {
	TrainingSetBuilder builder(nullptr);
	Rng rng(9);
	std::set<std::string> ids;
	for (int i = 0; i < 200000; ++i) {
		const std::string id = "product-" + std::to_string(rng.below(1000000));
		ids.insert(id);
		builder.add_event({"u", id, "", 0.0, i, ""});
	}
	test::ThreadExecutor executor(2);
	const TrainingSet set = builder.finish(executor, {});
	REQUIRE(set.n_items() == ids.size());
	std::uint32_t at = 0;
	bool equal = true;
	for (const std::string &id : ids)
		equal = equal && set.items()[at++] == id;
	CHECK(equal);
}

TEST_CASE("empty and tiny sets") {
	const TrainingSet none = build({});
	CHECK(none.n_users() == 0);
	CHECK(none.n_items() == 0);
	CHECK(none.n_events() == 0);
	CHECK(none.user_offsets().size() == 1);
	CHECK(none.newest_time() == 0);
	CHECK(split_users(none, 0.1, 1).empty());

	const TrainingSet one = build({{"u", "i", "", "", 2.0, -7}, {"u", "i", "", "", 2.0, -7}});
	CHECK(one.n_events() == 1);
	CHECK(one.newest_time() == -7);
	CHECK(one.item_created()[0] == -7);
	CHECK(one.event_types() == std::vector<std::string>{""});
	CHECK(hold_out(one, 0, 1).truth_events.empty());
	CHECK(hold_out(one, 0, 1).input_events.size() == 1);
}

TEST_CASE("values: absent is NaN, zero has one sign, infinity is refused") {
	const double inf = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
	const TrainingSet set = build({{"u", "i", "", "", nan, 1},
								   {"u", "i", "", "", -nan, 1},
								   {"u", "i", "", "", 0.0, 1},
								   {"u", "i", "", "", -0.0, 1}});
	REQUIRE(set.n_events() == 2);
	CHECK(std::isnan(set.value()[0]));
	CHECK(!std::signbit(set.value()[1]));
	for (const double bad : {inf, -inf, 1e300}) {
		TrainingSetBuilder builder(nullptr);
		try {
			builder.add_event({"u", "i", "", bad, 1, ""});
			FAIL("accepted");
		} catch (const Error &e) {
			CHECK(std::string(e.sqlstate()) == "22023");
		}
		CHECK(builder.events() == 0);
	}
}

TEST_CASE("items: rows, creation times and their fallbacks") {
	TrainingSetBuilder builder(nullptr);
	builder.add_item("given", 5);
	builder.add_item("untold", std::nullopt);
	builder.add_item("twice", 9);
	builder.add_item("twice", 4);
	builder.add_item("seen", std::nullopt);
	builder.add_event({"u", "given", "", 1.0, 100, ""});
	builder.add_event({"u", "event only", "", 1.0, 50, ""});
	builder.add_event({"v", "event only", "", 1.0, 30, ""});
	builder.add_event({"u", "seen", "", 1.0, 70, ""});
	CHECK(builder.events() == 4);
	SerialExecutor executor;
	const TrainingSet set = builder.finish(executor, {});
	CHECK(builder.events() == 0);
	const auto created = [&](const char *id) { return set.item_created()[set.items().find(id)]; };
	const auto has_row = [&](const char *id) { return set.item_has_row()[set.items().find(id)] != 0; };
	CHECK(created("given") == 5);
	CHECK(created("untold") == 100); // the newest time: unseen items count as new
	CHECK(created("twice") == 4);
	CHECK(created("seen") == 70);
	CHECK(created("event only") == 30);
	CHECK(has_row("untold"));
	CHECK(!has_row("event only"));
	CHECK(builder.finish(executor, {}).n_events() == 0);
}

TEST_CASE("a budget that is too small fails with 53400 and is given back") {
	MemoryBudget budget(3 << 20);
	try {
		build(random_rows(200000, 2), 2, &budget);
		FAIL("accepted");
	} catch (const Error &e) {
		CHECK(std::string(e.sqlstate()) == "53400");
	}
	CHECK(budget.used() == 0);
	CHECK(budget.peak() <= budget.limit());

	MemoryBudget enough(0);
	{
		const TrainingSet set = build(random_rows(5000, 2), 2, &enough);
		CHECK(enough.used() >= set.n_events() * 22);
	}
	CHECK(enough.used() == 0);
}

TEST_CASE("finish polls for stop as it works, and stops") {
	const std::uint64_t before_small = StopToken::polls();
	build(random_rows(20000, 4, 1));
	const std::uint64_t small = StopToken::polls() - before_small;
	const std::uint64_t before_large = StopToken::polls();
	build(random_rows(400000, 4, 1)); // one user owns everything: his sort must poll too
	const std::uint64_t large = StopToken::polls() - before_large;
	CHECK(large > 400000u / (1 << 15) * 3);
	CHECK(large > 4 * small);

	const std::atomic<bool> stop{true};
	const std::uint64_t before_stop = StopToken::polls();
	CHECK_THROWS_AS(build(random_rows(400000, 4), 1, nullptr, StopToken(&stop)), Cancelled);
	CHECK(StopToken::polls() - before_stop <= 3);
}

TEST_CASE("the split is by id: others may come and go") {
	std::vector<OwnedRow> rows;
	for (int u = 0; u < 4000; ++u)
		for (int e = 0; e < 1 + (u % 4); ++e)
			rows.push_back({"user " + std::to_string(u), "item " + std::to_string(e), "", "", 1.0, e});
	const TrainingSet all = build(rows);
	const std::vector<std::uint8_t> side = split_users(all, 0.1, 7);
	std::size_t count[3] = {};
	for (std::uint32_t u = 0; u < all.n_users(); ++u) {
		++count[side[u]];
		if (all.user_begin(u + 1) - all.user_begin(u) < 2)
			CHECK(side[u] == 0);
	}
	CHECK(count[1] + count[2] > 240);
	CHECK(count[1] + count[2] < 360); // 3000 have two events
	CHECK(count[1] > 100);
	CHECK(count[2] > 100);
	std::vector<OwnedRow> fewer;
	std::copy_if(rows.begin(), rows.end(), std::back_inserter(fewer),
				 [](const OwnedRow &r) { return r.user.back() != '7'; });
	const TrainingSet part = build(fewer);
	const std::vector<std::uint8_t> part_side = split_users(part, 0.1, 7);
	bool stayed = true;
	for (std::uint32_t u = 0; u < part.n_users(); ++u)
		stayed = stayed && part_side[u] == side[all.users().find(part.users()[u])];
	CHECK(stayed);
	CHECK(split_users(all, 0.1, 8) != side);
	CHECK(split_users(all, 0.0, 8) == std::vector<std::uint8_t>(all.n_users(), 0));
}

TEST_CASE("small sets still have somebody to measure on") {
	for (int n = 1; n < 12; ++n) {
		std::vector<OwnedRow> rows;
		for (int u = 0; u < n; ++u)
			for (int e = 0; e < 3; ++e)
				rows.push_back({std::to_string(u), std::to_string(e), "", "", 1.0, e});
		const std::vector<std::uint8_t> side = split_users(build(rows), 0.1, 5);
		CHECK(std::count(side.begin(), side.end(), 0) >= 1);
		CHECK(std::count(side.begin(), side.end(), 2) >= (n >= 2 ? 1 : 0));
		CHECK(std::count(side.begin(), side.end(), 1) >= (n >= 3 ? 1 : 0));
	}
}

TEST_CASE("the newest tenth is the truth; ties in time are cut by hash, not by id") {
	for (int n = 2; n <= 45; ++n) {
		std::vector<OwnedRow> rows;
		for (int e = 0; e < n; ++e)
			rows.push_back({"u", "item " + std::to_string(100 + e), "", "", 1.0, e});
		const TrainingSet set = build(rows);
		const HeldOut cut = hold_out(set, 0, 1);
		CHECK(cut.truth_events.size() == static_cast<std::size_t>(std::ceil(0.1 * n)));
		REQUIRE(cut.input_events.size() + cut.truth_events.size() == static_cast<std::size_t>(n));
		for (std::size_t i = 0; i < cut.input_events.size(); ++i)
			CHECK(cut.input_events[i] == i);
		for (std::size_t i = 0; i < cut.truth_events.size(); ++i)
			CHECK(cut.truth_events[i] == cut.input_events.size() + i);
	}
	std::vector<OwnedRow> rows;
	for (int e = 0; e < 50; ++e)
		rows.push_back({"u", "item " + std::to_string(100 + e), "", "", 1.0, 42});
	const TrainingSet set = build(rows);
	const HeldOut cut = hold_out(set, 0, 1);
	std::vector<std::uint32_t> together = cut.input_events;
	together.insert(together.end(), cut.truth_events.begin(), cut.truth_events.end());
	CHECK(!std::is_sorted(together.begin(), together.end()));
	std::sort(together.begin(), together.end());
	for (std::uint32_t i = 0; i < 50; ++i)
		CHECK(together[i] == i);
	CHECK(hold_out(set, 0, 1).truth_events == cut.truth_events);
	CHECK(hold_out(set, 0, 2).truth_events != cut.truth_events);
}
