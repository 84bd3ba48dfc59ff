#include "ingest/tracker.hpp"

namespace recsys::ingest {

using catalog::Group;
using catalog::Right;
using pg::AsOwner;
using pg::Plan;
using pg::Row;

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
		throw Error(sqlstate::AlreadyExists, "dataset group \"" + group.name + "\" already has an event tracker", {},
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

void list_event_trackers(pg::ResultTable &result) {
	static Plan find{
		"SELECT t.name, g.name, t.tracking_id, t.status, t.created_at, t.updated_at FROM "
		"recsys_internal.event_tracker t JOIN recsys_internal.dataset_group g ON g.id = t.group_id WHERE g.id = $1",
		{INT8OID}};
	for (const Group &group : catalog::groups_with(Right::Write)) {
		AsOwner owner;
		pg::SpiScope spi;
		result.append(find.fetch({pg::int8(group.id)}, pg::Access::Write));
	}
}

catalog::Json describe_event_tracker(std::string_view name) {
	static Plan find{
		"SELECT tracking_id, status, to_jsonb(created_at), to_jsonb(updated_at) FROM recsys_internal.event_tracker "
		"WHERE id = $1",
		{INT8OID}};
	const catalog::Found found = catalog::require_resource("event_tracker", name, Right::Write);
	AsOwner owner;
	const std::optional<Row> row = find.row({pg::int8(found.id)});
	if (!row)
		throw Error(sqlstate::NotFound, "event tracker \"" + std::string(name) + "\" does not exist");
	return {{"name", found.name},
			{"dataset_group", found.group.name},
			{"tracking_id", row->text(0)},
			{"status", row->text(1)},
			{"created_at", catalog::Json::parse(row->text(2))},
			{"updated_at", catalog::Json::parse(row->text(3))}};
}

void tracker_not_found(Datum tracking_id) {
	throw Error(sqlstate::NotFound, "event tracker \"" + pg::output(tracking_id, UUIDOID) + "\" does not exist", {},
				"The trackers you may use are listed in \"recsys.event_trackers\".");
}

Group require_tracker(Datum tracking_id) {
	static Plan find{"SELECT group_id FROM recsys_internal.event_tracker WHERE tracking_id = $1", {UUIDOID}};
	std::optional<Row> row;
	{
		AsOwner owner;
		row = find.row({pg::raw(tracking_id)});
	}
	if (!row)
		tracker_not_found(tracking_id);
	std::optional<Group> group = catalog::find_group(row->int8(0));
	if (!group || !catalog::has_right(*group, Right::Write))
		tracker_not_found(tracking_id);
	return std::move(*group);
}

} // namespace recsys::ingest
