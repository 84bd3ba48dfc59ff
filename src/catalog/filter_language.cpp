#include "catalog/filter_language.hpp"

#include <algorithm>

#include "pg/datum.hpp"
#include "pg/settings.hpp"

namespace recsys::catalog {

namespace {

using filter::ColumnType;
using filter::Form;
using filter::ParameterType;
using filter::Relation;
using filter::Target;

constexpr std::pair<Relation, DatasetType> kDatasets[] = {{Relation::Interactions, DatasetType::Interactions},
														  {Relation::Items, DatasetType::Items},
														  {Relation::Users, DatasetType::Users},
														  {Relation::Actions, DatasetType::Actions},
														  {Relation::ActionInteractions, DatasetType::ActionInteractions}};

bool is_event_dataset(Relation relation) {
	return relation == Relation::Interactions || relation == Relation::ActionInteractions;
}

Relation dataset_of(Target target) {
	return target == Target::Item ? Relation::Items : target == Target::User ? Relation::Users : Relation::Actions;
}

const char *id_column(Target target) {
	return target == Target::Item ? "item_id" : target == Target::User ? "user_id" : "action_id";
}

ColumnType column_type(const std::string &sql_type) {
	static const std::map<std::string, ColumnType> types = {
		{"text", ColumnType::Text},			{"text[]", ColumnType::TextArray}, {"uuid", ColumnType::Uuid},
		{"smallint", ColumnType::Integer},	{"integer", ColumnType::Integer},  {"bigint", ColumnType::Integer},
		{"int4", ColumnType::Integer},		{"int8", ColumnType::Integer},	   {"float4", ColumnType::Real},
		{"float8", ColumnType::Double},		{"timestamptz", ColumnType::Timestamp}, {"boolean", ColumnType::Boolean}};
	return types.at(sql_type);
}

filter::Role filter_role(Role role) {
	switch (role) {
	case Role::Categorical:
		return filter::Role::Categorical;
	case Role::Numeric:
		return filter::Role::Numeric;
	case Role::Textual:
		return filter::Role::Textual;
	case Role::Availability:
		return filter::Role::Availability;
	case Role::Stored:
		break;
	}
	return filter::Role::Stored;
}

std::vector<filter::Column> columns_of(const Dataset &dataset) {
	std::vector<filter::Column> columns;
	for (const FixedColumn &c : fixed_columns(dataset.type)) {
		const std::string_view name = c.name;
		if (name == "streamed" || name == "anonymous")
			continue;
		const bool id = name == "user_id" || name == "item_id" || name == "action_id";
		columns.push_back({c.name, column_type(column_sql_type(dataset, name)), id ? filter::Role::Id : filter::Role::Stored});
	}
	for (const Field &f : dataset.fields)
		columns.push_back({f.name, column_type(field_sql_type(f)), filter_role(f.role)});
	return columns;
}

std::string both(const std::string &a, const std::string &b) { return a + (a.empty() || b.empty() ? "" : " AND ") + b; }

std::string quoted_list(const std::vector<std::string> &columns) {
	std::string out;
	for (const std::string &column : columns)
		out += (out.empty() ? "" : ", ") + pg::quote_identifier(column);
	return out;
}

// {column} as a column of `alias`.
std::string qualified(const std::string &condition, const std::string &alias) {
	std::string out;
	for (const char c : condition)
		out += c == '{' ? alias + ".\"" : c == '}' ? std::string("\"") : std::string(1, c);
	return out;
}

} // namespace

FilterLanguage::FilterLanguage(Group group) : group_(std::move(group)) {
	for (const auto &[relation, type] : kDatasets) {
		std::optional<Dataset> found = find_dataset(group_, type);
		if (!found)
			continue;
		fields_.add(relation, columns_of(*found));
		if (relation == Relation::Interactions || (relation == Relation::Users && datasets_.count(Relation::Interactions) == 0))
			user_type_ = found->user_id_type;
		if (relation == Relation::Items || relation == Relation::Interactions)
			item_type_ = found->item_id_type;
		datasets_.emplace(relation, std::move(*found));
	}
}

const Dataset *FilterLanguage::dataset(Relation relation) const {
	const auto it = datasets_.find(relation);
	return it == datasets_.end() ? nullptr : &it->second;
}

// With a limit, the events that filters see are a user's newest of each type. Whose events these are is settled inside, before
// any are left out; which candidate they are asked about only outside, so that the list is made once and not for each candidate.
std::string FilterLanguage::rows(const filter::WantedRows &wanted) const {
	const Dataset &source = datasets_.at(wanted.dataset);
	const int limit = pg::settings::filter_history_limit;
	if (limit == 0 || !is_event_dataset(wanted.dataset))
		return union_sql(group_, source, wanted.columns, both(wanted.of_request, wanted.of_candidate));
	const std::string item = wanted.dataset == Relation::Interactions ? "item_id" : "action_id";
	std::vector<std::string> columns = wanted.columns;
	for (const std::string &needed : {std::string("user_id"), item, std::string("event_type"), std::string("timestamp")})
		if (std::find(columns.begin(), columns.end(), needed) == columns.end())
			columns.push_back(needed);
	return "SELECT " + quoted_list(wanted.columns) + " FROM (SELECT e.*, pg_catalog.row_number() OVER (PARTITION BY " +
		   (wanted.of_request.empty() ? "e.\"user_id\", " : "") + "pg_catalog.lower(e.\"event_type\") ORDER BY e.\"timestamp\" DESC, e.\"" +
		   item + "\") AS f_newest FROM (" + union_sql(group_, source, columns, wanted.of_request) +
		   ") AS e) AS f_event WHERE " +
		   both("f_event.f_newest OPERATOR(pg_catalog.<=) " + std::to_string(limit), qualified(wanted.of_candidate, "f_event"));
}

Oid FilterLanguage::id_type(Target target) const {
	if (target == Target::User)
		return user_type_;
	const Dataset *actions = dataset(Relation::Actions);
	return target == Target::Item || actions == nullptr ? item_type_ : actions->item_id_type;
}

Oid FilterLanguage::parameter_type(ParameterType type) const {
	switch (type) {
	case ParameterType::TextArray:
		return TEXTARRAYOID;
	case ParameterType::Bigint:
		return INT8OID;
	case ParameterType::Numeric:
		return NUMERICOID;
	case ParameterType::Real:
		return FLOAT4OID;
	case ParameterType::Double:
	case ParameterType::Epoch:
		return FLOAT8OID;
	case ParameterType::User:
		return user_type_;
	case ParameterType::Users:
		return pg::id_array_type(user_type_);
	case ParameterType::Item:
		break;
	}
	return item_type_;
}

FilterStatement FilterLanguage::statement(const filter::Filter &filter, Form form, const std::set<std::string> &fractions) const {
	const Target target = target_of(filter);
	const Dataset *own = dataset(dataset_of(target));
	filter::Embedding embedding{"c", 2, form, [this](const filter::WantedRows &wanted) { return rows(wanted); }};
	embedding.candidates_are_rows = own != nullptr && !own->mapped; // a source may have several rows of one id
	embedding.fractions = fractions;
	filter::SqlPredicate predicate = filter::compile(filter, fields_, embedding);
	const std::string id = id_column(target);
	FilterStatement out;
	out.sql = form == Form::PerCandidate
				  ? candidates_in_blocks(id, predicate.joins, predicate.sql)
				  : candidates_of_catalogue(group_, own, id, predicate.columns, predicate.joins, predicate.sql);
	out.types.push_back(pg::id_array_type(id_type(target)));
	for (const filter::Parameter &p : predicate.parameters)
		out.types.push_back(parameter_type(p.type));
	out.parameters = std::move(predicate.parameters);
	return out;
}

std::string candidates_in_blocks(const std::string &id, const std::string &joins, const std::string &predicate) {
	return "SELECT c.n FROM pg_catalog.unnest($1) WITH ORDINALITY AS c (" + id + ", n)" + joins + " WHERE " + predicate;
}

std::string candidates_of_catalogue(const Group &group, const Dataset *dataset, const std::string &id,
									const std::vector<std::string> &columns, const std::string &joins, const std::string &predicate) {
	const std::string time = "NULL::pg_catalog.timestamptz AS f_created";
	std::string of_rows, of_others;
	for (const std::string &column : columns) {
		const std::string name = pg::quote_identifier(column);
		of_rows += ", r." + name;
		of_others += ", NULL" + cast_sql(column_sql_type(*dataset, column)) + " AS " + name;
	}
	std::string rows = "SELECT a." + id + ", " + time + of_others + " FROM pg_catalog.unnest($1) AS a (" + id + ")";
	if (dataset != nullptr) {
		const bool dated = dataset->type != DatasetType::Users;
		std::vector<std::string> all{id};
		all.insert(all.end(), columns.begin(), columns.end());
		if (dated && std::find(all.begin(), all.end(), "creation_timestamp") == all.end())
			all.push_back("creation_timestamp");
		rows = "SELECT r." + id + ", " + (dated ? "r.creation_timestamp AS f_created" : time) + of_rows + " FROM (" +
			   union_sql(group, *dataset, all) + ") AS r UNION ALL " + rows;
	}
	return "SELECT c." + id + ", c.f_created FROM (" + rows + ") AS c" + joins + " WHERE " + predicate;
}

} // namespace recsys::catalog
