// Datasets: making and removing them, with the tables behind them.
//
// A managed dataset is a table in the group's schema. A mapped one has such a table too, beside its sources: what put_* writes
// goes there, never into the source. A table of the right shape that lies there already, such as one that stayed when the
// extension was dropped, is adopted instead of made, and then never dropped.
#include "catalog/lifecycle.hpp"

#include <algorithm>

#include "catalog/mapping.hpp"

namespace recsys::catalog {

using pg::AsOwner;
using pg::AsUser;
using pg::Plan;
using pg::quote_identifier;
using pg::Row;

namespace {

bool has_column(DatasetType type, std::string_view name) { return is_fixed_column(type, name); }
bool is_event_type(DatasetType type) {
	return type == DatasetType::Interactions || type == DatasetType::ActionInteractions;
}
const char *item_column(DatasetType type) {
	return type == DatasetType::Actions || type == DatasetType::ActionInteractions ? "action_id" : "item_id";
}

// ---- tables

struct Index {
	std::string name, definition; // definition: what follows "ON table"
	bool unique = false;
};

std::vector<Index> indexes(DatasetType type) {
	if (!is_event_type(type))
		return {};
	const std::string table = to_string(type), item = item_column(type);
	return {{table + "_user_timestamp", "(user_id, \"timestamp\") INCLUDE (" + item + ", event_type)"},
			{table + "_user_" + item.substr(0, item.size() - 3), "(user_id, " + item + ")"},
			{table + "_timestamp", "(\"timestamp\")"},
			{table + "_event_id", "(event_id) WHERE event_id IS NOT NULL", true}};
}

std::string table_definition(const Group &group, const Dataset &dataset) {
	std::string sql;
	for (const FixedColumn &c : fixed_columns(dataset.type)) {
		const std::string_view name = c.name;
		sql += (sql.empty() ? "" : ", ") + quote_identifier(name) + " " + column_sql_type(dataset, name);
		if (name == "streamed" || name == "anonymous")
			sql += " NOT NULL DEFAULT false";
		else if (c.required || domain_requires(dataset.type, group.domain, name))
			sql += " NOT NULL";
	}
	for (const Field &f : dataset.fields)
		sql += ", " + quote_identifier(f.name) + " " + field_sql_type(f) + (f.nullable ? "" : " NOT NULL");
	if (!is_event_type(dataset.type))
		sql += ", PRIMARY KEY (" + quote_identifier(fixed_columns(dataset.type).front().name) + ")";
	return sql;
}

Oid relation_in(const Group &group, const std::string &name) {
	const char *text = name.c_str();
	const Oid schema = group.schema_oid;
	return pg::call([text, schema] { return get_relname_relid(text, schema); });
}

Oid type_oid(const std::string &sql_type) {
	const pg::SafeSearchPath path;
	return pg::query("SELECT " + pg::quote_literal(sql_type) + "::regtype::oid").front().oid(0);
}

[[noreturn]] void cannot_adopt(Oid table, const std::string &detail) {
	throw Error("42P07", "relation \"" + relation_label(table) + "\" already exists and cannot be the dataset", detail,
				"Rename or repair it, or name it as the source of a mapped dataset in another group.");
}

void check_adoptable(const Group &group, Oid table) {
	const char kind = pg::call([table] { return get_rel_relkind(table); });
	if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE)
		cannot_adopt(table, "It is not a table.");
	const Oid owner = group_owner(group);
	if (!pg::call([table, owner] { return pg_class_ownercheck(table, owner); }))
		cannot_adopt(table, "It does not belong to the owner of the schema.");
}

void check_key(const Dataset &dataset, Oid table) {
	static Plan find{"SELECT FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] "
					 "WHERE i.indrelid = $1 AND i.indisunique AND i.indpred IS NULL AND i.indnkeyatts = 1 AND a.attname = $2",
					 {OIDOID, TEXTOID}};
	const char *key = fixed_columns(dataset.type).front().name;
	AsOwner owner;
	if (find.rows({pg::oid(table), pg::text(key)}).empty())
		cannot_adopt(table, std::string("It has no primary key on \"") + key + "\".");
}

// What the table lacks to hold the dataset: the rest of a sentence about it each.
std::vector<std::string> shape_problems(const Dataset &dataset, Oid table) {
	const std::vector<RelationColumn> columns = relation_columns(table);
	std::vector<std::string> wanted, out;
	for (const FixedColumn &c : fixed_columns(dataset.type))
		wanted.emplace_back(c.name);
	for (const Field &f : dataset.fields)
		wanted.push_back(f.name);
	for (const std::string &name : wanted) {
		const auto it = std::find_if(columns.begin(), columns.end(), [&](const RelationColumn &c) { return c.name == name; });
		const std::string type = column_sql_type(dataset, name);
		if (it == columns.end())
			out.push_back("has no column \"" + name + "\" of type " + type);
		else if (it->type != type_oid(type))
			out.push_back("has column \"" + name + "\" of type " + it->type_name + " instead of " + type);
	}
	return out;
}

void check_shape(const Dataset &dataset, Oid table) {
	if (const std::vector<std::string> problems = shape_problems(dataset, table); !problems.empty())
		cannot_adopt(table, "It " + problems.front() + ".");
	if (!is_event_type(dataset.type))
		check_key(dataset, table);
}

void make_indexes(const Group &group, DatasetType type) {
	for (const Index &index : indexes(type))
		if (!OidIsValid(relation_in(group, index.name)))
			pg::execute(std::string("CREATE ") + (index.unique ? "UNIQUE " : "") + "INDEX " + quote_identifier(index.name) + " ON " +
						own_table(group, type) + " " + index.definition);
}

void make_alias_table(const Group &group, const Dataset &dataset) {
	const Oid existing = relation_in(group, "user_aliases");
	const std::string type = id_type_name(dataset.user_id_type);
	if (!OidIsValid(existing)) {
		pg::execute("CREATE TABLE " + alias_table(group) + " (alias_id " + type + " PRIMARY KEY, user_id " + type + " NOT NULL)");
		pg::execute("CREATE INDEX user_aliases_user ON " + alias_table(group) + " (user_id)");
		return;
	}
	check_adoptable(group, existing);
	const std::vector<RelationColumn> columns = relation_columns(existing);
	for (const char *name : {"alias_id", "user_id"})
		if (std::none_of(columns.begin(), columns.end(), [&](const RelationColumn &c) {
				return c.name == name && c.type == dataset.user_id_type;
			}))
			cannot_adopt(existing, std::string("It has no column \"") + name + "\" of type " + type + ".");
}

// Makes the table or adopts the one that is there. True when it was made.
bool make_table(const Group &group, const Dataset &dataset) {
	const Oid owner = group_owner(group);
	const Oid existing = relation_in(group, to_string(dataset.type));
	if (OidIsValid(existing)) {
		check_adoptable(group, existing);
		check_shape(dataset, existing);
	}
	const AsUser as_owner(owner);
	const pg::SafeSearchPath path;
	if (!OidIsValid(existing))
		pg::execute("CREATE TABLE " + own_table(group, dataset.type) + " (" + table_definition(group, dataset) + ")");
	make_indexes(group, dataset.type);
	if (dataset.type == DatasetType::Interactions)
		make_alias_table(group, dataset);
	return !OidIsValid(existing);
}

// ---- id types: one type for users, one for items, one for actions in a group, or nothing could be joined

void agree(Oid &mine, Oid theirs, const char *column, DatasetType other) {
	if (!OidIsValid(mine))
		mine = theirs;
	if (mine != theirs)
		throw Error("42804", std::string("\"") + column + "\" has type " + id_type_name(mine) + ", but " + id_type_name(theirs) +
								 " in the " + to_string(other) + " dataset",
					{}, "Map a view that converts one of them.");
}

// Types that are not given come from the group's other datasets, and from text where there is none.
void settle_id_types(const Group &group, Dataset &dataset, IdTypes given) {
	for (const DatasetType other : {DatasetType::Interactions, DatasetType::Items, DatasetType::Users, DatasetType::Actions,
									DatasetType::ActionInteractions}) {
		const auto sibling = other == dataset.type ? std::nullopt : find_dataset(group, other);
		if (!sibling)
			continue;
		if (has_column(other, "user_id") && has_column(dataset.type, "user_id"))
			agree(given.user, sibling->user_id_type, "user_id", other);
		const char *item = item_column(dataset.type);
		if (has_column(other, item) && has_column(dataset.type, item))
			agree(given.item, sibling->item_id_type, item, other);
	}
	dataset.user_id_type = OidIsValid(given.user) ? given.user : TEXTOID;
	dataset.item_id_type = OidIsValid(given.item) ? given.item : TEXTOID;
}

// ---- what a request asks for

void no_domain_actions(const Group &group, DatasetType type) {
	if (!group.custom() && (type == DatasetType::Actions || type == DatasetType::ActionInteractions))
		throw Error(sqlstate::InvalidParameter, "dataset group \"" + group.name + "\" cannot have the dataset type " + to_string(type),
					"Its domain is " + group.domain + "; actions belong to custom dataset groups.");
}

Json optional_json(const std::optional<std::string> &text, const char *argument) {
	return text ? parse_json(*text, argument) : Json::object();
}

SchemaDocument matching_document(const Group &group, const DatasetRequest &r, DatasetType type) {
	if (r.fields)
		throw Error(sqlstate::InvalidParameter, "fields and avro_schema exclude each other");
	SchemaDocument document = require_schema_document(*r.avro_schema);
	if (document.dataset_type != to_string(type))
		throw Error(sqlstate::InvalidParameter, "schema \"" + document.name + "\" is for the dataset type " + document.dataset_type);
	if (document.domain != group.domain)
		throw Error(sqlstate::InvalidParameter, "schema \"" + document.name + "\" does not fit dataset group \"" + group.name + "\"",
					(document.domain.empty() ? "The schema has no domain; " : "The schema has domain " + document.domain + "; ") +
						(group.custom() ? "the group has none." : "the group has domain " + group.domain + "."));
	return document;
}

// With neither fields nor a schema, the fields of a table to be adopted are those of its columns.
std::vector<DeclaredField> fields_of_existing(const Group &group, DatasetType type, IdTypes &id_types) {
	std::vector<DeclaredField> out;
	const Oid existing = relation_in(group, to_string(type));
	if (!OidIsValid(existing))
		return out;
	for (const RelationColumn &c : relation_columns(existing)) {
		if (c.name == "user_id")
			id_types.user = c.type;
		else if (c.name == "item_id" || c.name == "action_id")
			id_types.item = c.type;
		if (is_fixed_column(type, c.name))
			continue;
		DeclaredField f{field_of_column(c), c.name};
		if (f.field.type.empty())
			cannot_adopt(existing, "Column \"" + c.name + "\" has type " + c.type_name + ", which no field can have.");
		if (const FieldRule *rule = field_rule(type, group.domain, c.name); rule != nullptr && f.field.type == "string")
			f.field.role = rule->role;
		out.push_back(std::move(f));
	}
	return out;
}

struct Planned {
	Dataset dataset;
	std::optional<std::int64_t> document;
};

Planned plan_managed(const Group &group, const DatasetRequest &r, DatasetType type) {
	Planned p;
	p.dataset.type = type;
	IdTypes id_types;
	if (r.columns)
		throw Error(sqlstate::InvalidParameter, "columns needs a source");
	if (r.avro_schema) {
		const SchemaDocument document = matching_document(group, r, type);
		p.document = document.id;
		p.dataset.fields = parse_avro(document.definition, group.domain).fields;
	} else if (r.fields) {
		Json fields = parse_json(*r.fields, "fields");
		id_types = take_id_types(type, fields);
		p.dataset.fields = check_fields(type, group.domain, parse_short_fields(type, group.domain, fields), Declaration::Short);
	} else {
		const auto existing = fields_of_existing(group, type, id_types);
		p.dataset.fields =
			check_fields(type, group.domain, existing, existing.empty() ? Declaration::Short : Declaration::Mapped);
	}
	settle_id_types(group, p.dataset, id_types);
	return p;
}

Planned plan_mapped(const Group &group, const DatasetRequest &r, DatasetType type) {
	if (r.avro_schema)
		throw Error(sqlstate::InvalidParameter, "avro_schema and source exclude each other", {}, "Use columns and fields.");
	check_source(group, type, r.source);
	const Mapping mapping =
		make_mapping(type, group.domain, r.source, optional_json(r.columns, "columns"),
					 parse_short_fields(type, group.domain, optional_json(r.fields, "fields")));
	Planned p;
	p.dataset.type = type;
	p.dataset.mapped = true;
	p.dataset.fields = check_fields(type, group.domain, mapping.fields, Declaration::Mapped);
	for (Field &f : p.dataset.fields)
		f.nullable = true; // what a source holds is its owner's affair
	p.dataset.sources.push_back({r.source, mapping.columns});
	settle_id_types(group, p.dataset, mapping.id_types);
	return p;
}

// ---- the catalog's rows

Json id_types_json(const Dataset &dataset) {
	Json out = Json::object();
	if (has_column(dataset.type, "user_id"))
		out["user_id"] = id_type_name(dataset.user_id_type);
	if (const char *item = item_column(dataset.type); has_column(dataset.type, item))
		out[item] = id_type_name(dataset.item_id_type);
	return out;
}

void insert_source(std::int64_t dataset, const Source &source) {
	static Plan insert{"INSERT INTO recsys_internal.dataset_source (dataset_id, position, source, columns) "
					   "SELECT $1, coalesce(max(position), 0) + 1, $2::regclass, $3 FROM recsys_internal.dataset_source "
					   "WHERE dataset_id = $1",
					   {INT8OID, OIDOID, JSONBOID}};
	AsOwner owner;
	insert.run({pg::int8(dataset), pg::oid(source.relation), pg::jsonb(source.columns.dump())});
}

void insert_dataset(const Group &group, Planned &p) {
	static Plan insert{"INSERT INTO recsys_internal.dataset (group_id, type, fields, mapped, id_types, schema_document_id) "
					   "VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING id",
					   {INT8OID, TEXTOID, JSONBOID, BOOLOID, JSONBOID, INT8OID}};
	const Dataset &d = p.dataset;
	AsOwner owner;
	const auto row = insert.row({pg::int8(group.id), pg::text(to_string(d.type)), pg::jsonb(fields_json(d.fields).dump()),
								 pg::boolean(d.mapped), pg::jsonb(id_types_json(d).dump()),
								 p.document ? pg::int8(*p.document) : pg::null()});
	if (!row)
		throw Error(sqlstate::AlreadyExists, "dataset group \"" + group.name + "\" already has the dataset type " + to_string(d.type));
	p.dataset.id = row->int8(0);
}

// A deletion of the group waits for us, or we for it.
void hold_group(const Group &group) {
	static Plan lock{"SELECT FROM recsys_internal.dataset_group WHERE id = $1 FOR KEY SHARE", {INT8OID}};
	AsOwner owner;
	if (lock.rows({pg::int8(group.id)}).empty())
		throw Error(sqlstate::NotFound, "dataset group \"" + group.name + "\" does not exist");
}

void note_adoption(std::int64_t dataset) {
	static Plan update{"UPDATE recsys_internal.dataset SET table_made = false WHERE id = $1", {INT8OID}};
	AsOwner owner;
	update.run({pg::int8(dataset)});
}

bool table_made(const Dataset &dataset) {
	static Plan find{"SELECT table_made FROM recsys_internal.dataset WHERE id = $1", {INT8OID}};
	AsOwner owner;
	const auto row = find.row({pg::int8(dataset.id)});
	return row && row->boolean(0);
}

void check_idle(const Group &group, DatasetType type) {
	static Plan find{"SELECT format('training of solution version \"%s/%s\"', s.name, v.number) FROM recsys_internal.solution s "
					 "JOIN recsys_internal.solution_version v ON v.solution_id = s.id WHERE s.group_id = $1 AND v.status IN "
					 "('CREATE PENDING', 'CREATE IN_PROGRESS', 'CREATE STOPPING') UNION ALL SELECT format('job \"%s\" of kind %s', "
					 "coalesce(name, id::text), kind) FROM recsys_internal.job WHERE group_id = $1 AND kind <> 'train' AND status IN "
					 "('PENDING', 'RUNNING') ORDER BY 1 LIMIT 1",
					 {INT8OID}};
	AsOwner owner;
	if (const auto row = find.row({pg::int8(group.id)}))
		throw Error(sqlstate::InUse, std::string(to_string(type)) + " dataset of dataset group \"" + group.name + "\" is in use",
					"The " + row->text(0) + " is not finished.", "Wait for it or stop it.");
}

// ---- describing

Json relation_json(Oid relation) {
	static Plan find{"SELECT CASE WHEN reltuples >= 0 AND relkind IN ('r', 'p', 'm', 'f') THEN reltuples::bigint END FROM pg_class "
					 "WHERE oid = $1",
					 {OIDOID}};
	AsOwner owner;
	const auto row = find.row({pg::oid(relation)});
	return {{"relation", relation_label(relation)}, {"estimated_rows", row && !row->null(0) ? Json(row->int8(0)) : Json()}};
}

Json sources_json(const Dataset &dataset) {
	Json out = Json::array();
	for (const Source &source : dataset.sources) {
		Json s = relation_json(source.relation);
		s["columns"] = source.columns;
		out.push_back(std::move(s));
	}
	return out;
}

} // namespace

Json fields_json(const std::vector<Field> &fields) {
	Json out = Json::array();
	for (const Field &f : fields) {
		Json field = {{"name", f.name}, {"type", f.type}, {"role", to_string(f.role)}, {"nullable", f.nullable}};
		if (!f.language.empty())
			field["language"] = f.language;
		if (!f.text_null_fill.empty())
			field["text_null_fill"] = f.text_null_fill;
		out.push_back(std::move(field));
	}
	return out;
}

void check_source(const Group &group, DatasetType type, Oid source) {
	if (source == relation_in(group, to_string(type)))
		throw Error(sqlstate::InvalidParameter, "relation \"" + relation_label(source) + "\" cannot be its own source", {},
					"Leave out the source: a table of this name in the group's schema is adopted.");
	const Oid owner = group_owner(group);
	const bool allowed = pg::call([source, owner] {
		return pg_class_aclcheck(source, owner, ACL_SELECT) == ACLCHECK_OK ||
			   pg_attribute_aclcheck_all(source, owner, ACL_SELECT, ACLMASK_ANY) == ACLCHECK_OK;
	});
	if (!allowed)
		throw Error(sqlstate::InsufficientPrivilege, "permission denied for relation " + relation_label(source),
					"Role \"" + pg::user_name(owner) + "\", which owns dataset group \"" + group.name + "\", needs SELECT on it.");
}

Oid create_dataset(const DatasetRequest &r) {
	const Group group = require_group(r.group, Right::Own);
	const DatasetType type = parse_dataset_type(r.type);
	hold_group(group);
	group_owner(group); // raises when the schema is gone
	no_domain_actions(group, type);
	if (find_dataset(group, type))
		throw Error(sqlstate::AlreadyExists, "dataset group \"" + group.name + "\" already has the dataset type " + to_string(type));
	Planned p = OidIsValid(r.source) ? plan_mapped(group, r, type) : plan_managed(group, r, type);
	insert_dataset(group, p);
	for (const Source &source : p.dataset.sources)
		insert_source(p.dataset.id, source);
	if (make_table(group, p.dataset))
		extend_put_rights(group, type);
	else
		note_adoption(p.dataset.id);
	invalidate_caches();
	return relation_in(group, to_string(type));
}

void add_dataset_source(const Group &group, DatasetType type, Oid source, const std::string &columns) {
	const Dataset dataset = require_dataset(group, type);
	if (!dataset.mapped || !is_event_type(type))
		throw Error(sqlstate::InvalidParameter,
					std::string(to_string(type)) + " dataset of dataset group \"" + group.name + "\" cannot have further sources",
					"Only mapped interactions and action_interactions can have several sources.");
	check_source(group, type, source);
	for (const Source &s : dataset.sources)
		if (s.relation == source)
			throw Error(sqlstate::AlreadyExists, "relation \"" + relation_label(source) + "\" is a source of the dataset already");
	const Mapping mapping = make_mapping_for(dataset, group.domain, source, parse_json(columns, "columns"));
	Oid user = mapping.id_types.user, item = mapping.id_types.item;
	agree(user, dataset.user_id_type, "user_id", type);
	agree(item, dataset.item_id_type, item_column(type), type);
	insert_source(dataset.id, {source, mapping.columns});
	invalidate_caches();
}

void drop_own_tables(const Group &group, const Dataset &dataset) {
	const bool made = table_made(dataset);
	const AsUser owner(group_owner(group));
	const pg::SafeSearchPath path;
	if (made && OidIsValid(relation_in(group, to_string(dataset.type))))
		pg::execute("DROP TABLE " + own_table(group, dataset.type));
	if (made && dataset.type == DatasetType::Interactions && OidIsValid(relation_in(group, "user_aliases")))
		pg::execute("DROP TABLE " + alias_table(group));
}

void delete_dataset(const Group &group, DatasetType type) {
	const Dataset dataset = require_dataset(group, type);
	check_idle(group, type);
	drop_own_tables(group, dataset);
	static Plan remove{"DELETE FROM recsys_internal.dataset WHERE id = $1", {INT8OID}};
	{
		AsOwner owner;
		remove.run({pg::int8(dataset.id)});
	}
	invalidate_caches();
}

std::vector<std::string> dataset_problems(const Group &group, const Dataset &dataset) {
	std::vector<std::string> out;
	const Oid own = relation_in(group, to_string(dataset.type));
	if (!OidIsValid(own))
		out.push_back("The dataset's table in schema \"" + group.schema + "\" no longer exists.");
	else
		for (const std::string &problem : shape_problems(dataset, own))
			out.push_back("Table \"" + relation_label(own) + "\" " + problem + ".");
	for (const Source &source : dataset.sources)
		for (std::string &problem : mapping_problems(dataset, source))
			out.push_back(std::move(problem));
	return out;
}

std::string describe_dataset(const Group &group, DatasetType type) {
	const Dataset dataset = require_dataset(group, type);
	static Plan find{"SELECT d.status, d.failure_reason, d.bulk_imported, to_json(d.created_at) #>> '{}', "
					 "to_json(d.updated_at) #>> '{}', s.name, d.table_made "
					 "FROM recsys_internal.dataset d LEFT JOIN recsys_internal.schema_document s ON s.id = d.schema_document_id "
					 "WHERE d.id = $1",
					 {INT8OID}};
	std::optional<Row> row;
	{
		AsOwner owner;
		row = find.row({pg::int8(dataset.id)});
	}
	const auto text = [&row](std::size_t i) { return row->null(i) ? Json() : Json(row->text(i)); };
	const Oid own = relation_in(group, to_string(type));
	Json out;
	out["dataset_group"] = group.name;
	out["dataset_type"] = to_string(type);
	out["status"] = text(0);
	out["failure_reason"] = text(1);
	out["mapped"] = dataset.mapped;
	out["table"] = OidIsValid(own) ? relation_json(own) : Json();
	out["table"]["adopted"] = !row->boolean(6);
	out["sources"] = sources_json(dataset);
	out["id_types"] = id_types_json(dataset);
	out["fields"] = fields_json(dataset.fields);
	out["availability"] = dataset.availability() != nullptr ? Json(dataset.availability()->name) : Json();
	out["avro_schema"] = text(5);
	out["bulk_imported"] = row->boolean(2);
	out["problems"] = dataset_problems(group, dataset);
	out["created_at"] = text(3);
	out["updated_at"] = text(4);
	return out.dump();
}

} // namespace recsys::catalog
