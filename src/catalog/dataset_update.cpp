// Changing a dataset: further fields, and other columns of a mapped source. What a dataset has stays as it is, so that models,
// filters and running trainings that know it go on working; new fields are nullable, as the rows that exist have no value.
// A source that was dropped, such as a view that was made anew, gives its place and its mapping to another relation.
#include "catalog/lifecycle.hpp"

#include <algorithm>

#include "catalog/mapping.hpp"

namespace recsys::catalog {

using pg::AsOwner;
using pg::AsUser;
using pg::Plan;
using pg::quote_identifier;

namespace {

bool same(const Field &a, const Field &b) {
	return a.type == b.type && a.role == b.role && a.nullable == b.nullable && a.language == b.language &&
		   a.text_null_fill == b.text_null_fill;
}

[[noreturn]] void refuse(const std::string &field, const char *why, const char *detail, const char *hint = "") {
	throw Error(sqlstate::InvalidParameter, "field \"" + field + "\" " + why, detail, hint);
}

std::vector<DeclaredField> declared(const std::vector<Field> &fields) {
	std::vector<DeclaredField> out;
	for (const Field &f : fields)
		out.push_back({f, f.name});
	return out;
}

// The dataset's fields with the new ones behind them.
std::vector<DeclaredField> merged(const Dataset &dataset, const std::vector<DeclaredField> &given) {
	std::vector<DeclaredField> out = declared(dataset.fields);
	for (const DeclaredField &f : given) {
		const Field *old = dataset.field(f.field.name);
		if (old != nullptr && !same(*old, f.field))
			refuse(f.spelled, "cannot be changed", "An update keeps the type, the role and the nullability of every field.",
				   "Delete the dataset and create it anew; the sources of a mapped one stay.");
		if (old == nullptr && !is_fixed_column(dataset.type, f.field.name))
			out.push_back(f);
	}
	return out;
}

void check_nullable(const Dataset &dataset, const std::vector<Field> &fields) {
	for (const Field &f : fields)
		if (dataset.field(f.name) == nullptr && !f.nullable)
			refuse(f.name, "must be nullable", "The rows that the dataset has hold no value of a new field.");
}

std::vector<Field> fields_of_document(const Group &group, const Dataset &dataset, const SchemaDocument &document) {
	if (document.dataset_type != to_string(dataset.type) || document.domain != group.domain)
		throw Error(sqlstate::InvalidParameter, "schema \"" + document.name + "\" does not fit the dataset",
					"Dataset type and domain must be the same.");
	const std::vector<Field> fields = parse_avro(document.definition, group.domain).fields;
	for (const Field &old : dataset.fields)
		if (std::none_of(fields.begin(), fields.end(), [&](const Field &f) { return f.name == old.name; }))
			refuse(old.name, "is missing", "An update keeps every field.");
	std::vector<Field> all;
	for (const DeclaredField &f : merged(dataset, declared(fields)))
		all.push_back(f.field);
	return all;
}

// A column that the owner has added already becomes the field, if it has the field's type.
void add_columns(const Group &group, const Dataset &dataset, const std::vector<Field> &fields) {
	Dataset own = dataset;
	own.sources.clear();
	const std::size_t problems = dataset_problems(group, own).size();
	{
		const AsUser owner(group_owner(group));
		const pg::SafeSearchPath path;
		for (const Field &f : fields)
			if (dataset.field(f.name) == nullptr)
				pg::execute("ALTER TABLE " + own_table(group, dataset.type) + " ADD COLUMN IF NOT EXISTS " +
							quote_identifier(f.name) + " " + field_sql_type(f));
	}
	own.fields = fields;
	if (const std::vector<std::string> after = dataset_problems(group, own); after.size() > problems)
		throw Error("42804", "table of the dataset does not fit the new fields", after.back());
}

void store_fields(const Dataset &dataset, const std::vector<Field> &fields, const std::optional<std::int64_t> &document) {
	static Plan update{"UPDATE recsys_internal.dataset SET fields = $2, schema_document_id = coalesce($3, schema_document_id), "
					   "updated_at = now() WHERE id = $1",
					   {INT8OID, JSONBOID, INT8OID}};
	AsOwner owner;
	update.run({pg::int8(dataset.id), pg::jsonb(fields_json(fields).dump()), document ? pg::int8(*document) : pg::null()});
}

void store_mapping(const Dataset &dataset, Oid source, Oid relation, const Json &columns) {
	static Plan update{"UPDATE recsys_internal.dataset_source SET source = $3::regclass, columns = $4 "
					   "WHERE dataset_id = $1 AND source = $2::regclass",
					   {INT8OID, OIDOID, OIDOID, JSONBOID}};
	AsOwner owner;
	update.run({pg::int8(dataset.id), pg::oid(source), pg::oid(relation), pg::jsonb(columns.dump())});
}

bool is_gone(const Source &s) { return relation_columns(s.relation).empty(); }

const Source &choose_source(const Dataset &dataset, Oid wanted) {
	if (!OidIsValid(wanted) && dataset.sources.size() == 1)
		return dataset.sources.front();
	for (const Source &s : dataset.sources)
		if (s.relation == wanted)
			return s;
	if (!OidIsValid(wanted))
		throw Error(sqlstate::InvalidParameter, "dataset has several sources", "The argument \"source\" tells which one to change.");
	const auto gone = std::find_if(dataset.sources.begin(), dataset.sources.end(), is_gone);
	if (gone == dataset.sources.end())
		throw Error(sqlstate::NotFound, "relation \"" + relation_label(wanted) + "\" is no source of the dataset",
					"All its sources are there; another relation replaces only one that was dropped.");
	return *gone;
}

// The stored mapping with the given columns over it, checked as if it were new.
Mapping remap(const Group &group, const Dataset &dataset, const Source &source, Oid relation, const Json &columns,
			  const std::vector<DeclaredField> &fields) {
	if (!columns.is_object())
		throw Error(sqlstate::InvalidParameter, "columns must be a JSON object");
	Json all = source.columns;
	for (const auto &[name, value] : columns.items())
		all[lower_case(name)] = value;
	// A field of the dataset that this source does not fill, or no longer, is NULL in its rows.
	std::vector<DeclaredField> filled;
	for (const DeclaredField &f : fields)
		if (dataset.field(f.field.name) == nullptr || (all.contains(f.field.name) && !all[f.field.name].is_null()))
			filled.push_back(f);
	const bool first = &source == &dataset.sources.front();
	Mapping mapping = first ? make_mapping(dataset.type, group.domain, relation, all, filled)
							: make_mapping_for(dataset, group.domain, relation, all);
	const IdTypes &ids = mapping.id_types;
	if ((OidIsValid(ids.user) && ids.user != dataset.user_id_type) || (OidIsValid(ids.item) && ids.item != dataset.item_id_type))
		throw Error("42804", "id types of a dataset cannot be changed", {}, "Map columns of the same types.");
	return mapping;
}

} // namespace

void update_dataset(const Group &group, DatasetType type, const DatasetRequest &r) {
	const Dataset dataset = require_dataset(group, type);
	if (!r.fields && !r.avro_schema && !r.columns && !OidIsValid(r.source))
		throw Error(sqlstate::InvalidParameter, "nothing to update", {}, "Give fields, avro_schema, columns or source.");
	std::vector<Field> fields;
	std::optional<std::int64_t> document;
	if (r.avro_schema) {
		if (dataset.mapped || r.fields || r.columns)
			throw Error(sqlstate::InvalidParameter, "avro_schema updates managed datasets alone, without fields or columns");
		const SchemaDocument d = require_schema_document(*r.avro_schema);
		document = d.id;
		fields = fields_of_document(group, dataset, d);
	} else {
		const Json given = r.fields ? parse_json(*r.fields, "fields") : Json::object();
		std::vector<DeclaredField> all = merged(dataset, parse_short_fields(type, group.domain, given));
		if (dataset.mapped) {
			const Source &source = choose_source(dataset, r.source);
			const Oid relation = OidIsValid(r.source) ? r.source : source.relation;
			if (relation != source.relation)
				check_source(group, type, relation);
			const Json columns = r.columns ? parse_json(*r.columns, "columns") : Json::object();
			Mapping mapping = remap(group, dataset, source, relation, columns, all);
			store_mapping(dataset, source.relation, relation, mapping.columns);
			all = merged(dataset, mapping.fields);
		} else if (r.columns || OidIsValid(r.source)) {
			throw Error(sqlstate::InvalidParameter, "columns and source update mapped datasets only");
		}
		fields = check_fields(type, group.domain, all, dataset.mapped ? Declaration::Mapped : Declaration::Short);
	}
	check_nullable(dataset, fields);
	add_columns(group, dataset, fields);
	store_fields(dataset, fields, document);
	invalidate_caches();
}

} // namespace recsys::catalog
