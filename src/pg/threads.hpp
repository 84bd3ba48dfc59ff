// Threads for computations, inside a backend. PostgreSQL is single-threaded, so the rules are strict:
//   * threads are created with every signal blocked, so that signal handlers run on the main thread only;
//   * they never touch PostgreSQL, shared memory or this process's latch;
//   * the main thread does nothing but wait, publish progress and turn a cancel into the stop flag;
//   * all threads are joined before compute() returns or throws, and before any interrupt is served.
#pragma once

#include <cstddef>
#include <functional>

#include "base/executor.hpp"
#include "base/monitor.hpp"
#include "base/stop.hpp"

#include "pg/guard.hpp"

namespace recsys::pg {

/// Runs `work` on `threads` threads (one drives, the others help through its Executor) while the main thread waits.
/// `publish` runs on the main thread about every 50 ms and may not fail; returning true asks the work to stop.
/// An exception of `work` is rethrown here; after a stop, pending interrupts are then raised by entry().
void compute(std::size_t threads, const std::function<void(Executor &, StopToken)> &work,
			 const std::function<bool()> &publish);

} // namespace recsys::pg
