// The examples that next-best-action learns from: moments at which a user could have taken an action, and whether he did within
// the optimization period.
//
// Prompted: each time the user was shown the action is one. An answer to what he was shown belongs to that prompt: Viewed and,
// later, Taken are one example, dated when he saw it. A prompt that is followed by Taken of the action within the period is a
// yes, whatever came between. Prompts of the last days could not be followed for the whole period; for how long they were is a
// feature, which serving sets to the period, so that they are neither lost nor taken for a no.
//
// Unprompted: any user at up to three moments, one period apart and the last one period before the end of the data.
#include "base/wall.hpp"
#pragma once

#include <cstdint>
#include <vector>

#include "recipe/action_state.hpp"
#include "recipe/recipe.hpp"

namespace recsys::recipe {

struct ActionExample {
	std::uint32_t user;	   // of the action log; data::kNone for one who never answered
	std::uint32_t visitor; // the same user in the interactions; data::kNone for one without
	std::uint32_t action;
	std::int64_t time;
	float follow_up; // days
	std::uint8_t taken;
};

/// The answer that each event of the action log is; absent for event types that are none.
std::vector<std::optional<Response>> responses_of(const data::TrainingSet &log);

/// 1 for actions that were answered often enough to be scored: 50 times Taken and 50 times otherwise in the six weeks before
/// the newest answer.
std::vector<std::uint8_t> scored_actions(const data::TrainingSet &log);

/// At most `limit`; of more prompts the newest, of more moments a uniform sample. In an order that depends on the data alone.
std::vector<ActionExample> prompted_examples(const TrainRequest &request, double period_days, std::size_t limit);
std::vector<ActionExample> unprompted_examples(const TrainRequest &request, std::span<const std::uint8_t> scored,
											   double period_days, std::size_t limit);

} // namespace recsys::recipe
