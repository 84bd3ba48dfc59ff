// Background work. Tables are the truth (recsys_internal.job); shared memory only wakes the launcher after a commit.
//
// One launcher starts short-lived workers, at most recsys.max_workers at a time over all databases. A worker connects as the
// bootstrap superuser, claims one job at a time, and runs its handler; handlers do all user-visible work as the group's owner.
// Whatever ends a worker (error, cancel, terminate, kill -9, restart), its job ends, or is tried again, with a reason.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "catalog/catalog.hpp"

namespace recsys::jobs {

struct Job {
	std::int64_t id = 0, group_id = 0, resource_id = 0;
	std::string kind;
	std::optional<std::string> name;
	catalog::Json config;
	int attempts = 0;
};

/// What a job that did not fail leaves behind.
struct Outcome {
	Outcome(catalog::Json r = nullptr) : result(std::move(r)) {}
	catalog::Json result; // may be null
	std::string skipped;  // why there was nothing to do; "" = it was done
};
Outcome skipped(std::string reason);

/// A kind of job. Its resource is whatever resource_id means to the handler.
struct Handler {
	const char *kind = nullptr;
	/// Runs in the worker outside any transaction; opens its own with in_transaction. Throws on failure.
	Outcome (*run)(const Job &job) = nullptr;
	/// Called inside a transaction as the extension owner when the job has failed for good or was stopped:
	/// marks the resource ("CREATE FAILED" with the reason, or "CREATE STOPPED").
	void (*failed)(const Job &job, const std::string &reason, bool stopped) = nullptr;
	/// The same before another attempt; null when the resource need not know.
	void (*again)(const Job &job, const std::string &reason) = nullptr;
	/// Seconds that schedules of this kind without an interval of their own follow (a setting; 0 = never).
	const int *interval = nullptr;
};
/// Called from module at load.
void register_handler(const Handler &handler);

/// What users ask for comes before what happens by itself.
inline constexpr int kAskedPriority = 0, kAutomaticPriority = -10;

/// Adds a job in the caller's transaction; workers are woken when it commits. Errors: 55000 without preload or with
/// recsys.max_workers = 0 (the hint names wait => true and shared_preload_libraries), 25006 on a standby, RS006 for a used name.
std::int64_t enqueue(const char *kind, const catalog::Group &group, const std::optional<std::string> &name,
					 std::int64_t resource_id, const catalog::Json &config, int priority = kAskedPriority);

/// In a worker, within the transaction that completes the job's work: from its commit on the job has succeeded with this result
/// (not null), even if the worker dies before it can say so. Takes the job's row lock, so before the resource's.
void note_result(const Job &job, const catalog::Json &result);

/// Asks for a stop: a pending job is STOPPED at once (after `failed` ran with stopped = true), a running one is told.
/// Takes effect when the caller's transaction commits.
void request_stop(std::int64_t job_id);
/// In a worker: was a stop asked for? Cheap (shared memory); polled by long handlers between steps and while computing.
bool stop_requested();

/// In a worker: a transaction with an active snapshot, as `user` (security-restricted) with a safe search path; commits at the
/// end, aborts on any exception, which then goes on as recsys::Error with the original SQLSTATE, message, detail and hint.
/// Deferrable constraints are checked at once. Whatever touches user relations, even by reading, belongs in a transaction of
/// the group's owner, never in one of a superuser.
void in_transaction(Oid user, const std::function<void()> &body);

} // namespace recsys::jobs
