#include "catalog/mapping.hpp"

#include <algorithm>

namespace recsys::catalog {

using pg::AsOwner;
using pg::Plan;
using pg::quote_literal;
using pg::Row;

namespace {

using Columns = std::vector<RelationColumn>;

const RelationColumn *find_column(const Columns &columns, std::string_view name) {
	const auto it = std::find_if(columns.begin(), columns.end(), [&](const RelationColumn &c) { return c.name == name; });
	return it == columns.end() ? nullptr : &*it;
}

bool is_integer(Oid type) { return type == INT2OID || type == INT4OID || type == INT8OID; }
bool is_number(Oid type) { return is_integer(type) || type == FLOAT4OID || type == FLOAT8OID || type == NUMERICOID; }
bool is_time(Oid type) { return type == TIMESTAMPTZOID || type == TIMESTAMPOID || type == DATEOID; }
bool is_text(Oid type) { return type == TEXTOID || type == VARCHAROID || type == BPCHAROID || type == NAMEOID; }
bool is_id_column(std::string_view name) { return name == "user_id" || name == "item_id" || name == "action_id"; }

Oid id_type_of(Oid type) { return type == VARCHAROID ? TEXTOID : type; }

// Whether a source column can stand for a dataset column of this SQL type.
bool usable(const std::string &wanted, const RelationColumn &c, bool epoch) {
	if (wanted == "id")
		return pg::is_id_type(c.type);
	if (wanted == "timestamptz")
		return epoch ? is_number(c.type) : is_time(c.type);
	if (wanted == "boolean")
		return c.type == BOOLOID;
	if (wanted == "text[]")
		return c.type == TEXTARRAYOID || c.type == VARCHARARRAYOID || is_text(c.type);
	if (wanted == "text")
		return c.category != 'P' && c.category != 'C';
	return is_number(c.type);
}

// One entry of `columns`.
struct Entry {
	std::string column, epoch;
	bool constant = false;
	Json value; // the constant
};

[[noreturn]] void bad_entry(const std::string &name, const std::string &why) {
	throw Error(sqlstate::InvalidParameter, "mapping of \"" + name + "\" " + why, {},
				"Write a column's name, {\"column\": ..., \"epoch\": \"s\" or \"ms\"} or {\"constant\": ...}.");
}

Entry parse_entry(const std::string &name, const Json &value) {
	Entry e;
	if (value.is_string()) {
		e.column = value.get<std::string>();
		return e;
	}
	if (!value.is_object())
		bad_entry(name, "must be a string or an object");
	for (const auto &[key, member] : value.items()) {
		if (key == "column" && member.is_string())
			e.column = member.get<std::string>();
		else if (key == "epoch" && (member == "s" || member == "ms"))
			e.epoch = member.get<std::string>();
		else if (key == "constant" && member.is_primitive() && !member.is_null()) {
			e.constant = true;
			e.value = member;
		} else
			bad_entry(name, "has an invalid member \"" + key + "\"");
	}
	if (e.constant == !e.column.empty() || (e.constant && !e.epoch.empty()))
		bad_entry(name, "must have either a column or a constant");
	return e;
}

void check_constant(const std::string &name, const Json &value, const std::string &wanted) {
	const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
	const pg::SafeSearchPath path;
	const pg::Failure failure =
		pg::try_subtransaction([&] { pg::query("SELECT " + quote_literal(text) + "::" + wanted); });
	if (failure.interrupted)
		throw Cancelled();
	if (failure.failed)
		throw Error("42804", "constant of \"" + name + "\" is not of type " + wanted, std::string("PostgreSQL says: ") + failure.message + ".");
}

// Raises unless the entry can be read as a column of type `wanted` ("id" for ids).
void check_entry(const std::string &name, const Entry &e, const std::string &wanted, Oid source, const Columns &columns) {
	if (e.constant) {
		if (wanted == "id")
			bad_entry(name, "cannot be a constant");
		check_constant(name, e.value, wanted);
		return;
	}
	const RelationColumn *c = find_column(columns, e.column);
	if (c == nullptr)
		throw Error("42703", "column \"" + e.column + "\" of relation \"" + relation_label(source) + "\" does not exist",
					"It is mapped to \"" + name + "\".");
	if (!e.epoch.empty() && wanted != "timestamptz")
		bad_entry(name, "cannot have an epoch");
	if (usable(wanted, *c, !e.epoch.empty()))
		return;
	const std::string hint = wanted == "timestamptz" && is_number(c->type) && e.epoch.empty()
								 ? "Write {\"column\": \"" + e.column + "\", \"epoch\": \"s\"}, or \"ms\" for milliseconds."
								 : "Map a view that converts it.";
	const std::string needed = wanted == "id"		? "ids are of type text, varchar, smallint, integer, bigint or uuid."
							   : !e.epoch.empty() ? "an epoch is a number."
												  : "type " + wanted + " is needed.";
	throw Error("42804", "column \"" + e.column + "\" of relation \"" + relation_label(source) + "\" cannot be \"" + name + "\"",
				"It has type " + c->type_name + "; " + needed, hint);
}

Json to_json(const Entry &e) {
	if (e.constant)
		return {{"constant", e.value}};
	if (!e.epoch.empty())
		return {{"column", e.column}, {"epoch", e.epoch}};
	return e.column;
}

const char *wanted_type(const FixedColumn &column) { return is_id_column(column.name) ? "id" : column.sql_type; }

void check_relation(Oid source) {
	const char kind = pg::call([source] { return get_rel_relkind(source); });
	if (kind == '\0')
		throw Error("42P01", "relation with OID " + std::to_string(source) + " does not exist");
	if (std::string_view("rpvmf").find(kind) == std::string_view::npos)
		throw Error("42809", "\"" + relation_label(source) + "\" is not a table, view, materialized view or foreign table");
	if (pg::call([source] { return get_rel_persistence(source); }) == 't')
		throw Error("42809", "temporary relation \"" + std::string(pg::call([source] { return get_rel_name(source); })) +
								 "\" cannot be a dataset",
					"Trainings run in other sessions, which cannot see it.");
}

// While a mapping is put together.
struct Builder {
	DatasetType type;
	std::string_view domain;
	Oid source;
	Columns columns;
	std::vector<std::pair<std::string, Json>> given; // of `columns`, names in lower case
	Mapping out;

	const Json *find_given(std::string_view name) const {
		for (const auto &[key, value] : given)
			if (key == name)
				return &value;
		return nullptr;
	}
	void fixed();
	void required(const FixedColumn &column) const;
	void field(const DeclaredField &f, const Json &entry);
	void other_fields(const std::vector<DeclaredField> &fields);
	DeclaredField derived(const std::string &name, const Entry &e) const;
};

void Builder::required(const FixedColumn &column) const {
	if (!column.required && !domain_requires(type, domain, column.name))
		return;
	throw Error(sqlstate::InvalidParameter, std::string("required column \"") + column.name + "\" is not mapped",
				"Relation \"" + relation_label(source) + "\" has no column of this name and a usable type.",
				std::string("Add \"") + column.name + "\" to columns.");
}

void Builder::fixed() {
	for (const FixedColumn &column : fixed_columns(type)) {
		const Json *value = find_given(column.name);
		Entry e;
		if (value == nullptr) {
			const RelationColumn *same = find_column(columns, column.name);
			if (same == nullptr || !usable(wanted_type(column), *same, false)) {
				required(column);
				continue;
			}
			e.column = same->name;
		} else if (value->is_null()) {
			required(column);
			continue;
		} else {
			e = parse_entry(column.name, *value);
			check_entry(column.name, e, wanted_type(column), source, columns);
		}
		out.columns[column.name] = to_json(e);
		if (is_id_column(column.name))
			(std::string_view(column.name) == "user_id" ? out.id_types.user : out.id_types.item) =
				id_type_of(find_column(columns, e.column)->type);
	}
}

DeclaredField Builder::derived(const std::string &name, const Entry &e) const {
	DeclaredField f{{name, "", Role::Stored, true}, name};
	if (e.constant) {
		f.field.type = e.value.is_boolean() ? "boolean" : e.value.is_number_integer() ? "long" : e.value.is_number() ? "double" : "string";
		f.field.role = e.value.is_string() ? Role::Categorical : default_role(f.field.type);
	} else if (!e.epoch.empty()) {
		f.field.type = "timestamp";
	} else if (const RelationColumn *c = find_column(columns, e.column)) {
		f.field = field_of_column(*c);
		f.field.name = name;
		if (f.field.type.empty())
			throw Error("42804", "column \"" + e.column + "\" of relation \"" + relation_label(source) + "\" has no type of a field",
						"It has type " + c->type_name + ".", "Give the field's type in fields, such as {\"" + name + "\": \"string\"}.");
	} else {
		check_entry(name, e, "text", source, columns); // raises: no such column
	}
	const FieldRule *rule = field_rule(type, domain, name);
	if (rule != nullptr && f.field.type == "string")
		f.field.role = rule->role;
	return f;
}

void Builder::field(const DeclaredField &f, const Json &value) {
	const Entry e = parse_entry(f.spelled, value);
	check_entry(f.spelled, e, field_sql_type(f.field), source, columns);
	out.columns[f.field.name] = to_json(e);
	out.fields.push_back(f);
}

// Fields given in `fields`, each from the column of `columns` or of the same name; then those of `columns` alone.
void Builder::other_fields(const std::vector<DeclaredField> &fields) {
	for (const DeclaredField &f : fields) {
		const Json *value = find_given(f.field.name);
		if (is_fixed_column(type, f.field.name))
			continue;
		if (value != nullptr && value->is_null())
			throw Error(sqlstate::InvalidParameter, "field \"" + f.spelled + "\" is declared but left out of the mapping");
		field(f, value != nullptr ? *value : Json(find_column(columns, f.field.name) != nullptr ? f.field.name : f.spelled));
	}
	for (const auto &[name, value] : given) {
		const bool declared = std::any_of(fields.begin(), fields.end(), [&n = name](const DeclaredField &f) { return f.field.name == n; });
		if (declared || is_fixed_column(type, name) || value.is_null())
			continue;
		field(derived(name, parse_entry(name, value)), value);
	}
}

Builder builder(DatasetType type, std::string_view domain, Oid source, const Json &columns) {
	check_relation(source);
	if (!columns.is_object())
		throw Error(sqlstate::InvalidParameter, "columns must be a JSON object", {},
					"Write, for example, '{\"item_id\": \"sku\", \"price\": \"unit_price\"}'.");
	Builder b{type, domain, source, relation_columns(source), {}, {Json::object(), {}, {}}};
	for (const auto &[name, value] : columns.items()) {
		if (b.find_given(lower_case(name)) != nullptr)
			throw Error("42701", "column \"" + name + "\" is mapped twice");
		b.given.emplace_back(lower_case(name), value);
	}
	return b;
}

} // namespace

std::vector<RelationColumn> relation_columns(Oid relation) {
	static Plan find{"SELECT a.attname, a.atttypid::oid, format_type(a.atttypid, a.atttypmod) FROM pg_attribute a "
					 "WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
					 {OIDOID}};
	pg::Rows rows;
	{
		AsOwner owner;
		rows = find.rows({pg::oid(relation)});
	}
	std::vector<RelationColumn> out;
	for (const Row &row : rows) {
		const Oid declared = row.oid(1);
		const Oid type = pg::call([declared] { return getBaseType(declared); });
		char category = 'X';
		bool preferred;
		pg::call([type, &category, &preferred] { get_type_category_preferred(type, &category, &preferred); });
		out.push_back({row.text(0), type, category, row.text(2)});
	}
	return out;
}

std::string relation_label(Oid relation) {
	struct Names {
		const char *schema, *relation;
	};
	const Names names = pg::call([relation] {
		char *name = get_rel_name(relation);
		return Names{name == nullptr ? nullptr : get_namespace_name(get_rel_namespace(relation)), name};
	});
	if (names.relation == nullptr || names.schema == nullptr)
		return std::to_string(relation);
	return std::string(names.schema) + "." + names.relation;
}

Field field_of_column(const RelationColumn &c) {
	const bool texts = c.type == TEXTARRAYOID || c.type == VARCHARARRAYOID;
	Field f{c.name, "", Role::Stored, true};
	if (c.category == 'S' || c.category == 'E' || texts) {
		f.type = "string";
		f.role = Role::Categorical;
	} else if (is_number(c.type)) {
		f.type = c.type == INT8OID ? "long" : is_integer(c.type) ? "int" : c.type == FLOAT4OID ? "float" : "double";
		f.role = Role::Numeric;
	} else if (c.type == BOOLOID) {
		f.type = "boolean";
	} else if (is_time(c.type)) {
		f.type = "timestamp";
	} else if (c.type == UUIDOID) {
		f.type = "string";
	}
	return f;
}

Mapping make_mapping(DatasetType type, std::string_view domain, Oid source, const Json &columns,
					 const std::vector<DeclaredField> &fields) {
	Builder b = builder(type, domain, source, columns);
	b.fixed();
	b.other_fields(fields);
	return std::move(b.out);
}

Mapping make_mapping_for(const Dataset &dataset, std::string_view domain, Oid source, const Json &columns) {
	Builder b = builder(dataset.type, domain, source, columns);
	for (const auto &[name, value] : b.given)
		if (!is_fixed_column(dataset.type, name) && dataset.field(name) == nullptr)
			throw Error(sqlstate::InvalidParameter, "dataset has no field \"" + name + "\"",
						"A further source can only fill the fields that the dataset was created with.");
	b.fixed();
	for (const Field &f : dataset.fields) {
		const Json *value = b.find_given(f.name);
		if (value != nullptr ? !value->is_null() : find_column(b.columns, f.name) != nullptr)
			b.field({f, f.name}, value != nullptr ? *value : Json(f.name));
	}
	return std::move(b.out);
}

std::vector<std::string> mapping_problems(const Dataset &dataset, const Source &source) {
	const Columns columns = relation_columns(source.relation);
	if (columns.empty())
		return {"The relation with OID " + std::to_string(source.relation) + " no longer exists."};
	std::vector<std::string> out;
	for (const auto &[name, value] : source.columns.items()) {
		const std::string wanted = is_id_column(name) ? "id" : column_sql_type(dataset, name);
		const Entry e = parse_entry(name, value);
		if (e.constant)
			continue;
		try {
			check_entry(name, e, wanted, source.relation, columns);
			const Oid type = id_type_of(find_column(columns, e.column)->type);
			if (wanted == "id" && type != (name == "user_id" ? dataset.user_id_type : dataset.item_id_type))
				out.push_back("Column \"" + e.column + "\" has changed its type.");
		} catch (const Error &error) {
			std::string sentence = error.what();
			sentence[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(sentence[0])));
			out.push_back(sentence + "." + (*error.detail() != '\0' ? " " : "") + error.detail());
		}
	}
	return out;
}

} // namespace recsys::catalog
