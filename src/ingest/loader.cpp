#include "ingest/loader.hpp"

#include <algorithm>

#include "pg/file.hpp"

namespace recsys::ingest {

namespace {

constexpr std::size_t kNone = static_cast<std::size_t>(-1);

pg::RowBatch::Columns with_position(pg::RowBatch::Columns columns) {
	columns.emplace_back("recsys_position", INT8OID);
	return columns;
}

} // namespace

Loader::Loader(const catalog::Group &group, const catalog::Dataset &dataset)
	: columns_(group, dataset), batch_(with_position(columns_.batch_columns()), maintenance_work_mem),
	  seen_(columns_.size()), row_(columns_.size() + 1), anonymous_(columns_.find("anonymous").value_or(kNone)) {}

void Loader::header(const std::string &place, const char *line, const std::vector<std::string> &names) {
	place_ = place;
	line_ = line;
	names_ = names;
	targets_.clear();
	std::vector<bool> seen(columns_.size());
	for (const std::string &name : names) {
		const std::optional<std::size_t> column = columns_.find(name);
		if (!column)
			throw Error(sqlstate::BadCopyFile, "unrecognized column \"" + name + "\" in " + place_,
						columns_.own_names());
		if (seen[*column])
			throw Error(sqlstate::BadCopyFile, "column \"" + name + "\" appears more than once in " + place_);
		seen[*column] = seen_[*column] = true;
		targets_.push_back(*column);
	}
	std::string missing;
	for (std::size_t i = 0; i < columns_.size(); ++i)
		if (columns_[i].required && !seen[i])
			missing += (missing.empty() ? "" : ", ") + upper_case(columns_[i].name);
	if (!missing.empty())
		throw Error(sqlstate::BadCopyFile, place_ + " is missing the following columns: [" + missing + "]");
}

void Loader::fail(std::uint64_t line, const std::string &what, const std::string &detail) const {
	throw Error(sqlstate::BadCopyFile, std::string(line_) + " " + std::to_string(line) + " of " + place_ + ": " + what,
				detail);
}

void Loader::set(std::size_t field, std::string_view text, std::uint64_t line) {
	const Column &column = columns_[targets_[field]];
	if (text.empty()) {
		if (column.required)
			fail(line, "\"" + names_[field] + "\" must not be empty");
		return;
	}
	if (!pg::valid_utf8(text))
		fail(line, "\"" + names_[field] + "\" is not valid UTF-8");
	try {
		row_[targets_[field]] = from_text(column, text, cuts_);
	} catch (const BadValue &bad) {
		fail(line, "\"" + names_[field] + "\" " + bad.rule, show(text));
	}
}

void Loader::row(std::uint64_t line, const std::vector<std::string_view> &fields) {
	if (fields.size() != targets_.size())
		fail(line, "expected " + std::to_string(targets_.size()) + " values, found " + std::to_string(fields.size()));
	const pg::Scratch::Use scratch(scratch_);
	std::fill(row_.begin(), row_.end(), pg::null());
	if (anonymous_ != kNone)
		row_[anonymous_] = pg::boolean(false);
	for (std::size_t i = 0; i < fields.size(); ++i)
		set(i, fields[i], line);
	row_.back() = pg::int8(static_cast<std::int64_t>(batch_.size()));
	batch_.add(row_);
}

} // namespace recsys::ingest
