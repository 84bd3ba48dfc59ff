// How an attempt at a job ends, and what follows from it: the job is over, or it is tried again. See the table in README.md.
#pragma once

#include <string>

#include "jobs/jobs.hpp"

namespace recsys::jobs {

enum class Verdict {
	Succeeded,
	Skipped,
	Failed,
	Stopped,
	Crashed,	 // the server went down while the job ran, and perhaps because of it
	Interrupted, // the server was shut down in good order
};

struct End {
	Verdict verdict;
	std::string sqlstate, reason; // "" = none
	catalog::Json result;
};

/// Whether what failed may succeed when nothing is changed: deadlocks, lost connections, lack of resources.
bool can_pass(std::string_view sqlstate) noexcept;

/// Writes the end of an attempt, tells the handler, and plans the next attempt if there is one. In a transaction, as the
/// extension owner.
void record_end(const Job &job, const End &end);
/// For every job of this database that is RUNNING although no worker has it. Opens its own transactions.
void end_abandoned();
/// Forgets what ended longer ago than recsys.job_retention.
void forget_old_jobs();

} // namespace recsys::jobs
