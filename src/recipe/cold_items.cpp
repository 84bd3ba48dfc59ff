#include "recipe/cold_items.hpp"

#include <algorithm>
#include <cmath>

#include "math/kernels.hpp"
#include "recipe/feature_sections.hpp"

namespace recsys::recipe {

namespace {

constexpr float kMostlyFeatures = 0.5f; // rest from which on an item is called new

} // namespace

bool ColdItems::present(const artifact::View &view) noexcept { return view.has("cold.items"); }

ColdItems::ColdItems(const artifact::View &view, std::size_t n_items)
	: items_(view.get<std::uint32_t>("cold.items")), rest_(view.get<float>("cold.rest", items_.size())),
	  log_share_(view.get<float>("cold.log_share", items_.size())), vectors_(view.get<float>("cold.vectors")),
	  forth_(view.get<float>("cold.forth")) {
	const auto settings = view.get<ColdSettings>("cold.settings", 1);
	const auto finite = [](std::span<const float> values) {
		return std::all_of(values.begin(), values.end(), [](float x) { return std::isfinite(x); });
	};
	if (!finite({&settings[0].penalty, sizeof(ColdSettings) / sizeof(float)}) || !(settings[0].age_power >= 0))
		artifact::View::fail("cold.settings", "has an impossible value");
	const bool ascending = std::adjacent_find(items_.begin(), items_.end(), std::greater_equal<>()) == items_.end();
	if (!ascending || (!items_.empty() && items_.back() >= n_items))
		artifact::View::fail("cold.items", "has an impossible item");
	rank_ = n_items == 0 ? 0 : forth_.size() / n_items;
	if (rank_ > kItemRank || rank_ % math::kLanes != 0 || forth_.size() != rank_ * n_items || vectors_.size() != rank_ * items_.size())
		artifact::View::fail("cold.vectors", "has an unexpected size");
	for (const auto &[name, values] : {std::pair("cold.rest", rest_), {"cold.log_share", log_share_}, {"cold.vectors", vectors_},
									   {"cold.forth", forth_}})
		if (!finite(values))
			artifact::View::fail(name, "has a value that is not finite");
	offset_ = settings[0].offset;
	share_weight_ = settings[0].share_weight;
	weight_ = settings[0].weight;
	age_weight_ = age_weights(settings[0].age_power);
}

std::vector<float> age_weights(float power) {
	std::vector<float> weight(kMaxPast);
	for (std::size_t age = 0; age < weight.size(); ++age)
		weight[age] = static_cast<float>(std::pow(1.0 + static_cast<double>(age), -static_cast<double>(power)));
	return weight;
}

void sum_past(Past past, std::span<const float> age_weight, const float *forth, std::span<float> out) noexcept {
	std::fill(out.begin(), out.end(), 0.0f);
	const math::RecsysKernels &k = math::kernels();
	for (const Vote &vote : past)
		k.axpy(out.size(), age_weight[vote.age], forth + vote.item * out.size(), out.data());
}

void ColdItems::mix_base(std::size_t first, std::size_t last, float prior, bool any_past, float *logit) const noexcept {
	const float offset = any_past ? offset_ : 0.0f, share_weight = any_past ? share_weight_ : prior;
	auto at = static_cast<std::size_t>(std::lower_bound(items_.begin(), items_.end(), first) - items_.begin());
	for (; at < items_.size() && items_[at] < last; ++at) {
		float &value = logit[items_[at] - first];
		value += rest_[at] * (share_weight * log_share_[at] + offset - value);
	}
}

void ColdItems::add(Past past, Dense out) const {
	if (weight_ == 0.0f || rank_ == 0 || past.empty())
		return;
	float sum[kItemRank];
	const std::span<float> taste(sum, rank_);
	sum_past(past, age_weight_, forth_.data(), taste);
	const math::RecsysKernels &k = math::kernels();
	for (std::size_t i = 0; i < items_.size(); ++i)
		out.add(items_[i], weight_ * rest_[i] * k.dot(rank_, sum, vectors_.data() + i * rank_));
}

void ColdItems::tell_reasons(std::span<Reason> reason) const noexcept {
	for (std::size_t i = 0; i < items_.size(); ++i)
		if (rest_[i] >= kMostlyFeatures)
			reason[items_[i]] = Reason::New;
}

} // namespace recsys::recipe
