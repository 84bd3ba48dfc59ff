// The executor of tests and benchmarks: plain threads that take the next task until none is left.
#pragma once

#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "base/executor.hpp"

namespace recsys::test {

class ThreadExecutor final : public Executor {
public:
	explicit ThreadExecutor(std::size_t threads) : threads_(threads) {}
	std::size_t threads() const noexcept override { return threads_; }
	void run(std::size_t n, const std::function<void(std::size_t)> &task) override {
		std::atomic<std::size_t> next{0};
		std::mutex mutex;
		std::exception_ptr failure;
		const auto work = [&] {
			for (std::size_t i = next++; i < n; i = next++) {
				try {
					task(i);
				} catch (...) {
					const std::lock_guard lock(mutex);
					if (!failure)
						failure = std::current_exception();
					next = n;
				}
			}
		};
		std::vector<std::thread> others;
		for (std::size_t t = 1; t < threads_ && t < n; ++t)
			others.emplace_back(work);
		work();
		for (std::thread &other : others)
			other.join();
		if (failure)
			std::rethrow_exception(failure);
	}

private:
	std::size_t threads_;
};

} // namespace recsys::test
