// Which items are chosen under which conditions. A condition is one value of one field: device = phone, a user's occupation =
// farmer, the hours from 18 to 21. Counted are positive events, by condition and item; what tells something is how much a count
// differs from what the item's share of all events would let expect.
#include "base/wall.hpp"
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "recipe/sequences.hpp"
#include "recipe/situation.hpp"

namespace recsys::recipe {

enum class ConditionKind : std::uint8_t {
	Context,	 // of the event: columns of interactions
	UserFeatures, // columns of users
	Hours,		 // three hours of the day, and the day of the week, in UTC
};

/// The ordinals of one field's conditions.
struct ConditionField {
	std::uint32_t begin, end;
};
/// The fields that the data have; none where there is nothing to tell apart.
std::vector<ConditionField> condition_fields(ConditionKind kind, const data::TrainingSet &set);

using HourBuffer = std::array<std::uint32_t, 2>;
inline constexpr std::uint32_t kHourConditions = 8 + 7;
/// The conditions of a kind that hold in a situation, ascending; `buffer` may hold them.
std::span<const std::uint32_t> conditions_of(ConditionKind kind, const Situation &situation, HourBuffer &buffer) noexcept;

/// Of one field.
struct ConditionCounts {
	ConditionField field;
	Budgeted<std::uint64_t> begin; // of each condition, and the end of the last
	Budgeted<std::uint32_t> item, count; // items ascending within a condition
	Budgeted<std::uint32_t> events; // under each condition

	struct Items {
		std::span<const std::uint32_t> item, count;
		std::uint32_t of(std::uint32_t item) const noexcept; // the count
	};
	Items items(std::uint32_t condition) const noexcept;
	double total(std::uint32_t condition) const noexcept { return static_cast<double>(events[condition - field.begin]); }
};
ConditionCounts count_conditions(const TrainRequest &request, const Sequences &sequences, ConditionKind kind, ConditionField field);

/// The logarithm of how much likelier an item is: counted over expected, both moved towards one another by `doubt` events as
/// expected (the mean of a rate whose prior is a gamma distribution around one; DuMouchel 1999).
double shrunken_lift(double counted, double expected, double doubt) noexcept;

} // namespace recsys::recipe
