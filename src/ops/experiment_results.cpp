// What became of an experiment: every user who was exposed, in the arm that he was in then, with what he did afterwards.
#include "metrics/sequential_test.hpp"

#include "ops/experiment.hpp"

#include <algorithm>

namespace recsys::ops {

namespace {

// One row a user: id, time of the first exposure, conversions after it, their summed value. $1 from, $2 until (or null), $3 type of the
// exposure (or null: any event), $4 type of the conversion. What was sent under another id of the user counts as his.
std::string users_sql(const catalog::Group &group) {
	const catalog::Dataset events = catalog::require_dataset(group, catalog::DatasetType::Interactions);
	const std::string aliases = catalog::alias_table(group);
	const bool has_aliases =
		!pg::query("SELECT pg_catalog.to_regclass($1)", {TEXTOID}, {pg::text(aliases)}, pg::Access::Read).front().null(0);
	return "WITH e AS MATERIALIZED (SELECT " + std::string(has_aliases ? "coalesce(a.user_id, i.user_id)" : "i.user_id") +
		   " AS user_id, i.event_type, i.event_value, i.\"timestamp\" AS at FROM (" +
		   catalog::union_sql(group, events, {"user_id", "event_type", "event_value", "timestamp"}) + ") AS i" +
		   (has_aliases ? " LEFT JOIN " + aliases + " AS a ON a.alias_id = i.user_id" : std::string()) +
		   " WHERE i.\"timestamp\" >= $1 AND ($2 IS NULL OR i.\"timestamp\" < $2)),"
		   " x AS (SELECT user_id, min(at) AS first FROM e WHERE user_id IS NOT NULL AND ($3 IS NULL OR event_type = $3) GROUP BY 1)"
		   " SELECT x.user_id::text, (extract(epoch FROM x.first) * 1000000)::int8 - 946684800000000, count(e.at),"
		   " coalesce(sum(e.event_value), 0)::float8 FROM x LEFT JOIN e ON e.user_id = x.user_id AND e.event_type = $4 AND e.at >= x.first"
		   " GROUP BY x.user_id, x.first";
}

class IntoArms {
public:
	explicit IntoArms(const Experiment &experiment)
		: experiment_(experiment), assigned_(assignments(experiment)), figures(experiment.arms.size()) {}

	void load(const SPITupleTable *rows) {
		for (std::uint64_t i = 0; i < rows->numvals; ++i) {
			Datum values[4];
			bool nulls[4];
			heap_deform_tuple(rows->vals[i], rows->tupdesc, values, nulls);
			const std::string_view user = pg::text_view(values[0]);
			const auto given = assigned_.find(user);
			const std::size_t arm = given != assigned_.end() ? given->second : experiment_.arm_at(user, DatumGetInt64(values[1]));
			const auto conversions = static_cast<double>(DatumGetInt64(values[2]));
			figures[arm].add(experiment_.measure == "value"	 ? DatumGetFloat8(values[3])
							 : experiment_.measure == "events" ? conversions
															   : static_cast<double>(conversions > 0));
		}
	}

private:
	const Experiment &experiment_;
	const std::map<std::string, std::size_t, std::less<>> assigned_;

public:
	std::vector<metrics::ArmFigures> figures; // an arm each
};

const char *verdict(const metrics::SequentialResult &result) {
	if (!result.enough)
		return "too early";
	if (result.p_value > metrics::kAlpha)
		return "undecided";
	return result.lift > 0 ? "better" : "worse";
}

} // namespace

void write_results(const Experiment &experiment, pg::ResultTable &out) {
	constexpr long kBlock = 10000;
	IntoArms arms(experiment);
	{
		const pg::SafeSearchPath path;
		const pg::SpiScope spi;
		pg::Cursor cursor(users_sql(experiment.group), {TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID, TEXTOID},
						  {pg::timestamptz(experiment.measure_from), experiment.stopped ? pg::timestamptz(*experiment.stopped) : pg::null(),
						   pg::text(experiment.exposure_event_type), pg::text(experiment.conversion_event_type)});
		while (const SPITupleTable *rows = cursor.next(kBlock))
			arms.load(rows);
	}
	const metrics::ArmFigures &control = arms.figures.front();
	for (std::size_t i = 0; i < experiment.arms.size(); ++i) {
		const metrics::ArmFigures &f = arms.figures[i];
		const auto count = [](std::size_t n) { return pg::int8(static_cast<std::int64_t>(n)); };
		const auto result = i == 0 ? metrics::SequentialResult{}
								   : metrics::compare_arms(control, f, experiment.expected_lift, experiment.arms.size() - 1);
		const auto number = [&result](double value) { return result.enough ? pg::float8(value) : pg::null(); };
		out.row({pg::text(experiment.arms[i].name), count(f.users), count(f.converted), f.users == 0 ? pg::null() : pg::float8(f.mean()),
				 number(result.lift), number(result.low), number(result.high), number(result.p_value),
				 pg::text(i == 0 ? "control" : verdict(result))});
	}
}

} // namespace recsys::ops
