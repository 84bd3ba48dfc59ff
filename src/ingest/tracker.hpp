// Event trackers: one a group, addressed by a secret uuid.
#pragma once

#include <string>
#include <string_view>

#include "catalog/catalog.hpp"

namespace recsys::ingest {

/// Returns the tracking id. Errors: RS006 when the group has a tracker already.
std::string create_event_tracker(std::string_view name, std::string_view group);
void delete_event_tracker(std::string_view name);
catalog::Json describe_event_tracker(std::string_view name);
/// The group's tracker is wanted by those who may write: the rest sees no tracking id.
pg::Rows list_event_trackers(const catalog::Group &group);

/// The group behind a tracking id. Errors: RS001, the same for an absent tracker and for one the caller may not write to.
catalog::Group require_tracker(Datum tracking_id);
[[noreturn]] void tracker_not_found(Datum tracking_id);

} // namespace recsys::ingest
