// The one process that starts workers. See launcher.cpp.
#pragma once

#include "pg/guard.hpp"

namespace recsys::jobs {

/// What identifies a worker's visit, in BackgroundWorker::bgw_extra.
struct Errand {
	Oid database;
	std::int32_t slot;
	std::uint32_t number;
};

/// While preloading: shared memory of the queue, and the launcher's registration with the postmaster.
void declare_board();
void register_launcher();

} // namespace recsys::jobs
