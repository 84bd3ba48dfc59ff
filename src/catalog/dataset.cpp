// Datasets: what they consist of, and the SQL that stands for their rows.
//
// A mapping is not a view: it is compiled into each statement, so that the caller's own rights, row-level security and the
// owner's indexes apply, and the owner stays free to alter his table. The next statement then names the broken mapping.
#include "catalog/catalog.hpp"

#include <algorithm>
#include <array>
#include <cctype>

extern "C" {
#include "catalog/namespace.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
}

namespace recsys::catalog {

using pg::AsOwner;
using pg::Plan;
using pg::quote_identifier;
using pg::quote_literal;
using pg::Row;

namespace {

std::string lower(std::string_view s) {
	std::string out(s);
	for (char &c : out)
		c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
	return out;
}

constexpr std::array<std::pair<Role, const char *>, 5> kRoleNames = {{{Role::Categorical, "categorical"},
																	   {Role::Numeric, "numeric"},
																	   {Role::Textual, "textual"},
																	   {Role::Stored, "stored"},
																	   {Role::Availability, "availability"}}};

std::vector<Field> parse_fields(const std::string &text) {
	std::vector<Field> fields;
	for (const Json &f : Json::parse(text))
		fields.push_back({f.at("name"), f.at("type"), parse_role(f.at("role").get<std::string>()), f.at("nullable"),
						  f.value("language", ""), f.value("text_null_fill", "")});
	return fields;
}

Oid parse_id_type(const Json &types, const char *column) {
	const std::string name = types.value(column, "text");
	return name == "bigint"	   ? INT8OID
		   : name == "integer" ? INT4OID
		   : name == "smallint" ? INT2OID
		   : name == "uuid"	   ? UUIDOID
							   : TEXTOID;
}

// Sources that statements were written over. When one is altered, what is cached is written anew, and tells which mapping broke.
std::vector<Oid> &watched_sources() {
	static auto &sources = *new std::vector<Oid>;
	return sources;
}
bool is_watched(Oid relation) {
	const std::vector<Oid> &sources = watched_sources();
	return std::find(sources.begin(), sources.end(), relation) != sources.end();
}

// One branch of a dataset's rows while its SELECT is written.
struct Branch {
	const Group &group;
	const Dataset &dataset;
	const Source *source; // null: the own table
};

[[noreturn]] void broken_mapping(const Branch &b, const char *state, const std::string &what) {
	throw Error(state, "mapping of dataset \"" + b.group.name + "/" + to_string(b.dataset.type) + "\" is broken", what,
				std::string("Restore it, or name another with recsys.update_dataset('") + b.group.name + "', '" + to_string(b.dataset.type) +
					(std::string_view(state) == "42P01" ? "', source => ...)." : "', columns => ...)."));
}

std::string relation_name(const Branch &b) {
	const Oid oid = b.source->relation;
	if (!is_watched(oid))
		watched_sources().push_back(oid);
	struct Names {
		const char *schema, *relation;
	};
	const Names names = pg::call([oid] {
		char *relation = get_rel_name(oid);
		char *schema = relation == nullptr ? nullptr : get_namespace_name(get_rel_namespace(oid));
		return Names{schema, relation};
	});
	if (names.relation == nullptr || names.schema == nullptr)
		broken_mapping(b, "42P01", "The mapped relation with OID " + std::to_string(oid) + " no longer exists.");
	return quote_identifier(names.schema) + "." + quote_identifier(names.relation);
}

Oid source_column_type(const Branch &b, const std::string &column) {
	const Oid oid = b.source->relation;
	const char *name = column.c_str();
	const Oid type = pg::call([oid, name] {
		const AttrNumber attribute = get_attnum(oid, name);
		return attribute == InvalidAttrNumber ? InvalidOid : get_atttype(oid, attribute);
	});
	if (!OidIsValid(type))
		broken_mapping(b, "42703", "Column \"" + column + "\" of " + relation_name(b) + " no longer exists.");
	return type;
}

// A source's column in the dataset's type. The cast is always written: C++ reads the values as being of this type, whatever
// the owner of the table makes of the column while the statement is in use. Without need it costs nothing and hides no index.
std::string converted(const Branch &b, const std::string &column, const std::string &wanted) {
	const Oid type = source_column_type(b, column);
	const std::string expression = "t." + quote_identifier(column);
	if (wanted == "text" && pg::call([type] { return OidIsValid(get_base_element_type(type)); }))
		return "pg_catalog.array_to_string(" + expression + ", '|')";
	if (wanted == "text[]" && (type == TEXTOID || type == VARCHAROID || type == BPCHAROID || type == NAMEOID))
		return "pg_catalog.string_to_array(" + expression + "::pg_catalog.text, '|')";
	return expression + cast_sql(wanted);
}

std::string source_expression(const Branch &b, const std::string &column) {
	const std::string type = column_sql_type(b.dataset, column);
	const auto it = b.source->columns.find(column);
	if (it == b.source->columns.end() || it->is_null())
		return "NULL" + cast_sql(type);
	if (it->is_string())
		return converted(b, it->get<std::string>(), type);
	if (it->contains("constant")) {
		const Json &value = it->at("constant");
		return quote_literal(value.is_string() ? value.get<std::string>() : value.dump()) + cast_sql(type);
	}
	const std::string source = it->at("column").get<std::string>();
	source_column_type(b, source);
	const std::string epoch = it->value("epoch", "");
	if (epoch.empty())
		return converted(b, source, type);
	return "pg_catalog.to_timestamp(t." + quote_identifier(source) + "::pg_catalog.float8" +
		   (epoch == "ms" ? " OPERATOR(pg_catalog./) 1000.0" : "") + ")";
}

// The owner of a managed table may drop columns, too.
void check_own_column(const Branch &b, const std::string &column) {
	const char *table = to_string(b.dataset.type), *name = column.c_str();
	const Oid schema = b.group.schema_oid;
	const bool exists = pg::call([table, name, schema] {
		const Oid relation = get_relname_relid(table, schema);
		return !OidIsValid(relation) || get_attnum(relation, name) != InvalidAttrNumber;
	});
	if (!exists)
		throw Error("42703", "column \"" + column + "\" of table \"" + b.group.schema + "." + table + "\" no longer exists", {},
					"Add it again: ALTER TABLE " + own_table(b.group, b.dataset.type) + " ADD COLUMN " + quote_identifier(column) + " " +
						column_sql_type(b.dataset, column) + ".");
}

std::string expression(const Branch &b, const std::string &column) {
	if (b.source != nullptr)
		return source_expression(b, column);
	check_own_column(b, column);
	return "t." + quote_identifier(column) + cast_sql(column_sql_type(b.dataset, column));
}

// How a branch keeps its times: its own expression for them, and what makes a timestamptz parameter comparable with that, so that
// the owner's index is used. Whole numbers and days are the floor, which keeps > and <= what they were.
struct StoredTimes {
	std::string expression, before, after;
};

StoredTimes stored_times(const Branch &b) {
	const auto mapped = b.source == nullptr ? Json::const_iterator() : b.source->columns.find("timestamp");
	if (b.source == nullptr || mapped == b.source->columns.end() || (mapped->is_object() && mapped->contains("constant")))
		return {expression(b, "timestamp"), {}, {}};
	const std::string column = mapped->is_string() ? mapped->get<std::string>() : mapped->at("column").get<std::string>();
	const Oid type = source_column_type(b, column);
	const std::string times = "t." + quote_identifier(column);
	if (mapped->is_string())
		return {times, {}, type == TIMESTAMPOID ? "::pg_catalog.timestamp" : type == DATEOID ? "::pg_catalog.date" : ""};
	const bool whole = type == INT2OID || type == INT4OID || type == INT8OID;
	const std::string units = mapped->value("epoch", "") == "ms" ? ") OPERATOR(pg_catalog.*) 1000" : ")";
	return {times, (whole ? "pg_catalog.floor(" : "(") + std::string("pg_catalog.date_part('epoch', "),
			units + (whole ? ")::bigint" : type == NUMERICOID ? ")::pg_catalog.numeric" : ")")};
}

// A placeholder of a condition: a column, or a comparison of the times with a parameter.
std::string placeholder(const Branch &b, const std::string &inside) {
	const std::size_t operation = inside.find(' '), parameter = inside.rfind(' ') + 1;
	if (operation == std::string::npos)
		return expression(b, inside);
	const StoredTimes times = stored_times(b);
	return times.expression + " OPERATOR(pg_catalog." + inside.substr(operation + 1, parameter - operation - 2) + ") " +
		   times.before + inside.substr(parameter) + times.after;
}

// `where` with every placeholder replaced by the branch's own expression.
std::string expand(const Branch &b, const std::string &where) {
	std::string out;
	for (std::size_t i = 0; i < where.size();) {
		const std::size_t end = where[i] == '{' ? where.find('}', i) : std::string::npos;
		if (end == std::string::npos) {
			out += where[i++];
			continue;
		}
		out += placeholder(b, where.substr(i + 1, end - i - 1));
		i = end + 1;
	}
	return out;
}

const char *key_column(DatasetType type) {
	switch (type) {
	case DatasetType::Items:
		return "item_id";
	case DatasetType::Users:
		return "user_id";
	case DatasetType::Actions:
		return "action_id";
	default:
		return nullptr;
	}
}

// Both branches read the own table.
void check_own_table(const Branch &b) {
	const char *name = to_string(b.dataset.type);
	const Oid schema = b.group.schema_oid;
	if (!OidIsValid(pg::call([name, schema] { return get_relname_relid(name, schema); })))
		throw Error("42P01", "table \"" + b.group.schema + "." + name + "\" of the dataset no longer exists", {},
					"Delete the dataset with recsys.delete_dataset and create it anew.");
}

std::string branch_sql(const Branch &b, const std::vector<std::string> &columns, const std::string &where) {
	std::string sql = "SELECT ";
	for (std::size_t i = 0; i < columns.size(); ++i)
		sql += (i == 0 ? "" : ", ") + expression(b, columns[i]) + " AS " + quote_identifier(columns[i]);
	const std::string own = own_table(b.group, b.dataset.type);
	check_own_table(b);
	sql += " FROM " + (b.source == nullptr ? own : relation_name(b)) + " AS t";
	std::string condition = where.empty() ? "" : "(" + expand(b, where) + ")";
	const char *key = key_column(b.dataset.type);
	if (b.source != nullptr && key != nullptr)
		condition += (condition.empty() ? "" : " AND ") + std::string("NOT EXISTS (SELECT FROM ") + own + " AS own WHERE own." +
					 quote_identifier(key) + " OPERATOR(pg_catalog.=) " + expression(b, key) + ")";
	return condition.empty() ? sql : sql + " WHERE " + condition;
}

// A cache is valid while this number stays; see invalidate_caches().
std::uint64_t generation = 1;
Oid epoch_relation = InvalidOid;

void on_relcache_invalidation(Datum, Oid relation) {
	if (is_watched(relation))
		++generation;
	if (relation == InvalidOid || relation == epoch_relation) {
		++generation;
		epoch_relation = InvalidOid;
	}
}

// What a cached statement calls by its schema's name must go on being that schema.
void on_schema_invalidation(Datum, int, uint32) { ++generation; }

Oid find_epoch_relation() {
	return pg::call([] {
		const Oid schema = get_namespace_oid("recsys_internal", true);
		return OidIsValid(schema) ? get_relname_relid("epoch", schema) : InvalidOid;
	});
}

} // namespace

Role parse_role(std::string_view name) {
	for (const auto &[role, text] : kRoleNames)
		if (name == text)
			return role;
	throw Error(sqlstate::InvalidParameter, "unrecognized role \"" + std::string(name) + "\" of a field", {},
				"Roles are categorical, numeric, textual, stored and availability.");
}

const char *to_string(Role role) noexcept {
	for (const auto &[value, text] : kRoleNames)
		if (value == role)
			return text;
	return "stored";
}

DatasetType parse_dataset_type(std::string_view name) {
	const std::string s = lower(name);
	for (const DatasetType type : {DatasetType::Interactions, DatasetType::Items, DatasetType::Users, DatasetType::Actions,
								   DatasetType::ActionInteractions})
		if (s == to_string(type))
			return type;
	if (s == "actioninteractions" || s == "action-interactions")
		return DatasetType::ActionInteractions;
	throw Error(sqlstate::InvalidParameter, "unrecognized dataset type \"" + std::string(name) + "\"", {},
				"Dataset types are interactions, items, users, actions and action_interactions.");
}

const char *to_string(DatasetType type) noexcept {
	switch (type) {
	case DatasetType::Interactions:
		return "interactions";
	case DatasetType::Items:
		return "items";
	case DatasetType::Users:
		return "users";
	case DatasetType::Actions:
		return "actions";
	case DatasetType::ActionInteractions:
		return "action_interactions";
	}
	return "interactions";
}

const Field *Dataset::field(std::string_view name) const {
	const std::string wanted = lower(name);
	for (const Field &f : fields)
		if (lower(f.name) == wanted)
			return &f;
	return nullptr;
}

const Field *Dataset::availability() const {
	for (const Field &f : fields)
		if (f.role == Role::Availability)
			return &f;
	return nullptr;
}

std::optional<Dataset> find_dataset(const Group &group, DatasetType type) {
	static Plan find{"SELECT id, mapped, fields, id_types FROM recsys_internal.dataset WHERE group_id = $1 AND type = $2",
					 {INT8OID, TEXTOID}};
	static Plan sources{"SELECT source::oid, columns FROM recsys_internal.dataset_source WHERE dataset_id = $1 ORDER BY position",
						{INT8OID}};
	AsOwner owner;
	const std::optional<Row> row = find.row({pg::int8(group.id), pg::text(to_string(type))});
	if (!row)
		return std::nullopt;
	Dataset d;
	d.id = row->int8(0);
	d.type = type;
	d.mapped = row->boolean(1);
	d.fields = parse_fields(row->text(2));
	const Json id_types = Json::parse(row->text(3));
	d.user_id_type = parse_id_type(id_types, "user_id");
	d.item_id_type = parse_id_type(id_types, id_types.contains("action_id") ? "action_id" : "item_id");
	for (const Row &s : sources.rows({pg::int8(d.id)}))
		d.sources.push_back({s.oid(0), Json::parse(s.text(1))});
	return d;
}

Dataset require_dataset(const Group &group, DatasetType type) {
	std::optional<Dataset> dataset = find_dataset(group, type);
	if (!dataset)
		throw Error(sqlstate::NotFound, "dataset group \"" + group.name + "\" has no " + to_string(type) + " dataset", {},
					"Create it with recsys.create_dataset.");
	return std::move(*dataset);
}

const std::vector<FixedColumn> &fixed_columns(DatasetType type) {
	static const auto &interactions = *new std::vector<FixedColumn>{
		{"user_id", "text", true},		   {"item_id", "text", true},		 {"event_type", "text", false},
		{"event_value", "float8", false},  {"timestamp", "timestamptz", true}, {"session_id", "text", false},
		{"impression", "text[]", false},   {"recommendation_id", "text", false}, {"event_id", "text", false},
		{"event_attribution_source", "text", false}, {"streamed", "boolean", false}, {"anonymous", "boolean", false}};
	static const auto &items = *new std::vector<FixedColumn>{
		{"item_id", "text", true}, {"creation_timestamp", "timestamptz", false}, {"streamed", "boolean", false}};
	static const auto &users = *new std::vector<FixedColumn>{{"user_id", "text", true}, {"streamed", "boolean", false}};
	static const auto &actions = *new std::vector<FixedColumn>{
		{"action_id", "text", true}, {"value", "float8", false}, {"creation_timestamp", "timestamptz", false},
		{"expiration_timestamp", "timestamptz", false}, {"repeat_frequency", "int8", false}, {"streamed", "boolean", false}};
	static const auto &action_interactions = *new std::vector<FixedColumn>{
		{"user_id", "text", true},	   {"action_id", "text", true},			 {"event_type", "text", true},
		{"timestamp", "timestamptz", true}, {"session_id", "text", false},	 {"impression", "text[]", false},
		{"recommendation_id", "text", false}, {"event_id", "text", false},	 {"streamed", "boolean", false},
		{"anonymous", "boolean", false}};
	switch (type) {
	case DatasetType::Items:
		return items;
	case DatasetType::Users:
		return users;
	case DatasetType::Actions:
		return actions;
	case DatasetType::ActionInteractions:
		return action_interactions;
	case DatasetType::Interactions:
		break;
	}
	return interactions;
}

const char *id_type_name(Oid type) {
	switch (type) {
	case INT2OID:
		return "smallint";
	case INT4OID:
		return "integer";
	case INT8OID:
		return "bigint";
	case UUIDOID:
		return "uuid";
	default:
		return "text";
	}
}

const char *field_sql_type(const Field &field) {
	static constexpr std::array<std::pair<const char *, const char *>, 7> types = {{{"string", "text"},
																					{"float", "float4"},
																					{"double", "float8"},
																					{"int", "int4"},
																					{"long", "int8"},
																					{"boolean", "boolean"},
																					{"timestamp", "timestamptz"}}};
	for (const auto &[name, sql] : types)
		if (field.type == name)
			return sql;
	throw Error("XX000", "field \"" + field.name + "\" has the unrecognized type \"" + field.type + "\"");
}

std::string column_sql_type(const Dataset &dataset, std::string_view column) {
	if (column == "user_id")
		return id_type_name(dataset.user_id_type);
	if (column == "item_id" || column == "action_id")
		return id_type_name(dataset.item_id_type);
	for (const FixedColumn &c : fixed_columns(dataset.type))
		if (column == c.name)
			return c.sql_type;
	if (const Field *f = dataset.field(column))
		return field_sql_type(*f);
	throw Error("42703", "dataset type " + std::string(to_string(dataset.type)) + " has no column \"" + std::string(column) + "\"");
}

std::string cast_sql(const std::string &type) {
	const bool keyword = type == "boolean" || type == "smallint" || type == "integer" || type == "bigint";
	return (keyword ? "::" : "::pg_catalog.") + type;
}

std::string own_table(const Group &group, DatasetType type) {
	return quote_identifier(group.schema) + "." + quote_identifier(to_string(type));
}

std::string alias_table(const Group &group) { return quote_identifier(group.schema) + ".\"user_aliases\""; }

std::string union_sql(const Group &group, const Dataset &dataset, const std::vector<std::string> &columns,
					  const std::string &where) {
	std::string sql = branch_sql({group, dataset, nullptr}, columns, where);
	for (const Source &source : dataset.sources)
		sql += " UNION ALL " + branch_sql({group, dataset, &source}, columns, where);
	return sql;
}

std::string newest_sql(const Group &group, const Dataset &dataset) {
	std::string all;
	const auto add = [&](const Branch &b) {
		all += (all.empty() ? "" : " UNION ALL ") + std::string("(") + branch_sql(b, {"timestamp"}, "{timestamp <= $1}") +
			   " ORDER BY " + stored_times(b).expression + " DESC LIMIT 1)";
	};
	add({group, dataset, nullptr});
	for (const Source &source : dataset.sources)
		add({group, dataset, &source});
	return "SELECT pg_catalog.max(n.\"timestamp\") FROM (" + all + ") AS n";
}

void invalidate_caches() {
	const Oid epoch = find_epoch_relation();
	if (OidIsValid(epoch))
		pg::call([epoch] { CacheInvalidateRelcacheByRelid(epoch); });
}

std::uint64_t cache_generation() {
	static bool registered = false;
	if (!registered) {
		pg::call([] {
			CacheRegisterRelcacheCallback(on_relcache_invalidation, 0);
			CacheRegisterSyscacheCallback(NAMESPACEOID, on_schema_invalidation, 0);
		});
		registered = true;
	}
	if (!OidIsValid(epoch_relation))
		epoch_relation = find_epoch_relation();
	return generation;
}

} // namespace recsys::catalog
