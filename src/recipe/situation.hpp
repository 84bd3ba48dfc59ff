// What is known of the moment that an answer is for, apart from the user's past: the context, what describes him, the time.
#include "base/wall.hpp"
#pragma once

#include <cstdint>
#include <limits>
#include <span>

#include "data/training_set.hpp"

namespace recsys::recipe {

struct Situation {
	static constexpr std::int64_t kNoTime = std::numeric_limits<std::int64_t>::min();
	/// Ascending ordinals of the model's encoders of context and of users; empty = nothing is known.
	std::span<const std::uint32_t> context, user;
	std::int64_t time = kNoTime; // microseconds since 1970-01-01 UTC
};

/// In which an event of the user happened.
inline Situation situation_of(const data::TrainingSet &set, std::size_t event, std::uint32_t user) {
	Situation situation;
	situation.time = set.time()[event];
	if (!set.context().empty() && set.context()[event] != data::kNone)
		situation.context = set.context_features().rows.sparse.row(set.context()[event]);
	if (!set.user_features().rows.empty())
		situation.user = set.user_features().rows.sparse.row(user);
	return situation;
}

} // namespace recsys::recipe
