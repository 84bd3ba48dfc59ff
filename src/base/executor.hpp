// Running N independent tasks. The library never starts a thread: PostgreSQL backends need threads with all signals blocked,
// so the PostgreSQL side (pg/threads) and the unit tests bring their own executor.
#include "base/wall.hpp"
#pragma once

#include <cstddef>
#include <functional>

namespace recsys {

/// Runs task(0) … task(n - 1), each once, in any order, on threads() threads; returns when all are done.
/// The first exception of a task is rethrown; the tasks not yet begun are then skipped.
/// Results must not depend on the order or on the number of threads: shard by data, reduce in fixed order.
class Executor {
public:
	virtual ~Executor() = default;
	virtual std::size_t threads() const noexcept = 0;
	virtual void run(std::size_t n, const std::function<void(std::size_t)> &task) = 0;
};

/// On the calling thread, in order.
class SerialExecutor final : public Executor {
public:
	std::size_t threads() const noexcept override { return 1; }
	void run(std::size_t n, const std::function<void(std::size_t)> &task) override {
		for (std::size_t i = 0; i < n; ++i)
			task(i);
	}
};

} // namespace recsys
