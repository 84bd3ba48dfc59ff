// Offline ranking metrics, to the letter of SPEC 5.2 (which restates the service's definitions).
#include "base/wall.hpp"
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "metrics/intervals.hpp"

namespace recsys::metrics {

/// What is measured of each list: the reciprocal rank at 25, the normalized discounted cumulative gain and the precision, each at
/// 5, 10 and 25.
inline constexpr std::size_t kListMetrics = 7;
using ListValues = std::array<double, kListMetrics>;
const char *list_metric_name(std::size_t i) noexcept; // as get_solution_metrics has it
/// `ranked`: item ordinals, best first, at most 25 are looked at; `truth`: the held-out items (duplicates ignored).
ListValues judge_list(std::span<const std::uint32_t> ranked, std::span<const std::uint32_t> truth);

/// Adds up over test users; the ideal DCG has min(K, |truth|) hits.
class RankingMetrics {
public:
	/// `n_items` = distinct items in Interactions and Items, the divisor of coverage.
	explicit RankingMetrics(std::size_t n_items);
	/// As judge_list.
	void add(std::span<const std::uint32_t> ranked, std::span<const std::uint32_t> truth);
	std::size_t users() const noexcept { return users_; }
	double coverage() const noexcept;
	/// The mean over the users of one of the list metrics.
	Estimate estimate(std::size_t metric) const noexcept;
	double mean_reciprocal_rank_at_25() const noexcept;
	double ndcg_at(std::size_t k) const;      // k in 5, 10, 25
	double precision_at(std::size_t k) const; // k in 5, 10, 25

private:
	std::size_t users_ = 0;
	ListValues sum_ = {}, squares_ = {};
	std::vector<std::uint8_t> seen_;
};

/// Value of one list; the pieces above, for tests and for callers that need the value per user.
double reciprocal_rank(std::span<const std::uint32_t> ranked, std::span<const std::uint32_t> truth, std::size_t k);
double ndcg(std::span<const std::uint32_t> ranked, std::span<const std::uint32_t> truth, std::size_t k);
double precision(std::span<const std::uint32_t> ranked, std::span<const std::uint32_t> truth, std::size_t k);

} // namespace recsys::metrics
