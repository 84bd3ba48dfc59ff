// The middle of an import: a header and rows of text come in from a source, checked and typed rows wait in a RowBatch.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/columns.hpp"
#include "ingest/import.hpp"

namespace recsys::ingest {

class Loader {
public:
	Loader(const catalog::Group &group, const catalog::Dataset &dataset);

	/// `place` for messages, such as a file's path; `line` what its rows are counted in: "line" or "row".
	/// Errors: 22P04 naming unrecognized, repeated and missing columns.
	void header(const std::string &place, const char *line, const std::vector<std::string> &names);
	/// Errors: 22P04 naming place, line and column.
	void row(std::uint64_t line, const std::vector<std::string_view> &fields);

	/// Whether a source had the column.
	bool has(std::string_view column) const { return seen_[columns_.at(column)]; }
	const ColumnSet &columns() const { return columns_; }
	pg::RowBatch &batch() { return batch_; }
	const Cuts &cuts() const { return cuts_; }

private:
	[[noreturn]] void fail(std::uint64_t line, const std::string &what, const std::string &detail = {}) const;
	void set(std::size_t field, std::string_view text, std::uint64_t line);

	ColumnSet columns_;
	pg::RowBatch batch_;
	pg::Scratch scratch_;
	Cuts cuts_;
	std::string place_;
	const char *line_ = "line";
	std::vector<std::string> names_;   // of the source's fields, as written
	std::vector<std::size_t> targets_; // their columns
	std::vector<bool> seen_;           // by column, in any file
	std::vector<pg::Param> row_;
	std::size_t anonymous_; // the column, or npos: never null in a table
};

/// Reads all of a source into the loader. Errors: those of the loader, of the operating system, of the query.
void read_files(const std::string &path, Loader &loader, const jobs::Report &report);
/// `only`: the one column to read, in any spelling, where the relation may have others.
void read_relation(const std::string &relation, Loader &loader, const jobs::Report &report, std::string_view only = {});

} // namespace recsys::ingest
