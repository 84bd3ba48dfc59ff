#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "base/budget.hpp"
#include "base/executor.hpp"
#include "base/hash.hpp"
#include "base/monitor.hpp"
#include "base/rng.hpp"
#include "base/stop.hpp"
#include "unit/thread_executor.hpp"

using namespace recsys;

TEST_CASE("random numbers are a pure function of their key") {
	Rng a(1, 2, 3, 4), b(1, 2, 3, 4), other(1, 2, 3, 5);
	std::vector<std::uint64_t> first, second, third;
	for (int i = 0; i < 100; ++i) {
		first.push_back(a.next());
		second.push_back(b.next());
		third.push_back(other.next());
	}
	CHECK(first == second);
	CHECK(first != third);
	CHECK(std::set<std::uint64_t>(first.begin(), first.end()).size() == 100);
}

TEST_CASE("uniform, bounded and normal numbers have their moments") {
	Rng rng(5);
	const int n = 200000;
	double sum = 0, normal_sum = 0, normal_squares = 0;
	std::vector<int> bins(7);
	for (int i = 0; i < n; ++i) {
		const double u = rng.uniform();
		REQUIRE(u >= 0);
		REQUIRE(u < 1);
		sum += u;
		++bins.at(rng.below(7));
		const double z = rng.normal();
		normal_sum += z;
		normal_squares += z * z;
	}
	CHECK(sum / n == doctest::Approx(0.5).epsilon(0.01));
	for (const int bin : bins)
		CHECK(bin == doctest::Approx(n / 7.0).epsilon(0.03));
	CHECK(std::abs(normal_sum / n) < 0.01);
	CHECK(normal_squares / n == doctest::Approx(1.0).epsilon(0.02));
}

TEST_CASE("a budgeted vector takes its charge along") {
	MemoryBudget budget(10000), other(10000);
	{
		Budgeted<char> a(1000, 'x', BudgetAllocator<char>(&budget)), b{BudgetAllocator<char>(&other)};
		CHECK(reinterpret_cast<std::uintptr_t>(a.data()) % 64 == 0);
		b = std::move(a);
		CHECK(budget.used() == 1000);
		CHECK(other.used() == 0);
		Budgeted<char> c;
		c.swap(b);
		CHECK(c.size() == 1000);
		CHECK_THROWS_AS(c.reserve(9500), Error);
		CHECK(budget.used() == 1000);
	}
	CHECK(budget.used() == 0);
	CHECK(budget.peak() == 1000);
}

TEST_CASE("executors run every task once and hand on the first failure") {
	for (const std::size_t threads : {1u, 2u, 5u}) {
		test::ThreadExecutor executor(threads);
		std::vector<std::atomic<int>> ran(1000);
		executor.run(ran.size(), [&](std::size_t i) { ++ran[i]; });
		CHECK(std::ranges::all_of(ran, [](const auto &n) { return n == 1; }));
		CHECK_THROWS_AS(executor.run(100,
									 [](std::size_t i) {
										 if (i == 50)
											 throw Cancelled{};
									 }),
						Cancelled);
		executor.run(0, [](std::size_t) { FAIL("no task to run"); });
	}
	SerialExecutor serial;
	std::vector<std::size_t> order;
	serial.run(5, [&](std::size_t i) { order.push_back(i); });
	CHECK(order == std::vector<std::size_t>{0, 1, 2, 3, 4});
}

TEST_CASE("stop tokens count their polls") {
	std::atomic<bool> flag{false};
	const StopToken token(&flag), never;
	const std::uint64_t before = StopToken::polls();
	CHECK_NOTHROW(token.check());
	flag = true;
	CHECK_THROWS_AS(token.check(), Cancelled);
	CHECK_NOTHROW(never.check());
	CHECK(StopToken::polls() - before == 3);
}

TEST_CASE("a monitor starts each phase at zero") {
	Monitor monitor;
	CHECK(std::string(monitor.phase()) == "starting");
	monitor.phase("counting", 10);
	monitor.advance(4);
	monitor.loss(0.5);
	CHECK(monitor.done() == 4);
	CHECK(monitor.total() == 10);
	CHECK(monitor.loss() == 0.5);
	monitor.phase("sorting", 3);
	CHECK(monitor.done() == 0);
}

TEST_CASE("errors carry their parts") {
	const Error e(sqlstate::LimitExceeded, "too many", "There are 3.", "Use 2.");
	CHECK(std::string(e.sqlstate()) == "RS003");
	CHECK(std::string(e.what()) == "too many");
	CHECK(std::string(e.detail()) == "There are 3.");
	CHECK(std::string(e.hint()) == "Use 2.");
}

TEST_CASE("hashes are XXH3: the published value of the empty input, and seeds matter") {
	CHECK(hash64("") == 0x2d06800538d394c2ULL);
	const auto [low, high] = hash128({});
	CHECK(high == 0x99aa06d3014798d8ULL);
	CHECK(low == 0x6001c324468d497fULL);
	CHECK(hash64("a", 1) != hash64("a", 2));
}
