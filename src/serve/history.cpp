#include "base/hash.hpp"

#include "serve/history.hpp"

#include <algorithm>

#include "serve/answer.hpp"

extern "C" {
#include "access/relation.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"
}

namespace recsys::serve {

using recipe::Event;

namespace {

struct Read {
	std::size_t rows = 0;
	bool unknown = false; // rows were left out because the model does not know their items
};

/// Appends a user's events as a statement tells them.
Read append_events(const Endpoint &endpoint, pg::DynamicPlan &statement, pg::Param user, std::vector<Event> &out) {
	const store::Model &model = endpoint.model();
	const bool negative_types = endpoint.has_negative_types();
	pg::IdBuffer buffer;
	const bool sessions = endpoint.reads_sessions();
	Read read;
	statement.each({user}, [&](const Datum *values, const bool *nulls, TupleDesc shape) {
		++read.rows;
		if (nulls[0] || nulls[1])
			return;
		const std::uint32_t item = model.find_item(pg::id_text(values[0], TupleDescAttr(shape, 0)->atttypid, buffer));
		if (item == data::kNone) {
			read.unknown = true;
			return;
		}
		const bool negative = negative_types && !nulls[2] && endpoint.is_negative_type(pg::text_view(values[2]));
		out.push_back({item, pg::unix_micros(DatumGetTimestampTz(values[1])), static_cast<std::int8_t>(negative ? -1 : 1)});
		const int session = shape->natts - 1;
		if (sessions && !nulls[session])
			out.back().session = session_ordinal(pg::text_view(values[session]));
	});
	return read;
}

void append_newest(Endpoint &endpoint, pg::Param user, std::vector<Event> &out) {
	const std::size_t limit = endpoint.model().scorer().max_history(), before = out.size();
	const Read read = append_events(endpoint, endpoint.statements.newest_events, user, out);
	if (!read.unknown || read.rows < limit)
		return;
	// Events of unknown items stood in the way of older ones that count.
	out.resize(before);
	append_events(endpoint, endpoint.statements.all_events, user, out);
}

bool newer(const Event &a, const Event &b) {
	return a.time != b.time ? a.time > b.time : a.item != b.item ? a.item > b.item : a.sign > b.sign;
}
bool same(const Event &a, const Event &b) { return a.time == b.time && a.item == b.item && a.sign == b.sign; }

// Rows come in the order of their times unless they come from several statements or relations. Events of equal time come in
// any order from the index; training puts them in the order of their items.
void sort_newest_first(std::vector<Event> &events) {
	const auto later = [](const Event &a, const Event &b) { return a.time > b.time; };
	if (!std::is_sorted(events.begin(), events.end(), later)) {
		std::sort(events.begin(), events.end(), newer);
		return;
	}
	for (auto first = events.begin(); first != events.end();) {
		const auto end = std::find_if(first, events.end(), [first](const Event &e) { return e.time != first->time; });
		std::sort(first, end, newer);
		first = end;
	}
}

} // namespace

std::uint32_t session_ordinal(std::string_view session) {
	const auto ordinal = static_cast<std::uint32_t>(hash64(session));
	return ordinal == data::kNone ? 0 : ordinal;
}

// Most groups have no aliases. A table without a page has no rows, which is cheaper to see than to ask.
bool has_aliases(const Endpoint &endpoint) {
	const Oid relation = endpoint.alias_relation();
	if (!OidIsValid(relation))
		return false;
	return pg::call([relation] {
		Relation rel = try_relation_open(relation, AccessShareLock);
		if (rel == nullptr)
			return false;
		const bool plain = rel->rd_rel->relkind == RELKIND_RELATION;
		const bool empty = plain && RelationGetNumberOfBlocks(rel) == 0;
		relation_close(rel, NoLock);
		return !empty;
	});
}

void cut_newest(Endpoint &endpoint, std::vector<Event> &events) {
	const std::size_t limit = endpoint.model().scorer().max_history();
	const auto unknown = [](const Event &e) { return e.item == data::kNone; };
	if (events.size() > limit && limit > 0) {
		const std::int64_t last = events[limit - 1].time;
		const auto end = std::find_if(events.begin() + static_cast<std::ptrdiff_t>(limit), events.end(),
									  [last](const Event &e) { return e.time != last; });
		// Events of unknown items would stand in the way of older ones that count.
		if (std::none_of(events.begin(), end, unknown))
			events.erase(end, events.end());
	}
	std::erase_if(events, unknown);
}

void settle_history(Endpoint &endpoint, std::vector<Event> &out) {
	const std::size_t limit = endpoint.model().scorer().max_history();
	sort_newest_first(out);
	out.erase(std::unique(out.begin(), out.end(), same), out.end());
	if (out.size() > limit)
		out.resize(limit);
	std::reverse(out.begin(), out.end());
}

void read_history(Endpoint &endpoint, std::string_view user, std::vector<Event> &out) {
	out.clear();
	const std::size_t limit = endpoint.model().scorer().max_history();
	const pg::Param id = limit == 0 ? pg::null() : pg::id_param(user, endpoint.user_type());
	if (id.null)
		return;
	if (!has_aliases(endpoint)) {
		append_newest(endpoint, id, out);
	} else {
		const SPITupleTable *ids = endpoint.statements.aliases.fetch({id}, pg::Access::Read);
		for (std::uint64_t row = 0; row < ids->numvals; ++row) {
			bool null = false;
			const Datum value = pg::column(ids, row, 0, null);
			append_newest(endpoint, pg::raw(value), out);
		}
	}
	settle_history(endpoint, out);
}

bool sees_all_events(Endpoint &endpoint) {
	endpoint.statements.newest_events.prepared();
	return !endpoint.statements.newest_events.depends_on_row_security();
}

recipe::Query ask_for(Endpoint &endpoint, const std::optional<std::string> &user, std::vector<Event> &events) {
	recipe::Query query;
	events.clear();
	if (!user)
		return query;
	read_history(endpoint, *user, events);
	query.history = events;
	if (!events.empty() && sees_all_events(endpoint))
		query.user = hash64(canonical_id(*user, endpoint.user_type()));
	return query;
}

pg::Param user_ids_param(Endpoint &endpoint, std::string_view user) {
	const Oid type = endpoint.user_type();
	const pg::Param id = pg::id_param(user, type);
	if (id.null)
		return id;
	if (!has_aliases(endpoint))
		return pg::id_array_param({user}, type);
	std::vector<std::string> storage;
	pg::IdBuffer buffer;
	const SPITupleTable *ids = endpoint.statements.aliases.fetch({id}, pg::Access::Read);
	for (std::uint64_t row = 0; row < ids->numvals; ++row) {
		bool null = false;
		const Datum value = pg::column(ids, row, 0, null);
		if (!null)
			storage.emplace_back(pg::id_text(value, TupleDescAttr(ids->tupdesc, 0)->atttypid, buffer));
	}
	return pg::id_array_param({storage.begin(), storage.end()}, type);
}

} // namespace recsys::serve
