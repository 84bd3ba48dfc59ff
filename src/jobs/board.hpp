// What the launcher, the workers and the sessions tell each other through shared memory. The job table is the truth; the
// board only says which databases to visit, which workers exist and what each of them works on, so that a RUNNING job whose
// worker is gone can be told from one that runs.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "pg/guard.hpp"

extern "C" {
#include "datatype/timestamp.h"
}

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
/// When a visit wants the next one, said before each long step and at the end: `at` is of the jobs' clock (clock.hpp), kNever for never, 0 when the visit broke off.
struct NextVisit {
	Oid database;
	TimestampTz at;
};
inline constexpr TimestampTz kNever = DT_NOEND;
/// What visits have left since the last call. Places whose visit was not reported yet are not given out again.
std::vector<NextVisit> take_next_visits();
/// A place for a worker that is about to be started; `number` tells it from an earlier user of the same slot.
struct Ticket {
	int slot = 0;
	std::uint32_t number = 0;
};
std::optional<Ticket> reserve(Oid database) noexcept;
/// Takes the ticket back: no worker was started.
void withdraw(Ticket ticket) noexcept;
/// Takes the ticket back if its worker never came.
void give_up_waiting(Ticket ticket) noexcept;
/// All tickets given out by an earlier launcher, whose workers it can no longer watch.
void withdraw_all() noexcept;

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
/// The job in hand, 0 for none.
std::int64_t current_job() noexcept;
/// The launcher comes back at this time of the jobs' clock, or earlier if asked to before.
void come_back(TimestampTz at) noexcept;

} // namespace recsys::jobs::board
