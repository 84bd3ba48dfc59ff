// Events: when they happened, what they are called, what they are worth, whom and what they are about.
#include "ops/rules.hpp"

#include <algorithm>
#include <cctype>

namespace recsys::ops {

using catalog::Dataset;
using catalog::DatasetType;

namespace {

constexpr std::int64_t kMaxEventTypes = 10;
constexpr double kRatingMean = 2.5; // of one to five; quantities and counts lie below

std::string letters(std::string_view name) {
	std::string out;
	for (const char c : name)
		if (std::isalnum(static_cast<unsigned char>(c)))
			out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
	return out;
}

bool sounds_negative(std::string_view type) {
	static constexpr const char *words[] = {"dislike",  "unlike",        "return",      "refund",    "cancel",
											"complain", "block",         "hide",        "hidden",    "thumbsdown",
											"downvote", "notinterested", "unsubscribe", "uninstall", "remove",
											"skip",     "churn",         "reject",      "abandon"};
	const std::string name = letters(type);
	return std::any_of(std::begin(words), std::end(words),
					   [&](const char *w) { return name.find(w) != std::string::npos; });
}

std::string in_quotes(const std::string &type) {
	return "\"" + type + "\"";
}

void judge_times(const std::string &object, const Json &totals, Findings &out) {
	const std::int64_t events = integer(totals, "events");
	if (const std::int64_t n = integer(totals, "incomplete"); n != 0)
		out.push_back({Severity::Warning, object, "rows without an id or time",
					   percent(n, events) + " (" + count(n) + ")",
					   "They are left out of training. Find out why user_id, item_id or timestamp is NULL there."});
	if (const std::int64_t n = integer(totals, "infinite"); n != 0)
		out.push_back({Severity::Error, object, "infinite timestamps", count(n, "event"),
					   "Trainings refuse them. Write the real times, or map a view without these rows."});
	if (const std::int64_t n = integer(totals, "future"); n != 0)
		out.push_back(
			{Severity::Warning, object, "timestamps in the future",
			 count(n, "event") + ", up to " + date(totals, "last"),
			 "They stay the newest of their users for ever. Correct the sender's clock; years beyond 5000 are "
			 "milliseconds that were read as seconds: map the column with {\"epoch\": \"ms\"}."});
	if (const std::int64_t n = integer(totals, "early"); n != 0)
		out.push_back({Severity::Warning, object, "timestamps before 1980",
					   count(n, "event") + ", from " + date(totals, "first"),
					   "Times of January 1970 are seconds that were read as milliseconds: map the column with "
					   "{\"epoch\": \"s\"}; the year 1 stands for a missing time."});
	if (events > 1 && text(totals, "first") == text(totals, "last") && !text(totals, "first").empty())
		out.push_back(
			{Severity::Error, object, "all timestamps are equal", "all are of " + date(totals, "first"),
			 "The order of events is lost, and with it what happened lately and what came after what. Load the real "
			 "times of the events."});
}

// Two spellings of one name.
void judge_spelling(const std::string &object, const Json &types, Findings &out) {
	for (std::size_t i = 0; i < types.size(); ++i)
		for (std::size_t j = 0; j < i; ++j) {
			const std::string a = text(types[j], "type"), b = text(types[i], "type");
			if (a.empty() || letters(a) != letters(b))
				continue;
			out.push_back({Severity::Warning, object, "one event type in two spellings",
						   in_quotes(a) + ": " + count(integer(types[j], "events")) + ", " + in_quotes(b) + ": " +
							   count(integer(types[i], "events")),
						   "They count as two types, and a solution trains on one of them. Spell them alike."});
			return;
		}
}

void judge_types(const std::string &object, const Json &profile, Findings &out) {
	const Json &types = profile.at("types");
	const std::int64_t events = integer(profile.at("totals"), "events"), n_types = integer(profile, "n_types");
	if (n_types > kMaxEventTypes)
		out.push_back(
			{Severity::Warning, object, "many event types", count(n_types, "type"),
			 "More than 10 mean that the column tells something else than what the user did, and are refused under "
			 "recsys.service_limits. Keep the few that say what a user wants."});
	judge_spelling(object, types, out);
	std::vector<std::string> negative;
	std::int64_t n = 0;
	for (const Json &type : types)
		if (sounds_negative(text(type, "type"))) {
			negative.push_back(in_quotes(text(type, "type")));
			n += integer(type, "events");
		}
	if (!negative.empty())
		out.push_back(
			{Severity::Warning, object, "event types that sound negative",
			 list(negative) + ": " + percent(n, events) + " of the events",
			 "Events count as interest. Train on one type (event_type), or name these in negative_event_types of "
			 "recsys.create_solution."});
}

// A scale of one to five, or to ten, on which people say what they think.
bool looks_like_rating(const Json &type) {
	const double least = real(type, "least"), most = real(type, "most"), mean = real(type, "mean");
	return integer(type, "valued") >= 20 && least >= 0 && least <= 2 &&
		   ((most == 5 && mean >= kRatingMean) || (most == 10 && mean >= 5));
}

void judge_values(const std::string &object, const Json &types, Findings &out) {
	for (const Json &type : types) {
		const std::string name = text(type, "type");
		const std::string of = name.empty() ? "of events without a type" : "of " + in_quotes(name);
		const std::int64_t valued = integer(type, "valued");
		if (const std::int64_t n = integer(type, "unreal"); n != 0)
			out.push_back({Severity::Error, object + ".event_value", "values that are infinite or no number",
						   count(n, "value") + " " + of, "Trainings refuse them. Write NULL where there is no value."});
		if (const std::int64_t n = integer(type, "negative"); n != 0)
			out.push_back({Severity::Warning, object + ".event_value", "negative values",
						   percent(n, valued) + " " + of + ", down to " + number(real(type, "least")),
						   "Negative amounts are mostly returns, which count as interest. Train with "
						   "event_value_threshold => 0."});
		if (looks_like_rating(type) && integer(type, "low") != 0)
			out.push_back({Severity::Warning, object + ".event_value", "values that look like bad ratings",
						   percent(integer(type, "low"), valued) + " " + of + " are 2 or less, on a scale to " +
							   number(real(type, "most")),
						   "Bad ratings count as interest. Train with event_value_threshold => " +
							   std::string(real(type, "most") == 10 ? "6" : "3") + " or higher."});
	}
}

} // namespace

void judge_events(const Dataset &events, const Json &profile, const Json &repeats, const Sample &sample,
				  Findings &out) {
	const std::string object = to_string(events.type);
	const Json &totals = profile.at("totals");
	if (integer(totals, "events") == 0) {
		if (events.type == DatasetType::Interactions)
			out.push_back(
				{Severity::Error, object, "no events", "the dataset is empty",
				 "There is nothing to learn from. Insert the history, or record events with recsys.put_events."});
		return;
	}
	judge_times(object, totals, out);
	if (events.type == DatasetType::Interactions) {
		judge_types(object, profile, out);
		judge_values(object, profile.at("types"), out);
	}
	const std::int64_t n = integer(repeats, "repeated"), rows = integer(repeats, "rows");
	if (n != 0)
		out.push_back(
			{n * 20 > rows ? Severity::Warning : Severity::Notice, object, "repeated events",
			 percent(n, rows) + " say the same as another" + (sample.label.empty() ? "" : " (" + sample.label + ")"),
			 "Trainings count rows that are equal in every column once. If data were loaded twice, delete the copies; "
			 "if "
			 "the times are mere dates, the order within a day is lost."});
}

void judge_ids(const Dataset &events, const Json &profile, bool has_records, const Json &user_profile, bool has_users,
			   Findings &out) {
	const Json &subjects = profile.at("subjects");
	const bool actions = events.type == DatasetType::ActionInteractions;
	const std::string object = actions ? "actions" : "items", one = actions ? "action" : "item";
	const std::int64_t all = integer(profile.at("totals"), "events");
	if (const std::int64_t n = integer(subjects, "unknown"); has_records && n != 0) {
		const std::int64_t lost = integer(subjects, "unknown_events");
		const bool none = n == integer(subjects, "used") && integer(subjects, "rows") != 0;
		out.push_back(
			{none              ? Severity::Error
			 : lost * 20 > all ? Severity::Warning
							   : Severity::Notice,
			 object, "events of " + object + " without a row",
			 count(n, one) + " such as \"" + text(subjects, "example") + "\", " + percent(lost, all) + " of the events",
			 none ? "No id of the events is one of " + object +
						": the two use different ids. Map the column with the "
						"same ids."
				  : "They have no metadata and no availability. Add their rows, or leave their events out."});
	}
	if (const std::int64_t n = integer(subjects, "repeated"); n != 0)
		out.push_back({Severity::Error, object, "ids with several rows", count(n, "row") + " too many",
					   "Filters and metadata meet any of them. Map a relation with one row for each " + one + "."});
	if (const std::int64_t n = integer(subjects, "unused"); n != 0)
		out.push_back({Severity::Notice, object, object + " without events",
					   percent(n, integer(subjects, "rows")) + " (" + count(n) + ")",
					   "They can only be recommended by what they are, or by exploration."});
	if (!has_users || actions)
		return;
	if (const std::int64_t n = integer(user_profile, "unknown"); n != 0)
		out.push_back({Severity::Notice, "users", "events of users without a row",
					   count(n, "user") + " such as \"" + text(user_profile, "example") + "\", " +
						   percent(n, integer(user_profile, "used")) + " of those with events",
					   "Filters on CurrentUser find nothing for them. Add their rows if you use such filters."});
	if (const std::int64_t n = integer(user_profile, "repeated"); n != 0)
		out.push_back({Severity::Error, "users", "ids with several rows", count(n, "row") + " too many",
					   "Filters meet any of them. Map a relation with one row for each user."});
	if (const std::int64_t n = integer(user_profile, "unused"); n != 0)
		out.push_back({Severity::Notice, "users", "users without events",
					   percent(n, integer(user_profile, "rows")) + " (" + count(n) + ")",
					   "They get popular items until their first event."});
}

} // namespace recsys::ops
