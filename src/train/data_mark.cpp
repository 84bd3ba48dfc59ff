#include "train/data_mark.hpp"

#include "pg/spi.hpp"

namespace recsys::train {

using catalog::DatasetType;

namespace {

Json mark(std::uint64_t interactions, const std::string &newest, std::uint64_t items) {
	return {{"interactions", interactions}, {"newest", newest}, {"items", items}};
}

} // namespace

Json data_mark(const store::ReadCounts &read) {
	return mark(read.interactions, read.newest ? std::to_string(*read.newest) : "", read.items);
}

// The newest timestamp in microseconds from 2000 on, as PostgreSQL itself counts.
Json data_mark(const catalog::Group &group) {
	const pg::SafeSearchPath path;
	const std::string events = catalog::union_sql(group, catalog::require_dataset(group, DatasetType::Interactions), {"timestamp"});
	const pg::Row row = pg::query("SELECT count(*), trunc((extract(epoch FROM max(\"timestamp\") FILTER (WHERE isfinite(\"timestamp\")))"
								  " - 946684800) * 1000000) FROM (" +
									  events + ") AS i",
								  {}, {}, pg::Access::Read)
							.front();
	std::uint64_t n_items = 0;
	if (const std::optional<catalog::Dataset> items = catalog::find_dataset(group, DatasetType::Items))
		n_items = static_cast<std::uint64_t>(
			pg::query("SELECT count(*) FROM (" + catalog::union_sql(group, *items, {"item_id"}) + ") AS i", {}, {}, pg::Access::Read)
				.front()
				.int8(0));
	return mark(static_cast<std::uint64_t>(row.int8(0)), row.text(1), n_items);
}

bool new_interactions(const Json &before, const Json &now) {
	return before.is_null() || now.is_null() || before.at("interactions") != now.at("interactions") ||
		   before.at("newest") != now.at("newest");
}

bool new_data(const Json &before, const Json &now) {
	return new_interactions(before, now) || before.at("items") != now.at("items");
}

} // namespace recsys::train
