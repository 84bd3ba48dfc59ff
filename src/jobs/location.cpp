#include "jobs/location.hpp"

#include "pg/file.hpp"

namespace recsys::jobs {

bool is_file(std::string_view location) noexcept { return !location.empty() && location[0] == '/'; }

void check_file_right(Use use, Oid role, const char *deed) {
	const bool reads = use == Use::Read;
	if (reads ? pg::may_read_files(role) : pg::may_write_files(role))
		return;
	throw Error(sqlstate::InsufficientPrivilege, std::string("permission denied to ") + deed,
				std::string("Only roles with privileges of \"") + (reads ? "pg_read_server_files" : "pg_write_server_files") + "\" may.",
				reads ? "Load the file into a table with psql's \\copy and name that table."
					  : "Name a table, and fetch it with psql's \\copy.");
}

Oid asker(const catalog::Json &config) {
	const Oid role = pg::find_role(config.at("requested_by").get<std::string>());
	if (!OidIsValid(role))
		throw Error(sqlstate::InsufficientPrivilege, "the role that created the job no longer exists");
	return role;
}

std::string qualified_relation(Use use, const std::string &name) {
	static pg::Plan existing{
		"SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) FROM pg_catalog.pg_class c "
		"JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = pg_catalog.to_regclass($1)",
		{TEXTOID}};
	static pg::Plan wanted{
		"SELECT (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(p), '.') FROM pg_catalog.unnest("
		"CASE pg_catalog.cardinality(i) WHEN 1 THEN ARRAY[pg_catalog.current_schema()::text, i[1]] ELSE i END) AS p), "
		"pg_catalog.cardinality(i) FROM pg_catalog.parse_ident($1) AS i",
		{TEXTOID}};
	if (const std::optional<pg::Row> row = existing.row({pg::text(name)}))
		return row->text(0);
	if (use == Use::Read)
		throw Error("42P01", "relation \"" + name + "\" does not exist", {}, "A file's path begins with \"/\".");
	const std::optional<pg::Row> row = wanted.row({pg::text(name)});
	if (!row || row->null(0) || row->int8(1) > 2)
		throw Error(sqlstate::InvalidName, "invalid relation name \"" + name + "\"");
	return row->text(0);
}

std::string settle_location(Use use, const std::string &location, const char *deed) {
	if (!is_file(location))
		return qualified_relation(use, location);
	check_file_right(use, GetUserId(), deed);
	return location;
}

} // namespace recsys::jobs
