#include "metrics/ranking_metrics.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace recsys::metrics {

namespace {

constexpr std::size_t kCutoffs[3] = {5, 10, 25}, kLongest = 25;
constexpr std::size_t kNdcg = 1, kPrecision = 4; // where they begin in ListValues

std::size_t cutoff_index(std::size_t k) {
	for (std::size_t i = 0; i < 3; ++i)
		if (kCutoffs[i] == k)
			return i;
	throw std::out_of_range("cutoff must be 5, 10 or 25");
}

double discount(std::size_t position) noexcept { // positions count from 0
	return 1.0 / std::log2(static_cast<double>(position) + 2.0);
}

std::vector<std::uint32_t> distinct(std::span<const std::uint32_t> truth) {
	std::vector<std::uint32_t> sorted(truth.begin(), truth.end());
	std::sort(sorted.begin(), sorted.end());
	sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
	return sorted;
}

/// hit[i] = 1 when position i holds an item of the truth; an item that is listed twice hits once.
std::vector<std::uint8_t> hits(std::span<const std::uint32_t> ranked, const std::vector<std::uint32_t> &truth,
							   std::size_t k) {
	std::vector<std::uint8_t> hit(std::min(k, ranked.size()), 0);
	for (std::size_t i = 0; i < hit.size(); ++i)
		hit[i] = std::binary_search(truth.begin(), truth.end(), ranked[i]) &&
				 std::find(ranked.begin(), ranked.begin() + static_cast<std::ptrdiff_t>(i), ranked[i]) ==
					 ranked.begin() + static_cast<std::ptrdiff_t>(i);
	return hit;
}

double reciprocal_rank_of(std::span<const std::uint8_t> hit) noexcept {
	const auto first = std::find(hit.begin(), hit.end(), 1);
	return first == hit.end() ? 0.0 : 1.0 / static_cast<double>(first - hit.begin() + 1);
}

double ndcg_of(std::span<const std::uint8_t> hit, std::size_t n_truth, std::size_t k) noexcept {
	double gain = 0, ideal = 0;
	for (std::size_t i = 0; i < std::min(k, hit.size()); ++i)
		gain += hit[i] != 0 ? discount(i) : 0.0;
	for (std::size_t i = 0; i < std::min(k, n_truth); ++i)
		ideal += discount(i);
	return ideal > 0 ? gain / ideal : 0.0;
}

double precision_of(std::span<const std::uint8_t> hit, std::size_t k) noexcept {
	const auto end = hit.begin() + static_cast<std::ptrdiff_t>(std::min(k, hit.size()));
	return k == 0 ? 0.0 : static_cast<double>(std::count(hit.begin(), end, 1)) / static_cast<double>(k);
}

} // namespace

double reciprocal_rank(std::span<const std::uint32_t> ranked, std::span<const std::uint32_t> truth, std::size_t k) {
	return reciprocal_rank_of(hits(ranked, distinct(truth), k));
}

double ndcg(std::span<const std::uint32_t> ranked, std::span<const std::uint32_t> truth, std::size_t k) {
	const std::vector<std::uint32_t> relevant = distinct(truth);
	return ndcg_of(hits(ranked, relevant, k), relevant.size(), k);
}

double precision(std::span<const std::uint32_t> ranked, std::span<const std::uint32_t> truth, std::size_t k) {
	return precision_of(hits(ranked, distinct(truth), k), k);
}

RankingMetrics::RankingMetrics(std::size_t n_items) : seen_(n_items, 0) {}

const char *list_metric_name(std::size_t i) noexcept {
	static constexpr const char *names[kListMetrics] = {"mean_reciprocal_rank_at_25",
														"normalized_discounted_cumulative_gain_at_5",
														"normalized_discounted_cumulative_gain_at_10",
														"normalized_discounted_cumulative_gain_at_25",
														"precision_at_5",
														"precision_at_10",
														"precision_at_25"};
	return names[i];
}

ListValues judge_list(std::span<const std::uint32_t> ranked, std::span<const std::uint32_t> truth) {
	const std::vector<std::uint32_t> relevant = distinct(truth);
	const std::vector<std::uint8_t> hit = hits(ranked, relevant, kLongest);
	ListValues values{reciprocal_rank_of(hit)};
	for (std::size_t i = 0; i < 3; ++i) {
		values[kNdcg + i] = ndcg_of(hit, relevant.size(), kCutoffs[i]);
		values[kPrecision + i] = precision_of(hit, kCutoffs[i]);
	}
	return values;
}

void RankingMetrics::add(std::span<const std::uint32_t> ranked, std::span<const std::uint32_t> truth) {
	ranked = ranked.first(std::min(ranked.size(), kLongest));
	const ListValues values = judge_list(ranked, truth);
	for (std::size_t i = 0; i < kListMetrics; ++i) {
		sum_[i] += values[i];
		squares_[i] += values[i] * values[i];
	}
	for (const std::uint32_t item : ranked)
		seen_.at(item) = 1;
	++users_;
}

double RankingMetrics::coverage() const noexcept {
	const auto listed = std::count(seen_.begin(), seen_.end(), 1);
	return seen_.empty() ? 0.0 : static_cast<double>(listed) / static_cast<double>(seen_.size());
}

Estimate RankingMetrics::estimate(std::size_t metric) const noexcept {
	return mean_of_share(users_, sum_[metric], squares_[metric]);
}

double RankingMetrics::mean_reciprocal_rank_at_25() const noexcept { return estimate(0).value; }

double RankingMetrics::ndcg_at(std::size_t k) const { return estimate(kNdcg + cutoff_index(k)).value; }

double RankingMetrics::precision_at(std::size_t k) const { return estimate(kPrecision + cutoff_index(k)).value; }

} // namespace recsys::metrics
