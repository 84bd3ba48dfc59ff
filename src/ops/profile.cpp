#include "ops/profile.hpp"

#include <cmath>

extern "C" {
#include "utils/timestamp.h"
}

namespace recsys::ops {

using catalog::Dataset;
using catalog::DatasetType;
using catalog::Field;
using catalog::Group;
using catalog::Role;
using pg::quote_identifier;

namespace {

constexpr double kSampleRows = 300000;
constexpr int kMostCommon = 3;
// Clocks differ a little; no event is of a time before there were shops on the net.
constexpr const char *kFuture = "(CURRENT_TIMESTAMP + interval '1 day')", *kEarly = "timestamptz '1980-01-01'";

Json one_object(const std::string &sql) {
	const pg::Rows rows = pg::query(sql, {}, {}, pg::Access::Read);
	return rows.empty() || rows.front().null(0) ? Json::object() : Json::parse(rows.front().text(0));
}

bool has_events(DatasetType type) {
	return type == DatasetType::Interactions || type == DatasetType::ActionInteractions;
}

// The rows of users, items or actions by id: how many have it, and whether one of them may be recommended. Without the
// dataset, no row of the same shape.
std::string records_sql(const Group &group, const std::optional<Dataset> &records, const char *key,
						const char *key_type) {
	if (!records)
		return std::string("SELECT NULL::") + key_type + " AS id, 0::bigint AS copies, true AS available WHERE false";
	const Field *availability = records->availability();
	std::vector<std::string> columns{key};
	if (availability != nullptr)
		columns.push_back(availability->name);
	return "SELECT r." + quote_identifier(key) + " AS id, count(*) AS copies, " +
		   (availability == nullptr ? "true" : "bool_or(r." + quote_identifier(availability->name) + " IS NOT FALSE)") +
		   " AS available FROM (" + catalog::union_sql(group, *records, columns) + ") AS r WHERE r." +
		   quote_identifier(key) + " IS NOT NULL GROUP BY 1";
}

// Aggregates of a cell: the events of one item and type.
std::string cells_sql(const Group &group, const Dataset &events) {
	const std::string subject = subject_column(events.type);
	const bool valued = events.type == DatasetType::Interactions;
	std::vector<std::string> columns{"user_id", subject, "event_type", "timestamp"};
	if (valued)
		columns.emplace_back("event_value");
	std::string fills;
	for (const Field &field : events.fields) {
		fills += (fills.empty() ? "count(e." : ", count(e.") + quote_identifier(field.name) + ")";
		columns.push_back(field.name);
	}
	const std::string value = valued ? "e.event_value" : "NULL::float8", time = "e.\"timestamp\"";
	const std::string sane = " FILTER (WHERE " + time + " BETWEEN " + kEarly + " AND " + kFuture + ")";
	return "SELECT e." + subject +
		   " AS id, e.event_type AS type, count(*) AS n, count(*) FILTER (WHERE e.user_id IS NULL "
		   "OR e." +
		   subject + " IS NULL OR " + time + " IS NULL) AS incomplete, min(" + time + ") AS first, max(" + time +
		   ") AS last, min(" + time + ")" + sane + " AS sane_first, max(" + time + ")" + sane +
		   " AS sane_last, count(*) "
		   "FILTER (WHERE " +
		   time + " > " + kFuture + ") AS future, count(*) FILTER (WHERE " + time + " < " + kEarly +
		   ") AS early, count(*) FILTER (WHERE NOT isfinite(" + time + ")) AS infinite, count(" + value +
		   ") AS valued, min(" + value + ") AS least, max(" + value + ") AS most, sum(" + value +
		   ") AS total, count(*) "
		   "FILTER (WHERE " +
		   value + " < 0) AS negative, count(*) FILTER (WHERE " + value + " <= 2) AS low, count(*) FILTER (WHERE " +
		   value + " IN ('NaN', 'Infinity', '-Infinity')) AS unreal, ARRAY[" + fills + "]::bigint[] AS filled FROM (" +
		   catalog::union_sql(group, events, columns) + ") AS e GROUP BY 1, 2";
}

std::string type_columns(std::size_t n_fields) {
	std::string filled;
	for (std::size_t i = 1; i <= n_fields; ++i)
		filled += (i == 1 ? "sum(filled[" : ", sum(filled[") + std::to_string(i) + "])";
	return "type, sum(n) AS events, sum(valued) AS valued, min(least) AS least, max(most) AS most, sum(total) / "
		   "nullif(sum(valued), 0) AS mean, sum(negative) AS negative, sum(low) AS low, sum(unreal) AS unreal, ARRAY[" +
		   filled +
		   "]::bigint[] AS "
		   "filled";
}

// A materialised list of the sample's rows, and what is asked of each of its columns: one object a column.
class ColumnQuery {
public:
	explicit ColumnQuery(std::string rows) : rows_(std::move(rows)) {}

	void add(const std::string &name, const std::string &type, const Field *field) {
		const std::string c = "s." + quote_identifier(name);
		const bool number = type == "float4" || type == "float8" || type == "int4" || type == "int8";
		const bool time = type == "timestamptz";
		std::string parts = "'filled', (SELECT count(" + c + ") FROM s)";
		if (number)
			parts += numbers(c);
		else if (time)
			parts += ", 'range', (SELECT jsonb_build_array(min(" + c + "), max(" + c + ")) FROM s)";
		else if (field == nullptr || field->role != Role::Textual)
			parts += values(c, type, field);
		query_ += ", jsonb_build_object(" + parts + ")";
	}

	std::string sql() const {
		return "WITH s AS MATERIALIZED (" + rows_ + ") SELECT (SELECT count(*) FROM s)" + query_;
	}

private:
	static std::string numbers(const std::string &c) {
		return ", 'range', (SELECT jsonb_build_array(min(" + c + "), max(" + c + ")) FROM s), 'mean', (SELECT avg(" +
			   c + "::float8) FROM s), 'distinct', (SELECT count(DISTINCT " + c +
			   ") FROM s), 'spread', (SELECT jsonb_build_array("
			   "q.v[2], (SELECT count(*) FROM s WHERE " +
			   c + " < q.v[1] - 3 * (q.v[3] - q.v[1]) OR " + c +
			   " > q.v[3] + 3 * (q.v[3] - q.v[1]))) FROM (SELECT percentile_cont(ARRAY[0.25, 0.5, 0.75]) WITHIN GROUP "
			   "(ORDER BY " +
			   c + "::float8) AS v FROM s) AS q)";
	}

	static std::string values(const std::string &c, const std::string &type, const Field *field) {
		std::string from = " FROM s", value = c + "::text";
		if (type == "text[]")
			from += ", unnest(" + c + ") AS v", value = "v";
		else if (field != nullptr && field->role == Role::Categorical)
			from += ", string_to_table(" + c + ", '|') AS v", value = "v";
		value += " COLLATE \"C\""; // what is counted needs no order of a language, which is slow
		return ", 'distinct', (SELECT count(DISTINCT " + value + ")" + from +
			   "), 'common', (SELECT jsonb_agg(left(w.v, 40) "
			   "|| ' (' || w.n || ')' ORDER BY w.n DESC, w.v) FROM (SELECT " +
			   value + " AS v, count(*) AS n" + from + " WHERE " + value +
			   " IS NOT NULL GROUP BY 1 HAVING count(*) > 1 ORDER BY 2 DESC, 1 LIMIT " + std::to_string(kMostCommon) +
			   ") AS w)";
	}

	std::string rows_, query_;
};

// To six digits: enough for people.
double rounded(double value) {
	char text[32];
	std::snprintf(text, sizeof text, "%.6g", value);
	return std::strtod(text, nullptr);
}

std::optional<std::string> element_text(const Json &array, std::size_t i) {
	if (!array.is_array() || array.size() <= i || array[i].is_null())
		return std::nullopt;
	return array[i].is_string() ? array[i].get<std::string>() : array[i].dump();
}

void fill(ColumnProfile &column, const Json &answer) {
	column.filled = integer(answer, "filled");
	if (answer.contains("distinct"))
		column.distinct = integer(answer, "distinct");
	if (answer.contains("range")) {
		column.minimum = element_text(answer["range"], 0);
		column.maximum = element_text(answer["range"], 1);
	}
	if (answer.contains("mean") && answer["mean"].is_number())
		column.mean = rounded(answer["mean"].get<double>());
	if (const Json spread = answer.value("spread", Json()); spread.is_array() && spread[0].is_number()) {
		column.median = rounded(spread[0].get<double>());
		column.outliers = spread[1].get<std::int64_t>();
	}
	if (const Json common = answer.value("common", Json()); common.is_array())
		column.most_common = common.get<std::vector<std::string>>();
}

} // namespace

Plan plan_of(const std::string &sql) {
	std::string text;
	// Access::Write: EXPLAIN counts as a command that a STABLE function must not run, though it writes nothing.
	for (const pg::Row &row : pg::query("EXPLAIN (FORMAT JSON) " + sql, {}, {}, pg::Access::Write))
		text += row.text(0);
	const Json plan = Json::parse(text).at(0).at("Plan");
	return {plan.at("Plan Rows").get<double>(), plan.at("Total Cost").get<double>()};
}

const char *subject_column(DatasetType type) {
	return type == DatasetType::ActionInteractions ? "action_id" : "item_id";
}

Json event_profile(const Group &group, const Dataset &events, const std::optional<Dataset> &records) {
	const char *subject = subject_column(events.type);
	const std::string days = "extract(epoch FROM c.sane_last - c.sane_first) / 86400";
	return one_object(
		"WITH cells AS MATERIALIZED (" + cells_sql(group, events) + "), types AS (SELECT " +
		type_columns(events.fields.size()) +
		" FROM cells GROUP BY type) "
		"SELECT jsonb_build_object('types', (SELECT jsonb_agg(to_jsonb(t)) FROM (SELECT * FROM types ORDER BY events "
		"DESC, "
		"type LIMIT 50) AS t), 'n_types', (SELECT count(type) FROM types), 'totals', (SELECT to_jsonb(t) FROM (SELECT "
		"sum(n) AS events, sum(incomplete) AS incomplete, sum(future) AS future, sum(early) AS early, sum(infinite) AS "
		"infinite, min(first) AS first, max(last) AS last, min(sane_first) AS sane_first, max(sane_last) AS sane_last "
		"FROM "
		"cells) AS t), 'subjects', (SELECT to_jsonb(t) FROM (SELECT count(c.id) AS used, count(r.id) AS rows, "
		"sum(r.copies - 1) AS repeated, count(*) FILTER (WHERE c.id IS NULL) AS unused, count(*) FILTER (WHERE r.id IS "
		"NULL) "
		"AS unknown, sum(c.n) FILTER (WHERE r.id IS NULL) AS unknown_events, min(c.id::text) FILTER (WHERE r.id IS "
		"NULL) AS "
		"example, count(*) FILTER (WHERE r.available) AS available, count(c.id) FILTER (WHERE r.available) AS "
		"available_used, sum(c.n) FILTER (WHERE r.available) AS available_events, count(*) FILTER (WHERE c.n >= 5) AS "
		"living, percentile_cont(0.5) WITHIN GROUP (ORDER BY " +
		days +
		") FILTER (WHERE c.n >= 5) AS life_days FROM (SELECT "
		"id, sum(n) AS n, min(sane_first) AS sane_first, max(sane_last) AS sane_last FROM cells WHERE id IS NOT NULL "
		"GROUP BY "
		"id) AS c FULL JOIN (" +
		records_sql(group, records, subject, catalog::id_type_name(events.item_id_type)) +
		") AS r ON r.id = c.id) AS t))");
}

Json user_profile(const Group &group, const Dataset &events, const std::optional<Dataset> &users) {
	return one_object(
		"SELECT to_jsonb(t) FROM (SELECT count(c.id) AS used, count(*) FILTER (WHERE c.n >= 2) AS two, max(c.n) AS "
		"busiest, "
		"count(r.id) AS rows, sum(r.copies - 1) AS repeated, count(*) FILTER (WHERE c.id IS NULL) AS unused, count(*) "
		"FILTER "
		"(WHERE r.id IS NULL AND NOT c.anonymous) AS unknown, min(c.id::text) FILTER (WHERE r.id IS NULL AND NOT "
		"c.anonymous) AS example FROM (SELECT e.user_id AS id, count(*) AS n, bool_and(coalesce(e.anonymous, false)) "
		"AS "
		"anonymous FROM (" +
		catalog::union_sql(group, events, {"user_id", "anonymous"}) +
		") AS e WHERE e.user_id IS NOT "
		"NULL GROUP BY 1) AS c FULL JOIN (" +
		records_sql(group, users, "user_id", catalog::id_type_name(events.user_id_type)) +
		") AS r ON r.id = c.id) AS t");
}

Sample sample_of(const Group &group, const Dataset &dataset) {
	const char *key = has_events(dataset.type) ? "user_id" : catalog::fixed_columns(dataset.type).front().name;
	const double rows = plan_of(catalog::union_sql(group, dataset, {key})).rows;
	Sample sample;
	sample.step = static_cast<std::int64_t>(std::ceil(rows / kSampleRows));
	if (sample.step <= 1)
		return sample;
	sample.condition = "hashtext({" + std::string(key) + "}::text) % " + std::to_string(sample.step) + " = 0";
	sample.label = "1 in " + std::to_string(sample.step) + (has_events(dataset.type) ? " users" : " ids");
	return sample;
}

Json repeated_events(const Group &group, const Dataset &events, const Sample &sample) {
	const std::string subject = subject_column(events.type);
	return one_object(
		"SELECT to_jsonb(t) FROM (SELECT sum(n) AS rows, sum(n - 1) AS repeated FROM (SELECT count(*) AS n FROM (" +
		catalog::union_sql(group, events, {"user_id", subject, "event_type", "timestamp"}, sample.condition) +
		") AS e GROUP BY user_id, " + subject + ", event_type, \"timestamp\") AS g) AS t");
}

std::vector<ColumnProfile> column_profiles(const Group &group, const Dataset &dataset, const Sample &sample,
										   Columns which) {
	std::vector<std::string> names;
	std::vector<ColumnProfile> out;
	for (const catalog::FixedColumn &fixed : catalog::fixed_columns(dataset.type))
		if (which == Columns::All)
			out.emplace_back(fixed.name, catalog::column_sql_type(dataset, fixed.name));
	for (const Field &field : dataset.fields)
		out.emplace_back(field.name, catalog::column_sql_type(dataset, field.name), to_string(field.role));
	if (out.empty())
		return out;
	for (const ColumnProfile &column : out)
		names.push_back(column.name);
	ColumnQuery query(catalog::union_sql(group, dataset, names, sample.condition));
	for (const ColumnProfile &column : out)
		query.add(column.name, column.type, column.role.empty() ? nullptr : dataset.field(column.name));
	const pg::Row answer = pg::query(query.sql(), {}, {}, pg::Access::Read).front();
	for (std::size_t i = 0; i < out.size(); ++i) {
		out[i].rows = answer.int8(0);
		fill(out[i], Json::parse(answer.text(i + 1)));
	}
	return out;
}

std::int64_t integer(const Json &object, const char *key) {
	return object.contains(key) && object[key].is_number() ? static_cast<std::int64_t>(object[key].get<double>()) : 0;
}

double real(const Json &object, const char *key) {
	return object.contains(key) && object[key].is_number() ? object[key].get<double>() : 0;
}

std::string text(const Json &object, const char *key) {
	return object.contains(key) && object[key].is_string() ? object[key].get<std::string>() : std::string();
}

std::string date(const Json &object, const char *key) {
	const std::string time = text(object, key);
	const std::size_t t = time.find('T');
	return time.substr(0, t) + (time.ends_with(" BC") ? " BC" : "");
}

} // namespace recsys::ops
