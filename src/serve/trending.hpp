// Trending items: those whose interactions grow fastest. An item's growth is the number of its events in the newest interval less
// the number in the interval before it; the newest interval ends with the group's newest event, so that a replayed or imported
// history trends as it did then. Events dated in the future do not count yet.
//
// Nothing is kept up to date by writers: one aggregate over the two intervals, through the index on "timestamp", gives the counts
// at the time of the request, however the events came in. A session keeps them for recsys.trending_cache, but not
//
//   across its own writes   a transaction that has written counts for itself, so what it rolls back was never kept
//   across snapshots        a transaction with a fixed snapshot keeps its counts for itself
//   across changes of the tables themselves
//   where the rows depend on more than the role that asks: under row-level security, and over views
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "store/model_cache.hpp"

#include "catalog/catalog.hpp"

namespace recsys::serve {

struct TrendingItem {
	std::uint32_t item; // ordinal of the model, data::kNone for an item that it does not know
	std::string id;		// of an item that the model does not know
	std::int64_t growth;
};
using TrendingItems = std::vector<TrendingItem>;

class Trends {
public:
	/// `condition`: which events count, as catalog::union_sql takes it. `minutes`: the length of an interval.
	Trends(const catalog::Group &group, const catalog::Dataset &interactions, const std::string &condition, int minutes);

	/// Every item with an event in one of the two intervals: by growth, then by `popularity` (a logit for each of the model's
	/// items), newcomers after the others. Empty when there is no such event. Within a SpiScope.
	std::shared_ptr<const TrendingItems> count(const store::Model &model, const std::vector<float> &popularity);

private:
	bool kept() const;
	void keep(std::shared_ptr<const TrendingItems> items);
	TrendingItems read(const store::Model &model);

	pg::DynamicPlan newest_, counts_;
	std::int64_t interval_us_;
	bool over_view_;
	struct Kept {
		std::shared_ptr<const TrendingItems> items;
		Oid user;
		const void *time_zone; // times without a zone are read in it
		TimestampTz taken_at;
		std::uint32_t transaction; // 0: any without a fixed snapshot
	} kept_{};
};

/// Puts the items of a popular list in the order of their growth: growing items first; items without growth stay as popular as
/// they are; shrinking ones come last. Items that the model does not know get the ordinals behind its own: their ids are
/// returned, in that order, and live as long as `items`.
std::vector<std::string_view> order_by_growth(const TrendingItems &items, recipe::Scores &scores);

} // namespace recsys::serve
