// Event trackers: one a group, addressed by a uuid. The uuid names the group and is no key: what a caller may store is
// decided by his rights on the group's table.
#pragma once

#include <string>
#include <string_view>

#include "catalog/catalog.hpp"

namespace recsys::ingest {

/// Returns the tracking id. Errors: RS006 when the group has a tracker already.
std::string create_event_tracker(std::string_view name, std::string_view group);
void delete_event_tracker(std::string_view name);
/// Rows of recsys.event_trackers: (name, dataset_group, tracking_id, status, created_at, updated_at). Trackers are for
/// those who may write.
void list_event_trackers(pg::ResultTable &result);
catalog::Json describe_event_tracker(std::string_view name);

/// The group behind a tracking id. Errors: RS001, the same for an absent tracker and for one the caller may not write
/// to.
catalog::Group require_tracker(Datum tracking_id);
[[noreturn]] void tracker_not_found(Datum tracking_id);

} // namespace recsys::ingest
