// Offline ranking metrics, to the letter of SPEC 5.2 (which restates the service's definitions).
#include "base/wall.hpp"
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace recsys::metrics {

/// Adds up over test users; the ideal DCG has min(K, |truth|) hits.
class RankingMetrics {
public:
	/// `n_items` = distinct items in Interactions and Items, the divisor of coverage.
	explicit RankingMetrics(std::size_t n_items);
	/// `ranked`: item ordinals, best first, at most 25 are looked at; `truth`: the held-out items (duplicates ignored).
	void add(std::span<const std::uint32_t> ranked, std::span<const std::uint32_t> truth);
	std::size_t users() const noexcept { return users_; }
	double coverage() const noexcept;
	double mean_reciprocal_rank_at_25() const noexcept;
	double ndcg_at(std::size_t k) const;      // k in 5, 10, 25
	double precision_at(std::size_t k) const; // k in 5, 10, 25

private:
	std::size_t users_ = 0;
	double mrr_ = 0, ndcg_[3] = {}, precision_[3] = {};
	std::vector<std::uint8_t> seen_;
};

/// Value of one list; the pieces above, for tests and for callers that need the value per user.
double reciprocal_rank(std::span<const std::uint32_t> ranked, std::span<const std::uint32_t> truth, std::size_t k);
double ndcg(std::span<const std::uint32_t> ranked, std::span<const std::uint32_t> truth, std::size_t k);
double precision(std::span<const std::uint32_t> ranked, std::span<const std::uint32_t> truth, std::size_t k);

} // namespace recsys::metrics
