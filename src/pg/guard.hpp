// The only door between C++ exceptions and PostgreSQL's longjmp.
//
// PostgreSQL reports errors by siglongjmp, which skips destructors; an exception that reaches PostgreSQL's C frames ends the
// server. So every call into the C API that may fail goes through call(), and every function PostgreSQL calls begins with
// entry(). Between the two all is ordinary C++.
//
//   call(body)   `body` uses the C API on plain data only (nothing in it has a destructor); an ereport becomes a PgError.
//   entry(body)  catches everything, leaves all handlers, and only then raises the error to PostgreSQL.
//
// An error keeps its SQLSTATE, detail, hint and context on the whole way. call() costs about 15 ns, entry() about 2 ns.
#pragma once

#include <csetjmp>

#include "base/error.hpp"

#include "pg/pg.hpp"

namespace recsys::pg {

/// A PostgreSQL error on its way through C++ frames. The data lives in a memory context that the abort frees.
struct PgError {
	ErrorData *edata; // null: even copying the error failed for want of memory
};

namespace detail {

/// Restores both of PostgreSQL's error stacks, on return and on throw alike.
struct ErrorStacks {
	sigjmp_buf *const jump = PG_exception_stack;
	ErrorContextCallback *const context = error_context_stack;
	ErrorStacks() = default;
	ErrorStacks(const ErrorStacks &) = delete;
	ErrorStacks &operator=(const ErrorStacks &) = delete;
	~ErrorStacks() {
		PG_exception_stack = jump;
		error_context_stack = context;
	}
};

ErrorData *take_error(MemoryContext context) noexcept;

/// A C++ error turned into plain data, so that raising it leaves nothing alive behind.
struct Raise {
	int sqlstate = ERRCODE_INTERNAL_ERROR;
	bool interrupted = false;
	ErrorData *edata = nullptr;
	char message[1024] = "unrecognized C++ exception", detail[2048] = "", hint[1024] = "";
	/// Inside a handler: takes over what is being handled, whatever its type.
	void set_current() noexcept;
	void set(const Error &e) noexcept;
	void set(int state, const char *text) noexcept;
};
[[noreturn]] void raise(const Raise &what);

} // namespace detail

template <class F> auto call(F &&body) -> decltype(body()) {
	const MemoryContext context = CurrentMemoryContext;
	{
		detail::ErrorStacks keep;
		sigjmp_buf buf;
		if (sigsetjmp(buf, 0) == 0) {
			PG_exception_stack = &buf;
			return body();
		}
	}
	throw PgError{detail::take_error(context)};
}

template <class F> auto entry(F &&body) -> decltype(body()) {
	detail::Raise what;
	try {
		detail::ErrorStacks keep;
		return body();
	} catch (...) {
		what.set_current();
	}
	detail::raise(what);
}

/// Serves pending interrupts (cancel, terminate, statement_timeout). Only where no thread of ours runs.
inline void check_interrupts() {
	if (INTERRUPTS_PENDING_CONDITION())
		call([] { CHECK_FOR_INTERRUPTS(); });
}

/// Runs `body` in a subtransaction; on failure the subtransaction is rolled back and the error returned as text.
/// For the few places that must go on after an error, such as a worker that records why a job failed.
struct Failure {
	bool failed = false;
	bool interrupted = false; // cancelled or terminated rather than faulty
	char sqlstate[6] = "";
	char message[1024] = "", detail[2048] = "", hint[1024] = "";
};
namespace detail {
void describe(const Raise &what, Failure &out) noexcept;
}
template <class F> Failure try_catch(F &&body) {
	Failure out;
	detail::Raise what;
	try {
		detail::ErrorStacks keep;
		body();
		return out;
	} catch (...) {
		what.set_current();
	}
	detail::describe(what, out);
	return out;
}
Failure try_subtransaction_impl(void (*body)(void *), void *argument);
template <class F> Failure try_subtransaction(F &&body) {
	return try_subtransaction_impl([](void *f) { (*static_cast<std::remove_reference_t<F> *>(f))(); }, &body);
}

} // namespace recsys::pg
