// Columns: how full they are, how many values they take, what they should rather be.
#include "ops/rules.hpp"

#include <algorithm>
#include <array>

namespace recsys::ops {

using catalog::Dataset;
using catalog::DatasetType;
using catalog::Role;

namespace {

constexpr std::int64_t kMaxCategories = 1000;

std::string sampled(const Sample &sample) {
	return sample.label.empty() ? "" : " (" + sample.label + ")";
}

// Whether one of the words is a word of the name: "unit_price" has "price", "surprise" does not.
template <std::size_t N> bool has_word(std::string_view name, const std::array<const char *, N> &words) {
	return std::any_of(words.begin(), words.end(), [&](std::string_view word) {
		for (std::size_t at = name.find(word); at != std::string_view::npos; at = name.find(word, at + 1)) {
			const std::size_t end = at + word.size();
			if ((at == 0 || name[at - 1] == '_') && (end == name.size() || name[end] == '_'))
				return true;
		}
		return false;
	});
}

void judge_fill(const ColumnProfile &c, const std::string &object, const Sample &sample, Findings &out) {
	const std::int64_t missing = c.rows - c.filled;
	if (missing == 0)
		return;
	const std::string evidence = percent(c.filled, c.rows) + " filled" + sampled(sample);
	if (c.filled == 0)
		out.push_back({Severity::Warning, object, "empty column", evidence,
					   "Nothing can be learned from it or filtered by it. Fill it, or leave it out of the dataset."});
	else if (c.role == "textual" && c.filled * 100 < c.rows * 85)
		out.push_back({Severity::Warning, object, "textual column less than 85 % filled", evidence,
					   "Items without text are alike in nothing. Write a text for each item, if only its name."});
	else if (c.filled * 100 < c.rows * 70)
		out.push_back({Severity::Warning, object, "column less than 70 % filled", evidence,
					   "Fill it, or give it the role \"stored\" if it is only for filters."});
	else
		out.push_back({Severity::Notice, object, "missing values",
					   percent(missing, c.rows) + " of the rows" + sampled(sample),
					   "Filters that compare the column leave these rows out."});
}

void judge_values(const ColumnProfile &c, const std::string &object, const Sample &sample, Findings &out) {
	if (c.role == "categorical" && c.filled >= 50 && c.distinct == c.filled)
		out.push_back({Severity::Warning, object, "every row has a category of its own",
					   count(c.filled, "row") + sampled(sample),
					   "It is an id or a text. Give it the role \"stored\", or \"textual\"."});
	else if (c.role == "categorical" && c.distinct.value_or(0) > kMaxCategories)
		out.push_back(
			{Severity::Warning, object, "many categories", count(*c.distinct) + " different values" + sampled(sample),
			 "Beyond 1,000 most categories are too rare to say anything. Use a coarser one; names and codes of single "
			 "rows should be of the role \"stored\", separators of several categories \"|\"."});
	if (!c.role.empty() && c.rows >= 50 && c.distinct == 1)
		out.push_back({Severity::Notice, object, "one value only",
					   c.most_common.empty() ? "all are " + c.minimum.value_or("") : c.most_common.front(),
					   "It tells nothing apart. Leave it out of the dataset."});
	if (c.role == "numeric" && c.outliers * 1000 > c.filled)
		out.push_back({Severity::Notice, object, "outliers",
					   percent(c.outliers, c.filled) + " lie beyond three interquartile ranges, " +
						   c.minimum.value_or("") + " to " + c.maximum.value_or("") + ", median " +
						   number(c.median.value_or(0)) + sampled(sample),
					   "Look at the extreme values: placeholders such as 0, -1 or 99999 should be NULL."});
}

void judge_availability(const ColumnProfile &c, const std::string &object, const Json &share, Findings &out) {
	const std::int64_t rows = integer(share, "rows"), available = integer(share, "available"),
					   missing = integer(share, "missing");
	if (rows == 0)
		return;
	if (available == 0)
		out.push_back({Severity::Error, object, "no item is available", "all " + count(rows) + " are false",
					   "Nothing can be recommended. false means: must not be returned now."});
	else if (available * 2 < rows)
		out.push_back({Severity::Warning, object, "most items are unavailable",
					   percent(rows - available, rows) + " are false",
					   "They are never returned, but are learned from. Check that true means available."});
	if (missing != 0)
		out.push_back({Severity::Notice, object, "availability is not known", percent(missing, rows) + " are NULL",
					   "NULL counts as available."});
	if (available == rows && missing == 0 && rows >= 50)
		out.push_back({Severity::Notice, object, "every item is available", count(rows, "item"),
					   "Check that the column is kept up to date."});
}

} // namespace

void judge_columns(const catalog::Group &group, const Dataset &dataset, const std::vector<ColumnProfile> &columns,
				   const Sample &sample, Findings &out) {
	static constexpr std::array kAvailability = {"available", "availability", "in_stock", "active",
												 "enabled",   "published",    "is_active"};
	for (const ColumnProfile &c : columns) {
		const std::string object = std::string(to_string(dataset.type)) + "." + c.name;
		if (c.rows == 0)
			return;
		if (c.role == to_string(Role::Availability)) {
			const pg::Row row =
				pg::query("SELECT to_jsonb(t) FROM (SELECT count(*) AS rows, count(*) FILTER (WHERE r.v IS NOT "
						  "FALSE) AS available, count(*) FILTER (WHERE r.v IS NULL) AS missing FROM (SELECT " +
							  pg::quote_identifier(c.name) + " AS v FROM (" +
							  catalog::union_sql(group, dataset, {c.name}) + ") AS u) AS r) AS t",
						  {}, {}, pg::Access::Read)
					.front();
			judge_availability(c, object, Json::parse(row.text(0)), out);
			continue;
		}
		if (!c.role.empty()) {
			judge_fill(c, object, sample, out);
			judge_values(c, object, sample, out);
		}
		if (dataset.type == DatasetType::Items && c.type == "boolean" && !c.role.empty() &&
			has_word(c.name, kAvailability) && dataset.availability() == nullptr)
			out.push_back(
				{Severity::Notice, object, "may say what is available", "its name",
				 "Items that must not be returned now are left out if the column has the role \"availability\" (true = "
				 "available) when the dataset is created."});
	}
}

void judge_context(const Dataset &events, const Json &profile, Findings &out) {
	static constexpr std::array kAfterwards = {"quantity",  "qty",     "discount", "amount",  "total",    "revenue",
											   "paid",      "payment", "order",    "invoice", "shipping", "delivered",
											   "returned",  "refund",  "tax",      "cost",    "duration", "dwell",
											   "completed", "rating",  "stars",    "margin"};
	const Json &types = profile.at("types");
	for (std::size_t i = 0; i < events.fields.size(); ++i) {
		const catalog::Field &field = events.fields[i];
		if (field.role == Role::Stored || field.role == Role::Availability)
			continue;
		const std::string object = std::string(to_string(events.type)) + "." + field.name;
		const std::string advice =
			"Context is what is known when a recommendation is asked for, such as device or place: what "
			"the event itself brings cannot be given then. Give the column the role \"stored\", or leave "
			"it out.";
		std::vector<std::string> filled;
		bool gap = false;
		for (const Json &type : types) {
			const std::int64_t n = static_cast<std::int64_t>(type.at("filled").at(i).get<double>());
			if (n * 2 > integer(type, "events"))
				filled.push_back("\"" + text(type, "type") + "\"");
			gap = gap || (n == 0 && integer(type, "events") >= 20);
		}
		if (has_word(field.name, kAfterwards))
			out.push_back(
				{Severity::Warning, object, "context that may be known only after the event", "its name", advice});
		else if (gap && filled.size() == 1)
			out.push_back({Severity::Warning, object, "context that may be known only after the event",
						   "filled for events of type " + filled.front() + " only", advice});
	}
}

} // namespace recsys::ops
