#include "recipe/action_state.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace recsys::recipe {

namespace {

constexpr float kAbsentValue = std::numeric_limits<float>::quiet_NaN();
constexpr std::size_t kEventTotals = 5; // events, days since the newest and the oldest, of 7 and 28 days

/// Times may be any; what lies ahead counts as now.
float days(std::int64_t now, std::int64_t then) noexcept {
	return static_cast<float>(std::max(0.0, (static_cast<double>(now) - static_cast<double>(then)) / kMicrosPerDay));
}

/// Answers by kind: how many, and the days since the newest.
struct Tally {
	std::array<float, kResponses> count{}, since;
	Tally() { since.fill(kAbsentValue); }
	void add(Response response, float age) noexcept { // oldest first
		const auto r = static_cast<std::size_t>(response);
		++count[r];
		since[r] = age;
	}
	float *put(float *to) const noexcept { return std::copy(since.begin(), since.end(), std::copy(count.begin(), count.end(), to)); }
};

} // namespace

std::optional<Response> parse_response(std::string_view event_type) noexcept {
	std::array<char, 8> letters{};
	std::size_t n = 0;
	for (const char c : event_type) {
		if (c == '_' || c == ' ' || c == '-')
			continue;
		if (n == letters.size())
			return std::nullopt;
		letters[n++] = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
	}
	const std::string_view word(letters.data(), n);
	if (word == "taken")
		return Response::Taken;
	if (word == "nottaken")
		return Response::NotTaken;
	if (word == "viewed")
		return Response::Viewed;
	return std::nullopt;
}

std::size_t ActionShape::n_user_features() const noexcept {
	return user_kinds.size() + 2 * kResponses + 1 + frequent_actions.size() + kEventTotals + 2 * n_types + n_items;
}

std::size_t ActionShape::n_features() const noexcept {
	return n_user_features() + 1 + action_kinds.size() + 2 * kResponses + 1;
}

std::vector<ColumnKind> ActionShape::kinds() const {
	std::vector<ColumnKind> kinds(user_kinds);
	kinds.resize(user_kinds.size() + 2 * kResponses, ColumnKind::Numeric);
	kinds.push_back(ColumnKind::Categorical); // the action answered last
	kinds.resize(n_user_features(), ColumnKind::Numeric);
	kinds.push_back(ColumnKind::Categorical); // the action
	kinds.insert(kinds.end(), action_kinds.begin(), action_kinds.end());
	kinds.resize(n_features(), ColumnKind::Numeric);
	return kinds;
}

void ActionShape::fill_user(const UserState &state, std::int64_t now, std::span<float> row) const {
	float *to = row.data();
	if (state.attributes.empty())
		to = std::fill_n(to, user_kinds.size(), kAbsentValue);
	else
		to = std::copy(state.attributes.begin(), state.attributes.end(), to);

	Tally answers;
	for (const ActionResponse &r : state.responses)
		answers.add(r.response, days(now, r.time));
	to = answers.put(to);
	*to++ = state.responses.empty() ? kAbsentValue : action_code[state.responses.back().action];
	for (const std::uint32_t action : frequent_actions) {
		const auto taken = std::find_if(state.responses.rbegin(), state.responses.rend(), [&](const ActionResponse &r) {
			return r.action == action && r.response == Response::Taken;
		});
		*to++ = taken == state.responses.rend() ? kAbsentValue : days(now, taken->time);
	}

	const bool any = !state.events.empty();
	*to++ = static_cast<float>(state.events.size());
	*to++ = any ? days(now, state.events.back().time) : kAbsentValue;
	*to++ = any ? days(now, state.events.front().time) : kAbsentValue;
	float *week = to++, *month = to++, *types = to, *items = to + 2 * n_types;
	*week = *month = 0;
	for (std::uint32_t t = 0; t < n_types; ++t) {
		types[2 * t] = 0;
		types[2 * t + 1] = kAbsentValue;
	}
	std::fill_n(items, n_items, 0.0f);
	for (const ItemEvent &event : state.events) {
		const float age = days(now, event.time);
		*week += age <= 7 ? 1.0f : 0.0f;
		*month += age <= 28 ? 1.0f : 0.0f;
		if (event.type < n_types) {
			++types[2 * event.type];
			types[2 * event.type + 1] = age;
		}
		if (event.item < n_items)
			++items[event.item];
	}
}

void ActionShape::fill_action(const UserState &state, std::int64_t now, std::uint32_t action, double follow_up,
							  std::span<float> row) const {
	float *to = row.data() + n_user_features();
	*to++ = action_code[action];
	to = std::copy_n(action_attributes.data() + action * action_kinds.size(), action_kinds.size(), to);
	Tally answers;
	for (const ActionResponse &r : state.responses)
		if (r.action == action)
			answers.add(r.response, days(now, r.time));
	to = answers.put(to);
	*to = static_cast<float>(follow_up);
}

void ActionShape::write(artifact::Writer &writer) const {
	const auto put_kinds = [&](const char *name, const std::vector<ColumnKind> &kinds) {
		std::vector<std::uint8_t> bytes;
		for (const ColumnKind kind : kinds)
			bytes.push_back(static_cast<std::uint8_t>(kind));
		writer.add<std::uint8_t>(name, bytes);
	};
	writer.add<float>("action.code", action_code);
	writer.add<std::uint32_t>("action.frequent", frequent_actions);
	writer.add<float>("action.attributes", action_attributes);
	put_kinds("action.attribute_kinds", action_kinds);
	put_kinds("user.attribute_kinds", user_kinds);
}

ActionShape ActionShape::read(const artifact::View &view, std::size_t n_actions, std::size_t n_items, std::size_t n_types) {
	const auto kinds = [&](const char *name) {
		std::vector<ColumnKind> out;
		for (const std::uint8_t kind : view.get<std::uint8_t>(name))
			out.push_back(kind != 0 ? ColumnKind::Categorical : ColumnKind::Numeric);
		return out;
	};
	const auto own = [](auto values) { return std::vector(values.begin(), values.end()); };
	ActionShape shape;
	shape.action_kinds = kinds("action.attribute_kinds");
	shape.user_kinds = kinds("user.attribute_kinds");
	shape.action_code = own(view.get<float>("action.code", n_actions));
	shape.frequent_actions = own(view.get<std::uint32_t>("action.frequent"));
	shape.action_attributes = own(view.get<float>("action.attributes", n_actions * shape.action_kinds.size()));
	shape.n_items = static_cast<std::uint32_t>(n_items);
	shape.n_types = static_cast<std::uint32_t>(n_types);
	return shape;
}

} // namespace recsys::recipe
