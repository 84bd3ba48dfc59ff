// The lines of batch jobs, as JSON: what a line asks, and what is written for it. Nothing here knows of PostgreSQL.
//
//   {"userId":"4638"}                             for a user
//   {"userId":"891","itemList":["27","886"]}      a list to be ranked for a user
//   {"itemId":"105"}                              for an item
//   … "filterValues":{"GENRES":"\"horror\""}      with values for the job's filter
//
//   {"input":{"userId":"4638"},"output":{"recommendedItems":["63992"],"scores":[0.0152]},"error":null}
//
// Ids may be written as numbers. Names that are not asked for are kept in "input", and mean nothing. A line that cannot be read is
// "input" as a string, so that every line that is not blank has its answer.
#include "base/wall.hpp"
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace recsys::serve {

using LineJson = nlohmann::ordered_json;

struct BatchLine {
	LineJson input;
	std::optional<std::string> user, item, attributes; // userId, itemId, itemAttributes
	std::optional<std::vector<std::string>> items;	   // itemList
	std::string filter_values = "{}";				   // JSON text
};
/// Errors: 22023, with the reason as its message; `out.input` is set all the same.
void parse_batch_line(std::string_view line, BatchLine &out);

/// Whether a good line says "error":null, as the service's do for the recipes whose answers have scores.
enum class NoError { Null, Absent };
std::string batch_answer(const LineJson &input, const LineJson &output, NoError no_error);
std::string batch_failure(const LineJson &input, std::string_view error);

/// Cuts text into lines; the last may lack its line break. A carriage return before it is no part of a line.
class LineCutter {
public:
	explicit LineCutter(std::string_view text) : rest_(text) {}
	/// False at the end.
	bool next(std::string_view &line);
	static bool blank(std::string_view line) noexcept { return line.find_first_not_of(" \t\r") == std::string_view::npos; }

private:
	std::string_view rest_;
};

} // namespace recsys::serve
