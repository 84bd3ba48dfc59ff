// Where the rows of an import come from: CSV files of the server, or any relation.
#include "ingest/csv.hpp"

#include "ingest/loader.hpp"

#include <strings.h>

#include "pg/file.hpp"

namespace recsys::ingest {

namespace {

constexpr std::uint64_t kReportEvery = 4096;

std::string in_quotes(const std::string &s) {
	return "\"" + s + "\"";
}

bool is_csv_name(const std::string &name) {
	return name.size() > 4 && strcasecmp(name.c_str() + name.size() - 4, ".csv") == 0;
}

// The file itself, or the CSV files of a folder's first level in the order of their names.
std::vector<std::string> files_of(const std::string &path) {
	if (!pg::is_directory(path))
		return {path};
	std::vector<std::string> files;
	for (const std::string &name : pg::directory_entries(path)) {
		std::string file = path + (path.back() == '/' ? "" : "/") + name;
		if (is_csv_name(name) && !pg::is_directory(file))
			files.push_back(std::move(file));
	}
	if (files.empty())
		throw Error(sqlstate::InvalidParameter, "directory " + in_quotes(path) + " has no CSV file", {},
					"The names of CSV files end in \".csv\".");
	return files;
}

void read_file(const std::string &path, Loader &loader, const jobs::Report &report) {
	pg::InputFile file(path);
	CsvReader csv([&file](char *buffer, std::size_t size) { return file.read(buffer, size); }, in_quotes(path));
	if (!csv.next())
		throw Error(sqlstate::BadCopyFile, "file " + in_quotes(path) + " has no header");
	loader.header(in_quotes(path), "line", {csv.fields().begin(), csv.fields().end()});
	for (std::uint64_t n = 0; csv.next(); ++n) {
		if (n % kReportEvery == 0)
			report("reading bytes", csv.consumed(), file.bytes());
		loader.row(csv.line(), csv.fields());
	}
}

// Each column as text the way a CSV file has it.
struct Selected {
	std::vector<std::string> names;
	std::string sql;
};
Selected select_columns(const std::string &relation, std::string_view only) {
	Selected out;
	for (const pg::Row &row :
		 pg::query("SELECT a.attname, a.atttypid::pg_catalog.int8 FROM pg_catalog.pg_attribute a WHERE "
				   "a.attrelid OPERATOR(pg_catalog.=) $1::pg_catalog.regclass AND a.attnum "
				   "OPERATOR(pg_catalog.>) 0 AND NOT a.attisdropped ORDER BY a.attnum",
				   {TEXTOID}, {pg::text(relation)})) {
		if (!only.empty() && normalised(row.text(0)) != normalised(only))
			continue;
		const std::string column = "t." + pg::quote_identifier(row.text(0));
		out.names.push_back(row.text(0));
		out.sql += out.sql.empty() ? "SELECT " : ", ";
		out.sql += row.oid(1) == TEXTARRAYOID ? "pg_catalog.array_to_string(" + column + ", '|')"
											  : column + "::pg_catalog.text";
	}
	out.sql += (out.sql.empty() ? "SELECT FROM " : " FROM ") + relation + " AS t";
	return out;
}

} // namespace

void read_files(const std::string &path, Loader &loader, const jobs::Report &report) {
	for (const std::string &file : files_of(path))
		read_file(file, loader, report);
}

void read_relation(const std::string &relation, Loader &loader, const jobs::Report &report, std::string_view only) {
	const Selected selected = select_columns(relation, only);
	loader.header(relation, "row", selected.names);
	pg::SpiScope spi;
	pg::Cursor cursor(selected.sql, {}, {});
	std::vector<std::string_view> fields(selected.names.size());
	std::uint64_t line = 0;
	while (const SPITupleTable *block = cursor.next(kReportEvery)) {
		report("reading rows", line, 0);
		for (std::uint64_t r = 0; r < block->numvals; ++r) {
			for (std::size_t c = 0; c < fields.size(); ++c) {
				bool null = false;
				const Datum value = pg::column(block, r, static_cast<int>(c), null);
				fields[c] = null ? std::string_view() : pg::text_view(value);
			}
			loader.row(++line, fields);
		}
	}
}

} // namespace recsys::ingest
