#include "serve/answer.hpp"

#include <algorithm>
#include <unordered_map>

#include "store/recommendation_id.hpp"

#include "pg/settings.hpp"
#include "pg/text_pool.hpp"

namespace recsys::serve {

namespace {

constexpr std::size_t kServiceResults = 500, kServiceResultsWithMetadata = 50;

using Positions = std::unordered_map<std::string_view, std::uint32_t>;

Positions positions_of(std::span<const std::string_view> ids) {
	Positions positions(ids.size() * 2);
	for (std::uint32_t i = 0; i < ids.size(); ++i)
		positions.emplace(ids[i], i);
	return positions;
}

/// jsonb values by row of the answer; 0 where the item has no row.
std::vector<Datum> read_metadata(Endpoint &endpoint, std::span<const AnswerRow> rows, const std::vector<std::string> &columns) {
	std::vector<std::string_view> ids;
	for (const AnswerRow &row : rows)
		ids.push_back(row.id);
	const Positions positions = positions_of(ids);
	const SPITupleTable *found =
		endpoint.metadata(columns).fetch({pg::id_array_param(ids, endpoint.item_type())}, pg::Access::Read);
	std::vector<Datum> values(rows.size());
	pg::IdBuffer buffer;
	for (std::uint64_t i = 0; i < found->numvals; ++i) {
		bool null = false;
		const Datum id = pg::column(found, i, 0, null);
		const auto at = positions.find(pg::id_text(id, TupleDescAttr(found->tupdesc, 0)->atttypid, buffer));
		if (at != positions.end())
			values[at->second] = pg::column(found, i, 1, null);
	}
	return values;
}

enum Column { Rank, ItemId, Score, Reason, PromotionName, Metadata, RecommendationId, kColumns };

} // namespace

std::string canonical_id(std::string_view id, Oid type) {
	if (type == TEXTOID || type == VARCHAROID)
		return std::string(id);
	const pg::Param value = pg::id_param(id, type);
	pg::IdBuffer buffer;
	return std::string(value.null ? id : pg::id_text(value.value, type, buffer));
}

void write_answer(const pg::ResultTable &table, Endpoint &endpoint, std::span<const AnswerRow> rows,
				  const std::vector<std::string> &metadata_columns) {
	store::AnswerContent content{endpoint.campaign_id(), endpoint.version_id(), static_cast<std::uint64_t>(endpoint.revision()), 0, {}};
	content.items.reserve(rows.size());
	for (const AnswerRow &row : rows)
		if (row.item != data::kNone)
			content.items.push_back(row.item);
	const std::string answer_id = store::recommendation_id(content);
	std::vector<Datum> metadata;
	if (!metadata_columns.empty() && !rows.empty())
		metadata = read_metadata(endpoint, rows, metadata_columns);

	std::size_t bytes = pg::TextPool::need(answer_id);
	for (const AnswerRow &row : rows)
		bytes += pg::TextPool::need(row.id) + pg::TextPool::need(row.reason) + pg::TextPool::need(row.promotion);
	pg::TextPool pool(bytes);
	const Datum id = pool.add(answer_id);
	std::vector<Datum> datums(rows.size() * kColumns);
	for (std::size_t i = 0; i < rows.size(); ++i) {
		Datum *d = &datums[i * kColumns];
		d[Rank] = Int32GetDatum(static_cast<std::int32_t>(i + 1));
		d[ItemId] = pool.add(rows[i].id);
		d[Score] = Float8GetDatum(rows[i].score);
		d[Reason] = i > 0 && rows[i].reason == rows[i - 1].reason ? d[Reason - kColumns] : pool.add(rows[i].reason);
		d[PromotionName] = rows[i].promotion.empty() ? 0 : pool.add(rows[i].promotion);
		d[Metadata] = metadata.empty() ? 0 : metadata[i];
		d[RecommendationId] = id;
	}
	Datum *all = datums.data();
	const AnswerRow *first = rows.data();
	const std::size_t n = rows.size();
	Tuplestorestate *store = table.store();
	const TupleDesc shape = table.descriptor();
	pg::call([=] {
		bool nulls[kColumns] = {};
		for (std::size_t i = 0; i < n; ++i) {
			Datum *d = all + i * kColumns;
			nulls[Score] = !first[i].scored;
			nulls[PromotionName] = d[PromotionName] == 0;
			nulls[Metadata] = d[Metadata] == 0;
			tuplestore_putvalues(store, shape, d, nulls);
		}
	});
}

stats::Answered counted(const Endpoint &endpoint, std::span<const AnswerRow> rows, std::size_t asked) {
	stats::Answered out{rows.size(), rows.size() < std::min(asked, endpoint.model().items().size()), false, {}};
	const recipe::RecipeSpec &spec = endpoint.spec();
	// What is promoted or explored is so for everybody.
	const auto best = std::find_if(rows.begin(), rows.end(), [](const AnswerRow &row) {
		return row.promotion.empty() && std::string_view(row.reason) != "exploration";
	});
	if (best == rows.end())
		return out;
	const std::string_view reason = best->reason;
	out.fallback = (spec.needs_user || spec.needs_item) && (reason == "popular" || reason == "new");
	if (best->scored)
		out.top_score = best->score;
	return out;
}

void check_service_limit(std::size_t count, bool with_metadata, const char *what) {
	const std::size_t limit = with_metadata ? kServiceResultsWithMetadata : kServiceResults;
	if (pg::settings::service_limits && count > limit)
		throw Error(sqlstate::LimitExceeded, std::string(what) + " must be at most " + std::to_string(limit) +
												 (with_metadata ? " with metadata" : ""),
					"Setting \"recsys.service_limits\" is on.");
}

} // namespace recsys::serve
