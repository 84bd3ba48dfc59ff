// The figures of a metric attribution, from the events.
#include "ops/attribution.hpp"

#include <map>
#include <tuple>

#include "store/recommendation_id.hpp"

namespace recsys::ops {

namespace {

using catalog::DatasetType;

// One row for each window, source and answer: start of the window, the source that the event tells, the answer that it names when it
// tells none, and the figure. $1 < time <= $2 (or null), $3 event type, $4 width of the windows.
std::string figures_sql(const catalog::Group &group, const AttributedMetric &metric) {
	const bool of_items = metric.column && metric.column->dataset == DatasetType::Items;
	std::vector<std::string> columns = {"item_id", "timestamp", "event_attribution_source", "recommendation_id"};
	if (metric.column && !of_items)
		columns.push_back(metric.column->name);
	const auto relation = [&group](DatasetType type, const std::vector<std::string> &wanted, const std::string &where) {
		return "(" + catalog::union_sql(group, catalog::require_dataset(group, type), wanted, where) + ")";
	};
	const std::string value = metric.column ? (of_items ? "t." : "i.") + pg::quote_identifier(metric.column->name) : std::string();
	return "SELECT pg_catalog.date_bin($4, i.\"timestamp\", '2000-01-01 00:00:00+00'), i.event_attribution_source,"
		   " CASE WHEN i.event_attribution_source IS NULL THEN i.recommendation_id END, " +
		   (value.empty() ? std::string("count(*)::float8") : "sum(" + value + ")::float8") + " FROM " +
		   relation(DatasetType::Interactions, columns, "{timestamp > $1} AND ($2 IS NULL OR {timestamp <= $2}) AND {event_type} = $3") + " AS i" +
		   (of_items ? " JOIN " + relation(DatasetType::Items, {"item_id", metric.column->name}, {}) + " AS t ON t.item_id = i.item_id" : std::string()) +
		   " GROUP BY 1, 2, 3";
}

/// Names of the group's campaigns by the ids of answers.
class Sources {
public:
	explicit Sources(const catalog::Group &group) {
		static pg::Plan list{"SELECT id, name FROM recsys_internal.campaign WHERE group_id = $1", {INT8OID}};
		const pg::AsOwner owner;
		for (const pg::Row &row : list.rows({pg::int8(group.id)}, pg::Access::Read))
			campaigns_.emplace(row.int8(0), row.text(1));
	}
	std::string of(const std::optional<std::string> &told, const std::optional<std::string> &answer) const {
		if (told)
			return *told;
		const auto content = answer ? store::read_recommendation_id(*answer) : std::nullopt;
		const auto found = content ? campaigns_.find(content->campaign_id) : campaigns_.end();
		return found == campaigns_.end() ? kUndefinedSource : found->second;
	}

private:
	std::map<std::int64_t, std::string> campaigns_;
};

using Key = std::tuple<TimestampTz, std::size_t, std::string>; // window, metric, source

} // namespace

void write_attributed_metrics(const MetricAttribution &attribution, const Period &period, pg::ResultTable &out) {
	constexpr long kBlock = 10000;
	const Sources sources(attribution.group);
	std::map<Key, double> figures;
	for (std::size_t i = 0; i < attribution.metrics.size(); ++i) {
		const AttributedMetric &metric = attribution.metrics[i];
		const TimestampTz since = std::max(metric.since, period.since.value_or(metric.since));
		const pg::SafeSearchPath path;
		const pg::SpiScope spi;
		pg::Cursor cursor(figures_sql(attribution.group, metric), {TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID, INTERVALOID},
						  {pg::timestamptz(since - 1), period.until ? pg::timestamptz(*period.until - 1) : pg::null(), pg::text(metric.event_type), period.width});
		while (const SPITupleTable *rows = cursor.next(kBlock))
			for (std::uint64_t r = 0; r < rows->numvals; ++r) {
				Datum values[4];
				bool nulls[4];
				heap_deform_tuple(rows->vals[r], rows->tupdesc, values, nulls);
				const auto text = [&](int at) { return nulls[at] ? std::nullopt : std::optional<std::string>(pg::text_view(values[at])); };
				if (!nulls[3])
					figures[{DatumGetTimestampTz(values[0]), i, sources.of(text(1), text(2))}] += DatumGetFloat8(values[3]);
			}
	}
	for (const auto &[key, value] : figures) {
		const auto &[window, i, source] = key;
		const AttributedMetric &metric = attribution.metrics[i];
		out.row({pg::text(metric.name), pg::text(metric.event_type), pg::float8(value), pg::text(metric.math_function()), pg::text(source), pg::timestamptz(window)});
	}
}

} // namespace recsys::ops
