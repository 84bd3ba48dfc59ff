#include "ingest/tracker.hpp"

namespace recsys::ingest {

using catalog::Group;
using catalog::Right;
using pg::AsOwner;
using pg::Plan;
using pg::Row;

namespace {

Json row_json(const Row &row, const Group &group);

} // namespace

std::string create_event_tracker(std::string_view name, std::string_view group_name) {
	// ON CONFLICT: of two sessions at the same time, one waits and then learns of the other's tracker.
	static Plan insert{"INSERT INTO recsys_internal.event_tracker (group_id, name) VALUES ($1, $2) "
					   "ON CONFLICT (group_id) DO NOTHING RETURNING tracking_id",
					   {INT8OID, TEXTOID}};
	catalog::check_name(name, "event tracker");
	const Group group = catalog::require_group(group_name, Right::Own);
	std::optional<Row> row;
	{
		AsOwner owner;
		row = insert.row({pg::int8(group.id), pg::text(name)});
	}
	if (!row)
		throw Error(sqlstate::AlreadyExists, "dataset group \"" + group.name + "\" has an event tracker already", {},
					"See \"recsys.event_trackers\".");
	catalog::invalidate_caches();
	return row->text(0);
}

void delete_event_tracker(std::string_view name) {
	static Plan remove{"DELETE FROM recsys_internal.event_tracker WHERE id = $1", {INT8OID}};
	const catalog::Found found = catalog::require_resource("event_tracker", name, Right::Own);
	{
		AsOwner owner;
		remove.run({pg::int8(found.id)});
	}
	catalog::invalidate_caches();
}

} // namespace recsys::ingest
