// Locks: the tranche's one lock (RecsysJobs) covers all worker slots, for a few loads and stores at a time. The flags are
// atomics, because they are set after a commit, where nothing may fail or wait. A slot's `stop` is an atomic too: its worker
// polls it without the lock.
//
//            reserve (launcher)         take (worker)            exit, in whatever way
//   Free ───────────────────▶ Reserved ──────────────▶ Attached ───────────────────────▶ Free
//                                └── give_up_waiting (launcher: the process never came) ▶ Free
//
// A Free slot is given out again only when the launcher has read when the visit that was there wants the next one.
// A crash of any process makes the postmaster reinitialise all of this.
#include "jobs/board.hpp"

#include <algorithm>
#include <csignal>

#include "stats/shared.hpp"

extern "C" {
#include "storage/ipc.h"
#include "storage/proc.h"
}

namespace recsys::jobs::board {

namespace {

enum class State : std::uint8_t { Free, Reserved, Attached };

struct Slot {
	State state;
	bool ending;   // the handler is through: no cancel may hit the statements that record the end
	bool reported; // Free: the launcher has read next_visit
	std::uint32_t number;
	Oid database;
	int pid;
	std::int64_t job;		// 0 = none
	TimestampTz next_visit; // 0 = the visit has not come to its end
	pg_atomic_uint32 stop;
};

constexpr int kFlags = 128;
constexpr std::uint32_t kNobody = 0; // `launcher` holds the number of its process plus one

struct Board {
	TimestampTz began_at; // set before any worker exists, never changed after
	pg_atomic_uint32 launcher, all_flagged, flags[kFlags];
	Slot slots[kMaxWorkers];
};

Board *board = nullptr;
LWLock *lock = nullptr;
Slot *own = nullptr;

// The lock for a scope in which nothing can fail.
class Locked {
public:
	explicit Locked(LWLockMode mode) noexcept { LWLockAcquire(lock, mode); }
	~Locked() { LWLockRelease(lock); }
	Locked(const Locked &) = delete;
	Locked &operator=(const Locked &) = delete;
};

std::size_t area_size() { return sizeof(Board); }

void attach(void *memory, LWLockPadded *locks, bool fresh) {
	board = static_cast<Board *>(memory);
	lock = &locks[0].lock;
	if (!fresh)
		return;
	pg_atomic_init_u32(&board->launcher, kNobody);
	pg_atomic_init_u32(&board->all_flagged, 0);
	for (pg_atomic_uint32 &f : board->flags)
		pg_atomic_init_u32(&f, InvalidOid);
	for (Slot &s : board->slots) {
		s.reported = true;
		pg_atomic_init_u32(&s.stop, 0);
	}
}

void wake_launcher() noexcept {
	const std::uint32_t launcher = pg_atomic_read_u32(&board->launcher);
	if (launcher != kNobody)
		SetLatch(&ProcGlobal->allProcs[launcher - 1].procLatch);
}

/// False when the set is full.
bool put_oid(pg_atomic_uint32 *set, int size, Oid oid) noexcept {
	for (int i = 0; i < size; ++i) {
		std::uint32_t there = pg_atomic_read_u32(&set[i]);
		if (there == InvalidOid && pg_atomic_compare_exchange_u32(&set[i], &there, oid))
			return true;
		if (there == oid)
			return true;
	}
	return false;
}

std::vector<Oid> take_oids(pg_atomic_uint32 *set, int size) {
	std::vector<Oid> out;
	out.reserve(size);
	for (int i = 0; i < size; ++i)
		if (const Oid oid = pg_atomic_exchange_u32(&set[i], InvalidOid); oid != InvalidOid)
			out.push_back(oid);
	return out;
}

void set_free(Slot &s) noexcept {
	s.state = State::Free;
	s.reported = false;
}

void give_up(int, Datum) {
	if (own == nullptr)
		return;
	bool unfinished;
	Oid database;
	{
		Locked locked(LW_EXCLUSIVE);
		unfinished = own->job != 0;
		database = own->database;
		own->job = 0;
		set_free(*own);
	}
	own = nullptr;
	if (unfinished)
		flag(database);
	wake_launcher();
}

Slot *find(Oid database, std::int64_t job) noexcept {
	for (Slot &s : board->slots)
		if (s.state == State::Attached && s.job == job && s.database == database)
			return &s;
	return nullptr;
}

} // namespace

void declare() { stats::declare({"RecsysJobs", area_size, 1, attach}); }
bool present() noexcept { return board != nullptr; }
TimestampTz began_at() noexcept { return board->began_at; }

// The flag is looked at after the commit became visible, and taken down before the worker's snapshot: no job is missed.
void flag(Oid database) noexcept {
	if (!put_oid(board->flags, kFlags, database))
		pg_atomic_write_u32(&board->all_flagged, 1);
	pg_memory_barrier();
	wake_launcher();
}

bool stop(Oid database, std::int64_t job) noexcept {
	Locked locked(LW_EXCLUSIVE);
	Slot *s = find(database, job);
	if (s == nullptr)
		return false;
	if (s->ending)
		return true;
	pg_atomic_write_u32(&s->stop, 1);
	kill(s->pid, SIGINT);
	return true;
}

bool has_worker(Oid database, std::int64_t job) noexcept {
	Locked locked(LW_SHARED);
	return find(database, job) != nullptr;
}

int workers() noexcept {
	Locked locked(LW_SHARED);
	int n = 0;
	for (const Slot &s : board->slots)
		n += s.state != State::Free;
	return n;
}

void launcher_here() noexcept {
	if (board->began_at == 0)
		board->began_at = GetCurrentTimestamp();
	pg_atomic_write_u32(&board->launcher, MyProc->pgprocno + 1);
}
void launcher_gone() noexcept { pg_atomic_write_u32(&board->launcher, kNobody); }

Flagged take_flagged() {
	Flagged out;
	out.all = pg_atomic_exchange_u32(&board->all_flagged, 0) != 0;
	out.databases = take_oids(board->flags, kFlags);
	return out;
}

std::optional<Ticket> reserve(Oid database) noexcept {
	Locked locked(LW_EXCLUSIVE);
	for (int i = 0; i < kMaxWorkers; ++i) {
		Slot &s = board->slots[i];
		if (s.state != State::Free || !s.reported)
			continue;
		s.state = State::Reserved;
		s.ending = false;
		s.next_visit = 0;
		s.database = database;
		s.pid = 0;
		s.job = 0;
		return Ticket{i, ++s.number};
	}
	return std::nullopt;
}

void withdraw(Ticket ticket) noexcept {
	Locked locked(LW_EXCLUSIVE);
	Slot &s = board->slots[ticket.slot];
	s.state = State::Free;
	s.reported = true;
}

void give_up_waiting(Ticket ticket) noexcept {
	Locked locked(LW_EXCLUSIVE);
	Slot &s = board->slots[ticket.slot];
	if (s.state == State::Reserved && s.number == ticket.number)
		set_free(s);
}

void withdraw_all() noexcept {
	Locked locked(LW_EXCLUSIVE);
	for (Slot &s : board->slots)
		if (s.state == State::Reserved)
			set_free(s);
}

std::vector<NextVisit> take_next_visits() {
	std::vector<NextVisit> out;
	out.reserve(kMaxWorkers);
	Locked locked(LW_EXCLUSIVE);
	for (Slot &s : board->slots)
		if (s.state == State::Free && !s.reported) {
			out.push_back({s.database, s.next_visit});
			s.reported = true;
		} else if (s.state == State::Attached && s.next_visit != 0) {
			out.push_back({s.database, s.next_visit});
			s.next_visit = 0; // to be said again at the end
		}
	return out;
}

bool take(Ticket ticket, Oid database) {
	pg::call([] { before_shmem_exit(give_up, 0); });
	Locked locked(LW_EXCLUSIVE);
	Slot &s = board->slots[ticket.slot];
	if (s.state != State::Reserved || s.number != ticket.number || s.database != database)
		return false;
	s.state = State::Attached;
	s.pid = MyProcPid;
	own = &s;
	return true;
}

void begin(std::int64_t job) noexcept {
	Locked locked(LW_EXCLUSIVE);
	own->job = job;
	own->ending = false;
	pg_atomic_write_u32(&own->stop, 0);
}

void ending() noexcept {
	Locked locked(LW_EXCLUSIVE);
	own->ending = true;
}

void finished() noexcept {
	Locked locked(LW_EXCLUSIVE);
	own->job = 0;
}

bool stop_requested() noexcept { return own != nullptr && pg_atomic_read_u32(&own->stop) != 0; }

std::int64_t current_job() noexcept { return own == nullptr ? 0 : own->job; } // written by this process alone

void come_back(TimestampTz at) noexcept {
	{
		Locked locked(LW_EXCLUSIVE);
		own->next_visit = own->next_visit == 0 ? at : std::min(own->next_visit, at);
	}
	wake_launcher();
}

} // namespace recsys::jobs::board
