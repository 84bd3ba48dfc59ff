// The snapshot under which a session's caches are filled. What is cached outlives the query, so it must not be read under the
// query's snapshot, which may be old: an entry could then be out of date with no invalidation left to come.
#pragma once

#include <cstdint>
#include <exception>

#include "pg/guard.hpp"

namespace recsys::pg {

/// Makes a fresh snapshot the active one until destroyed. Where that is impossible (the transaction keeps one snapshot for
/// all its statements, or a parallel query runs) nothing is pushed and lasting() is false: what is read then may be used
/// within this transaction only.
class FreshSnapshot {
public:
	FreshSnapshot();
	~FreshSnapshot();
	FreshSnapshot(const FreshSnapshot &) = delete;
	FreshSnapshot &operator=(const FreshSnapshot &) = delete;
	bool lasting() const noexcept { return pushed_; }

private:
	bool pushed_ = false;
	int exceptions_;
};

/// Identifies the session's current transaction for caches that live as long as it.
std::uint32_t current_transaction() noexcept;

} // namespace recsys::pg
