// The memory budget of a training run: big containers are charged before they allocate, so that a run which would not fit
// fails with a clear error instead of meeting the out-of-memory killer (which takes the whole server down).
#include "base/wall.hpp"
#pragma once

#include <atomic>
#include <cstddef>
#include <new>
#include <string>
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

/// Allocator that charges a budget; a null budget charges nothing.
template <class T> struct BudgetAllocator {
	using value_type = T;
	MemoryBudget *budget = nullptr;
	BudgetAllocator() = default;
	explicit BudgetAllocator(MemoryBudget *b) : budget(b) {}
	template <class U> BudgetAllocator(const BudgetAllocator<U> &other) : budget(other.budget) {}
	T *allocate(std::size_t n) {
		if (budget != nullptr)
			budget->charge(n * sizeof(T));
		try {
			return static_cast<T *>(::operator new(n * sizeof(T), std::align_val_t{64}));
		} catch (...) {
			if (budget != nullptr)
				budget->release(n * sizeof(T));
			throw;
		}
	}
	void deallocate(T *p, std::size_t n) noexcept {
		::operator delete(p, std::align_val_t{64});
		if (budget != nullptr)
			budget->release(n * sizeof(T));
	}
	template <class U> bool operator==(const BudgetAllocator<U> &other) const { return budget == other.budget; }
};

/// A vector whose memory is charged to a budget: `Budgeted<float> v(n, 0.0f, BudgetAllocator<float>(&budget))`.
template <class T> using Budgeted = std::vector<T, BudgetAllocator<T>>;

} // namespace recsys
