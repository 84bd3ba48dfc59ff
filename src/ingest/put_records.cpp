#include "ingest/put_records.hpp"

#include "ingest/record.hpp"

#include "pg/settings.hpp"

namespace recsys::ingest {

using catalog::DatasetType;
using catalog::Group;

namespace {

constexpr std::size_t kRecordsPerCall = 10;

struct Subject {
	const char *kind, *key, *label; // of the message, of the table, of the JSON
	std::size_t properties_limit;
};
Subject subject_of(DatasetType type) {
	switch (type) {
	case DatasetType::Users:
		return {"user", "user_id", "userId", 24000};
	case DatasetType::Actions:
		return {"action", "action_id", "actionId", 32000};
	default:
		return {"item", "item_id", "itemId", 32000};
	}
}

void set_properties(Record &record, const ColumnSet &columns, std::size_t key_column, const Subject &subject,
					const Json &value) {
	const Json properties =
		parse_properties(record, value, pg::settings::service_limits ? subject.properties_limit : 0);
	for (const auto &[key, property] : properties.items()) {
		const std::optional<std::size_t> column = columns.find(key);
		if (!column)
			record.fail("unrecognized property " + in_quotes(key), columns.own_names());
		if (*column == key_column)
			record.fail(in_quotes(key) + " must not be a property", {}, "It is a field of the record itself.");
		record.set(*column, key, property);
	}
}

void set_fields(Record &record, const ColumnSet &columns, std::size_t key_column, const Subject &subject,
				const Json &value) {
	if (!value.is_object())
		record.fail("must be a JSON object", show_json(value));
	for (const auto &[key, field] : value.items()) {
		if (columns.find(key) == key_column)
			record.set(key_column, key, field);
		else if (normalised(key) == "properties") {
			if (!field.is_null())
				set_properties(record, columns, key_column, subject, field);
		} else
			record.fail("unrecognized field " + in_quotes(key), {},
						std::string("A record has \"") + subject.label + "\" and \"properties\".");
	}
}

} // namespace

const char *key_column(DatasetType type) {
	return subject_of(type).key;
}

std::string upsert_sql(const Group &group, DatasetType type, const ColumnSet &columns, bool streamed) {
	const std::string key = pg::quote_identifier(key_column(type));
	std::string sql = "INSERT INTO " + catalog::own_table(group, type) + " AS t (" + columns.list() +
					  ", streamed) SELECT DISTINCT ON (" + key + ") " + columns.list() +
					  (streamed ? ", true" : ", false") + " FROM recsys_rows ORDER BY " + key +
					  ", recsys_position DESC ON CONFLICT (" + key + ") DO UPDATE SET ";
	for (std::size_t i = 0; i < columns.size(); ++i) {
		const std::string column = pg::quote_identifier(columns[i].name);
		sql += column + " = excluded." + column + ", ";
	}
	return sql + (streamed ? "streamed = true" : "streamed = t.streamed");
}

std::uint64_t put_records(std::string_view group_name, DatasetType type, const char *argument,
						  const std::string &records) {
	const Group group = catalog::require_group(group_name, catalog::Right::Write);
	const ColumnSet columns(group, catalog::require_dataset(group, type));
	const Subject subject = subject_of(type);
	const Json list = parse_list(records, argument);
	if (pg::settings::service_limits && (list.empty() || list.size() > kRecordsPerCall))
		throw Error(sqlstate::LimitExceeded, in_quotes(argument) + " must have 1 to " +
												 std::to_string(kRecordsPerCall) + " elements, not " +
												 std::to_string(list.size()));
	std::vector<std::size_t> required;
	for (std::size_t i = 0; i < columns.size(); ++i)
		if (columns[i].required)
			required.push_back(i);
	pg::RowBatch::Columns batch_columns = columns.batch_columns();
	batch_columns.emplace_back("recsys_position", INT8OID);
	pg::RowBatch batch(batch_columns, work_mem);
	Cuts cuts;
	std::size_t position = 0;
	for (const Json &value : list) {
		Record record(columns, subject.kind, ++position, cuts);
		set_fields(record, columns, columns.at(subject.key), subject, value);
		record.require(required, camel_case);
		record.row().push_back(pg::int8(static_cast<std::int64_t>(position)));
		batch.add(record.row());
	}
	cuts.tell();
	pg::DynamicPlan upsert(upsert_sql(group, type, columns, true), {});
	return list.empty() ? 0 : batch.run(upsert);
}

} // namespace recsys::ingest
