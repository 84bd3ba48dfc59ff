// Cancelling long work. The owner of a computation sets a flag; loops poll it at least every 10 ms of work.
#include "base/wall.hpp"
#pragma once

#include <atomic>
#include <cstdint>

#include "base/error.hpp"

namespace recsys {

/// A view of somebody else's stop flag; copyable, safe from any thread. The default token never stops.
class StopToken {
public:
	StopToken() = default;
	explicit StopToken(const std::atomic<bool> *flag) : flag_(flag) {}
	bool requested() const noexcept {
		polls_.fetch_add(1, std::memory_order_relaxed);
		return flag_ != nullptr && flag_->load(std::memory_order_relaxed);
	}
	/// Throws Cancelled when a stop was asked for.
	void check() const {
		if (requested())
			throw Cancelled{};
	}
	/// How often all tokens were polled so far; lets a test assert that long loops do poll.
	static std::uint64_t polls() noexcept { return polls_.load(std::memory_order_relaxed); }

private:
	const std::atomic<bool> *flag_ = nullptr;
	static inline std::atomic<std::uint64_t> polls_{0};
};

/// Polls once in so many calls, the first among them: for steps that are too small to poll at each, like the comparisons of
/// a sort, which may throw.
class SparsePoll {
public:
	explicit SparsePoll(const StopToken &stop, std::uint32_t every = 1 << 16) : stop_(stop), every_(every) {}
	void operator()() {
		if (left_ == 0) {
			left_ = every_;
			stop_.check();
		}
		--left_;
	}

private:
	const StopToken &stop_;
	std::uint32_t every_, left_ = 0;
};

} // namespace recsys
