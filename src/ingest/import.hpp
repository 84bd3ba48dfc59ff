// Imports: many rows at once from CSV files of the server or from a relation.
//
// Every row is checked by the rules of ingest/columns.hpp while it is read; rows wait in a RowBatch, outside any table,
// until the last one has passed. Then one transaction replaces (FULL) or adds (INCREMENTAL). So a failed, cancelled or
// killed import leaves the old rows and nothing else behind, and readers see the old rows until commit.
#pragma once

#include <string>

#include "jobs/named.hpp"

namespace recsys::ingest {

struct ImportRequest {
	catalog::Group group;
	catalog::Dataset dataset;
	std::string source; // a file or folder when it begins with "/", else a qualified relation name
	bool full = true;
};

/// Runs as the current user. Returns {"rows" written, "repeated" (an id again), "deleted"}.
/// Errors: 22P04 naming the line and column; RS003 under recsys.service_limits; 55000 for INCREMENTAL before any FULL.
catalog::Json run_import(const ImportRequest &request, const jobs::Report &report);

/// Errors: 55000 when no FULL import was made.
void require_full_import(const catalog::Group &group, const catalog::Dataset &dataset);

} // namespace recsys::ingest
