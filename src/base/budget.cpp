#include "base/budget.hpp"

namespace recsys {

void MemoryBudget::charge(std::size_t bytes) {
	const std::size_t now = used_.fetch_add(bytes, std::memory_order_relaxed) + bytes;
	if (limit_ != 0 && now > limit_) {
		used_.fetch_sub(bytes, std::memory_order_relaxed);
		throw Error(sqlstate::OutOfMemory, "training needs more memory than it may use",
					"At least " + std::to_string(now >> 20) + " MB are needed, the limit is " +
						std::to_string(limit_ >> 20) + " MB.",
					"Raise \"recsys.train_memory_limit\" or train on fewer interactions.");
	}
	std::size_t seen = peak_.load(std::memory_order_relaxed);
	while (now > seen && !peak_.compare_exchange_weak(seen, now, std::memory_order_relaxed)) {
	}
}

} // namespace recsys
