// Import, export and deletion jobs: their creation, in the caller's transaction or as background work, and their history. A
// job is a row of recsys_internal.job either way, so that names are unique and every run stays visible.
#pragma once

#include <string>
#include <string_view>

#include "catalog/catalog.hpp"

namespace recsys::ingest {

enum class DataJob { Import, Export, Deletion };

struct DataJobArguments {
	std::string name, group, dataset_type; // a deletion has neither dataset type nor mode: it is of the whole group
	std::string location;				   // source or output, as the caller wrote it
	std::string mode;
	bool wait = false;
};

/// Returns the name. Errors: RS001, RS006 (name), 42602, 22023 (mode), 42501 (files), 55000 (no workers; INCREMENTAL
/// before FULL), and with wait those of the work itself.
std::string create_data_job(DataJob kind, const DataJobArguments &arguments);

/// Rows of recsys.dataset_import_jobs and recsys.dataset_export_jobs: (name, dataset_group, dataset_type, location,
/// mode, status, failure_reason, rows, created_at, updated_at), and of recsys.data_deletion_jobs (name, dataset_group, source,
/// status, failure_reason, num_deleted, left_to_owner, created_at, updated_at), for groups the caller may read.
void list_data_jobs(DataJob kind, pg::ResultTable &result);
/// Errors: RS001, 42725 (the name alone is ambiguous).
catalog::Json describe_data_job(DataJob kind, std::string_view name);

/// Makes the three kinds known to the workers; once, at load.
void register_data_jobs();

} // namespace recsys::ingest
