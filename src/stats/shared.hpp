// Shared memory of the extension: a small registry. A room declares an area while the library is preloaded; the module's
// hooks then ask for all of them together and hand each room its piece. Areas are fixed in size and made anew at every start
// of the server, also after a crash; nothing in them survives, so they only ever hold what tables can do without.
//
// What lies in an area must be plain data (no pointers into process memory, no vtables, no std:: containers).
#pragma once

#include <cstddef>

#include "pg/guard.hpp"

extern "C" {
#include "storage/lwlock.h"
}

namespace recsys::stats {

struct SharedArea {
	const char *name;	   // also the name of its lock tranche in wait events: "RecsysJobs"
	std::size_t (*size)(); // asked once, when MaxBackends is known
	int locks;			   // number of LWLocks
	/// `fresh`: the memory is new and zeroed, the room must initialise it. Runs in the postmaster, before any child exists.
	void (*attach)(void *memory, LWLockPadded *locks, bool fresh);
};

/// While preloading only. The area is copied; its name must be a literal.
void declare(const SharedArea &area);

/// What the module's shmem_request_hook and shmem_startup_hook do.
void request_shared_memory();
void attach_shared_memory();

} // namespace recsys::stats
