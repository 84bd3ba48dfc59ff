// What the rows of a dataset are like, asked of PostgreSQL as the current user: what he may not see is not counted.
//
// Events are read twice in whole, in aggregates that PostgreSQL runs in parallel: once by item and event type, from
// which everything about types, times, values and items follows, and once by user. Whatever needs each value by itself
// (repeated rows, distinct values, quantiles) is asked of a sample when there are many rows. A sample is the rows of
// every n-th user or record, by a hash of the id: it is the same each time, works for views and foreign tables too, and
// what repeats is in it together.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "catalog/catalog.hpp"

namespace recsys::ops {

using catalog::Json;

/// Rows that a statement will give and what it will cost, as the planner sees it.
struct Plan {
	double rows, cost;
};
Plan plan_of(const std::string &sql);

/// "item_id" or "action_id": what the events of this type are about.
const char *subject_column(catalog::DatasetType type);

/// {"totals": {events, incomplete, future, early, infinite, first, last, sane_first, sane_last},
///  "types": [{type, events, valued, least, most, mean, negative, low, unreal, filled [by own field]}], the 50 most
///  frequent, "n_types", "subjects": {used, rows, repeated, unused, unknown, unknown_events, example, available,
///  available_used, available_events, life_days, living}}. `records`: the items or actions that the events are about.
Json event_profile(const catalog::Group &group, const catalog::Dataset &events,
				   const std::optional<catalog::Dataset> &records);

/// {used, two, busiest, rows, repeated, unused, unknown, example}, without anonymous visitors in the last two.
Json user_profile(const catalog::Group &group, const catalog::Dataset &events,
				  const std::optional<catalog::Dataset> &users);

/// Which rows of a dataset are looked at one by one: those of every `step`-th id.
struct Sample {
	std::int64_t step = 1;
	std::string condition; // for union_sql; "" = all
	std::string label;     // "1 in 84 users"; "" = all
};
Sample sample_of(const catalog::Group &group, const catalog::Dataset &dataset);

/// {rows, repeated}: rows of the sample, and those that say the same as an earlier one.
Json repeated_events(const catalog::Group &group, const catalog::Dataset &events, const Sample &sample);

/// One column of the sample. Of a categorical text with "|" each category counts by itself.
struct ColumnProfile {
	ColumnProfile(std::string column, std::string sql_type, std::string of_field = {})
		: name(std::move(column)), type(std::move(sql_type)), role(std::move(of_field)) {}
	std::string name, type;
	std::string role; // of a field; "" for the fixed columns
	std::int64_t rows = 0, filled = 0;
	std::optional<std::int64_t> distinct;
	std::optional<std::string> minimum, maximum; // numbers and times
	std::optional<double> mean, median;
	std::int64_t outliers = 0;            // beyond three interquartile ranges
	std::vector<std::string> most_common; // "value (n)"
};
enum class Columns { All, Own }; // with the fixed columns of the dataset type, or the dataset's fields alone
std::vector<ColumnProfile> column_profiles(const catalog::Group &group, const catalog::Dataset &dataset,
										   const Sample &sample, Columns which);

// ---- reading the answers: null and absent are 0 and ""

std::int64_t integer(const Json &object, const char *key);
double real(const Json &object, const char *key);
std::string text(const Json &object, const char *key);
/// The date of a time in JSON: "2024-01-31", "infinity".
std::string date(const Json &object, const char *key);

} // namespace recsys::ops
