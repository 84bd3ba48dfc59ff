// Relations: the indexes that serving needs, and columns that nobody reads.
//
// A plain table is judged by its indexes. A view has none of its own and a foreign table's are elsewhere: there the
// planner is asked what it would cost to read one id, in comparison with reading everything.
#include "ops/rules.hpp"

#include <algorithm>
#include <array>

#include "catalog/mapping.hpp"

namespace recsys::ops {

using catalog::Dataset;
using catalog::DatasetType;
using catalog::Source;
using pg::Row;

namespace {

constexpr double kManyRows = 10000; // from here on reading a whole table for one request hurts
constexpr double kFastShare =
	0.8; // of the cost of everything: what one id costs by an index is less, by a scan it is not

struct Relation {
	Oid oid;
	std::string name, owner; // name: quoted, with its schema
	char kind;
	double rows;
	bool policies;        // show the current user some of its rows only
	const Source *source; // null: the group's own table
};

std::optional<Relation> relation_of(Oid oid, const Source *source) {
	const pg::Rows rows = pg::query(
		"SELECT format('%I.%I', n.nspname, c.relname), pg_get_userbyid(c.relowner), c.relkind, greatest(c.reltuples, "
		"0), row_security_active(c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = $1",
		{OIDOID}, {pg::oid(oid)}, pg::Access::Read);
	if (rows.empty())
		return std::nullopt;
	const Row &row = rows.front();
	return Relation{oid, row.text(0), row.text(1), row.text(2)[0], row.float8(3), row.boolean(4), source};
}

std::vector<Relation> relations_of(const catalog::Group &group, const Dataset &dataset) {
	std::vector<Relation> out;
	const pg::Rows own =
		pg::query("SELECT c.oid::bigint FROM pg_class c WHERE c.relnamespace = $1 AND c.relname = $2",
				  {OIDOID, TEXTOID}, {pg::oid(group.schema_oid), pg::text(to_string(dataset.type))}, pg::Access::Read);
	if (!own.empty())
		if (std::optional<Relation> relation = relation_of(own.front().oid(0), nullptr))
			out.push_back(std::move(*relation));
	for (const Source &source : dataset.sources)
		if (std::optional<Relation> relation = relation_of(source.relation, &source))
			out.push_back(std::move(*relation));
	return out;
}

// The relation's column behind a column of the dataset; "" when there is none that could be indexed as it is.
std::string column_behind(const Relation &relation, const std::string &column) {
	if (relation.source == nullptr)
		return column;
	const Json &columns = relation.source->columns;
	if (!columns.contains(column) || columns[column].is_null())
		return {};
	if (columns[column].is_string())
		return columns[column].get<std::string>();
	return columns[column].value("epoch", "").empty() ? columns[column].value("column", "") : std::string();
}

// The first two columns of each usable index.
struct Index {
	std::string first, second;
	bool unique;
};
std::vector<Index> indexes_of(Oid relation) {
	std::vector<Index> out;
	for (const Row &row : pg::query(
			 "SELECT a.attname, b.attname, i.indisunique AND i.indnkeyatts = 1 FROM pg_index i JOIN pg_class c ON "
			 "c.oid = "
			 "i.indexrelid JOIN pg_am m ON m.oid = c.relam JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum "
			 "= "
			 "i.indkey[0] LEFT JOIN pg_attribute b ON b.attrelid = i.indrelid AND b.attnum = i.indkey[1] AND "
			 "i.indnkeyatts > 1 WHERE i.indrelid = $1 AND i.indisvalid AND i.indpred IS NULL AND m.amname = 'btree'",
			 {OIDOID}, {pg::oid(relation)}, pg::Access::Read))
		out.push_back({row.text(0), row.text(1), row.boolean(2)});
	return out;
}

// What an access path is for, and the columns of the dataset that it begins with.
struct Path {
	std::string first, second;
	bool unique;
	Severity severity; // of its lack in a large table
	const char *purpose;
};

std::vector<Path> paths_of(DatasetType type) {
	switch (type) {
	case DatasetType::Interactions: {
		std::vector<Path> out{
			{"user_id", "timestamp", false, Severity::Warning, "Each request reads the newest events of one user."},
			{"user_id", "item_id", false, Severity::Notice,
			 "Filters on interactions look for one user's events of one item."}};
		if (recipe_to_use({"trending-now"}) != "")
			out.push_back(
				{"timestamp", "", false, Severity::Notice, "trending-now reads the newest events of all users."});
		return out;
	}
	case DatasetType::ActionInteractions:
		return {
			{"user_id", "timestamp", false, Severity::Warning, "Each request reads what one user did with actions."}};
	default:
		return {{catalog::fixed_columns(type).front().name, "", true, Severity::Warning,
				 "Rows are looked up by their id."}};
	}
}

// An index for the path as it could be made; with the first column alone where the second cannot be indexed.
std::string create_index(const Relation &relation, const Path &path) {
	const std::string first = column_behind(relation, path.first);
	const std::string second = path.second.empty() ? "" : column_behind(relation, path.second);
	return std::string("CREATE ") + (path.unique ? "UNIQUE " : "") + "INDEX " +
		   (relation.kind == 'p' ? "" : "CONCURRENTLY ") + "ON " + relation.name + " (" + pg::quote_identifier(first) +
		   (second.empty() ? "" : ", " + pg::quote_identifier(second)) + ");";
}

void judge_table(const Relation &relation, const std::vector<Path> &paths, Findings &out) {
	const std::vector<Index> indexes = indexes_of(relation.oid);
	for (const Path &path : paths) {
		const std::string first = column_behind(relation, path.first), second = column_behind(relation, path.second);
		if (first.empty())
			continue;
		const bool found = std::any_of(indexes.begin(), indexes.end(), [&](const Index &index) {
			return index.first == first && (path.second != "item_id" || second.empty() || index.second == second);
		});
		if (found)
			continue;
		const bool large = relation.rows >= kManyRows;
		out.push_back({large ? path.severity : Severity::Notice, relation.name, "missing index",
					   "none begins with " + pg::quote_identifier(first) +
						   (path.second == "item_id" ? " and " + pg::quote_identifier(second) : "") + "; " +
						   (relation.rows > 0 ? "about " + count(static_cast<std::int64_t>(relation.rows), "row")
											  : "size not known: run ANALYZE"),
					   std::string(path.purpose) + " As " + relation.owner + ": " + create_index(relation, path)});
	}
}

// What stands behind the relation is another query, or another server.
void judge_view(const catalog::Group &group, const Dataset &dataset, const Relation &relation, const Path &path,
				Findings &out) {
	if (column_behind(relation, path.first).empty())
		return;
	Dataset one = dataset;
	one.sources = {*relation.source};
	const std::string type = catalog::column_sql_type(dataset, path.first);
	const Plan all = plan_of(catalog::union_sql(group, one, {path.first}));
	const Plan single = plan_of(catalog::union_sql(
		group, one, {path.first}, "{" + path.first + "} = (SELECT NULL" + catalog::cast_sql(type) + ")"));
	if (all.rows < kManyRows || single.cost < kFastShare * all.cost)
		return;
	const bool foreign = relation.kind == 'f';
	out.push_back({path.severity, relation.name, "no fast way to one id",
				   "the planner expects a cost of " + count(static_cast<std::int64_t>(single.cost)) + " for one, " +
					   count(static_cast<std::int64_t>(all.cost)) + " for all",
				   std::string(path.purpose) +
					   (foreign ? " Make an index on the other server, and let its data wrapper estimate there."
								: " As the owner of the tables behind the view: make an index on the column behind ") +
					   (foreign ? "" : pg::quote_identifier(column_behind(relation, path.first)) + ".")});
}

} // namespace

void judge_relations(const catalog::Group &group, const Dataset &dataset, Findings &out) {
	const std::vector<Path> paths = paths_of(dataset.type);
	for (const Relation &relation : relations_of(group, dataset)) {
		if (relation.policies)
			out.push_back({Severity::Notice, relation.name, "checked in part",
						   "row-level security shows you some of its rows",
						   "All numbers are of these rows. Its owner sees all."});
		if (relation.kind == 'v' || relation.kind == 'f')
			judge_view(group, dataset, relation, paths.front(), out);
		else
			judge_table(relation, paths, out);
	}
}

void judge_unused_columns(const catalog::Group &group, const Dataset &dataset, Findings &out) {
	const bool events = dataset.type == DatasetType::Interactions || dataset.type == DatasetType::ActionInteractions;
	for (const Relation &relation : relations_of(group, dataset)) {
		if (relation.source != nullptr && events)
			continue; // of an events table one maps what one means
		std::vector<std::string> unused;
		for (const catalog::RelationColumn &column : catalog::relation_columns(relation.oid)) {
			bool used =
				relation.source == nullptr &&
				(dataset.field(column.name) != nullptr ||
				 std::any_of(catalog::fixed_columns(dataset.type).begin(), catalog::fixed_columns(dataset.type).end(),
							 [&](const catalog::FixedColumn &c) { return column.name == c.name; }));
			if (relation.source != nullptr)
				for (const auto &[name, value] : relation.source->columns.items())
					used = used || column_behind(relation, name) == column.name ||
						   (value.is_object() && value.value("column", "") == column.name);
			if (!used && !catalog::field_of_column(column).type.empty())
				unused.push_back("\"" + column.name + "\"");
		}
		if (!unused.empty())
			out.push_back({Severity::Notice, relation.name, "columns that the dataset does not have", list(unused, 6),
						   std::string("If they help to recommend or to filter: recsys.update_dataset('") + group.name +
							   "', '" + to_string(dataset.type) +
							   (relation.source == nullptr ? "', fields => ...)." : "', columns => ...).")});
	}
}

} // namespace recsys::ops
