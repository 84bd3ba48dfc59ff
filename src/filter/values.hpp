// The values that a request gives to a filter's placeholders.
//
// A value is a text: strings in double quotes separated by commas ("Drama","Comedy"), or one bare string or number
// (Drama, 42). A backslash stands before a quote or a backslash inside quotes.
#include "base/wall.hpp"
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "filter/ast.hpp"

namespace recsys::filter {

using Values = std::map<std::string, std::string, std::less<>>; // placeholder without "$" → value text

/// The strings of a value. Errors: 22023, naming `placeholder`.
std::vector<std::string> parse_list(std::string_view placeholder, std::string_view value);
/// One string, quoted or bare. Errors: 22023.
std::string parse_string(std::string_view placeholder, std::string_view value);
/// One number as digits: "-3", "0.5"; quoted or bare. Errors: 22023.
std::string parse_number(std::string_view placeholder, std::string_view value);
/// A time as digits of seconds since 1970, or as such in double precision where it is ISO 8601; quoted or bare. Errors: 22023.
std::variant<std::string, double> parse_moment(std::string_view placeholder, std::string_view value);

/// Seconds since 1970 of an ISO 8601 time, to the microsecond: 2023-11-14, 2023-11-14T22:13:20.5+01:00, 2023-11-14
/// 22:13Z. Without a zone it is UTC. Nothing if it is not one.
std::optional<double> parse_time(std::string_view text);

/// A filter of which the parts whose placeholders have no value are taken out.
struct Applied {
	Filter filter;
	std::vector<std::string> dropped; // what was taken out, printed: Items.GENRE IN ($GENRE)
};
/// INCLUDE needs every value. In EXCLUDE a condition without its value is left out; an expression is left out when none
/// of its conditions remains, or when a condition after its IF has no value (dropping only that condition would exclude
/// for everybody). Errors: 22023 for a missing value, a value that no placeholder asks for, more than 25 values, a
/// value over 1000 characters.
Applied apply_values(const Filter &filter, const Values &values);

} // namespace recsys::filter
