// One transaction of a worker. An error aborts it completely, so that the worker is ready for the next one, and goes on as a
// recsys::Error: PostgreSQL's own error data would die with the transaction's memory.
#include "jobs/jobs.hpp"

#include "pg/spi.hpp"
#include "pg/user.hpp"

extern "C" {
#include "access/xact.h"
#include "pgstat.h"
#include "utils/snapmgr.h"
}

namespace recsys::jobs {

namespace {

// PostgreSQL refuses to defer triggers from within a security-restricted operation, since they would fire after its end with
// other rights; so deferrable constraints of the owner's tables are checked at once. What is left to the commit itself is
// done under the user's id too.
void run_as(Oid user, const std::function<void()> &body) {
	pg::AsUser as(user, true);
	{
		pg::SafeSearchPath path;
		pg::execute("SET CONSTRAINTS ALL IMMEDIATE");
		body();
	}
	pg::call([] {
		PopActiveSnapshot();
		CommitTransactionCommand();
	});
}

} // namespace

void in_transaction(Oid user, const std::function<void()> &body) {
	if (IsTransactionState())
		throw Error("25001", "a job's transaction cannot begin inside another one");
	const pg::Failure failure = pg::try_catch([&] {
		pg::call([] {
			SetCurrentStatementStartTimestamp();
			StartTransactionCommand();
			PushActiveSnapshot(GetTransactionSnapshot());
		});
		run_as(user, body);
	});
	if (failure.failed)
		pg::call([] { AbortCurrentTransaction(); });
	pg::call([] { pgstat_report_stat(true); });
	if (failure.failed)
		throw Error(failure.sqlstate, failure.message, failure.detail, failure.hint);
}

} // namespace recsys::jobs
