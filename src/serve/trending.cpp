#include "serve/trending.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "pg/settings.hpp"
#include "pg/snapshot.hpp"

extern "C" {
#include "access/xact.h"
#include "tcop/pquery.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
}

namespace recsys::serve {

namespace {

constexpr std::int64_t kMinuteUs = 60'000'000;

bool has_view(const catalog::Dataset &dataset) {
	return std::any_of(dataset.sources.begin(), dataset.sources.end(), [](const catalog::Source &source) {
		const Oid relation = source.relation;
		return pg::call([relation] { return get_rel_relkind(relation); }) == RELKIND_VIEW;
	});
}

bool has_written() { return TransactionIdIsValid(GetTopTransactionIdIfAny()); }

/// When the active snapshot was taken, at the earliest: a cursor's rows may be fetched long after.
TimestampTz snapshot_time() {
	const TimestampTz statement = GetCurrentStatementStartTimestamp();
	return ActivePortal == nullptr ? statement : std::min(statement, ActivePortal->creation_time);
}

} // namespace

Trends::Trends(const catalog::Group &group, const catalog::Dataset &interactions, const std::string &condition, int minutes)
	: newest_(catalog::newest_sql(group, interactions), {TIMESTAMPTZOID}), interval_us_(minutes * kMinuteUs),
	  over_view_(has_view(interactions)) {
	const std::string events = catalog::union_sql(group, interactions, {"item_id", "timestamp"},
												  "{timestamp > $1} AND {timestamp <= $3}" + condition);
	counts_ = pg::DynamicPlan("SELECT e.\"item_id\", pg_catalog.count(*) FILTER (WHERE e.\"timestamp\" OPERATOR(pg_catalog.>) $2)"
							  " OPERATOR(pg_catalog.-) pg_catalog.count(*) FILTER (WHERE e.\"timestamp\" OPERATOR(pg_catalog.<=) $2)"
							  " FROM (" + events + ") AS e WHERE e.\"item_id\" IS NOT NULL GROUP BY e.\"item_id\"",
							  {TIMESTAMPTZOID, TIMESTAMPTZOID, TIMESTAMPTZOID});
}

bool Trends::kept() const {
	if (!kept_.items || has_written() || kept_.user != GetUserId() || kept_.time_zone != session_timezone)
		return false;
	if (!newest_.current() || !counts_.current())
		return false; // a table was altered: its row-level security, perhaps
	if (kept_.transaction == 0 ? IsolationUsesXactSnapshot() : kept_.transaction != pg::current_transaction())
		return false;
	return GetCurrentTimestamp() - kept_.taken_at < std::int64_t{1'000'000} * pg::settings::trending_cache;
}

void Trends::keep(std::shared_ptr<const TrendingItems> items) {
	kept_ = {};
	if (has_written() || over_view_ || newest_.depends_on_row_security() || counts_.depends_on_row_security())
		return;
	kept_ = {std::move(items), GetUserId(), session_timezone, snapshot_time(),
			 IsolationUsesXactSnapshot() ? pg::current_transaction() : 0};
}

TrendingItems Trends::read(const store::Model &model) {
	TrendingItems items;
	const SPITupleTable *newest = newest_.fetch({pg::timestamptz(GetCurrentTimestamp())}, pg::Access::Read);
	bool null = true;
	const Datum end = newest->numvals == 0 ? 0 : pg::column(newest, 0, 0, null);
	if (null)
		return items;
	const TimestampTz until = DatumGetTimestampTz(end);
	const SPITupleTable *rows =
		counts_.fetch({pg::timestamptz(until - 2 * interval_us_), pg::timestamptz(until - interval_us_), pg::timestamptz(until)},
					  pg::Access::Read);
	items.reserve(rows->numvals);
	const Oid type = TupleDescAttr(rows->tupdesc, 0)->atttypid;
	Datum values[2];
	bool nulls[2];
	pg::IdBuffer buffer;
	for (std::uint64_t row = 0; row < rows->numvals; ++row) {
		heap_deform_tuple(rows->vals[row], rows->tupdesc, values, nulls);
		const std::string_view id = pg::id_text(values[0], type, buffer);
		const std::uint32_t item = model.find_item(id);
		items.push_back({item, item == data::kNone ? std::string(id) : std::string(), DatumGetInt64(values[1])});
	}
	return items;
}

std::shared_ptr<const TrendingItems> Trends::count(const store::Model &model, const std::vector<float> &popularity) {
	if (kept())
		return kept_.items;
	auto items = std::make_shared<TrendingItems>(read(model));
	const auto popular = [&](const TrendingItem &i) {
		return i.item == data::kNone ? -std::numeric_limits<float>::infinity() : popularity[i.item];
	};
	std::sort(items->begin(), items->end(), [&](const TrendingItem &a, const TrendingItem &b) {
		if (a.growth != b.growth)
			return a.growth > b.growth;
		if (popular(a) != popular(b))
			return popular(a) > popular(b);
		return a.item != b.item ? a.item < b.item : a.id < b.id;
	});
	keep(items);
	return items;
}

std::vector<std::string_view> order_by_growth(const TrendingItems &items, recipe::Scores &scores) {
	std::vector<std::string_view> newcomers;
	const auto [least, most] = std::minmax_element(scores.logit.begin(), scores.logit.end());
	const bool any = least != scores.logit.end();
	// Whole numbers above and below all logits: exact in single precision for 16 million items each way.
	float above = std::ceil(any ? *most : 0.0f), below = std::floor(any ? *least : 0.0f);
	above += static_cast<float>(
		std::count_if(items.begin(), items.end(), [](const TrendingItem &i) { return i.growth > 0; }) + 1);
	for (const TrendingItem &i : items) {
		std::size_t ordinal = i.item;
		if (i.item == data::kNone) {
			ordinal = scores.logit.size();
			scores.logit.push_back(0);
			scores.reason.push_back(recipe::Reason::Popular);
			newcomers.push_back(i.id);
		} else if (i.growth == 0) {
			continue;
		}
		scores.logit[ordinal] = i.growth > 0 ? above -= 1 : below -= 1;
		if (i.growth > 0)
			scores.reason[ordinal] = recipe::Reason::Trending;
	}
	return newcomers;
}

} // namespace recsys::serve
