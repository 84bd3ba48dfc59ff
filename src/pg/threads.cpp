#include "base/error.hpp"

#include <atomic>
#include <condition_variable>
#include <csignal>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "pg/threads.hpp"

extern "C" {
#include "pgstat.h"
#include "utils/wait_event.h"
}

namespace recsys::pg {

namespace {

// Blocks all signals on this thread for its life; threads started meanwhile inherit the full mask.
class SignalsBlocked {
public:
	SignalsBlocked() {
		sigset_t all;
		sigfillset(&all);
		pthread_sigmask(SIG_SETMASK, &all, &old_);
	}
	~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &old_, nullptr); }

private:
	sigset_t old_;
};

// The driver and its helpers take task numbers from one counter. The first exception of a task stops the hand-out.
class Pool final : public Executor {
public:
	explicit Pool(std::size_t threads) : threads_(threads) {}
	std::size_t threads() const noexcept override { return threads_; }

	void run(std::size_t n, const std::function<void(std::size_t)> &task) override {
		{
			std::lock_guard lock(mutex_);
			task_ = &task;
			size_ = n;
			next_.store(0, std::memory_order_relaxed);
			error_ = nullptr;
			busy_ = threads_ - 1;
			++generation_;
		}
		wake_.notify_all();
		work(task, n);
		std::unique_lock lock(mutex_);
		idle_.wait(lock, [this] { return busy_ == 0; });
		if (error_ != nullptr)
			std::rethrow_exception(error_);
	}

	void help() noexcept {
		std::uint64_t seen = 0;
		for (;;) {
			const std::function<void(std::size_t)> *task;
			std::size_t n;
			{
				std::unique_lock lock(mutex_);
				wake_.wait(lock, [&] { return quit_ || generation_ != seen; });
				if (quit_)
					return;
				seen = generation_;
				task = task_;
				n = size_;
			}
			work(*task, n);
			std::lock_guard lock(mutex_);
			if (--busy_ == 0)
				idle_.notify_one();
		}
	}

	void quit() noexcept {
		std::lock_guard lock(mutex_);
		quit_ = true;
		wake_.notify_all();
	}

private:
	void work(const std::function<void(std::size_t)> &task, std::size_t n) noexcept {
		try {
			for (std::size_t i; (i = next_.fetch_add(1, std::memory_order_relaxed)) < n;)
				task(i);
		} catch (...) {
			next_.store(n, std::memory_order_relaxed);
			std::lock_guard lock(mutex_);
			if (error_ == nullptr)
				error_ = std::current_exception();
		}
	}

	const std::size_t threads_;
	std::mutex mutex_;
	std::condition_variable wake_, idle_;
	const std::function<void(std::size_t)> *task_ = nullptr;
	std::size_t size_ = 0, busy_ = 0;
	std::uint64_t generation_ = 0;
	std::atomic<std::size_t> next_{0};
	std::exception_ptr error_;
	bool quit_ = false;
};

// All threads of one computation; joined in the destructor whatever happens.
class ThreadGroup {
public:
	ThreadGroup(std::size_t threads, const std::function<void(Executor &, StopToken)> &work) : pool_(threads) {
		SignalsBlocked blocked;
		try {
			for (std::size_t i = 1; i < threads; ++i)
				threads_.emplace_back([this] { pool_.help(); });
			threads_.emplace_back([this, &work] { drive(work); });
		} catch (...) { // no more threads to be had
			pool_.quit();
			join();
			throw Error(sqlstate::OutOfMemory, "could not start a thread");
		}
	}
	~ThreadGroup() {
		stop();
		join();
	}
	bool done() const noexcept { return done_.load(std::memory_order_acquire); }
	void stop() noexcept { stop_.store(true, std::memory_order_relaxed); }
	void finish() {
		join();
		if (error_ != nullptr)
			std::rethrow_exception(error_);
	}

private:
	void drive(const std::function<void(Executor &, StopToken)> &work) noexcept {
		try {
			work(pool_, StopToken(&stop_));
		} catch (...) {
			error_ = std::current_exception();
		}
		done_.store(true, std::memory_order_release);
		pool_.quit();
	}
	void join() noexcept {
		for (std::thread &t : threads_)
			t.join();
		threads_.clear();
	}

	Pool pool_;
	std::vector<std::thread> threads_;
	std::atomic<bool> stop_{false}, done_{false};
	std::exception_ptr error_;
};

} // namespace

void compute(std::size_t threads, const std::function<void(Executor &, StopToken)> &work,
			 const std::function<bool()> &publish) {
	ThreadGroup group(threads < 1 ? 1 : threads, work);
	while (!group.done()) {
		// Short waits at first, so that a training of milliseconds is not rounded up.
		const int events = call([] {
			return WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_POSTMASTER_DEATH, 10, PG_WAIT_EXTENSION);
		});
		if (events & WL_LATCH_SET)
			ResetLatch(MyLatch);
		const bool stop = publish();
		if (stop || QueryCancelPending || ProcDiePending || (events & WL_POSTMASTER_DEATH))
			group.stop();
	}
	group.finish();
}

} // namespace recsys::pg
