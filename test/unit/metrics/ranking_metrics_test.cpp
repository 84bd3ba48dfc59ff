#include <doctest/doctest.h>

#include <cmath>
#include <numeric>
#include <stdexcept>
#include <vector>

#include "metrics/ranking_metrics.hpp"

using namespace recsys::metrics;
using List = std::vector<std::uint32_t>;

TEST_CASE("worked example: hits at positions 2 and 5 of 5") {
	const List ranked{10, 1, 11, 12, 2}, truth{1, 2};
	CHECK(reciprocal_rank(ranked, truth, 25) == 0.5);
	CHECK(precision(ranked, truth, 5) == doctest::Approx(0.4).epsilon(1e-15));
	const double expected = (1 / std::log(3) + 1 / std::log(6)) / (1 / std::log(2) + 1 / std::log(3));
	CHECK(ndcg(ranked, truth, 5) == doctest::Approx(expected).epsilon(1e-14));
	CHECK(std::round(ndcg(ranked, truth, 5) * 1e4) == 6241);
}

TEST_CASE("worked example: first hits at 4, 2 and 6") {
	RankingMetrics metrics(100);
	const List truth{50};
	for (const std::size_t hit : {4u, 2u, 6u}) {
		List ranked(10);
		std::iota(ranked.begin(), ranked.end(), 0u);
		ranked[hit - 1] = 50;
		metrics.add(ranked, truth);
	}
	CHECK(metrics.users() == 3);
	CHECK(metrics.mean_reciprocal_rank_at_25() == doctest::Approx((0.25 + 0.5 + 1.0 / 6) / 3).epsilon(1e-15));
	CHECK(std::round(metrics.mean_reciprocal_rank_at_25() * 1e4) == 3056);
	CHECK(metrics.coverage() == 0.11); // 0 to 9 and 50
}

TEST_CASE("worked example: three hits in ten") {
	const List ranked{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, truth{0, 5, 9, 77};
	CHECK(precision(ranked, truth, 10) == doctest::Approx(0.3).epsilon(1e-15));
	CHECK(precision(ranked, truth, 25) == doctest::Approx(0.12).epsilon(1e-15)); // short lists keep the divisor
}

TEST_CASE("the ideal order has min(K, truth) hits") {
	List ranked(30), truth(30);
	std::iota(ranked.begin(), ranked.end(), 0u);
	std::iota(truth.begin(), truth.end(), 0u);
	for (const std::size_t k : {5u, 10u, 25u})
		CHECK(ndcg(ranked, truth, k) == doctest::Approx(1.0).epsilon(1e-15));
	CHECK(ndcg(ranked, List{0, 1}, 5) == doctest::Approx(1.0).epsilon(1e-15));
	CHECK(ndcg(ranked, List{0, 99}, 5) < 0.7);
	CHECK(ndcg(List{}, truth, 5) == 0.0);
	CHECK(ndcg(ranked, List{}, 5) == 0.0);
}

TEST_CASE("duplicates in truth or list count once, positions beyond 25 not at all") {
	CHECK(ndcg(List{1, 2}, List{1, 1, 1}, 5) == doctest::Approx(1.0).epsilon(1e-15));
	CHECK(precision(List{1, 1, 1, 1, 1}, List{1}, 5) == doctest::Approx(0.2).epsilon(1e-15));
	List ranked(40);
	std::iota(ranked.begin(), ranked.end(), 0u);
	RankingMetrics metrics(40);
	metrics.add(ranked, List{25, 39});
	CHECK(metrics.mean_reciprocal_rank_at_25() == 0.0);
	CHECK(metrics.coverage() == 25.0 / 40);
	CHECK(metrics.ndcg_at(25) == 0.0);
	CHECK_THROWS_AS(metrics.ndcg_at(7), std::out_of_range);
	CHECK_THROWS_AS(metrics.precision_at(20), std::out_of_range);
}

TEST_CASE("means over users equal the pieces; nobody gives zero") {
	RankingMetrics metrics(50);
	CHECK(metrics.ndcg_at(10) == 0.0);
	CHECK(metrics.mean_reciprocal_rank_at_25() == 0.0);
	const List a{1, 2, 3, 4, 5, 6, 7}, b{9, 8, 7, 6, 5, 4, 3, 2, 1}, truth_a{3, 7}, truth_b{1, 30, 9};
	metrics.add(a, truth_a);
	metrics.add(b, truth_b);
	for (const std::size_t k : {5u, 10u, 25u}) {
		CHECK(metrics.ndcg_at(k) == (ndcg(a, truth_a, k) + ndcg(b, truth_b, k)) / 2);
		CHECK(metrics.precision_at(k) == (precision(a, truth_a, k) + precision(b, truth_b, k)) / 2);
	}
	CHECK(RankingMetrics(0).coverage() == 0.0);
}
