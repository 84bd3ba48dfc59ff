// The life of a solution version in the catalog:
//
//   CREATE PENDING -> CREATE IN_PROGRESS -> ACTIVE | CREATE FAILED
//        \                \-> CREATE STOPPING -> CREATE STOPPED
//         \-> CREATE STOPPED
//
// Every step names the states it may leave, so that a stop and the end of a training cannot both win: the row's lock
// decides. The functions below run inside a transaction and change internal tables as the extension owner.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "train/run.hpp"

#include "catalog/catalog.hpp"

namespace recsys::train {

/// Adds the next version of a solution with the solution's settings as of now; also locks the solution's row, so that
/// it cannot be deleted before this transaction ends.
struct VersionRequest {
	Spec spec;
	const char *status, *training_mode, *training_type; // "CREATE PENDING" or "CREATE IN_PROGRESS"; FULL, UPDATE; MANUAL, AUTOMATIC
	int updated_from = 0;                               // UPDATE: number of the version whose model is updated
};
struct NewVersion {
	std::int64_t id;
	std::string name; // "solution/N"
};
NewVersion add_version(const catalog::Found &solution, const VersionRequest &request, const Cost &cost);

/// What a worker needs to begin. Errors: RS001 when the version, or the one it updates, is gone, Cancelled when it is to be stopped.
struct Begun {
	std::string name;
	Spec spec;
	catalog::Group group;
	Oid owner;
	std::optional<std::int64_t> base; // UPDATE: the version whose model is updated
};
Begun begin_version(std::int64_t id);

/// Records the results and turns the version ACTIVE; waiting campaigns, and those that follow the solution, begin to
/// serve it. Errors: Cancelled when a stop came first.
void activate_version(std::int64_t id, const Run &run);

/// Deletes what the solution's keep_versions no longer keeps, now that the version is ACTIVE; returns the names.
std::vector<std::string> delete_superseded(std::int64_t id);

/// The end of a training without a model. Campaigns that wait for the version fail with the same reason. `cost` is
/// absent when the process that trained is gone; the wall time is then taken from the clock. A version that is ACTIVE
/// stays so.
void end_version(std::int64_t id, bool stopped, const std::string &reason, const std::optional<Cost> &cost);

/// The training was cut off and will be tried again.
void reopen_version(std::int64_t id);

/// Returns the new status. Errors: 55000 when the version is neither pending nor in progress.
std::string stop_version(const catalog::FoundVersion &version);

/// Errors: RS002 while it is in training or a campaign uses it.
void delete_version(const catalog::FoundVersion &version);

/// Waits until the version is no longer pending or in progress, or the time is over; returns its status.
std::string wait_for(const catalog::FoundVersion &version, std::int64_t timeout_us);

/// As jsonb text.
std::string describe_version(const catalog::FoundVersion &version);
/// Errors: RS002 while in training, RS004 for a version that failed or was stopped.
Json version_metrics(const catalog::FoundVersion &version);
/// The rows of the view solution_versions for one group.
void list_versions(const catalog::Group &group, pg::ResultTable &out);

} // namespace recsys::train
