// Exports: the rows of a dataset as a CSV file of the server or in a relation, in the form that imports read.
#pragma once

#include <string>
#include <string_view>

#include "catalog/catalog.hpp"

namespace recsys::ingest {

/// Which rows: those of put_*, those of imports (and of plain INSERT, and of mapped relations), or both.
enum class Compartment { Put, Bulk, All };
Compartment parse_ingestion_mode(std::string_view mode); // PUT, BULK, ALL. Errors: 22023
const char *to_string(Compartment mode) noexcept;

struct ExportRequest {
	catalog::Group group;
	catalog::Dataset dataset;
	std::string output; // a file when it begins with "/", else a qualified relation name
	Compartment mode = Compartment::Put;
};

/// Runs as the current user; equal rows are written once. Returns {"rows"}.
/// A relation that does not exist is created; else rows are added to it.
catalog::Json run_export(const ExportRequest &request);

} // namespace recsys::ingest
