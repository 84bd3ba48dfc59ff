// Who will most likely interact with an item, or with any of several: the model of item-affinity and item-attribute-affinity.
//
// The model is the log itself: each user's different items, newest first. For a set Q of items, with d(u, k) = (1 + k)^-age_power
// for the item that k newer ones stand before,
//
//   with(a)  = sum over users v who have a:  |v|^-user_power * (items of v in Q that came after a, or with it
//                                                               + backward * items of v in Q that came before a)
//   all(a)   = the same with every item in Q
//   w(a)     = with(a) / all(a)^item_power;   for a in Q plus  own * all(a)^(1 - item_power)
//   score(u) = sum over items a of u: d(u, k) * w(a)   /   (sum over items of u: d(u, k))^activity_power
//
// These are the co-occurrence votes of item-item neighbourhoods (Deshpande and Karypis 2004), read from the other side. What is asked
// is who comes to Q next, so what others had before they came to it tells more than what they had afterwards: backward < 1. There is no
// table of neighbours, which would have to be cut short: two passes over the log count what a question needs, a set of items
// costs as much as one, and the answer is exact. At activity_power 0 active users come first, at 1 those who care for nothing else.
//
// Users without any vote follow, the most active first. Where people do not come back to what they had (own < 0), those who have
// the one item that is asked for stand behind all others.
#include "base/wall.hpp"
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "math/csr.hpp"
#include "recipe/recipe.hpp"

namespace recsys::recipe {

struct AffinitySettings {
	float own; // < 0: people do not come back
	float backward; // what a pair counts whose item in question came first; 1: order tells nothing
	float activity_power, age_power, user_power, item_power;
};

/// Each user's different items, newest first. An entry is an item, and in the highest bit whether it is as new as the one before.
struct Histories {
	static constexpr std::uint32_t kAsNew = 1u << 31;
	std::span<const std::uint64_t> offsets; // n_users + 1
	std::span<const std::uint32_t> entries;
	std::size_t n_items = 0;

	std::size_t n_users() const noexcept { return offsets.size() - 1; }
	std::span<const std::uint32_t> user(std::size_t u) const noexcept { return entries.subspan(offsets[u], offsets[u + 1] - offsets[u]); }
};

/// Why a user stands where he stands.
enum class AffinityRung : std::uint8_t { Affine, Active, Returning };
/// The rung that a score tells: votes are positive; who has none lies between -1 and 0; who has the item already, below.
AffinityRung affinity_rung(float score) noexcept;

/// all(a) of every item.
std::vector<float> affinity_totals(const Histories &histories, const AffinitySettings &settings);

/// Answers questions about histories that must outlive it. Immutable; memory of a question is its own.
class Affinity {
public:
	Affinity(const Histories &histories, const AffinitySettings &settings, std::span<const float> totals);
	/// out[u]: every user's score for `items`, which are different. Calls `poll` every few milliseconds.
	void score(std::span<const std::uint32_t> items, std::vector<float> &out, const std::function<void()> &poll) const;

private:
	std::vector<float> votes(std::span<const std::uint32_t> items, const std::function<void()> &poll) const;
	Histories histories_;
	AffinitySettings settings_;
	std::span<const float> totals_;
	std::vector<float> by_age_, by_length_; // d by k, |v|^-user_power by length
};

class AffinityScorer final : public Scorer {
public:
	explicit AffinityScorer(const artifact::View &view);
	std::size_t n_items() const noexcept override { return histories_.n_items; }
	std::size_t max_history() const noexcept override { return 0; }
	/// Items are not what this model recommends: none may be returned.
	void score(const Query &query, Scores &out) const override;

	const artifact::IdView &users() const noexcept { return users_; }
	const Affinity &affinity() const noexcept { return *affinity_; }

private:
	artifact::IdView users_;
	Histories histories_;
	std::unique_ptr<Affinity> affinity_;
};

/// Of a recipe for segments of users: whether it is asked for attributes of items, or for one item.
inline bool asks_for_attributes(const RecipeSpec &spec) noexcept { return spec.name == "item-attribute-affinity"; }
std::vector<HyperparameterSpec> affinity_hyperparameters();
TrainResult train_item_affinity(const TrainRequest &request);
/// Errors: 55000 when no item has a categorical or numeric field to ask for.
TrainResult train_item_attribute_affinity(const TrainRequest &request);
std::unique_ptr<Scorer> open_affinity(const artifact::View &view);

} // namespace recsys::recipe
