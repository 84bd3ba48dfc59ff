// The group as a whole: does this way of recommending fit the data, and which recipes do? Every row of the table of
// good and bad fits gets a verdict, also when all is well, so that silence never has to be interpreted.
#include "recipe/recipe.hpp"

#include "ops/rules.hpp"

#include <algorithm>
#include <cmath>

#include "pg/settings.hpp"

namespace recsys::ops {

using catalog::Dataset;
using pg::AsOwner;
using pg::Row;

namespace {

constexpr std::int64_t kUsers = 50, kItems = 50, kInteractions = 1000, kMaxItems = 5000000, kUsersWithTwo = 25;
constexpr double kRecentDays = 30, kShortLife = 2, kTellingSpan = 14;

struct Verdicts {
	Findings &out;
	void add(bool good, const char *question, std::string evidence, std::string advice,
			 Severity severity = Severity::Warning) const {
		out.push_back({good ? Severity::Ok : severity, "fit", question, std::move(evidence),
					   good ? std::string() : std::move(advice)});
	}
};

// Days between two times of the profile, by PostgreSQL's clock and calendar.
double days(const std::string &from, const std::string &to) {
	return pg::query("SELECT extract(epoch FROM $2::timestamptz - $1::timestamptz)::float8 / 86400", {TEXTOID, TEXTOID},
					 {pg::text(from), pg::text(to)}, pg::Access::Read)
		.front()
		.float8(0);
}

void judge_size(const Picture &p, const Verdicts &v) {
	const Json &subjects = p.events.at("subjects");
	const std::int64_t users = integer(p.users, "used"), two = integer(p.users, "two");
	const std::int64_t items = integer(subjects, p.has_items ? "available" : "used");
	const std::int64_t events =
		p.has_items ? integer(subjects, "available_events") : integer(p.events.at("totals"), "events");
	const std::string simple = "Until there are more: " + recipe_to_use({"popularity-count"}) + ", or a rule in SQL.";
	v.add(users >= kUsers, "at least 50 users", count(users, "user") + " with events", simple);
	v.add(two >= kUsersWithTwo, "at least 25 users with two events", count(two, "user"),
		  "What goes with what is learned from users with several events. " + simple,
		  pg::settings::service_limits ? Severity::Error : Severity::Warning);
	v.add(items >= kItems, "at least 50 items", count(items, "item") + " that can be recommended",
		  "Among so few, show all or choose by rules in SQL. Few products that are offered to many: " +
			  recipe_to_use({"next-best-action", "popularity-count"}) + ".");
	v.add(events >= kInteractions, "at least 1,000 interactions on active items",
		  count(events, "interaction") +
			  (events >= kInteractions ? "" : ", needs " + count(kInteractions - events) + " more"),
		  simple, pg::settings::service_limits ? Severity::Error : Severity::Warning);
	v.add(items <= kMaxItems, "at most 5 million active items", count(items, "item"),
		  "Map a view of the items that sell now, or mark the others unavailable, and leave events of the others out.");
}

void judge_time(const Picture &p, const Verdicts &v) {
	const Json &totals = p.events.at("totals"), &subjects = p.events.at("subjects");
	const std::string first = text(totals, "sane_first"), last = text(totals, "sane_last");
	if (first.empty())
		return;
	const double age = days(last, pg::query("SELECT CURRENT_TIMESTAMP", {}, {}, pg::Access::Read).front().text(0));
	v.add(age <= kRecentDays, "recent events", "the newest event is of " + date(totals, "sane_last"),
		  "Recommendations follow what users do now. Map the table that the application writes, or call "
		  "recsys.put_events.");
	const std::int64_t living = integer(subjects, "living");
	const double life = real(subjects, "life_days"), span = days(first, last);
	if (living < kItems || span < kTellingSpan)
		v.add(true, "items that live long enough",
			  "not to be told from " + number(std::floor(span)) + " days and " + count(living, "item") +
				  " with five events",
			  "");
	else
		v.add(life >= kShortLife, "items that live long enough",
			  "half of the items are used for " +
				  (life < 1 ? "less than a day" : number(std::round(life * 10) / 10) + " days") + " of " +
				  number(std::floor(span)),
			  "An item is gone before its events say much. Use " + recipe_to_use({"trending-now", "popularity-count"}) +
				  " over the last events, metadata that tells items apart, and train often.");
}

void judge_overlap(const Picture &p, const Verdicts &v) {
	const Json &subjects = p.events.at("subjects");
	if (!p.has_items)
		return;
	const std::int64_t rows = integer(subjects, "rows"), unused = integer(subjects, "unused");
	v.add(rows == 0 || unused * 10 <= rows * 9, "history beside metadata",
		  percent(rows - unused, rows) + " of the items have events",
		  "Preferences and flags alone do not make a history. Record what users do; until then choose by metadata, in "
		  "SQL or with " +
			  recipe_to_use({"similar-items", "popularity-count"}) + ".");
	const std::int64_t used = integer(subjects, "used"), offered = integer(subjects, "available_used");
	v.add(offered * 10 >= used, "recommended items are a good part of the history",
		  percent(offered, used) + " of the items with events can be recommended",
		  "Most of what was learned is about other items. Train on events of the items that are offered: map a view of "
		  "these.");
}

std::string in_quotes(std::string_view name) {
	return "\"" + std::string(name) + "\"";
}

// What a solution was told about events, against the events that there are.
void judge_solution(const Row &solution, const Json &types, Findings &out) {
	const std::string object = "solution " + in_quotes(solution.text(0)), wanted = solution.text(1);
	const auto of_type = [&types](const std::string &name) -> const Json * {
		const auto it =
			std::find_if(types.begin(), types.end(), [&](const Json &t) { return text(t, "type") == name; });
		return it == types.end() ? nullptr : &*it;
	};
	if (!wanted.empty()) {
		const Json *type = of_type(wanted);
		const std::int64_t n = type == nullptr ? 0 : integer(*type, "events");
		if (n == 0)
			out.push_back({Severity::Error, object, "no events of its type", "none is of type " + in_quotes(wanted),
						   "Names match case by case; recsys.get_data_insights shows those that there are."});
		else if (n < kInteractions)
			out.push_back({Severity::Warning, object, "few events of its type",
						   count(n) + " of type " + in_quotes(wanted), "Train on all types, or wait for more events."});
		if (type != nullptr && solution.boolean(2) && integer(*type, "valued") == 0)
			out.push_back(
				{Severity::Error, object, "a threshold without values",
				 "no event of type " + in_quotes(wanted) + " has a value",
				 "Events without a value are left out. Fill event_value, or create the solution without a threshold."});
	}
	for (const Json &name : Json::parse(solution.text(3)))
		if (of_type(name.get<std::string>()) == nullptr)
			out.push_back({Severity::Notice, object, "a negative event type without events",
						   "none is of type " + in_quotes(name.get<std::string>()), "Names match case by case."});
}

void judge_solutions(const Picture &p, Findings &out) {
	static pg::Plan find{
		"SELECT name, event_type, event_value_threshold IS NOT NULL, to_jsonb(negative_event_types) FROM "
		"recsys_internal.solution WHERE group_id = $1 ORDER BY id",
		{INT8OID}};
	pg::Rows solutions;
	{
		AsOwner owner;
		solutions = find.rows({pg::int8(p.group.id)}, pg::Access::Read);
	}
	if (integer(p.events, "n_types") > 50)
		return; // the profile names the most frequent only
	for (const Row &solution : solutions)
		judge_solution(solution, p.events.at("types"), out);
}

} // namespace

std::string recipe_to_use(std::initializer_list<const char *> names) {
	for (const char *name : names)
		if (recipe::find_recipe(name) != nullptr)
			return name;
	return {};
}

void judge_fit(const Picture &picture, Findings &out) {
	const Verdicts verdicts{out};
	judge_size(picture, verdicts);
	judge_time(picture, verdicts);
	judge_overlap(picture, verdicts);
}

void judge_recipes(const Picture &picture, const std::vector<Dataset> &datasets, Findings &out) {
	std::vector<std::string> possible, lacking;
	for (const recipe::RecipeSpec &recipe : recipe::recipes()) {
		std::vector<std::string> missing;
		for (const std::string_view needed : recipe.required_datasets)
			if (std::none_of(datasets.begin(), datasets.end(),
							 [&](const Dataset &d) { return needed == to_string(d.type); }))
				missing.emplace_back(needed);
		if (missing.empty())
			possible.emplace_back(recipe.name);
		else
			lacking.push_back(std::string(recipe.name) + " (" + list(missing) + ")");
	}
	out.push_back(
		{Severity::Ok, "recipes", "datasets that recipes need are there", list(possible, possible.size()), ""});
	if (!lacking.empty())
		out.push_back({Severity::Ok, "recipes", "datasets that other recipes need", list(lacking, lacking.size()),
					   "Create them if you want such recommendations."});
	judge_solutions(picture, out);
}

} // namespace recsys::ops
