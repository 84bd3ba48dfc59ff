// popularity-count: items by the number of different users who chose them, the same list for everybody. It is also the
// last rung of other recipes' ladders, so its parts are shared.
//
// The logit is log(1 + users), so the softmax over the catalogue is the share of users with one added for every item:
// an item that nobody chose yet is last, not impossible. Single precision cannot tell large counts apart by their
// logarithm; where it cannot, the logits are moved by single steps, so that the order by logit is always the order by
// count.
#include "base/wall.hpp"
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "recipe/recipe.hpp"

namespace recsys::recipe {

/// Different users with a positive event, per item. `sides` leaves out all but training users; empty counts everybody.
Budgeted<std::uint32_t> count_users(const TrainRequest &request, std::span<const std::uint8_t> sides);

/// One logit an item, in strict agreement with the counts; equal counts have equal logits.
Budgeted<float> popularity_logits(std::span<const std::uint32_t> counts, MemoryBudget *budget,
								  const StopToken &stop);

/// log of the sum of exp(logit) over all finite logits; 0 without any.
double log_sum_exp(std::span<const float> logits) noexcept;

TrainResult train_popularity_count(const TrainRequest &request);
std::unique_ptr<Scorer> open_popularity_count(const artifact::View &view);

} // namespace recsys::recipe
