#include "store/model_store.hpp"

#include "store/shown_items.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <utility>

#include "pg/datum.hpp"
#include "store/recommendation_id.hpp"

extern "C" {
#include "utils/array.h"
#include "utils/lsyscache.h"
}

namespace recsys::store {

namespace {

using catalog::DatasetType;

constexpr char kBar = '|'; // between the items of an impression that is one text

void each_part(std::string_view text, const std::function<void(std::string_view)> &use) {
	while (!text.empty()) {
		const std::size_t end = std::min(text.find(kBar), text.size());
		if (end > 0)
			use(text.substr(0, end));
		text.remove_prefix(std::min(end + 1, text.size()));
	}
}

struct Elements {
	Datum *values = nullptr;
	bool *nulls = nullptr;
	int n = 0;
};

/// Of an array of any type of ids.
void each_element(Datum array, Oid type, const std::function<void(std::string_view)> &use) {
	const Elements all = pg::call([array, type] {
		Elements out;
		std::int16_t length = 0;
		bool by_value = false;
		char align = 0;
		get_typlenbyvalalign(type, &length, &by_value, &align);
		deconstruct_array(DatumGetArrayTypeP(array), type, length, by_value, align, &out.values, &out.nulls, &out.n);
		return out;
	});
	pg::IdBuffer buffer;
	for (int i = 0; i < all.n; ++i)
		if (!all.nulls[i])
			use(pg::id_text(all.values[i], type, buffer));
}

void read_impressions(const catalog::Group &group, const catalog::Dataset &interactions, ShownCounts &counts,
					  const std::function<void(std::string_view)> &shown, const BlockHook &before_block) {
	const std::string sql = catalog::union_sql(group, interactions, {"impression"}, "{impression} IS NOT NULL");
	read_blocks("SELECT e.\"impression\" FROM (" + sql + ") AS e WHERE e.\"impression\" IS NOT NULL", "reading impressions", counts.lists,
				before_block, [&](const SPITupleTable *block) {
					const Oid type = TupleDescAttr(block->tupdesc, 0)->atttypid;
					const Oid element = pg::call([type] { return get_element_type(type); });
					for (std::uint64_t row = 0; row < block->numvals; ++row) {
						bool null = false;
						const Datum value = pg::column(block, row, 0, null);
						if (null)
							continue;
						++counts.lists;
						if (OidIsValid(element))
							each_element(value, element, shown);
						else
							each_part(pg::text_view(value), shown);
					}
				});
}

void read_answers(const catalog::Group &group, const catalog::Dataset &interactions, ShownCounts &counts,
				  const std::function<void(std::string_view)> &shown, const BlockHook &before_block) {
	std::map<std::pair<std::int64_t, std::uint64_t>, std::optional<ItemIds>> dictionaries;
	const std::string sql = catalog::union_sql(group, interactions, {"impression", "recommendation_id"}, "{recommendation_id} IS NOT NULL");
	read_blocks("SELECT DISTINCT e.\"recommendation_id\" FROM (" + sql +
					") AS e WHERE e.\"recommendation_id\" IS NOT NULL AND e.\"impression\" IS NULL",
				"reading answers", counts.lists, before_block, [&](const SPITupleTable *block) {
					for (std::uint64_t row = 0; row < block->numvals; ++row) {
						bool null = false;
						const Datum value = pg::column(block, row, 0, null);
						const auto answer = null ? std::nullopt : read_recommendation_id(pg::text_view(value));
						const ItemIds *ids = nullptr;
						if (answer) {
							const auto key = std::pair(answer->version_id, answer->revision);
							auto found = dictionaries.find(key);
							if (found == dictionaries.end())
								found = dictionaries.emplace(key, read_item_ids(group.id, key.first, key.second)).first;
							ids = found->second ? &*found->second : nullptr;
						}
						if (ids == nullptr) {
							++counts.unresolved;
							continue;
						}
						++counts.lists;
						for (const std::uint32_t item : answer->items)
							if (item < ids->size())
								shown((*ids)[item]);
					}
				});
}

} // namespace

ShownCounts read_shown_items(const catalog::Group &group, const std::function<void(std::string_view)> &shown, const BlockHook &before_block) {
	const catalog::Dataset interactions = catalog::require_dataset(group, DatasetType::Interactions);
	ShownCounts counts;
	read_impressions(group, interactions, counts, shown, before_block);
	read_answers(group, interactions, counts, shown, before_block);
	return counts;
}

} // namespace recsys::store
