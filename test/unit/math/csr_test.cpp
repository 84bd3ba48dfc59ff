#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <limits>
#include <map>
#include <mutex>
#include <numeric>
#include <vector>

#include "base/rng.hpp"
#include "math/csr.hpp"
#include "math/packed_csr.hpp"
#include "math/quantile.hpp"
#include "unit/thread_executor.hpp"

using namespace recsys;
using namespace recsys::math;

namespace {

Csr random_matrix(std::size_t rows, std::size_t columns, std::uint64_t filled, std::uint64_t seed) {
	Csr m;
	m.n_columns = columns;
	m.offsets.push_back(0);
	for (std::size_t r = 0; r < rows; ++r) {
		for (std::size_t c = 0; c < columns; ++c)
			if (Rng(seed, r, c).below(100) < filled)
				m.index.push_back(static_cast<std::uint32_t>(c));
		m.offsets.push_back(m.index.size());
	}
	return m;
}

} // namespace

TEST_CASE("transposing twice gives the matrix back") {
	const Csr m = random_matrix(50, 30, 20, 1), t = transpose(m, nullptr, {}), back = transpose(t, nullptr, {});
	CHECK(t.rows() == 30);
	CHECK(t.n_columns == 50);
	CHECK(std::ranges::equal(m.offsets, back.offsets));
	CHECK(std::ranges::equal(m.index, back.index));
	for (std::size_t c = 0; c < t.rows(); ++c)
		for (const std::uint32_t r : t.row(c))
			CHECK(std::ranges::binary_search(m.row(r), static_cast<std::uint32_t>(c)));
	const Csr none = transpose(random_matrix(0, 0, 0, 1), nullptr, {});
	CHECK(none.rows() == 0);
}

TEST_CASE("packing gives every row back, and refuses what is none") {
	for (const std::size_t n_columns : {1u, 40u, 300u, 100000u}) {
		const Csr m = random_matrix(60, n_columns, 30, n_columns);
		const PackedCsr packed = pack(m, nullptr, {});
		REQUIRE(packed.offsets.size() == m.rows() + 1);
		for (std::size_t r = 0; r < m.rows(); ++r) {
			const std::span<const std::uint8_t> bytes(packed.bytes.data() + packed.offsets[r], packed.offsets[r + 1] - packed.offsets[r]);
			std::vector<std::uint32_t> row;
			CHECK(unpack(bytes, n_columns, [&](std::uint32_t column) { row.push_back(column); }));
			CHECK(std::ranges::equal(row, m.row(r)));
			if (row.empty())
				continue;
			CHECK(!unpack(bytes, row.back(), [](std::uint32_t) {})); // a column too high
			std::vector<std::uint8_t> open(bytes.begin(), bytes.end());
			open.back() |= 0x80;
			CHECK(!unpack(open, n_columns, [](std::uint32_t) {})); // a number without an end
		}
	}
	const std::uint32_t last = std::numeric_limits<std::uint32_t>::max() - 1;
	Csr wide;
	wide.n_columns = std::size_t{last} + 1;
	wide.offsets = {0, 2};
	wide.index = {0, last};
	const PackedCsr packed = pack(wide, nullptr, {});
	std::vector<std::uint32_t> row;
	CHECK(unpack(packed.bytes, wide.n_columns, [&](std::uint32_t column) { row.push_back(column); }));
	CHECK(row == std::vector<std::uint32_t>{0, last});
	CHECK(!unpack(std::vector<std::uint8_t>(9, 0xff), wide.n_columns, [](std::uint32_t) {}));
}

TEST_CASE("dropping short rows keeps the others in order") {
	Csr m = random_matrix(200, 9, 4, 7);
	std::vector<std::vector<std::uint32_t>> expected;
	for (std::size_t r = 0; r < m.rows(); ++r)
		if (m.row_size(r) >= 2)
			expected.emplace_back(m.row(r).begin(), m.row(r).end());
	REQUIRE(expected.size() < m.rows());
	drop_short_rows(m, 2);
	REQUIRE(m.rows() == expected.size());
	for (std::size_t r = 0; r < m.rows(); ++r)
		CHECK(std::ranges::equal(m.row(r), expected[r]));
	Csr none;
	drop_short_rows(none, 2);
	CHECK(none.rows() == 0);
}

TEST_CASE("co-occurrence counts equal brute force, dense or sparse") {
	for (const std::uint64_t filled : {1u, 5u, 60u}) {
		const Csr m = random_matrix(80, 90, filled, filled), t = transpose(m, nullptr, {});
		std::vector<std::uint8_t> wanted(90, 1);
		wanted[7] = 0;
		const auto costs = cooccurrence_costs(m, t, wanted, nullptr, {});
		CHECK(costs[7] == 0);
		std::vector<std::vector<std::uint32_t>> got(90);
		test::ThreadExecutor executor(3);
		for_each_cooccurrence(m, t, costs, executor, nullptr, {}, [&](std::uint32_t a, const Cooccurrence &with) {
			got[a].assign(90, 0);
			for (const std::uint32_t b : with.touched)
				got[a][b] = with.count[b];
		});
		for (std::size_t a = 0; a < 90; ++a) {
			if (costs[a] == 0) {
				CHECK(got[a].empty());
				continue;
			}
			for (std::size_t b = 0; b < 90; ++b) {
				std::vector<std::uint32_t> both;
				std::ranges::set_intersection(t.row(a), t.row(b), std::back_inserter(both));
				CHECK(got[a][b] == both.size());
			}
		}
	}
}

TEST_CASE("pieces cover everything once and share the cost") {
	for (const std::size_t n : {0u, 1u, 5u, 1000u}) {
		std::vector<std::uint64_t> costs(n);
		for (std::size_t i = 0; i < n; ++i)
			costs[i] = Rng(3, i).below(100) * (i % 7 == 0 ? 0 : 1);
		for (const std::size_t pieces : {1u, 4u, 64u}) {
			const auto bounds = split_by_cost(costs, pieces);
			CHECK(bounds.front() == 0);
			CHECK(bounds.back() == n);
			CHECK(bounds.size() <= pieces + 1);
			CHECK(std::is_sorted(bounds.begin(), bounds.end()));
			CHECK(std::adjacent_find(bounds.begin(), bounds.end()) == bounds.end());
		}
	}
}

TEST_CASE("percentile windows poll the stop flag in proportion to the counts") {
	std::vector<std::uint32_t> counts(4'000'000);
	for (std::size_t i = 0; i < counts.size(); ++i)
		counts[i] = static_cast<std::uint32_t>(i * 2654435761u % 1000003);
	const std::uint64_t before = StopToken::polls();
	percentile_window(counts, 0.1, 0.9, {});
	CHECK(StopToken::polls() - before >= counts.size() >> 16);
	const std::atomic<bool> stop{true};
	CHECK_THROWS_AS(percentile_window(counts, 0.1, 0.9, StopToken(&stop)), Cancelled);
}

TEST_CASE("percentile windows are by nearest rank over what is there") {
	std::vector<std::uint32_t> counts{0, 0};
	for (std::uint32_t i = 1; i <= 100; ++i)
		counts.push_back(i);
	const Window all = percentile_window(counts, 0, 1, {}), inner = percentile_window(counts, 0.05, 0.9, {});
	CHECK(all.low == 1);
	CHECK(all.high == 100);
	CHECK(!all.holds(0));
	CHECK(inner.low == 5);
	CHECK(inner.high == 90);
	CHECK(inner.holds(5));
	CHECK(inner.holds(90));
	CHECK(!inner.holds(4));
	CHECK(!inner.holds(91));
	const Window none = percentile_window(std::vector<std::uint32_t>{0, 0}, 0, 1, {});
	CHECK(!none.holds(0));
	CHECK(!none.holds(1));
	const Window equal = percentile_window(std::vector<std::uint32_t>{3, 3, 3}, 0.5, 0.5, {});
	CHECK(equal.holds(3));
}
