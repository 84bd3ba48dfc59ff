// Items of which behaviour tells little or nothing yet: what a new item is worth to a user, by what it is like.
//
// An item with few events is not a bad item, it is an unknown one. Two things are foretold of it from its features, by ridge
// regression over the items that are known: how often it will be chosen, and its vector among the items (item_factors.hpp),
// which tells to whose past it belongs. Behaviour takes over as it comes in: with mu = events expected by now, n = events seen,
//
//   share = (k + n) / (k / expected + exposure)      the mean of a gamma-Poisson posterior of shape k
//   rest  = k / (k + max(mu, n))                     how much is still left to the features: 1 for a new item, then to 0
//
// and the item's logit is (1 - rest) * blend + rest * (offset + weight * log share + weight * past . vector). An item that has been there
// all the time and was never chosen is thereby known, and not new. Shape, offset, weights, and how fast the past fades are found
// on items that are made new for the purpose: a part of the known ones is taken out of the regression and foretold.
//
// This does not ask whether the features help with items that are known: that is for the blend to decide.
#include "base/wall.hpp"
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "artifact/artifact.hpp"
#include "recipe/expert.hpp"
#include "recipe/item_factors.hpp"

namespace recsys::recipe {

/// Found once on held-out users and items, and kept for the deployed model.
struct ColdSettings {
	float penalty = 3;	  // of the regression
	float shape = 1;	  // k
	float factor = 1;	  // between the mean that the regression foretells, of a logarithm, and the mean number
	float age_power = 1;  // the past event of age a counts (1 + a)^-age_power
	// The logit for a user with a past:
	float offset = 0;
	float share_weight = 1; // of the logarithm of the share
	float weight = 0;		// of the past; 0 when it does not help beyond chance
};

/// Of an opened model. Immutable; shared by all requests.
class ColdItems {
public:
	/// Errors: RS007.
	ColdItems(const artifact::View &view, std::size_t n_items);
	static bool present(const artifact::View &view) noexcept;

	/// logits [first, last) of what does not depend on the past become what they are with the features; `prior` is the weight that
	/// the blend gives to the logarithm of a share for users without a past, `any_past` whether the user has one.
	void mix_base(std::size_t first, std::size_t last, float prior, bool any_past, float *logit) const noexcept;
	/// Adds what the past says.
	void add(Past past, Dense out) const;
	/// Items of which the features tell more than behaviour does are `new`.
	void tell_reasons(std::span<Reason> reason) const noexcept;
	std::span<const std::uint32_t> items() const noexcept { return items_; }

private:
	std::span<const std::uint32_t> items_; // ascending
	std::span<const float> rest_, log_share_, vectors_, forth_;
	std::size_t rank_ = 0;
	float offset_ = 0, share_weight_ = 0, weight_ = 0;
	std::vector<float> age_weight_;
};

/// Settings by the held-out cases; `scorer` is the blend trained on `sides`. Nothing when the items have no features or too few are
/// known.
std::optional<ColdSettings> learn_cold_items(const TrainRequest &request, std::span<const std::uint8_t> sides, const ItemFactors &factors,
											 const HeldOutCases &cases, const Scorer &scorer);
/// Adds the sections `cold.*` and those of the items' encoder. `factors` are of the same sides.
void fit_cold_items(const TrainRequest &request, std::span<const std::uint8_t> sides, const ItemFactors &factors,
					const ColdSettings &settings, artifact::Writer &writer);

/// The sections of a model that takes in new items: what was told of the others stays, new ones are foretold from what the known
/// ones were like.
void update_cold_items(const artifact::View &old, const UpdatedItems &items, const TrainRequest &request, artifact::Writer &writer);

/// (1 + age)^-power for the ages of a past.
std::vector<float> age_weights(float power);
/// out = sum over the past of age_weight[age] * forth[item], a row of out.size() values.
void sum_past(Past past, std::span<const float> age_weight, const float *forth, std::span<float> out) noexcept;

} // namespace recsys::recipe
