#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "base/rng.hpp"
#include "math/top_k.hpp"

using namespace recsys;
using math::DescendingOrder;

namespace {

std::vector<std::uint32_t> drain(const std::vector<float> &scores, std::size_t block) {
	DescendingOrder order;
	order.reset(scores);
	std::vector<std::uint32_t> items;
	for (;;) {
		const auto next = order.next(block);
		for (const math::Scored &s : next) {
			CHECK(scores[s.item] == s.score);
			items.push_back(s.item);
		}
		if (next.size() < block)
			return items;
	}
}

} // namespace

TEST_CASE("blocks of any size give the one exact order") {
	const float inf = std::numeric_limits<float>::infinity();
	for (std::uint64_t seed = 0; seed < 20; ++seed) {
		Rng rng(seed);
		std::vector<float> scores(1 + rng.below(3000));
		for (float &s : scores) {
			s = static_cast<float>(rng.below(1 + 40 * seed)) - 5.0f; // many ties
			if (rng.below(20) == 0)
				s = -inf;
			if (rng.below(20) == 0)
				s = std::numeric_limits<float>::quiet_NaN();
			if (rng.below(200) == 0)
				s = inf;
		}
		std::vector<std::uint32_t> expected;
		for (std::uint32_t i = 0; i < scores.size(); ++i)
			if (scores[i] > -inf)
				expected.push_back(i);
		std::stable_sort(expected.begin(), expected.end(), [&](auto a, auto b) { return scores[a] > scores[b]; });
		for (const std::size_t block : {1u, 7u, 25u, 100u, 5000u})
			if (block > 1 || scores.size() < 500)
				CHECK(drain(scores, block) == expected);
	}
}

TEST_CASE("nothing comes from nothing") {
	DescendingOrder order;
	CHECK(order.next(5).empty());
	order.reset({});
	CHECK(order.next(5).empty());
	const std::vector<float> dead(100, -std::numeric_limits<float>::infinity()), two{1.0f, 2.0f};
	order.reset(dead);
	CHECK(order.next(5).empty());
	order.reset(two);
	CHECK(order.next(0).empty());
	CHECK(order.next(1)[0].item == 1);
	CHECK(order.next(9).size() == 1);
	CHECK(order.next(9).empty());
	order.reset(two); // starts again
	CHECK(order.next(9).size() == 2);
}
