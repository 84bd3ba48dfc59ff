#include "serve/everyone.hpp"

#include <algorithm>

#include "serve/history.hpp"

namespace recsys::serve {

namespace {

constexpr long kRowsAtOnce = 10000;
enum Column { Owner, Id, Item, Time, Counts, Named, kFixed };

std::string replaced(std::string text, const std::string &what, const std::string &by) {
	for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
		text.replace(at, what.size(), by);
	return text;
}

// Users are compared by their bytes: in a database's own order it would take longer, and may take some for equal.
std::string order_of(Oid type) { return type == TEXTOID || type == VARCHAROID ? " COLLATE \"C\"" : ""; }

// kFixed columns, then the event's type and session where the model looks at them.
std::string everyone_sql(Endpoint &endpoint, bool types, bool sessions) {
	const std::string condition = replaced(replaced(endpoint.event_condition(), "{event_type}", "e.\"event_type\""), "{event_value}",
										   "e.\"event_value\"");
	std::vector<std::string> columns{"user_id", "item_id", "timestamp", "anonymous"};
	for (const char *name : {"event_type", "event_value"})
		if (condition.find(name) != std::string::npos || (types && std::string_view(name) == "event_type"))
			columns.emplace_back(name);
	if (sessions)
		columns.emplace_back("session_id");
	const bool aliases = has_aliases(endpoint);
	const std::string cast = catalog::cast_sql(catalog::id_type_name(endpoint.user_type()));
	const auto owner = [&](const char *of) {
		const std::string id = std::string(of) + ".\"user_id\"";
		return aliases ? "coalesce(a.\"user_id\", " + id + ")" + cast : id;
	};
	const auto joined = [&](const char *of) {
		return aliases ? " LEFT JOIN " + catalog::alias_table(endpoint.group()) + " AS a ON a.\"alias_id\" OPERATOR(pg_catalog.=) " + of +
							 ".\"user_id\""
					   : std::string();
	};
	std::string sql = "SELECT " + owner("e") + " AS owner, e.\"user_id\", e.\"item_id\", e.\"timestamp\", (true" + condition + ")," +
					  (aliases ? " a.\"alias_id\" IS NOT NULL OR" : "") + " e.\"anonymous\" IS NOT TRUE" + (types ? ", e.\"event_type\"" : "") +
					  (sessions ? ", e.\"session_id\"" : "") + " FROM (" +
					  catalog::union_sql(endpoint.group(), endpoint.interactions(), columns) + ") AS e" + joined("e") +
					  " WHERE e.\"user_id\" IS NOT NULL";
	if (const auto users = catalog::find_dataset(endpoint.group(), catalog::DatasetType::Users))
		sql += " UNION ALL SELECT " + owner("u") + ", u.\"user_id\", NULL, NULL, false, true" + (types ? ", NULL" : "") +
			   (sessions ? ", NULL" : "") + " FROM (" + catalog::union_sql(endpoint.group(), *users, {"user_id"}) + ") AS u" + joined("u") +
			   " WHERE u.\"user_id\" IS NOT NULL";
	return "SELECT * FROM (" + sql + ") AS everyone ORDER BY owner" + order_of(endpoint.user_type());
}

} // namespace

Everyone::Everyone(Endpoint &endpoint, bool with_items)
	: endpoint_(endpoint), with_items_(with_items),
	  columns_{endpoint.has_negative_types() ? kFixed : -1,
			   endpoint.reads_sessions() ? kFixed + (endpoint.has_negative_types() ? 1 : 0) : -1},
	  cursor_(everyone_sql(endpoint, columns_.type >= 0, columns_.session >= 0), {}, {}), values_(kFixed + 2), nulls_(kFixed + 2) {}

// Deforms the next row into values_; false at the end.
bool Everyone::fetch() {
	while (block_ == nullptr || row_ == block_->numvals) {
		block_ = cursor_.next(kRowsAtOnce);
		row_ = 0;
		if (block_ == nullptr)
			return false;
		if (block_->numvals == 0)
			block_ = nullptr;
	}
	static_assert(sizeof(bool) == sizeof(char));
	heap_deform_tuple(block_->vals[row_], block_->tupdesc, values_.data(), reinterpret_cast<bool *>(nulls_.data()));
	return true;
}

bool Everyone::next(Person &person) {
	pg::IdBuffer owner_buffer, id_buffer;
	do {
		person.history.clear();
		person.items.clear();
		n_ids_ = 0;
		named_ = false;
		if (!fetch())
			return false;
		const Oid type = TupleDescAttr(block_->tupdesc, Owner)->atttypid;
		person.id = pg::id_text(values_[Owner], type, owner_buffer);
		do {
			take(person, pg::id_text(values_[Id], type, id_buffer));
			++row_;
		} while (fetch() && pg::id_text(values_[Owner], type, owner_buffer) == person.id);
		finish(person);
	} while (!named_);
	return true;
}

void Everyone::take(Person &person, std::string_view id) {
	named_ = named_ || DatumGetBool(values_[Named]);
	const bool learns = endpoint_.model().scorer().max_history() > 0;
	if (nulls_[Item] || nulls_[Time] || !(learns || with_items_))
		return;
	pg::IdBuffer buffer;
	const std::uint32_t item =
		endpoint_.model().find_item(pg::id_text(values_[Item], TupleDescAttr(block_->tupdesc, Item)->atttypid, buffer));
	if (with_items_ && item != data::kNone)
		person.items.push_back(item);
	if (nulls_[Counts] || !DatumGetBool(values_[Counts]) || !learns)
		return;
	const auto type = static_cast<std::size_t>(columns_.type), session = static_cast<std::size_t>(columns_.session);
	const bool negative = columns_.type >= 0 && !nulls_[type] && endpoint_.is_negative_type(pg::text_view(values_[type]));
	recipe::Event event{item, pg::unix_micros(DatumGetTimestampTz(values_[Time])), static_cast<std::int8_t>(negative ? -1 : 1)};
	if (columns_.session >= 0 && !nulls_[session])
		event.session = session_ordinal(pg::text_view(values_[session]));
	add(id, event);
}

void Everyone::add(std::string_view id, const recipe::Event &event) {
	std::size_t at = 0;
	while (at < n_ids_ && ids_[at].id != id)
		++at;
	if (at == n_ids_) {
		if (++n_ids_ > ids_.size())
			ids_.emplace_back();
		ids_[at].id = id;
		ids_[at].events.clear();
	}
	ids_[at].events.push_back(event);
}

void Everyone::finish(Person &person) {
	for (std::size_t i = 0; i < n_ids_; ++i) {
		std::vector<recipe::Event> &events = ids_[i].events;
		std::stable_sort(events.begin(), events.end(), [](const auto &a, const auto &b) { return a.time > b.time; });
		cut_newest(endpoint_, events);
		person.history.insert(person.history.end(), events.begin(), events.end());
	}
	settle_history(endpoint_, person.history);
	std::sort(person.items.begin(), person.items.end());
	person.items.erase(std::unique(person.items.begin(), person.items.end()), person.items.end());
}

} // namespace recsys::serve
