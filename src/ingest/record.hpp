// One JSON record on its way to a row: an event, an item, a user. Fields are set one by one under the caller's rules;
// every fault becomes an error that names the record's position and the field as the caller wrote it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ingest/columns.hpp"

namespace recsys::ingest {

class Record {
public:
	/// `kind` "event", "item" …; `position` from 1.
	Record(const ColumnSet &columns, const char *kind, std::size_t position, Cuts &cuts);

	/// Errors: 22023 when the value breaks a rule or the column was set before.
	void set(std::size_t column, std::string_view key, const Json &value);
	/// A value that is no part of the record's JSON.
	void set(std::size_t column, pg::Param value);
	bool is_set(std::size_t column) const { return set_[column]; }
	/// Errors: 22023 naming the first required column without a value. `label` gives its name in this record.
	void require(const std::vector<std::size_t> &columns, std::string (*label)(std::string_view column)) const;
	/// An error about this record: `event 2: "sentAt" must be …`.
	[[noreturn]] void fail(const std::string &what, const std::string &detail = {}, const std::string &hint = {}) const;
	const std::vector<pg::Param> &row() const { return row_; }
	std::vector<pg::Param> &row() { return row_; }

private:
	const ColumnSet &columns_;
	const char *kind_;
	std::size_t position_;
	Cuts &cuts_;
	std::vector<pg::Param> row_;
	std::vector<bool> set_;
};

/// "creation_timestamp" → "creationTimestamp".
std::string camel_case(std::string_view column);
/// `"quoted"`.
std::string in_quotes(std::string_view s);
/// A jsonb argument's text as a list of objects. Errors: 22023 naming the argument.
Json parse_list(const std::string &json, const char *argument);
/// "properties": an object, or an object as JSON text of at most `limit` characters (0 = no limit). Errors: 22023.
Json parse_properties(const Record &record, const Json &value, std::size_t limit);

} // namespace recsys::ingest
