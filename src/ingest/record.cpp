#include "ingest/record.hpp"

#include <cctype>

#include "pg/file.hpp"

namespace recsys::ingest {

Record::Record(const ColumnSet &columns, const char *kind, std::size_t position, Cuts &cuts)
	: columns_(columns), kind_(kind), position_(position), cuts_(cuts), row_(columns.size()), set_(columns.size()) {}

void Record::fail(const std::string &what, const std::string &detail, const std::string &hint) const {
	throw Error(sqlstate::InvalidParameter, std::string(kind_) + " " + std::to_string(position_) + ": " + what, detail,
				hint);
}

void Record::set(std::size_t column, std::string_view key, const Json &value) {
	if (set_[column])
		fail(in_quotes(key) + " is given more than once");
	try {
		row_[column] = from_json(columns_[column], value, cuts_);
	} catch (const BadValue &bad) {
		fail(in_quotes(key) + " " + bad.rule, value.is_null() ? "" : show_json(value));
	}
	set_[column] = true;
}

void Record::set(std::size_t column, pg::Param value) {
	row_[column] = value;
	set_[column] = true;
}

void Record::require(const std::vector<std::size_t> &columns, std::string (*label)(std::string_view)) const {
	for (const std::size_t c : columns)
		if (row_[c].null)
			fail(in_quotes(label(columns_[c].name)) + " is missing");
}

std::string camel_case(std::string_view column) {
	std::string out;
	for (std::size_t i = 0; i < column.size(); ++i)
		if (column[i] == '_' && i + 1 < column.size())
			out += static_cast<char>(std::toupper(static_cast<unsigned char>(column[++i])));
		else
			out += column[i];
	return out;
}

std::string in_quotes(std::string_view s) {
	return "\"" + std::string(s) + "\"";
}

namespace {

// Parsing keeps its own stack, but copying and printing a value recurse: what is nested deeper than any record is
// refused.
constexpr int kDeepest = 64;
struct TooDeep {};

/// Discarded when the text is no JSON, or contains a number beyond floating point.
Json parse(const std::string &text) {
	const auto watch = [](int depth, Json::parse_event_t, Json &) {
		if (depth > kDeepest)
			throw TooDeep{};
		return true;
	};
	return Json::parse(text, watch, false);
}

} // namespace

Json parse_list(const std::string &json, const char *argument) {
	Json list;
	try {
		list = parse(json);
	} catch (const TooDeep &) {
		throw Error(sqlstate::InvalidParameter, "argument " + in_quotes(argument) + " is nested too deeply");
	}
	if (list.is_discarded()) // jsonb is always well-formed
		throw Error(sqlstate::InvalidParameter, "argument " + in_quotes(argument) + " contains a number out of range");
	if (!list.is_array())
		throw Error(sqlstate::InvalidParameter, "argument " + in_quotes(argument) + " must be a JSON array of objects");
	return list;
}

Json parse_properties(const Record &record, const Json &value, std::size_t limit) {
	Json object = value;
	if (value.is_string()) {
		const std::string &text = value.get_ref<const std::string &>();
		if (limit != 0 && length(text) > limit)
			record.fail("\"properties\" must have at most " + std::to_string(limit) + " characters");
		try {
			object = parse(text);
		} catch (const TooDeep &) {
			record.fail("\"properties\" is nested too deeply");
		}
	}
	if (!object.is_object())
		record.fail("\"properties\" must be a JSON object", show_json(value));
	return object;
}

} // namespace recsys::ingest
