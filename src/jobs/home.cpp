#include "jobs/home.hpp"

#include "pg/spi.hpp"

extern "C" {
#include "access/xlog.h"
#include "miscadmin.h"
}

namespace recsys::jobs {

namespace {

struct Home {
	std::string id;
	bool copied, moved; // it is another database; another system, into which pg_upgrade has brought it under its own oid
};

Home read_home(pg::Access access) {
	static pg::Plan find{"SELECT id, system, database FROM recsys_internal.home", {}};
	const std::optional<pg::Row> row = find.row({}, access);
	if (!row)
		throw Error("XX000", "table \"recsys_internal.home\" is empty");
	return {row->text(0), row->oid(2) != MyDatabaseId, row->text(1) != std::to_string(GetSystemIdentifier())};
}

} // namespace

std::optional<std::string> find_home() {
	const Home home = read_home(pg::Access::Read);
	return home.copied ? std::nullopt : std::optional(home.id);
}

std::string settle_home() {
	// The condition lets one of two sessions win; both then read what it wrote.
	static pg::Plan settle{"UPDATE recsys_internal.home SET id = CASE WHEN $1 THEN pg_catalog.gen_random_uuid() ELSE id END, "
						   "system = $2, database = $3 WHERE (system, database) IS DISTINCT FROM ($2, $3)",
						   {BOOLOID, TEXTOID, OIDOID}};
	const Home home = read_home(pg::Access::Write);
	if (!home.copied && !home.moved)
		return home.id;
	settle.run({pg::boolean(home.copied), pg::text(std::to_string(GetSystemIdentifier())), pg::oid(MyDatabaseId)});
	return read_home(pg::Access::Write).id;
}

} // namespace recsys::jobs
