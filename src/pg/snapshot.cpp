#include "pg/snapshot.hpp"

extern "C" {
#include "access/parallel.h"
#include "storage/proc.h"
#include "utils/snapmgr.h"
}

namespace recsys::pg {

FreshSnapshot::FreshSnapshot() : exceptions_(std::uncaught_exceptions()) {
	if (IsolationUsesXactSnapshot() || IsInParallelMode())
		return;
	call([] { PushActiveSnapshot(GetLatestSnapshot()); });
	pushed_ = true;
}

// After an error the stack of snapshots is the abort's business.
FreshSnapshot::~FreshSnapshot() {
	if (pushed_ && std::uncaught_exceptions() == exceptions_)
		PopActiveSnapshot();
}

std::uint32_t current_transaction() noexcept { return MyProc->lxid; }

} // namespace recsys::pg
