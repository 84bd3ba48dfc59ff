// A user's state as trees see it: what he did, what he answered, who he is, seen from one moment and one action.
//
// Training looks at a user as he was at the moment of each prompt, serving as he is now; both fill the same row of features
// here. Only the newest kMaxEvents events and kMaxResponses answers before the moment count, so that a request reads a
// bounded number of rows.
#include "base/wall.hpp"
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "artifact/artifact.hpp"
#include "recipe/feature_bins.hpp"

namespace recsys::recipe {

enum class Response : std::uint8_t { Viewed, NotTaken, Taken };
inline constexpr std::size_t kResponses = 3;
/// Any spelling: TAKEN, taken, "Not taken", NOT_TAKEN, viewed … Absent for other words.
std::optional<Response> parse_response(std::string_view event_type) noexcept;

inline constexpr std::size_t kMaxEvents = 200, kMaxResponses = 100;
inline constexpr double kMicrosPerDay = 86400e6;

struct ItemEvent {
	std::uint32_t item, type; // places in ActionShape::items and types; data::kNone for others
	std::int64_t time;		  // microseconds since 1970-01-01 UTC
};
struct ActionResponse {
	std::uint32_t action; // ordinal of the model
	Response response;
	std::int64_t time;
};
struct UserState {
	std::span<const ItemEvent> events;			// oldest first, at most the kMaxEvents newest
	std::span<const ActionResponse> responses; // oldest first, at most the kMaxResponses newest
	std::span<const float> attributes;			// of the user; empty = none known
};

/// What decides the columns of a row.
struct ActionShape {
	std::vector<float> action_code;				 // per action: its rank by number of answers
	std::vector<std::uint32_t> frequent_actions; // whose answers are looked at one by one
	std::vector<float> action_attributes;		 // actions × n_action_attributes
	std::vector<ColumnKind> action_kinds, user_kinds;
	std::uint32_t n_items = 0, n_types = 0; // items and event types that are counted one by one

	std::size_t n_actions() const noexcept { return action_code.size(); }
	std::vector<ColumnKind> kinds() const;
	std::size_t n_features() const noexcept;
	/// Columns of the user alone come first, then those of the action.
	std::size_t n_user_features() const noexcept;
	void fill_user(const UserState &state, std::int64_t now, std::span<float> row) const;
	/// `follow_up`: days over which the answer is (or was) awaited.
	void fill_action(const UserState &state, std::int64_t now, std::uint32_t action, double follow_up, std::span<float> row) const;

	void write(artifact::Writer &writer) const;
	/// Errors: RS007.
	static ActionShape read(const artifact::View &view, std::size_t n_actions, std::size_t n_items, std::size_t n_types);
};

} // namespace recsys::recipe
