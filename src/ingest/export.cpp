#include "ingest/export.hpp"

#include "ingest/columns.hpp"

#include "pg/file.hpp"

namespace recsys::ingest {

using catalog::Json;

namespace {

// Seconds since 1970; PostgreSQL's numeric keeps the microseconds, and no trailing zeros are written.
std::string seconds(const std::string &column) {
	return "pg_catalog.trim_scale(pg_catalog.extract('epoch', " + column + "))";
}

// The rows of one compartment, each row once, in an order that makes files of equal rows equal. `csv`: in the form and
// with the header of a CSV file.
std::string select_rows(const ExportRequest &request, const ColumnSet &columns, bool csv) {
	std::vector<std::string> names;
	std::string list, order;
	for (std::size_t i = 0; i < columns.size(); ++i) {
		const Column &c = columns[i];
		const std::string column = "r." + pg::quote_identifier(c.name);
		names.push_back(c.name);
		list += i == 0 ? "SELECT DISTINCT " : ", ";
		list += !csv                        ? column
				: c.kind == Kind::Timestamp ? seconds(column)
				: c.kind == Kind::IdList    ? "pg_catalog.array_to_string(" + column + ", '|')"
				: c.kind == Kind::Boolean   ? column + "::pg_catalog.text"
											: column;
		list += " AS " + pg::quote_identifier(csv ? upper_case(c.name) : c.name);
		order += (i == 0 ? " ORDER BY " : ", ") + std::to_string(i + 1);
	}
	names.emplace_back("streamed");
	const char *condition = request.mode == Compartment::Put    ? " WHERE r.streamed IS TRUE"
							: request.mode == Compartment::Bulk ? " WHERE r.streamed IS NOT TRUE"
																: "";
	return list + " FROM (" + catalog::union_sql(request.group, request.dataset, names) + ") AS r" + condition + order;
}

bool relation_exists(const std::string &name) {
	return !pg::query("SELECT pg_catalog.to_regclass($1)", {TEXTOID}, {pg::text(name)}).front().null(0);
}

} // namespace

Compartment parse_ingestion_mode(std::string_view mode) {
	const std::string name = upper_case(mode);
	for (const Compartment c : {Compartment::Put, Compartment::Bulk, Compartment::All})
		if (name == to_string(c))
			return c;
	throw Error(sqlstate::InvalidParameter, "unrecognized ingestion mode \"" + std::string(mode) + "\"", {},
				"Modes are PUT, BULK and ALL.");
}

const char *to_string(Compartment mode) noexcept {
	return mode == Compartment::Put ? "PUT" : mode == Compartment::Bulk ? "BULK" : "ALL";
}

Json run_export(const ExportRequest &request) {
	const ColumnSet columns(request.group, request.dataset);
	const bool file = request.output[0] == '/';
	const std::string query = select_rows(request, columns, file);
	std::uint64_t rows;
	if (file)
		rows = pg::write_csv(query, request.output);
	else if (relation_exists(request.output))
		rows = pg::execute("INSERT INTO " + request.output + " (" + columns.list() + ") " + query);
	else
		rows = pg::execute("CREATE TABLE " + request.output + " AS " + query);
	return {{"rows", rows}};
}

} // namespace recsys::ingest
