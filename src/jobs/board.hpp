// What the launcher, the workers and the sessions tell each other through shared memory. The job table is the truth; the
// board only says which databases to visit, which workers exist and what each of them works on, so that a RUNNING job whose
// worker is gone can be told from one that runs.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "pg/guard.hpp"

namespace recsys::jobs::board {

inline constexpr int kMaxWorkers = 64; // the upper bound of recsys.max_workers

/// While preloading: declares the shared area.
void declare();
/// False without preload; then nothing else here may be called.
bool present() noexcept;
/// When the first launcher of this server came (after a start, a crash, a promotion): work that began earlier was cut off.
TimestampTz began_at() noexcept;

// ---- any session; none of these can fail

/// There may be work in `database`: sets its flag and wakes the launcher.
void flag(Oid database) noexcept;
/// Tells the worker of a job to stop, and cancels what it is executing. False when no worker has the job.
bool stop(Oid database, std::int64_t job) noexcept;
bool has_worker(Oid database, std::int64_t job) noexcept;
int workers() noexcept;

// ---- the launcher

void launcher_here() noexcept;
void launcher_gone() noexcept;
struct Flagged {
	std::vector<Oid> databases;
	bool all = false; // more databases than the board has room for: visit each
};
Flagged take_flagged();
/// A place for a worker that is about to be started; `number` tells it from an earlier user of the same slot.
struct Ticket {
	int slot = 0;
	std::uint32_t number = 0;
};
std::optional<Ticket> reserve(Oid database) noexcept;
/// Takes the ticket back if its worker never came.
void withdraw(Ticket ticket) noexcept;
/// All tickets given out by an earlier launcher, whose workers it can no longer watch.
void withdraw_all() noexcept;
/// Databases that a worker left although jobs remained which it could not lock; clears the list.
std::vector<Oid> take_leftovers();

// ---- a worker

/// False when the ticket is no longer valid: the worker must exit. The slot is given up when the process exits; when it
/// does so with a job in hand, the database is flagged, so that somebody records how the job ended.
bool take(Ticket ticket, Oid database);
/// Before the claim commits: whoever sees the job RUNNING finds its worker.
void begin(std::int64_t job) noexcept;
/// The handler returned: from here on a stop is refused and nothing is cancelled any more.
void ending() noexcept;
/// After the end was committed.
void finished() noexcept;
bool stop_requested() noexcept;
/// Jobs remained here that could not be locked: the launcher comes back in some seconds.
void leave_rest() noexcept;

} // namespace recsys::jobs::board
