#include "recipe/exploration.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/rng.hpp"

namespace recsys::recipe {

namespace {

constexpr const char *kItems = "explore.items", *kCreated = "explore.created", *kMet = "explore.met", *kNewest = "explore.newest";
constexpr std::size_t kMostYoung = 1'000'000;
constexpr std::size_t kListLength = 25;
constexpr double kNoise = 0.1, kShownWeight = 0.1;
constexpr double kMostlyUnknown = 0.5; // bonus from which on an item is there to be explored
constexpr std::uint64_t kNoiseStream = 0x6e6f697365;

} // namespace

bool Exploration::present(const artifact::View &view) noexcept { return view.has(kItems); }

Exploration::Exploration(const artifact::View &view, std::size_t n_items)
	: items_(view.get<std::uint32_t>(kItems)), created_(view.get<std::int64_t>(kCreated, items_.size())),
	  met_(view.get<float>(kMet, items_.size())), newest_event_(view.get<std::int64_t>(kNewest, 1)[0]) {
	if (std::ranges::any_of(items_, [&](std::uint32_t item) { return item >= n_items; }))
		artifact::View::fail(kItems, "has an impossible item");
	if (!std::ranges::all_of(met_, [](float n) { return std::isfinite(n) && n >= 0; }))
		artifact::View::fail(kMet, "has an impossible value");
}

void Exploration::apply(double weight, std::int64_t oldest, std::uint64_t key, math::DescendingOrder &order, Scores &scores) const {
	const auto end = std::partition_point(created_.begin(), created_.end(), [&](std::int64_t time) { return time >= oldest; });
	const auto young = static_cast<std::size_t>(end - created_.begin());
	double sum = 0;
	std::size_t n = 0;
	for (std::size_t i = 0; i < young; ++i)
		if (const float logit = scores.logit[items_[i]]; std::isfinite(logit)) {
			sum += static_cast<double>(logit);
			++n;
		}
	if (n == 0 || weight <= 0)
		return;
	order.reset(scores.logit);
	const std::span<const math::Scored> best = order.next(kListLength);
	const double unit = std::max(0.0, static_cast<double>(best.back().score) - sum / static_cast<double>(n));
	double more = 0; // of the sum that log_normalizer is the logarithm of, in its units
	for (std::size_t i = 0; i < young; ++i) {
		float &logit = scores.logit[items_[i]];
		if (!std::isfinite(logit))
			continue;
		const double bonus = 1 / (1 + static_cast<double>(met_[i]));
		const double noise = kNoise * Rng(key, kNoiseStream, items_[i]).uniform(), before = static_cast<double>(logit);
		logit += static_cast<float>(weight * unit * (bonus + noise));
		more += std::exp(static_cast<double>(logit) - scores.log_normalizer) - std::exp(before - scores.log_normalizer);
		if (bonus >= kMostlyUnknown)
			scores.reason[items_[i]] = Reason::Exploration;
	}
	scores.log_normalizer += std::log1p(more);
}

void write_exploration(const TrainRequest &request, std::span<const std::uint32_t> item_of, artifact::Writer &writer) {
	const data::TrainingSet &set = request.data;
	Budgeted<float> met(set.n_items(), 0.0f, BudgetAllocator<float>(&request.budget));
	for (const std::uint32_t item : set.item())
		met[item] += 1;
	Budgeted<std::int64_t> created(set.item_created().begin(), set.item_created().end(), BudgetAllocator<std::int64_t>(&request.budget));
	Budgeted<std::uint32_t> order(set.n_items(), 0, BudgetAllocator<std::uint32_t>(&request.budget));
	for (std::uint32_t item = 0; item < set.n_items(); ++item) {
		order[item] = item;
		if (met[item] == 0 && created[item] == set.newest_time())
			created[item] = std::numeric_limits<std::int64_t>::max(); // nobody knows: it is new
		met[item] += static_cast<float>(kShownWeight) * static_cast<float>(set.item_shown()[item]);
	}
	std::sort(order.begin(), order.end(),
			  [&](std::uint32_t a, std::uint32_t b) { return created[a] != created[b] ? created[a] > created[b] : a < b; });
	order.resize(std::min(order.size(), kMostYoung));
	Budgeted<std::int64_t> times{BudgetAllocator<std::int64_t>(&request.budget)};
	Budgeted<float> counts{BudgetAllocator<float>(&request.budget)};
	for (std::uint32_t &item : order) {
		times.push_back(created[item]);
		counts.push_back(met[item]);
		if (!item_of.empty())
			item = item_of[item];
	}
	const std::int64_t newest = set.newest_time();
	writer.add<std::uint32_t>(kItems, order);
	writer.add<std::int64_t>(kCreated, times);
	writer.add<float>(kMet, counts);
	writer.add<std::int64_t>(kNewest, {&newest, 1});
}

} // namespace recsys::recipe
