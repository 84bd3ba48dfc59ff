#include "base/budget.hpp"

#include <new>

namespace recsys {

void MemoryBudget::charge(std::size_t bytes) {
	const std::size_t now = used_.fetch_add(bytes, std::memory_order_relaxed) + bytes;
	if (limit_ != 0 && now > limit_) {
		used_.fetch_sub(bytes, std::memory_order_relaxed);
		throw Error("53400", "training needs more memory than it may use",
					"At least " + std::to_string(now >> 20) + " MB are needed, the limit is " +
						std::to_string(limit_ >> 20) + " MB.",
					"Raise \"recsys.train_memory_limit\" or train on fewer interactions.");
	}
	std::size_t seen = peak_.load(std::memory_order_relaxed);
	while (now > seen && !peak_.compare_exchange_weak(seen, now, std::memory_order_relaxed)) {
	}
}

void *allocate_charged(MemoryBudget *budget, std::size_t bytes) {
	if (budget != nullptr)
		budget->charge(bytes);
	try {
		return ::operator new (bytes, std::align_val_t{64});
	} catch (...) {
		if (budget != nullptr)
			budget->release(bytes);
		throw;
	}
}

void free_charged(MemoryBudget *budget, void *p, std::size_t bytes) noexcept {
	::operator delete (p, std::align_val_t{64});
	if (budget != nullptr)
		budget->release(bytes);
}

} // namespace recsys
