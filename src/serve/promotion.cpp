#include "base/rng.hpp"

#include "serve/promotion.hpp"

#include <algorithm>
#include <map>

#include "catalog/fields.hpp"

namespace recsys::serve {

using catalog::Json;

namespace {

constexpr std::size_t kNameLength = 63;

[[noreturn]] void refuse(const std::string &what, const std::string &detail = {}) {
	throw Error(sqlstate::InvalidParameter, what, detail,
				"A promotion has the keys \"name\", \"percent_promoted_items\", \"filter\" and, if need be, \"filter_values\".");
}

// The service's spelling serves too.
std::map<std::string, Json> members_of(const Json &promotion) {
	static const std::map<std::string, std::string> names = {
		{"name", "name"},			  {"percent_promoted_items", "percent"}, {"percentPromotedItems", "percent"},
		{"filter", "filter"},		  {"filterArn", "filter"},				 {"filter_values", "filter_values"},
		{"filterValues", "filter_values"}};
	std::map<std::string, Json> members;
	for (const auto &[key, value] : promotion.items()) {
		const auto name = names.find(key);
		if (name == names.end())
			refuse("unrecognized key \"" + key + "\" in argument \"promotion\"");
		if (!members.emplace(name->second, value).second)
			refuse("key \"" + key + "\" in argument \"promotion\" is given twice");
	}
	return members;
}

std::string text_member(const std::map<std::string, Json> &members, const std::string &key) {
	const auto it = members.find(key);
	if (it == members.end() || !it->second.is_string() || it->second.get_ref<const std::string &>().empty())
		refuse("argument \"promotion\" needs a " + key);
	return it->second.get<std::string>();
}

} // namespace

std::size_t Promotion::places(std::size_t wanted) const noexcept {
	return std::max<std::size_t>(1, (wanted * static_cast<std::size_t>(percent) + 50) / 100);
}

Promotion parse_promotion(const std::string &json) {
	const Json given = catalog::parse_json(json, "promotion");
	if (!given.is_object())
		refuse("argument \"promotion\" must be a JSON object");
	const std::map<std::string, Json> members = members_of(given);
	Promotion promotion;
	promotion.name = text_member(members, "name");
	if (promotion.name.size() > kNameLength)
		refuse("name of a promotion must have at most " + std::to_string(kNameLength) + " bytes");
	const auto percent = members.find("percent");
	if (percent == members.end() || !percent->second.is_number_integer() || percent->second < 1 || percent->second > 100)
		refuse("argument \"promotion\" needs \"percent_promoted_items\" from 1 to 100",
			   percent == members.end() ? "" : "Found " + percent->second.dump() + ".");
	promotion.percent = percent->second.get<int>();
	const auto values = members.find("filter_values");
	promotion.filter = *filter_choice(text_member(members, "filter"), values == members.end() ? "{}" : values->second.dump());
	return promotion;
}

std::vector<AnswerRow> place_promoted(const std::vector<AnswerRow> &promoted, const std::vector<AnswerRow> &others, std::uint64_t seed) {
	Rng random(seed);
	std::vector<AnswerRow> rows;
	rows.reserve(promoted.size() + others.size());
	std::size_t next_promoted = 0, next_other = 0;
	while (rows.size() < promoted.size() + others.size()) {
		const std::size_t promoted_left = promoted.size() - next_promoted, others_left = others.size() - next_other;
		if (random.below(promoted_left + others_left) < promoted_left)
			rows.push_back(promoted[next_promoted++]);
		else
			rows.push_back(others[next_other++]);
	}
	return rows;
}

} // namespace recsys::serve
