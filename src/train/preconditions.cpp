#include "train/preconditions.hpp"

#include <algorithm>
#include <charconv>
#include <functional>

namespace recsys::train {

namespace {

constexpr std::size_t kMinInteractions = 1000, kMinUsers = 25, kMaxEventTypes = 10;

// " after filtering by event type: Click and event value threshold: 4", or nothing.
std::string after_filtering(const store::EventFilter &filter) {
	std::string by;
	if (filter.event_type)
		by = "event type: " + *filter.event_type;
	if (filter.value_threshold) {
		char digits[32];
		*std::to_chars(digits, digits + sizeof digits - 1, *filter.value_threshold).ptr = '\0';
		by += by.empty() ? "event value threshold: " : " and event value threshold: ";
		by += digits;
	}
	return by.empty() ? by : " after filtering by " + by;
}

std::string reasons(const store::ReadCounts &counts) {
	std::string left_out;
	const auto add = [&left_out](std::uint64_t n, const char *what) {
		if (n != 0)
			left_out += (left_out.empty() ? " Left out: " : ", ") + std::to_string(n) + what;
	};
	add(counts.other_types, " of another event type");
	add(counts.below_threshold, " with a value below the threshold");
	add(counts.without_value, " without a value");
	add(counts.outside, " of another time");
	add(counts.incomplete, " without user, item or timestamp");
	return "Rows read: " + std::to_string(counts.interactions) + "." + left_out + (left_out.empty() ? "" : ".");
}

std::string other_types(const store::ReadCounts &counts) {
	if (counts.other_type_names.empty())
		return {};
	std::string text = "Names of event types match case by case; the dataset has";
	const char *separator = " ";
	for (const std::string &name : counts.other_type_names) {
		text += separator + ('"' + name + '"');
		separator = ", ";
	}
	return text + ".";
}

std::size_t positive_events(const data::TrainingSet &set, std::span<const std::int8_t> type_sign) {
	return static_cast<std::size_t>(
		std::count_if(set.type().begin(), set.type().end(), [&](std::uint16_t type) { return type_sign[type] > 0; }));
}

std::size_t users_with_two(const data::TrainingSet &set, std::span<const std::int8_t> type_sign) {
	std::size_t users = 0;
	for (std::uint32_t user = 0; user < set.n_users(); ++user) {
		std::size_t events = 0;
		for (std::size_t i = set.user_begin(user); i < set.user_begin(user + 1) && events < 2; ++i)
			events += type_sign[set.type()[i]] > 0;
		users += events == 2;
	}
	return users;
}

} // namespace

void check_rows(const Spec &spec, const store::ReadCounts &counts, const data::TrainingSet &set,
				std::span<const std::int8_t> type_sign) {
	if (positive_events(set, type_sign) != 0)
		return;
	if (counts.interactions == 0)
		throw Error(sqlstate::WrongState, "dataset has no interactions", {},
					"Insert rows into the group's interactions, or send them with recsys.put_events.");
	if (set.n_events() != 0)
		throw Error(sqlstate::WrongState,
					"dataset has no interactions of a positive event type" + after_filtering(spec.filter),
					reasons(counts), other_types(counts));
	throw Error(sqlstate::WrongState, "dataset has no usable interactions" + after_filtering(spec.filter),
				reasons(counts), other_types(counts));
}

void check_service_limits(const Spec &spec, const data::TrainingSet &set, std::span<const std::int8_t> type_sign) {
	const auto fail = [](std::string message, std::size_t found) {
		throw Error(sqlstate::LimitExceeded, std::move(message), "There are " + std::to_string(found) + ".",
					"This minimum or maximum holds while \"recsys.service_limits\" is on.");
	};
	const auto &types = set.event_types();
	const auto named =
		static_cast<std::size_t>(std::count_if(types.begin(), types.end(), [](auto &t) { return !t.empty(); }));
	if (named > kMaxEventTypes)
		fail("dataset has more than 10 event types", named);
	const auto time = set.time();
	if (spec.recipe->type == recipe::RecipeType::UserSegmentation &&
		std::adjacent_find(time.begin(), time.end(), std::not_equal_to<>()) == time.end())
		fail("dataset has one timestamp in all interactions, of which segments of users learn nothing", time.size());
	const std::size_t events = positive_events(set, type_sign);
	if (events < kMinInteractions)
		fail("dataset has fewer than 1000 interactions" + after_filtering(spec.filter), events);
	const std::size_t users = users_with_two(set, type_sign);
	if (users < kMinUsers)
		fail("dataset has fewer than 25 users with at least 2 interactions each", users);
	if (users * 100 < set.n_users())
		fail("fewer than 1 % of the users have at least 2 interactions each", users);
}

} // namespace recsys::train
