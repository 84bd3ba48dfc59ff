#include "ops/finding.hpp"

#include <cmath>
#include <cstdio>

namespace recsys::ops {

const char *to_string(Severity severity) noexcept {
	switch (severity) {
	case Severity::Error:
		return "error";
	case Severity::Warning:
		return "warning";
	case Severity::Notice:
		return "notice";
	case Severity::Ok:
		break;
	}
	return "ok";
}

std::string count(std::int64_t n) {
	std::string digits = std::to_string(n);
	const std::size_t sign = n < 0 ? 1 : 0;
	for (std::size_t i = digits.size(); i > sign + 3;)
		digits.insert(i -= 3, ",");
	return digits;
}

std::string count(std::int64_t n, std::string_view noun) {
	return count(n) + " " + std::string(noun) + (n == 1 ? "" : "s");
}

std::string percent(std::int64_t part, std::int64_t whole) {
	const double share = whole == 0 ? 0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
	if (part > 0 && share < 0.1)
		return "less than 0.1 %";
	if (part < whole && share > 99.9)
		return "more than 99.9 %";
	char text[32];
	std::snprintf(text, sizeof text, share == std::floor(share) ? "%.0f %%" : "%.1f %%", share);
	return text;
}

std::string number(double value) {
	if (value == std::floor(value) && std::abs(value) < 1e15)
		return count(static_cast<std::int64_t>(value));
	char text[32];
	std::snprintf(text, sizeof text, "%.4g", value);
	return text;
}

std::string list(const std::vector<std::string> &names, std::size_t limit) {
	std::string out;
	for (std::size_t i = 0; i < names.size() && i < limit; ++i)
		out += (i == 0 ? "" : ", ") + names[i];
	if (names.size() > limit)
		out += " and " + std::to_string(names.size() - limit) + " more";
	return out;
}

} // namespace recsys::ops
