#include "ops/attribution.hpp"

#include <algorithm>
#include <cctype>
#include <set>

#include "pg/settings.hpp"

extern "C" {
#include "utils/timestamp.h"
}

namespace recsys::ops {

namespace {

using catalog::DatasetType;
using catalog::Json;

constexpr std::size_t kNameLength = 256, kServiceMetrics = 10;
constexpr std::int64_t kEpoch = 946684800; // seconds from 1970 to 2000

[[noreturn]] void refuse(const std::string &message, const std::string &detail = {}, const std::string &hint = {}) {
	throw Error(sqlstate::InvalidParameter, message, detail, hint);
}

std::string lower(std::string text) {
	std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
	return text;
}

/// Whether a field's values can be added up.
bool is_number(const std::string &type) {
	return type == "float" || type == "double" || type == "int" || type == "long";
}

[[noreturn]] void refuse_expression(const std::string &written, const std::string &metric) {
	refuse("invalid expression \"" + written + "\" of metric \"" + metric + "\"", {},
		   "Write SAMPLECOUNT(), SUM(Items.COLUMN) or SUM(Interactions.COLUMN).");
}

/// "SUM(Items.PRICE)" in any case and with spaces.
std::optional<AttributedMetric::Column> parse_expression(const std::string &written, const std::string &metric) {
	std::string text = lower(written);
	std::erase_if(text, [](unsigned char c) { return std::isspace(c) != 0; });
	if (text == "samplecount()")
		return std::nullopt;
	const std::size_t dot = text.find('.');
	if (!text.starts_with("sum(") || !text.ends_with(")") || dot == std::string::npos || dot < 4)
		refuse_expression(written, metric);
	const std::string dataset = text.substr(4, dot - 4), column = text.substr(dot + 1, text.size() - dot - 2);
	if (column.empty() || (dataset != "items" && dataset != "interactions"))
		refuse_expression(written, metric);
	return AttributedMetric::Column{dataset == "items" ? DatasetType::Items : DatasetType::Interactions, column};
}

/// Errors: RS001 without the dataset; 42703, 22023 for a column that is not there or holds no numbers.
void check_column(const catalog::Group &group, AttributedMetric::Column &column) {
	const catalog::Dataset dataset = catalog::require_dataset(group, column.dataset);
	if (column.dataset == DatasetType::Interactions && column.name == "event_value")
		return;
	const catalog::Field *field = dataset.field(column.name);
	if (field == nullptr)
		throw Error("42703", std::string(to_string(column.dataset)) + " of dataset group \"" + group.name + "\" has no column \"" + column.name + "\"");
	if (!is_number(field->type))
		refuse("column \"" + column.name + "\" of " + to_string(column.dataset) + " is no number", "It is declared as " + field->type + ".");
	column.name = field->name;
}

std::string text_of(const Json &metric, const char *camel, const char *snake) {
	for (const char *key : {camel, snake})
		if (const auto it = metric.find(key); it != metric.end() && it->is_string() && !it->get_ref<const std::string &>().empty())
			return it->get<std::string>();
	refuse(std::string("metric has no \"") + camel + "\"", {},
		   R"-(Write, for example, {"metricName": "revenue", "eventType": "Purchase", "expression": "SUM(Items.price)"}.)-");
}

std::vector<AttributedMetric> parse_metrics(const Json &given, const catalog::Group &group) {
	if (!given.is_array())
		refuse("metrics must be a JSON array");
	std::vector<AttributedMetric> metrics;
	for (const Json &one : given) {
		if (!one.is_object())
			refuse("each metric must be a JSON object");
		AttributedMetric metric{text_of(one, "metricName", "metric_name"), text_of(one, "eventType", "event_type"), {}, 0};
		if (metric.name.size() > kNameLength)
			refuse("name of a metric must have at most 256 characters");
		metric.column = parse_expression(text_of(one, "expression", "expression"), metric.name);
		if (metric.column)
			check_column(group, *metric.column);
		for (const AttributedMetric &other : metrics)
			if (other.name == metric.name)
				refuse("metric \"" + metric.name + "\" is given twice");
		metrics.push_back(std::move(metric));
	}
	return metrics;
}

void check_count(std::size_t count) {
	if (pg::settings::service_limits && count > kServiceMetrics)
		throw Error(sqlstate::LimitExceeded, "a metric attribution has at most 10 metrics", "Setting \"recsys.service_limits\" is on.");
}

void store_metrics(std::int64_t id, const std::vector<AttributedMetric> &metrics) {
	static pg::Plan insert{"INSERT INTO recsys_internal.attributed_metric VALUES ($1, $2, $3, $4, $5, $6, clock_timestamp())"
						   " ON CONFLICT (attribution_id, name) DO NOTHING",
						   {INT8OID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID}};
	for (const AttributedMetric &m : metrics)
		if (insert.run({pg::int8(id), pg::text(m.name), pg::text(m.event_type), pg::text(m.math_function()),
						m.column ? pg::text(to_string(m.column->dataset)) : pg::null(), m.column ? pg::text(m.column->name) : pg::null()}) == 0)
			throw Error(sqlstate::AlreadyExists, "metric \"" + m.name + "\" already exists", {}, "Remove it in the same call, or choose another name.");
}

} // namespace

std::string AttributedMetric::expression() const {
	if (!column)
		return "SAMPLECOUNT()";
	return std::string("SUM(") + (column->dataset == DatasetType::Items ? "Items." : "Interactions.") + column->name + ")";
}

MetricAttribution find_metric_attribution(const std::string &name, catalog::Right right) {
	static pg::Plan list{"SELECT name, event_type, dataset, column_name, extract(epoch FROM created_at) * 1000000"
						 " FROM recsys_internal.attributed_metric WHERE attribution_id = $1 ORDER BY name",
						 {INT8OID}};
	const catalog::Found found = catalog::require_resource("metric_attribution", name, right);
	MetricAttribution out{found.id, found.group, found.name, {}};
	const pg::AsOwner owner;
	for (const pg::Row &row : list.rows({pg::int8(found.id)}, pg::Access::Read)) {
		AttributedMetric &metric = out.metrics.emplace_back();
		metric.name = row.text(0);
		metric.event_type = row.text(1);
		if (!row.null(2))
			metric.column = {catalog::parse_dataset_type(row.text(2)), row.text(3)};
		metric.since = static_cast<TimestampTz>(row.float8(4)) - kEpoch * USECS_PER_SEC;
	}
	return out;
}

void create_metric_attribution(const catalog::Group &group, const std::string &name, const Json &metrics) {
	static pg::Plan insert{"INSERT INTO recsys_internal.metric_attribution (group_id, name) VALUES ($1, $2) ON CONFLICT (group_id) DO NOTHING"
						   " RETURNING id",
						   {INT8OID, TEXTOID}};
	catalog::check_name(name, "metric attribution");
	catalog::require_dataset(group, DatasetType::Interactions);
	const std::vector<AttributedMetric> parsed = parse_metrics(metrics, group);
	if (parsed.empty())
		refuse("a metric attribution needs a metric");
	check_count(parsed.size());
	const pg::AsOwner owner;
	const std::optional<pg::Row> row = insert.row({pg::int8(group.id), pg::text(name)});
	if (!row)
		throw Error(sqlstate::AlreadyExists, "dataset group \"" + group.name + "\" has a metric attribution already", {},
					"Add metrics to it with recsys.update_metric_attribution.");
	store_metrics(row->int8(0), parsed);
}

void update_metric_attribution(const MetricAttribution &attribution, const Json &add, const std::vector<std::string> &remove) {
	static pg::Plan remove_one{"DELETE FROM recsys_internal.attributed_metric WHERE attribution_id = $1 AND name = $2", {INT8OID, TEXTOID}};
	static pg::Plan touch{"UPDATE recsys_internal.metric_attribution SET updated_at = clock_timestamp() WHERE id = $1", {INT8OID}};
	const std::vector<AttributedMetric> added = parse_metrics(add, attribution.group);
	const std::set<std::string> removed(remove.begin(), remove.end());
	if (attribution.metrics.size() + added.size() <= removed.size())
		refuse("a metric attribution needs a metric", {}, "Delete it with recsys.delete_metric_attribution.");
	check_count(attribution.metrics.size() + added.size() - removed.size());
	const pg::AsOwner owner;
	for (const std::string &name : removed)
		if (remove_one.run({pg::int8(attribution.id), pg::text(name)}) == 0)
			throw Error(sqlstate::NotFound, "metric attribution \"" + attribution.name + "\" has no metric \"" + name + "\"");
	store_metrics(attribution.id, added);
	touch.run({pg::int8(attribution.id)});
}

std::string describe_metric_attribution(const MetricAttribution &attribution) {
	static pg::Plan find{"SELECT to_jsonb(created_at), to_jsonb(updated_at) FROM recsys_internal.metric_attribution WHERE id = $1", {INT8OID}};
	Json metrics = Json::array();
	for (const AttributedMetric &m : attribution.metrics)
		metrics.push_back({{"metric_name", m.name}, {"event_type", m.event_type}, {"expression", m.expression()}});
	const pg::AsOwner owner;
	const pg::Row row = find.row({pg::int8(attribution.id)}, pg::Access::Read).value();
	return Json{{"name", attribution.name},
				{"dataset_group", attribution.group.name},
				{"status", "ACTIVE"},
				{"metrics", metrics},
				{"created_at", Json::parse(row.text(0))},
				{"updated_at", Json::parse(row.text(1))}}
		.dump();
}

} // namespace recsys::ops
