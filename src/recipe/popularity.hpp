// popularity-count: items by the number of different users who chose them, the same list for everybody. It is also the
// last rung of other recipes' ladders, so its parts are shared. Lists of what is viewed or sold most count events instead.
//
// The logit is log(1 + count), so the softmax over the catalogue is the share of the counts with one added for every item:
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

enum class Counted { Users, Events };

/// Different users with a positive event, or positive events, per item. `sides` leaves out all but training users; empty
/// counts everybody.
Budgeted<std::uint32_t> count_positive(const TrainRequest &request, std::span<const std::uint8_t> sides,
									   Counted counted = Counted::Users);

/// One logit an item, in strict agreement with the counts; equal counts have equal logits.
Budgeted<float> popularity_logits(std::span<const std::uint32_t> counts, MemoryBudget *budget,
								  const StopToken &stop);

/// log of the sum of exp(logit) over all finite logits; 0 without any.
double log_sum_exp(std::span<const float> logits) noexcept;

TrainResult train_popularity_count(const TrainRequest &request);
TrainResult train_popularity_by_events(const TrainRequest &request);
std::unique_ptr<Scorer> open_popularity_count(const artifact::View &view);

} // namespace recsys::recipe
