// Exploration: young items that little is known of get a part of the places, so that something becomes known of them.
//
//   logit'(i) = logit(i) + w * unit * (bonus(i) + noise(i))       for items created within the cut-off, others stay
//   bonus(i)  = 1 / (1 + n(i)),   n(i) = interactions + a tenth of the lists that i was shown in
//   unit      = how far the user's 25th best logit is above the mean of the young items' logits
//
// So the bonus is measured by the user's own scores: with w = 1 the average item of which nothing is known reaches the foot of
// a list, with w = 0.3 those do whose own score has brought them seven tenths of the way. More weight never takes a place away
// from them, and among them the better fitting ones come first. The noise, in [0, 0.1), is a function of the item and of a key
// that the caller makes of user and time, so that a page does not reshuffle on every refresh.
#include "base/wall.hpp"
#pragma once

#include <cstdint>
#include <span>

#include "math/top_k.hpp"
#include "recipe/recipe.hpp"

namespace recsys::recipe {

class Exploration {
public:
	/// Errors: RS007.
	Exploration(const artifact::View &view, std::size_t n_items);
	static bool present(const artifact::View &view) noexcept;
	/// `oldest`: items created at this moment (microseconds since 1970) or later take part. `order` is used and left in an
	/// undefined state.
	void apply(double weight, std::int64_t oldest, std::uint64_t key, math::DescendingOrder &order, Scores &scores) const;
	/// By the same order: ordinals, newest first; and how often each was met.
	std::span<const std::uint32_t> items() const noexcept { return items_; }
	std::span<const float> met() const noexcept { return met_; }
	/// The newest event of the training data, microseconds since 1970.
	std::int64_t newest_event() const noexcept { return newest_event_; }

private:
	std::span<const std::uint32_t> items_;
	std::span<const std::int64_t> created_;
	std::span<const float> met_;
	std::int64_t newest_event_ = 0;
};

/// Adds the sections "explore.*": the newest items of request.data, at most a million. `item_of` gives the model's ordinal of an
/// item of the data; empty = they are the same. An item without creation time is as old as its first event, or new.
void write_exploration(const TrainRequest &request, std::span<const std::uint32_t> item_of, artifact::Writer &writer);

} // namespace recsys::recipe
