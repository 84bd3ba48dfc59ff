#include "store/action_reader.hpp"

#include <algorithm>
#include <memory>

#include "pg/datum.hpp"
#include "pg/snapshot.hpp"

namespace recsys::store {

using catalog::Dataset;
using catalog::DatasetType;

namespace {

std::vector<std::string> names_of(std::vector<std::string> fixed, const std::vector<recipe::AttributeColumn> &columns) {
	for (const recipe::AttributeColumn &column : columns)
		fixed.push_back(column.name);
	return fixed;
}

std::int64_t finite_time(Datum value, const char *column, std::string_view action) {
	const TimestampTz time = DatumGetTimestampTz(value);
	if (TIMESTAMP_NOT_FINITE(time))
		throw Error("22008", "timestamp must be finite",
					"Column \"" + std::string(column) + "\" of action \"" + std::string(action) + "\" is infinite.");
	return pg::unix_micros(time);
}

/// Hands each row of a block to `row(values, nulls)`.
template <class RowSink> void each_row(const SPITupleTable *block, RowSink &&row) {
	std::vector<Datum> values(static_cast<std::size_t>(block->tupdesc->natts));
	const auto nulls = std::make_unique<bool[]>(values.size());
	for (std::uint64_t i = 0; i < block->numvals; ++i) {
		heap_deform_tuple(block->vals[i], block->tupdesc, values.data(), nulls.get());
		row(values.data(), nulls.get());
	}
}

Oid type_of(const SPITupleTable *block, int column) { return TupleDescAttr(block->tupdesc, column)->atttypid; }

} // namespace

std::vector<recipe::AttributeColumn> attribute_columns(const std::optional<Dataset> &dataset, const std::vector<std::string> &excluded) {
	std::vector<recipe::AttributeColumn> columns;
	if (!dataset)
		return columns;
	for (const catalog::Field &field : dataset->fields) {
		const bool category = field.role == catalog::Role::Categorical,
				   number = field.role == catalog::Role::Numeric && field.type != "timestamp";
		if ((category || number) && std::find(excluded.begin(), excluded.end(), field.name) == excluded.end())
			columns.push_back({field.name, category});
	}
	return columns;
}

std::string attribute_list(const std::vector<recipe::AttributeColumn> &columns) {
	std::string list;
	for (const recipe::AttributeColumn &column : columns)
		list += ", r." + pg::quote_identifier(column.name) + (column.categorical ? "::pg_catalog.text" : "::pg_catalog.float8");
	return list;
}

ActionRows::ActionRows(const catalog::Group &group, const std::vector<std::string> &excluded_actions,
					   const std::vector<std::string> &excluded_users, MemoryBudget *budget, const BlockHook &before_block)
	: log_(budget), action_columns_(attribute_columns(catalog::require_dataset(group, DatasetType::Actions), excluded_actions)),
	  user_columns_(attribute_columns(catalog::find_dataset(group, DatasetType::Users), excluded_users)),
	  actions_(action_columns_, budget), users_(user_columns_, budget) {
	pg::SafeSearchPath path;
	read_actions(group, before_block);
	if (const auto answers = catalog::find_dataset(group, DatasetType::ActionInteractions))
		read_answers(group, *answers, before_block);
	if (!user_columns_.empty())
		read_users(group, before_block);
}

void ActionRows::read_actions(const catalog::Group &group, const BlockHook &before_block) {
	const Dataset actions = catalog::require_dataset(group, DatasetType::Actions);
	const std::vector<recipe::AttributeColumn> &columns = action_columns_;
	const std::string sql = "SELECT r.action_id, r.creation_timestamp" + attribute_list(columns) + " FROM (" +
							catalog::union_sql(group, actions, names_of({"action_id", "creation_timestamp"}, columns)) + ") AS r";
	read_blocks(sql, "reading actions", n_actions_, before_block, [&](const SPITupleTable *block) {
		each_row(block, [&](const Datum *values, const bool *nulls) {
			++n_actions_;
			if (nulls[0])
				return;
			pg::IdBuffer buffer;
			const std::string_view id = pg::id_text(values[0], type_of(block, 0), buffer);
			std::optional<std::int64_t> created;
			if (!nulls[1])
				created = finite_time(values[1], "creation_timestamp", id);
			log_.add_item(id, created);
			actions_.row(id);
			read_attributes(
				columns, values + 2, nulls + 2, [&](std::size_t c, std::string_view text) { actions_.category(c, text); },
				[&](std::size_t c, double number) { actions_.number(c, number); });
		});
	});
}

void ActionRows::read_answers(const catalog::Group &group, const Dataset &answers, const BlockHook &before_block) {
	const std::string rows = "(" + catalog::union_sql(group, answers, {"user_id", "action_id", "event_type", "timestamp"}) + ") AS r";
	const std::string aliases = catalog::alias_table(group);
	const bool has_aliases =
		!pg::query("SELECT pg_catalog.to_regclass($1)", {TEXTOID}, {pg::text(aliases)}, pg::Access::Read).front().null(0);
	const std::string sql =
		has_aliases ? "SELECT coalesce(a.user_id, r.user_id), r.action_id, r.event_type, r.\"timestamp\" FROM " + rows + " LEFT JOIN " +
						  aliases + " AS a ON a.alias_id OPERATOR(pg_catalog.=) r.user_id"
					: "SELECT r.user_id, r.action_id, r.event_type, r.\"timestamp\" FROM " + rows;
	read_blocks(sql, "reading action interactions", n_answers_, before_block, [&](const SPITupleTable *block) {
		each_row(block, [&](const Datum *values, const bool *nulls) {
			++n_answers_;
			if (nulls[0] || nulls[1] || nulls[2] || nulls[3]) {
				++n_incomplete_;
				return;
			}
			pg::IdBuffer user_buffer, action_buffer;
			data::EventRow event;
			event.user = pg::id_text(values[0], type_of(block, 0), user_buffer);
			event.item = pg::id_text(values[1], type_of(block, 1), action_buffer);
			event.type = pg::text_view(values[2]);
			event.time = finite_time(values[3], "timestamp", event.item);
			log_.add_event(event);
		});
	});
}

void ActionRows::read_users(const catalog::Group &group, const BlockHook &before_block) {
	const Dataset users = catalog::require_dataset(group, DatasetType::Users);
	const std::vector<recipe::AttributeColumn> &columns = user_columns_;
	const std::string sql = "SELECT r.user_id" + attribute_list(columns) + " FROM (" +
							catalog::union_sql(group, users, names_of({"user_id"}, columns)) + ") AS r";
	read_blocks(sql, "reading users", n_users_, before_block, [&](const SPITupleTable *block) {
		each_row(block, [&](const Datum *values, const bool *nulls) {
			++n_users_;
			if (nulls[0])
				return;
			pg::IdBuffer buffer;
			users_.row(pg::id_text(values[0], type_of(block, 0), buffer));
			read_attributes(
				columns, values + 1, nulls + 1, [&](std::size_t c, std::string_view text) { users_.category(c, text); },
				[&](std::size_t c, double number) { users_.number(c, number); });
		});
	});
}

recipe::ActionSet ActionRows::finish(Executor &executor, const StopToken &stop) {
	recipe::AttributeEncoder action_encoder = actions_.encode(), user_encoder = users_.encode();
	return {log_.finish(executor, stop), std::move(actions_), std::move(users_), std::move(action_encoder), std::move(user_encoder)};
}

} // namespace recsys::store
