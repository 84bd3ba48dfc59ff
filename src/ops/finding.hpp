// What a check finds, and how its numbers are written: for people who read a table in psql.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace recsys::ops {

/// Ok: looked at, and well. Notice: worth knowing. Warning: answers will be worse than they could be. Error: training
/// or serving fails, or the answers are wrong.
enum class Severity { Error, Warning, Notice, Ok };
const char *to_string(Severity severity) noexcept;

struct Finding {
	Severity severity;
	std::string object;   // "interactions", "items.price", "public.orders"
	std::string finding;  // always the same words, so that it can be searched for
	std::string evidence; // the numbers
	std::string advice;   // what to do or to use instead; "" where nothing is wrong
};
using Findings = std::vector<Finding>;

/// "12,345"
std::string count(std::int64_t n);
/// "3 events", "1 event"
std::string count(std::int64_t n, std::string_view noun);
/// "12.3 %" of the part in the whole; what is less than 0.1 % says so.
std::string percent(std::int64_t part, std::int64_t whole);
/// At most four significant digits.
std::string number(double value);
/// "a, b, c and 4 more"
std::string list(const std::vector<std::string> &names, std::size_t limit = 3);

} // namespace recsys::ops
