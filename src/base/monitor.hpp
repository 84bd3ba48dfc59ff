// Progress of a long computation, written by any thread, read by whoever publishes it.
#include "base/wall.hpp"
#pragma once

#include <atomic>
#include <cstdint>

namespace recsys {

/// Units of `done` and `total` are the phase's own (events, users, items).
class Monitor {
public:
	/// `name` must be a string literal in the gerund, such as "counting rules".
	void phase(const char *name, std::uint64_t total) noexcept {
		done_.store(0, std::memory_order_relaxed);
		total_.store(total, std::memory_order_relaxed);
		phase_.store(name, std::memory_order_release);
	}
	void advance(std::uint64_t n = 1) noexcept { done_.fetch_add(n, std::memory_order_relaxed); }
	void loss(double value) noexcept { loss_.store(value, std::memory_order_relaxed); }

	const char *phase() const noexcept { return phase_.load(std::memory_order_acquire); }
	std::uint64_t done() const noexcept { return done_.load(std::memory_order_relaxed); }
	std::uint64_t total() const noexcept { return total_.load(std::memory_order_relaxed); }
	double loss() const noexcept { return loss_.load(std::memory_order_relaxed); }

private:
	std::atomic<const char *> phase_{"starting"};
	std::atomic<std::uint64_t> done_{0}, total_{0};
	std::atomic<double> loss_{0.0};
};

} // namespace recsys
