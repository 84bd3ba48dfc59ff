// Events as they happen: one call stores up to a page of them, all or none, as rows of the interactions dataset.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "catalog/catalog.hpp"

namespace recsys::ingest {

/// Returns the number of rows stored: events whose eventId is known already are not stored again.
/// Errors: RS001 (tracker), 22023 naming the event's position and field, RS003 under recsys.service_limits; those of
/// the INSERT, which runs as the caller.
std::uint64_t put_events(Datum tracking_id, std::string_view session_id, const std::string &event_list,
						 const std::optional<std::string> &user_id);

/// The same for the action_interactions dataset of a group.
std::uint64_t put_action_interactions(std::string_view group, const std::string &list);

} // namespace recsys::ingest
