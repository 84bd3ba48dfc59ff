// The memory budget of a training run: big containers are charged before they allocate, so that a run which would not fit
// fails with a clear error instead of meeting the out-of-memory killer (which takes the whole server down).
#include "base/wall.hpp"
#pragma once

#include <atomic>
#include <cstddef>
#include <string>
#include <type_traits>
#include <vector>

#include "base/error.hpp"

namespace recsys {

/// Thread-safe byte counter with a limit (bytes; 0 = none).
class MemoryBudget {
public:
	explicit MemoryBudget(std::size_t limit = 0) : limit_(limit) {}
	void charge(std::size_t bytes);
	void release(std::size_t bytes) noexcept { used_.fetch_sub(bytes, std::memory_order_relaxed); }
	std::size_t used() const noexcept { return used_.load(std::memory_order_relaxed); }
	std::size_t peak() const noexcept { return peak_.load(std::memory_order_relaxed); }
	std::size_t limit() const noexcept { return limit_; }

private:
	std::size_t limit_;
	std::atomic<std::size_t> used_{0}, peak_{0};
};

/// Memory at a multiple of 64 bytes, charged to `budget` (null: to nobody).
void *allocate_charged(MemoryBudget *budget, std::size_t bytes);
void free_charged(MemoryBudget *budget, void *p, std::size_t bytes) noexcept;

/// Allocator that charges a budget; a null budget charges nothing.
template <class T> struct BudgetAllocator {
	using value_type = T;
	// A container that is moved or swapped takes its charge along.
	using propagate_on_container_move_assignment = std::true_type;
	using propagate_on_container_swap = std::true_type;
	MemoryBudget *budget = nullptr;
	BudgetAllocator() = default;
	explicit BudgetAllocator(MemoryBudget *b) : budget(b) {}
	template <class U> BudgetAllocator(const BudgetAllocator<U> &other) : budget(other.budget) {}
	T *allocate(std::size_t n) { return static_cast<T *>(allocate_charged(budget, n * sizeof(T))); }
	void deallocate(T *p, std::size_t n) noexcept { free_charged(budget, p, n * sizeof(T)); }
	template <class U> bool operator==(const BudgetAllocator<U> &other) const { return budget == other.budget; }
};

/// A vector whose memory is charged to a budget: `Budgeted<float> v(n, 0.0f, BudgetAllocator<float>(&budget))`.
template <class T> using Budgeted = std::vector<T, BudgetAllocator<T>>;

} // namespace recsys
