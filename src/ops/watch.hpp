// Watching a dataset group: a schedule that looks at recsys.health, tells who listens (NOTIFY recsys_health) what has come and what has
// gone, keeps the campaigns' traffic beyond what shared memory holds, and does what it was told to do by itself.
#pragma once

#include <optional>
#include <string>

#include "catalog/catalog.hpp"

namespace recsys::ops {

struct WatchRequest {
	std::string every; // intervals, in PostgreSQL's text
	bool retrain_on_drift = false;
	std::optional<std::string> delete_idle_after;
	bool adjust_floor = false;
};
/// Begins, or changes, the watching of a group. Errors: 22023 for an interval that is not positive.
void watch(const catalog::Group &group, const WatchRequest &request);
/// False when it was not watched.
bool unwatch(const catalog::Group &group);

/// Called from module at load.
void register_watch();

} // namespace recsys::ops
