#include "pg/guard.hpp"

extern "C" {
#include "mb/pg_wchar.h"
#include "utils/resowner.h"
}

namespace recsys::pg {

namespace detail {

// Copies the current error out of PostgreSQL's error stack. A failure to copy (out of memory) gives null.
ErrorData *take_error(MemoryContext context) noexcept {
	ErrorStacks keep;
	sigjmp_buf buf;
	MemoryContextSwitchTo(context);
	if (sigsetjmp(buf, 0) != 0)
		return nullptr;
	PG_exception_stack = &buf;
	ErrorData *e = CopyErrorData();
	FlushErrorState();
	return e;
}

// Copies as many whole characters as fit: a message must not end inside a multi-byte character.
static void copy_clipped(char *to, std::size_t size, const char *from) noexcept {
	std::size_t n = strnlen(from, size);
	if (n == size) {
		n = size - 1;
		while (n > 0 && (static_cast<unsigned char>(from[n]) & 0xC0) == 0x80)
			--n;
	}
	memcpy(to, from, n);
	to[n] = '\0';
}

void Raise::set_current() noexcept {
	try {
		throw;
	} catch (const PgError &e) {
		edata = e.edata;
		set(ERRCODE_OUT_OF_MEMORY, "out of memory");
	} catch (const Cancelled &) {
		interrupted = true;
		set(ERRCODE_QUERY_CANCELED, "canceling statement due to user request");
	} catch (const Error &e) {
		set(e);
	} catch (const std::bad_alloc &) {
		set(ERRCODE_OUT_OF_MEMORY, "out of memory");
	} catch (const std::exception &e) {
		set(ERRCODE_INTERNAL_ERROR, e.what());
	} catch (...) {
	}
}

void Raise::set(const Error &e) noexcept {
	const char *s = e.sqlstate();
	set(MAKE_SQLSTATE(s[0], s[1], s[2], s[3], s[4]), e.what());
	copy_clipped(detail, sizeof detail, e.detail());
	copy_clipped(hint, sizeof hint, e.hint());
}

void Raise::set(int state, const char *text) noexcept {
	sqlstate = state;
	copy_clipped(message, sizeof message, text);
}

void raise(const Raise &what) {
	if (what.edata != nullptr)
		ReThrowError(what.edata);
	if (what.interrupted)
		CHECK_FOR_INTERRUPTS(); // raises the true reason; returns when the cancel was withdrawn
	ereport(ERROR, (errcode(what.sqlstate), errmsg("%s", what.message),
					what.detail[0] != '\0' ? errdetail("%s", what.detail) : 0,
					what.hint[0] != '\0' ? errhint("%s", what.hint) : 0));
	pg_unreachable();
}

void describe(const Raise &what, Failure &out) noexcept {
	out.failed = true;
	const ErrorData *e = what.edata;
	const int state = e != nullptr ? e->sqlerrcode : what.sqlstate;
	copy_clipped(out.sqlstate, sizeof out.sqlstate, unpack_sql_state(state));
	copy_clipped(out.message, sizeof out.message, e != nullptr && e->message != nullptr ? e->message : what.message);
	copy_clipped(out.detail, sizeof out.detail, e != nullptr ? (e->detail != nullptr ? e->detail : "") : what.detail);
	copy_clipped(out.hint, sizeof out.hint, e != nullptr ? (e->hint != nullptr ? e->hint : "") : what.hint);
	out.interrupted = what.interrupted || state == ERRCODE_QUERY_CANCELED || state == ERRCODE_ADMIN_SHUTDOWN;
}

} // namespace detail

// PL/pgSQL's own way to survive an error: context and resource owner are put back by hand.
Failure try_subtransaction_impl(void (*body)(void *), void *argument) {
	const MemoryContext context = CurrentMemoryContext;
	const ResourceOwner owner = CurrentResourceOwner;
	call([] { BeginInternalSubTransaction(nullptr); });
	MemoryContextSwitchTo(context);
	Failure failure = try_catch([&] { body(argument); });
	if (failure.failed)
		call([] { RollbackAndReleaseCurrentSubTransaction(); });
	else
		call([] { ReleaseCurrentSubTransaction(); });
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return failure;
}

} // namespace recsys::pg
