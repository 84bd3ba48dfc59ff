#include "serve/headers.hpp"

#include <algorithm>
#include <map>
#include <span>

#include "catalog/fields.hpp"

#include "pg/function.hpp"

extern "C" {
#include "access/xact.h"
#include "pgtime.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"
}

namespace recsys::serve {

namespace {

using catalog::Json;
using Headers = std::map<std::string, std::string>; // names in lower case, with "-"

constexpr std::size_t kLongest = 100; // characters of a value that is worth looking at as a place

/// Headers come as an object of texts, or of lists of texts, of which the first counts; gateways turn "-" into "_".
Headers read_headers(const Json &given) {
	if (!given.is_object())
		throw Error(sqlstate::InvalidParameter, "argument \"headers\" must be a JSON object", {},
					"Write, for example, '{\"User-Agent\": \"…\", \"CloudFront-Viewer-Country\": \"NL\"}'.");
	Headers headers;
	for (const auto &[name, value] : given.items()) {
		const Json &first = value.is_array() && !value.empty() ? value.front() : value;
		if (!first.is_string())
			continue;
		std::string key = catalog::lower_case(name);
		std::replace(key.begin(), key.end(), '_', '-');
		headers[key] = first.get<std::string>();
	}
	return headers;
}

std::string header(const Headers &headers, std::span<const char *const> names) {
	for (const char *name : names)
		if (const auto it = headers.find(name); it != headers.end() && !it->second.empty() && it->second.size() <= kLongest)
			return it->second;
	return {};
}

std::string device_of_agent(const std::string &agent) {
	const std::string text = catalog::lower_case(agent);
	const auto has = [&](const char *word) { return text.find(word) != std::string::npos; };
	if (has("smart-tv") || has("smarttv") || has("appletv") || has("googletv") || has("hbbtv"))
		return "tv";
	if (has("ipad") || has("tablet") || (has("android") && !has("mobile")))
		return "tablet";
	return has("mobi") || has("iphone") || has("android") ? "mobile" : "desktop";
}

/// What the network or the browser says outright, before what the browser is called.
std::string device(const Headers &headers) {
	static constexpr std::pair<const char *, const char *> kFlags[] = {{"cloudfront-is-smarttv-viewer", "tv"},
																	   {"cloudfront-is-tablet-viewer", "tablet"},
																	   {"cloudfront-is-mobile-viewer", "mobile"},
																	   {"cloudfront-is-desktop-viewer", "desktop"}};
	for (const auto &[name, kind] : kFlags)
		if (const auto it = headers.find(name); it != headers.end() && catalog::lower_case(it->second) == "true")
			return kind;
	if (const auto it = headers.find("cf-device-type"); it != headers.end())
		return catalog::lower_case(it->second);
	if (const auto it = headers.find("sec-ch-ua-mobile"); it != headers.end() && it->second == "?1")
		return "mobile";
	const auto agent = headers.find("user-agent");
	return agent == headers.end() || agent->second.empty() ? std::string() : device_of_agent(agent->second);
}

std::string language(const Headers &headers) {
	const auto it = headers.find("accept-language");
	if (it == headers.end())
		return {};
	const std::size_t end = it->second.find_first_of("-,; ");
	const std::string first = catalog::lower_case(it->second.substr(0, end));
	const bool letters = std::all_of(first.begin(), first.end(), [](char c) { return c >= 'a' && c <= 'z'; });
	return letters && (first.size() == 2 || first.size() == 3) ? first : std::string();
}

/// The hour and the day of the week where the visitor is; nothing for a time zone that does not exist.
void add_time(const std::string &zone_name, Json &context) {
	static const char *const days[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
	const char *const name = zone_name.c_str();
	struct pg_tm tm = {};
	const bool known = pg::call([name, &tm] {
		pg_tz *zone = pg_tzset(name);
		fsec_t fraction;
		int offset;
		return zone != nullptr && timestamp2tm(GetCurrentStatementStartTimestamp(), &offset, &tm, &fraction, nullptr, zone) == 0;
	});
	if (!known)
		return;
	context["hour"] = tm.tm_hour;
	context["weekday"] = days[j2day(date2j(tm.tm_year, tm.tm_mon, tm.tm_mday))];
}

} // namespace

Json context_from_headers(const Json &given, const std::optional<std::vector<std::string>> &columns) {
	static constexpr const char *kCountry[] = {"cloudfront-viewer-country", "cf-ipcountry", "x-vercel-ip-country", "x-appengine-country",
											   "x-country-code"};
	static constexpr const char *kRegion[] = {"cloudfront-viewer-country-region", "cf-region-code", "x-vercel-ip-country-region",
											  "x-appengine-region"};
	static constexpr const char *kCity[] = {"cloudfront-viewer-city", "cf-ipcity", "x-vercel-ip-city", "x-appengine-city"};
	static constexpr const char *kZone[] = {"cloudfront-viewer-time-zone", "cf-timezone", "x-vercel-ip-timezone"};
	const Headers headers = read_headers(given);
	Json all = Json::object();
	for (const auto &[name, value] :
		 {std::pair<const char *, std::string>{"device", device(headers)}, {"country", header(headers, kCountry)},
		  {"region", header(headers, kRegion)}, {"city", header(headers, kCity)}, {"language", language(headers)}})
		if (!value.empty())
			all[name] = value;
	if (const std::string zone = header(headers, kZone); !zone.empty())
		add_time(zone, all);
	if (!columns)
		return all;
	Json context = Json::object();
	for (const std::string &column : *columns)
		if (const auto it = all.find(catalog::lower_case(column)); it != all.end())
			context[column] = *it;
	return context;
}

} // namespace recsys::serve
