#include "filter/parser.hpp"

#include "catalog/filters.hpp"

#include "pg/settings.hpp"

namespace recsys::catalog {

using pg::AsOwner;
using pg::Plan;
using pg::Row;

namespace {

constexpr std::size_t kServiceFilters = 30;

// Makers of filters take turns, so that limits over all filters of a group hold.
void lock_group(const Group &group) {
	static Plan lock{"SELECT FROM recsys_internal.dataset_group WHERE id = $1 FOR NO KEY UPDATE", {INT8OID}};
	AsOwner owner;
	lock.row({pg::int8(group.id)});
}

std::vector<std::string> expressions_of(const Group &group) {
	static Plan select{"SELECT expression FROM recsys_internal.filter WHERE group_id = $1", {INT8OID}};
	AsOwner owner;
	std::vector<std::string> out;
	for (const Row &row : select.rows({pg::int8(group.id)}))
		out.push_back(row.text(0));
	return out;
}

filter::CheckOptions check_options(const Group &group) {
	filter::CheckOptions options;
	options.service_limits = pg::settings::service_limits;
	if (!options.service_limits)
		return options;
	const std::vector<std::string> others = expressions_of(group);
	if (others.size() >= kServiceFilters)
		throw Error(sqlstate::LimitExceeded, "dataset group \"" + group.name + "\" has too many filters", "There may be 30 filters.",
					"The limit holds while \"recsys.service_limits\" is on.");
	for (const std::string &expression : others)
		options.fields_of_other_filters.merge(field_names(filter::parse(expression)));
	return options;
}

// The statement whose rows describe() reads; `where` is its condition.
#define RECSYS_FILTERS(where)                                                                                          \
	"SELECT f.name, g.name, f.expression, f.status, to_json(f.created_at) #>> '{}'"                                    \
	" FROM recsys_internal.filter f JOIN recsys_internal.dataset_group g ON g.id = f.group_id WHERE " where

// What is wrong with a filter now that was right when it was made; null when nothing is.
Json problem_of(const FilterLanguage &language, const filter::Filter &filter) {
	try {
		language.statement(filter, filter::Form::PerCandidate);
	} catch (const Error &e) {
		return std::string(e.what()) + (*e.detail() == '\0' ? "" : std::string(": ") + e.detail());
	}
	return nullptr;
}

Json describe(const Row &row, const FilterLanguage &language) {
	const filter::Filter filter = filter::parse(row.text(2));
	Json placeholders = Json::array();
	for (const std::string &name : placeholder_names(filter))
		placeholders.push_back(name);
	return {{"name", row.text(0)},
			{"dataset_group", row.text(1)},
			{"filter_expression", row.text(2)},
			{"target", to_string(target_of(filter))},
			{"placeholders", std::move(placeholders)},
			{"status", row.text(3)},
			{"failure_reason", problem_of(language, filter)},
			{"created_at", row.text(4)}};
}

Json value_json(const filter::ParameterValue &value) {
	return std::visit(
		[](const auto &v) -> Json {
			if constexpr (std::is_same_v<std::decay_t<decltype(v)>, std::monostate>)
				return nullptr;
			else
				return v;
		},
		value);
}

// What stands behind $n.
Json parameter_json(const filter::Parameter &p, const std::string &type) {
	Json out{{"type", type}};
	if (!p.placeholder.empty())
		out["placeholder"] = p.placeholder;
	else if (p.type == filter::ParameterType::User)
		out["value"] = "the request's user";
	else if (p.type == filter::ParameterType::Users)
		out["value"] = "the request's user and his aliases";
	else if (p.type == filter::ParameterType::Item)
		out["value"] = "the request's item";
	else
		out["literal"] = value_json(p.literal);
	return out;
}

std::string type_name(Oid type) {
	return pg::call([type]() -> const char * { return format_type_be(type); });
}

Json statement_json(const FilterStatement &statement, const char *candidates) {
	Json parameters = Json::object();
	parameters["$1"] = {{"type", type_name(statement.types.front())}, {"value", candidates}};
	for (std::size_t i = 0; i < statement.parameters.size(); ++i)
		parameters["$" + std::to_string(i + 2)] = parameter_json(statement.parameters[i], type_name(statement.types[i + 1]));
	return {{"sql", statement.sql}, {"parameters", std::move(parameters)}};
}

// A job says in its config which filter it uses, and so does a recommender.
std::string user_of(const Group &group, const std::string &filter) {
	static Plan find{"SELECT format('job \"%s\"', coalesce(name, id::text)) FROM recsys_internal.job WHERE group_id = $1"
					 " AND status IN ('PENDING', 'RUNNING') AND config ->> 'filter' = $2"
					 " UNION ALL SELECT format('recommender \"%s\"', name) FROM recsys_internal.campaign WHERE group_id = $1"
					 " AND config ->> 'filter' = $2 LIMIT 1",
					 {INT8OID, TEXTOID}};
	const auto row = find.row({pg::int8(group.id), pg::text(filter)});
	return row ? row->text(0) : std::string();
}

} // namespace

std::string create_filter(const std::string &name, const std::string &group_name, const std::string &expression) {
	static Plan insert{"INSERT INTO recsys_internal.filter (group_id, name, expression) VALUES ($1, $2, $3)"
					   " ON CONFLICT (group_id, name) DO NOTHING",
					   {INT8OID, TEXTOID, TEXTOID}};
	check_name(name, "filter");
	const Group group = require_group(group_name, Right::Own);
	lock_group(group);
	const FilterLanguage language(group);
	check(filter::parse(expression), language.fields(), check_options(group));
	std::uint64_t inserted;
	{
		AsOwner owner;
		inserted = insert.run({pg::int8(group.id), pg::text(name), pg::text(expression)});
	}
	if (inserted == 0)
		throw Error(sqlstate::AlreadyExists, "filter \"" + name + "\" already exists",
					"Dataset group \"" + group.name + "\" has a filter of this name.", "A filter cannot be changed; delete it first.");
	invalidate_caches();
	return name;
}

void delete_filter(const std::string &name) {
	static Plan remove{"DELETE FROM recsys_internal.filter WHERE id = $1", {INT8OID}};
	const Found found = require_resource("filter", name, Right::Own);
	{
		AsOwner owner;
		if (const std::string user = user_of(found.group, found.name); !user.empty())
			throw Error(sqlstate::InUse, "filter \"" + found.name + "\" is in use", "It is used by " + user + ".",
						"Wait until the job is finished, or delete what uses the filter.");
		remove.run({pg::int8(found.id)});
	}
	invalidate_caches();
}

Json describe_filter(const std::string &name) {
	static Plan select{RECSYS_FILTERS("f.id = $1"), {INT8OID}};
	const Found found = require_resource("filter", name, Right::Read);
	std::optional<Row> row;
	{
		AsOwner owner;
		row = select.row({pg::int8(found.id)});
	}
	const FilterLanguage language(found.group);
	Json out = describe(row.value(), language);
	const filter::Filter filter = filter::parse(row->text(2));
	out["statements"] = nullptr;
	if (out["failure_reason"].is_null())
		out["statements"] = {{"candidates", statement_json(language.statement(filter, filter::Form::PerCandidate), "candidates")},
							 {"catalogue", statement_json(language.statement(filter, filter::Form::Joined),
														  "candidates that have no row in the dataset")}};
	return out;
}

std::vector<Json> list_filters() {
	static Plan select{RECSYS_FILTERS("f.group_id = $1 ORDER BY f.name"), {INT8OID}};
	std::vector<Json> out;
	for (const Group &group : groups_with(Right::Read)) {
		pg::Rows rows;
		{
			AsOwner owner;
			rows = select.rows({pg::int8(group.id)});
		}
		if (rows.empty())
			continue;
		const FilterLanguage language(group);
		for (const Row &row : rows)
			out.push_back(describe(row, language));
	}
	return out;
}

std::string filter_expression(const Group &group, std::string_view name) {
	static Plan select{"SELECT expression FROM recsys_internal.filter WHERE group_id = $1 AND name = $2", {INT8OID, TEXTOID}};
	const std::size_t dot = name.find('.');
	if (dot != std::string_view::npos && name.substr(0, dot) != group.name)
		throw Error(sqlstate::InvalidParameter, "filter \"" + std::string(name) + "\" belongs to another dataset group",
					"The campaign belongs to dataset group \"" + group.name + "\".");
	std::optional<Row> row;
	{
		AsOwner owner;
		row = select.row({pg::int8(group.id), pg::text(dot == std::string_view::npos ? name : name.substr(dot + 1))},
						 pg::Access::Read);
	}
	if (!row)
		throw Error(sqlstate::NotFound, "filter \"" + std::string(name) + "\" does not exist",
					"Dataset group \"" + group.name + "\" has no such filter.", "Filters are listed in \"recsys.filters\".");
	return row->text(0);
}

} // namespace recsys::catalog
