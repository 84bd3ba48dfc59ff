// One slot a process, found by its number in the array of processes, so that taking one needs no lock.
//
// Protocol: the owner makes `changes` odd, writes, and makes it even again, with write barriers in between; a reader copies
// and tries again when `changes` was odd or moved. One field lies outside of it: the figures carry the number of the piece of
// work, and whoever asks for a stop writes that number into `stop_work`. A request that comes too late names a piece of work
// that is over, and so cannot stop the next one.
#include "stats/progress.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "stats/shared.hpp"

extern "C" {
#include "storage/ipc.h"
#include "storage/proc.h"
}

namespace recsys::stats {

namespace {

struct Figures {
	std::uint64_t work; // grows with every piece of work of this slot
	int pid;			// 0 = free
	Oid database;
	std::int64_t group_id, resource_id;
	char kind[32], resource[256], phase[64];
	std::uint64_t done, total, memory;
	double loss;
	TimestampTz started, phase_started;
};

struct Slot {
	pg_atomic_uint32 changes;
	pg_atomic_uint64 stop_work;
	Figures figures;
};
static_assert(std::is_trivially_copyable_v<Figures>);

Slot *slots = nullptr; // MaxBackends of them
Slot *own = nullptr;   // while a Progress lives in this process
bool exit_hook = false;

std::size_t area_size() { return sizeof(Slot) * static_cast<std::size_t>(MaxBackends); }

void attach(void *memory, LWLockPadded *, bool fresh) {
	slots = static_cast<Slot *>(memory);
	if (!fresh)
		return;
	for (int i = 0; i < MaxBackends; ++i) {
		pg_atomic_init_u32(&slots[i].changes, 0);
		pg_atomic_init_u64(&slots[i].stop_work, 0);
	}
}

template <class F> void change(Slot &slot, F &&body) noexcept {
	const std::uint32_t n = pg_atomic_read_u32(&slot.changes);
	pg_atomic_write_u32(&slot.changes, n + 1);
	pg_write_barrier();
	body(slot.figures);
	pg_write_barrier();
	pg_atomic_write_u32(&slot.changes, n + 2);
}

bool read(Slot &slot, Figures &out) noexcept {
	for (int attempt = 0; attempt < 1000; ++attempt) {
		const std::uint32_t before = pg_atomic_read_u32(&slot.changes);
		pg_read_barrier();
		out = slot.figures;
		pg_read_barrier();
		if (before % 2 == 0 && pg_atomic_read_u32(&slot.changes) == before)
			return out.pid != 0;
	}
	return false; // its owner was stopped in the middle of a change
}

// Whole characters only: what is shown must be valid text.
template <std::size_t N> void copy_text(char (&to)[N], std::string_view from) noexcept {
	std::size_t n = from.size();
	if (n >= N) {
		n = N - 1;
		while (n > 0 && (static_cast<unsigned char>(from[n]) & 0xC0) == 0x80)
			--n;
	}
	memcpy(to, from.data(), n);
	to[n] = '\0';
}

void release(int = 0, Datum = 0) {
	if (own != nullptr)
		change(*own, [](Figures &f) { f.pid = 0; });
	own = nullptr;
}

// Resident pages less shared ones: what this process would give back. 0 where /proc cannot be read.
std::uint64_t private_memory() noexcept {
	const int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	char line[128];
	const ssize_t n = ::read(fd, line, sizeof line - 1);
	close(fd);
	if (n <= 0)
		return 0;
	line[n] = '\0';
	char *at = nullptr;
	std::strtoull(line, &at, 10);
	const std::uint64_t resident = std::strtoull(at, &at, 10), shared = std::strtoull(at, &at, 10);
	return resident > shared ? (resident - shared) * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)) : 0;
}

void put(const char *phase, std::uint64_t done, std::uint64_t total, double loss) noexcept {
	const std::uint64_t memory = private_memory();
	const TimestampTz now = GetCurrentTimestamp();
	change(*own, [&](Figures &f) {
		if (strncmp(f.phase, phase, sizeof f.phase - 1) != 0) {
			copy_text(f.phase, phase);
			f.phase_started = now;
		}
		f.done = done;
		f.total = total;
		f.loss = loss;
		f.memory = memory;
	});
}

} // namespace

Progress::Progress(const char *kind, std::int64_t group_id, std::int64_t resource_id, std::string_view resource)
	: active_(slots != nullptr && own == nullptr && MyProc->pgprocno < MaxBackends) {
	if (!active_)
		return;
	if (!exit_hook)
		pg::call([] { before_shmem_exit(release, 0); });
	exit_hook = true;
	own = &slots[MyProc->pgprocno];
	const TimestampTz now = GetCurrentTimestamp();
	change(*own, [&](Figures &f) {
		const std::uint64_t work = f.work + 1;
		f = Figures{};
		f.work = work;
		f.pid = MyProcPid;
		f.database = MyDatabaseId;
		f.group_id = group_id;
		f.resource_id = resource_id;
		copy_text(f.kind, kind);
		copy_text(f.resource, resource);
		copy_text(f.phase, "starting");
		f.started = f.phase_started = now;
	});
}

Progress::~Progress() {
	if (active_)
		release();
}

void Progress::publish(const Monitor &monitor) noexcept {
	if (active_)
		put(monitor.phase(), monitor.done(), monitor.total(), monitor.loss());
}

void Progress::publish(const char *phase, std::uint64_t done, std::uint64_t total) noexcept {
	if (active_)
		put(phase, done, total, 0);
}

bool Progress::stop_requested() const noexcept {
	return active_ && pg_atomic_read_u64(&own->stop_work) == own->figures.work;
}

bool request_stop(const char *kind, std::int64_t resource_id) {
	bool told = false;
	for (int i = 0; slots != nullptr && i < MaxBackends; ++i) {
		Figures f;
		if (!read(slots[i], f) || f.database != MyDatabaseId || f.resource_id != resource_id ||
			strcmp(f.kind, kind) != 0)
			continue;
		pg_atomic_write_u64(&slots[i].stop_work, f.work);
		told = true;
	}
	return told;
}

std::vector<Running> running() {
	std::vector<Running> out;
	for (int i = 0; slots != nullptr && i < MaxBackends; ++i) {
		Figures f;
		if (!read(slots[i], f) || f.database != MyDatabaseId)
			continue;
		Running &r = out.emplace_back();
		r.pid = f.pid;
		r.group_id = f.group_id;
		r.resource_id = f.resource_id;
		memcpy(r.kind, f.kind, sizeof r.kind);
		memcpy(r.resource, f.resource, sizeof r.resource);
		memcpy(r.phase, f.phase, sizeof r.phase);
		r.done = f.done;
		r.total = f.total;
		r.memory = f.memory;
		r.loss = f.loss;
		r.started = f.started;
		r.phase_started = f.phase_started;
	}
	return out;
}

void declare_progress() { declare({"RecsysProgress", area_size, 0, attach}); }

} // namespace recsys::stats
