// Metric attribution (SPEC 1.16): what events brought, by where they came from. A metric adds up a number over the events of one type;
// the source of an event is what it says itself (event_attribution_source), else the campaign that gave the answer it names
// (recommendation_id), else kUndefinedSource.
//
// Nothing is counted ahead: figures are aggregates over the events themselves, so they are the same however events are written, follow a
// rollback or a deletion, and are there at once.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "catalog/catalog.hpp"

namespace recsys::ops {

constexpr const char *kUndefinedSource = "SOURCE_NAME_UNDEFINED";

struct AttributedMetric {
	std::string name, event_type;
	/// What is added up; absent: events are counted.
	struct Column {
		catalog::DatasetType dataset; // Interactions or Items
		std::string name;
	};
	std::optional<Column> column;
	TimestampTz since = 0; // when the metric was made: events before do not count

	const char *math_function() const { return column ? "SUM" : "SAMPLECOUNT"; }
	std::string expression() const; // as it is written: SUM(Items.price)
};

struct MetricAttribution {
	std::int64_t id = 0;
	catalog::Group group;
	std::string name;
	std::vector<AttributedMetric> metrics; // by name
};

/// Errors: RS001, 42501, 42725.
MetricAttribution find_metric_attribution(const std::string &name, catalog::Right right);

/// `metrics`: [{"metricName", "eventType", "expression"}], also in snake_case. Errors: 42602, 22023, 42703, RS003, RS006.
void create_metric_attribution(const catalog::Group &group, const std::string &name, const catalog::Json &metrics);
void update_metric_attribution(const MetricAttribution &attribution, const catalog::Json &add, const std::vector<std::string> &remove);
std::string describe_metric_attribution(const MetricAttribution &attribution); // JSON

struct Period {
	std::optional<TimestampTz> since, until; // absent: from when the metric was made; up to the newest event
	pg::Param width;						 // an interval
};
/// Rows of recsys.get_attributed_metrics, in its columns. Reads as the current user.
void write_attributed_metrics(const MetricAttribution &attribution, const Period &period, pg::ResultTable &out);

} // namespace recsys::ops
