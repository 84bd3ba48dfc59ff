#include "filter/values.hpp"

#include <chrono>

#include "base/error.hpp"
#include "filter/check.hpp"
#include "filter/diagnosis.hpp"
#include "filter/parser.hpp"

namespace recsys::filter {

namespace {

constexpr std::size_t kMaxValues = 25, kMaxValueLength = 1000;
constexpr const char *kValueHint =
	"Write {\"GENRE\": \"\\\"Drama\\\",\\\"Comedy\\\"\"} for strings, {\"PRICE\": \"9.99\"} for a number.";

[[noreturn]] void refuse_value(std::string_view placeholder, const std::string &problem, const std::string &detail) {
	throw Error(sqlstate::InvalidParameter, "value of placeholder $" + std::string(placeholder) + " " + problem, detail,
				kValueHint);
}

std::string_view trimmed(std::string_view text) {
	const char *blanks = " \t\n\r\f\v";
	const std::size_t first = text.find_first_not_of(blanks);
	return first == std::string_view::npos ? std::string_view()
										   : text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

// Takes one quoted string off the front of `rest`.
std::string take_quoted(std::string_view placeholder, std::string_view &rest) {
	const char quote = rest.front();
	std::string out;
	std::size_t i = 1;
	for (; i < rest.size() && rest[i] != quote; ++i) {
		if (rest[i] == '\\') {
			++i;
			if (i == rest.size() || (rest[i] != '"' && rest[i] != '\'' && rest[i] != '\\'))
				refuse_value(placeholder, "has a backslash that is not before a quote or a backslash", {});
		}
		out += rest[i];
	}
	if (i == rest.size())
		refuse_value(placeholder, "has a string without closing quote", {});
	rest = trimmed(rest.substr(i + 1));
	return out;
}

bool is_quote(char c) noexcept {
	return c == '"' || c == '\'';
}

bool is_number(std::string_view text) {
	const auto digits = [&](std::size_t from) {
		while (from < text.size() && text[from] >= '0' && text[from] <= '9')
			++from;
		return from;
	};
	const std::size_t first = text.starts_with('-') ? 1 : 0;
	std::size_t end = digits(first);
	if (end == first)
		return false;
	if (end < text.size() && text[end] == '.') {
		const std::size_t fraction = end + 1;
		end = digits(fraction);
		if (end == fraction)
			return false;
	}
	return end == text.size();
}

// ---- ISO 8601

// Takes exactly `n` digits; -1 if they are not there.
int take_digits(std::string_view &rest, std::size_t n) {
	int value = 0;
	if (rest.size() < n)
		return -1;
	for (std::size_t i = 0; i < n; ++i) {
		if (rest[i] < '0' || rest[i] > '9')
			return -1;
		value = value * 10 + (rest[i] - '0');
	}
	rest.remove_prefix(n);
	return value;
}

bool take(std::string_view &rest, std::string_view any_of) {
	if (rest.empty() || any_of.find(rest.front()) == std::string_view::npos)
		return false;
	rest.remove_prefix(1);
	return true;
}

std::optional<double> take_date(std::string_view &rest) {
	const int year = take_digits(rest, 4);
	const bool dash = take(rest, "-");
	const int month = take_digits(rest, 2);
	const bool second_dash = take(rest, "-");
	const int day = take_digits(rest, 2);
	if (year < 1 || !dash || month < 0 || !second_dash || day < 0)
		return {};
	const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
										   std::chrono::day(static_cast<unsigned>(day))};
	if (!date.ok())
		return {};
	return static_cast<double>(std::chrono::sys_days(date).time_since_epoch().count()) * 86400.0;
}

// HH:MM[:SS[.ffffff]]
std::optional<double> take_clock(std::string_view &rest) {
	const int hour = take_digits(rest, 2);
	if (hour < 0 || hour > 23 || !take(rest, ":"))
		return {};
	const int minute = take_digits(rest, 2);
	if (minute < 0 || minute > 59)
		return {};
	double seconds = hour * 3600.0 + minute * 60.0;
	if (!take(rest, ":"))
		return seconds;
	const int second = take_digits(rest, 2);
	if (second < 0 || second > 59)
		return {};
	seconds += second;
	if (!take(rest, "."))
		return seconds;
	int micros = 0, unit = 100000;
	for (; !rest.empty() && rest.front() >= '0' && rest.front() <= '9'; unit /= 10)
		micros += take_digits(rest, 1) * unit;
	return unit == 100000 ? std::nullopt : std::optional(seconds + micros * 1e-6);
}

// Z, +HH, +HH:MM, +HHMM; nothing is UTC.
std::optional<double> take_zone(std::string_view &rest) {
	if (rest.empty() || take(rest, "Zz"))
		return 0.0;
	const double sign = rest.front() == '-' ? -1.0 : 1.0;
	if (!take(rest, "+-"))
		return {};
	const int hours = take_digits(rest, 2);
	if (hours < 0 || hours > 15)
		return {};
	if (rest.empty())
		return sign * hours * 3600.0;
	take(rest, ":");
	const int minutes = take_digits(rest, 2);
	if (minutes < 0 || minutes > 59)
		return {};
	return sign * (hours * 3600.0 + minutes * 60.0);
}

// ---- applying

const Placeholder *placeholder_of(const Condition &c) {
	return std::get_if<Placeholder>(&c.operand);
}

void check_values(const Filter &filter, const Values &values) {
	if (values.size() > kMaxValues)
		throw Error(sqlstate::InvalidParameter, "too many filter values",
					"There are " + std::to_string(values.size()) + "; at most 25 are allowed.");
	const auto names = placeholder_names(filter);
	for (const auto &[name, value] : values) {
		if (names.count(name) == 0) {
			std::string known;
			for (const std::string &n : names)
				known += (known.empty() ? "$" : ", $") + n;
			throw Error(sqlstate::InvalidParameter, "filter has no placeholder $" + name,
						known.empty() ? "The filter has no placeholders." : "Its placeholders are " + known + ".",
						"Names of placeholders are case-sensitive.");
		}
		const std::size_t length = count_characters(value);
		if (length > kMaxValueLength)
			refuse_value(name, "is too long",
						 "It has " + std::to_string(length) + " characters; at most 1000 are allowed.");
	}
}

class Applying {
public:
	Applying(const Values &values, std::vector<std::string> &dropped) : values_(values), dropped_(dropped) {}

	// Nothing if the expression is left out.
	std::optional<Expression> apply(const Expression &written) {
		for (const Condition &c : written.only_if)
			if (is_missing(written, c)) {
				dropped_.push_back(print(written));
				return {};
			}
		Expression out = written;
		out.where.clear();
		for (const Conjunction &all_of : written.where) {
			Conjunction kept;
			for (const Condition &c : all_of)
				if (is_missing(written, c))
					dropped_.push_back(print(c));
				else
					kept.push_back(c);
			if (!kept.empty())
				out.where.push_back(std::move(kept));
		}
		return out.where.empty() ? std::nullopt : std::optional(std::move(out));
	}

private:
	bool is_missing(const Expression &e, const Condition &c) const {
		const Placeholder *p = placeholder_of(c);
		if (p == nullptr || values_.find(p->name) != values_.end())
			return false;
		if (e.action == Action::Include)
			throw Error(sqlstate::InvalidParameter, "placeholder $" + p->name + " has no value",
						"Every placeholder of an INCLUDE expression needs a value.", kValueHint);
		return true;
	}

	const Values &values_;
	std::vector<std::string> &dropped_;
};

} // namespace

std::vector<std::string> parse_list(std::string_view placeholder, std::string_view value) {
	std::string_view rest = trimmed(value);
	if (rest.empty())
		refuse_value(placeholder, "is empty", "Write \"\" in quotes for the empty string.");
	if (!is_quote(rest.front())) {
		if (rest.find(',') != std::string_view::npos || rest.find('"') != std::string_view::npos)
			refuse_value(placeholder, "has an unquoted string in a list",
						 "Only a single string may stand without quotes.");
		return {std::string(rest)};
	}
	std::vector<std::string> out{take_quoted(placeholder, rest)};
	while (!rest.empty()) {
		if (rest.front() != ',')
			refuse_value(placeholder, "has strings that are not separated by commas", {});
		rest = trimmed(rest.substr(1));
		if (rest.empty() || !is_quote(rest.front()))
			refuse_value(placeholder, "has an unquoted string in a list",
						 "Only a single string may stand without quotes.");
		out.push_back(take_quoted(placeholder, rest));
	}
	return out;
}

std::string parse_string(std::string_view placeholder, std::string_view value) {
	std::vector<std::string> values = parse_list(placeholder, value);
	if (values.size() != 1)
		refuse_value(placeholder, "must be one string", "It is compared by = or !=; lists go with IN.");
	return std::move(values.front());
}

std::string parse_number(std::string_view placeholder, std::string_view value) {
	std::string_view rest = trimmed(value);
	std::string number(rest);
	if (!rest.empty() && is_quote(rest.front())) {
		number = std::string(trimmed(take_quoted(placeholder, rest)));
		if (!rest.empty())
			refuse_value(placeholder, "must be one number", {});
	}
	if (!is_number(number))
		refuse_value(placeholder, "must be one number",
					 "Found " + (number.empty() ? "nothing" : "\"" + number + "\"") + ".");
	return number;
}

std::variant<std::string, double> parse_moment(std::string_view placeholder, std::string_view value) {
	const std::string text = parse_string(placeholder, value), digits(trimmed(text));
	if (const std::optional<double> time = parse_time(text))
		return *time;
	if (is_number(digits))
		return digits;
	throw Error(sqlstate::InvalidParameter, "value of placeholder $" + std::string(placeholder) + " must be a time",
				"Found \"" + text + "\".", "Write seconds since 1970, or ISO 8601 such as {\"SINCE\": \"2026-01-31T12:00:00Z\"}.");
}

std::optional<double> parse_time(std::string_view text) {
	std::string_view rest = trimmed(text);
	std::optional<double> time = take_date(rest);
	if (!time || rest.empty())
		return time;
	if (!take(rest, "Tt "))
		return {};
	const std::optional<double> clock = take_clock(rest);
	if (!clock)
		return {};
	const std::optional<double> zone = take_zone(rest);
	if (!zone || !rest.empty())
		return {};
	return *time + *clock - *zone;
}

Applied apply_values(const Filter &filter, const Values &values) {
	check_values(filter, values);
	Applied out;
	out.filter.text = filter.text;
	Applying applying(values, out.dropped);
	for (const Expression &e : filter.expressions)
		if (std::optional<Expression> kept = applying.apply(e))
			out.filter.expressions.push_back(std::move(*kept));
	return out;
}

} // namespace recsys::filter
