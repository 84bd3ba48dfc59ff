#include "ingest/import.hpp"

#include "ingest/loader.hpp"
#include "ingest/put_records.hpp"

#include "pg/file.hpp"
#include "pg/settings.hpp"

namespace recsys::ingest {

using catalog::DatasetType;
using catalog::Json;
using pg::AsOwner;
using pg::Plan;

namespace {

constexpr std::uint64_t kMinimumInteractions = 1000;

bool holds_events(DatasetType type) {
	return type == DatasetType::Interactions || type == DatasetType::ActionInteractions;
}

void check_service_limits(const ImportRequest &request, std::uint64_t rows) {
	if (pg::settings::service_limits && request.dataset.type == DatasetType::Interactions &&
		rows < kMinimumInteractions)
		throw Error(sqlstate::LimitExceeded, "an import of interactions must have at least " +
												 std::to_string(kMinimumInteractions) + " records, not " +
												 std::to_string(rows));
}

// Of two imports into one dataset the second waits for the first to commit, and then replaces its rows too.
// Returns whether there was a FULL import before.
bool lock_dataset(const catalog::Group &group, const catalog::Dataset &dataset) {
	static Plan lock{"SELECT bulk_imported FROM recsys_internal.dataset WHERE id = $1 FOR NO KEY UPDATE", {INT8OID}};
	AsOwner owner;
	const std::optional<pg::Row> row = lock.row({pg::int8(dataset.id)});
	if (!row)
		throw Error(sqlstate::NotFound, "dataset group \"" + group.name + "\" no longer has a dataset of this type");
	return row->boolean(0);
}

void mark_imported(const catalog::Dataset &dataset) {
	static Plan mark{"UPDATE recsys_internal.dataset SET bulk_imported = true, updated_at = now() WHERE id = $1",
					 {INT8OID}};
	AsOwner owner;
	mark.run({pg::int8(dataset.id)});
}

[[noreturn]] void full_import_needed(const catalog::Group &group, const catalog::Dataset &dataset) {
	throw Error(sqlstate::WrongState, "an incremental import needs a full import before it", {},
				std::string("Import the ") + catalog::to_string(dataset.type) + " of dataset group \"" + group.name +
					"\" with import_mode => 'FULL' first.");
}

pg::DynamicPlan insert_plan(const ImportRequest &request, const Loader &loader) {
	const ColumnSet &columns = loader.columns();
	const DatasetType type = request.dataset.type;
	if (!holds_events(type))
		return {upsert_sql(request.group, type, columns, false), {}};
	// Replays of an event id are left out, as in put_events. Speculative insertion costs a third more, so only where
	// there are ids.
	return {"INSERT INTO " + catalog::own_table(request.group, type) + " (" + columns.list() + ", streamed) SELECT " +
				columns.list() + ", false FROM recsys_rows" + (loader.has("event_id") ? " ON CONFLICT DO NOTHING" : ""),
			{}};
}

} // namespace

void require_full_import(const catalog::Group &group, const catalog::Dataset &dataset) {
	static Plan find{"SELECT bulk_imported FROM recsys_internal.dataset WHERE id = $1", {INT8OID}};
	AsOwner owner;
	const std::optional<pg::Row> row = find.row({pg::int8(dataset.id)});
	if (!row || !row->boolean(0))
		full_import_needed(group, dataset);
}

Json run_import(const ImportRequest &request, const jobs::Report &report) {
	Loader loader(request.group, request.dataset);
	if (request.source[0] == '/')
		read_files(request.source, loader, report);
	else
		read_relation(request.source, loader, report);
	const std::uint64_t rows = loader.batch().size();
	check_service_limits(request, rows);
	loader.cuts().tell();
	report("waiting for the dataset", 0, 0);
	if (!lock_dataset(request.group, request.dataset) && !request.full)
		full_import_needed(request.group, request.dataset);
	std::uint64_t deleted = 0;
	if (request.full) {
		report("deleting old rows", 0, 0);
		deleted = pg::execute("DELETE FROM " + catalog::own_table(request.group, request.dataset.type) +
							  " WHERE streamed IS NOT TRUE");
	}
	report("writing rows", 0, rows);
	pg::DynamicPlan insert = insert_plan(request, loader);
	const std::uint64_t written = loader.batch().run(insert);
	mark_imported(request.dataset);
	return {{"rows", written}, {"repeated", rows - written}, {"deleted", deleted}};
}

} // namespace recsys::ingest
