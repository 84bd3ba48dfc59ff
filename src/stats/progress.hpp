// Progress of long work, visible from every session through recsys.progress while it runs. One shared-memory slot per process,
// written only by its owner with a change counter (as PostgreSQL's own backend status), read without locks.
// Without preloading everything here is a harmless no-op.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/monitor.hpp"

#include "pg/guard.hpp"

namespace recsys::stats {

/// Occupies a slot while alive; cleared also when the process exits. Work within work (an import that a training's trigger
/// starts) is part of the outer work: the inner object does nothing.
class Progress {
public:
	/// `kind` "training", "import" …; `resource` as shown to users ("shop_solution/3"); `resource_id` addresses a stop.
	Progress(const char *kind, std::int64_t group_id, std::int64_t resource_id, std::string_view resource);
	~Progress();
	Progress(const Progress &) = delete;
	Progress &operator=(const Progress &) = delete;
	/// Copies the monitor's figures; never fails. Main thread only.
	void publish(const Monitor &monitor) noexcept;
	void publish(const char *phase, std::uint64_t done, std::uint64_t total) noexcept;
	/// Somebody asked this work to stop through request_stop.
	bool stop_requested() const noexcept;

private:
	bool active_;
};

/// Tells the process that works on (kind, resource_id) in this database to stop; false when there is none.
bool request_stop(const char *kind, std::int64_t resource_id);

/// What one process does, as of now.
struct Running {
	int pid;
	std::int64_t group_id, resource_id;
	char kind[32], resource[256], phase[64];
	std::uint64_t done, total, memory; // memory: bytes that belong to the process alone
	double loss;					   // 0 = none
	TimestampTz started, phase_started;
};
/// All work in this database, of all groups: rights are the caller's business.
std::vector<Running> running();

/// While preloading: declares the area of the slots.
void declare_progress();

} // namespace recsys::stats
