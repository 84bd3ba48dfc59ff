// Batch jobs: many lines asked of a solution version at once, without a campaign, in the background or in the caller's transaction.
//
//   1  the lines are read and kept, so that it does not matter what becomes of their source; the output is tried
//   2  part after part is answered, each in a transaction of its own
//   3  one transaction writes the output
//
// Whatever cuts a job off, it goes on with the part where it was, and until the end there is no output. As the owner of the group.
#include "serve/batch_answer.hpp"
#pragma once

#include "serve/campaign.hpp"

namespace recsys::serve {

struct BatchArguments {
	std::string name, version, input, output;
	BatchSettings settings;
	CampaignSettings exploration;
	bool wait = false;
};

/// Returns the name. Errors: RS001, RS003, RS004, RS006, 42602, 22023, 42501 (files), 42P01, 42703, 0A000, 55000 (no workers).
std::string create_batch_job(BatchJob kind, const BatchArguments &arguments);

/// Rows of recsys.batch_inference_jobs and recsys.batch_segment_jobs: name, dataset_group, solution_version, input, output, filter, num_results, status,
/// failure_reason, lines, failed_lines, created_at, updated_at; for groups the caller may read.
void list_batch_jobs(BatchJob kind, pg::ResultTable &result);
/// Errors: RS001, 42725.
catalog::Json describe_batch_job(BatchJob kind, std::string_view name);

/// Makes the kinds known to the workers; once, at load.
void register_batch_jobs();

} // namespace recsys::serve
