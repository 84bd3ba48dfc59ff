// The SQL-callable functions of the room; what they do is in the files by subject.
#include "ingest/data_job.hpp"
#include "ingest/put_events.hpp"
#include "ingest/put_records.hpp"
#include "ingest/tracker.hpp"

#include "pg/function.hpp"

namespace {

using namespace recsys;
using catalog::DatasetType;

std::int64_t put(const pg::Call &call, DatasetType type, const char *argument) {
	return static_cast<std::int64_t>(
		ingest::put_records(call.text(0, "dataset_group"), type, argument, call.json(1, argument)));
}

} // namespace

RECSYS_FUNCTION(create_event_tracker) {
	const std::string id = ingest::create_event_tracker(call.text(0, "name"), call.text(1, "dataset_group"));
	return pg::id_param(id, UUIDOID).value;
}

RECSYS_FUNCTION(delete_event_tracker) {
	ingest::delete_event_tracker(call.text(0, "name"));
	return call.result_void();
}

RECSYS_FUNCTION(describe_event_tracker) {
	return call.result_json(ingest::describe_event_tracker(call.text(0, "name")).dump());
}

RECSYS_FUNCTION(list_event_trackers) {
	pg::ResultTable result(call);
	ingest::list_event_trackers(result);
	return call.result_null();
}

RECSYS_FUNCTION(put_events) {
	if (call.null(0))
		throw Error("22004", "argument \"tracking_id\" must not be null");
	const std::uint64_t stored = ingest::put_events(call.datum(0), call.text(1, "session_id"),
													call.json(2, "event_list"), call.optional_text(3));
	return call.result_int8(static_cast<std::int64_t>(stored));
}

RECSYS_FUNCTION(put_action_interactions) {
	const std::uint64_t stored =
		ingest::put_action_interactions(call.text(0, "dataset_group"), call.json(1, "action_interactions"));
	return call.result_int8(static_cast<std::int64_t>(stored));
}

RECSYS_FUNCTION(put_items) {
	return call.result_int8(put(call, DatasetType::Items, "items"));
}
RECSYS_FUNCTION(put_users) {
	return call.result_int8(put(call, DatasetType::Users, "users"));
}
RECSYS_FUNCTION(put_actions) {
	return call.result_int8(put(call, DatasetType::Actions, "actions"));
}

namespace {

using ingest::DataJob;

Datum create_job(const pg::Call &call, DataJob kind, const char *location, const char *mode) {
	return call.result(ingest::create_data_job(kind, {call.text(0, "name"), call.text(1, "dataset_group"),
													  call.text(2, "dataset_type"), call.text(3, location),
													  call.text(4, mode), call.boolean(5, "wait")}));
}

Datum list_jobs(const pg::Call &call, DataJob kind) {
	pg::ResultTable result(call);
	ingest::list_data_jobs(kind, result);
	return call.result_null();
}

Datum describe_job(const pg::Call &call, DataJob kind) {
	return call.result_json(ingest::describe_data_job(kind, call.text(0, "name")).dump());
}

} // namespace

RECSYS_FUNCTION(create_dataset_import_job) {
	return create_job(call, DataJob::Import, "source", "import_mode");
}
RECSYS_FUNCTION(create_dataset_export_job) {
	return create_job(call, DataJob::Export, "output", "ingestion_mode");
}
RECSYS_FUNCTION(create_data_deletion_job) {
	return call.result(ingest::create_data_job(DataJob::Deletion, {call.text(0, "name"), call.text(1, "dataset_group"), {},
																   call.text(2, "source"), {}, call.boolean(3, "wait")}));
}
RECSYS_FUNCTION(list_data_deletion_jobs) {
	return list_jobs(call, DataJob::Deletion);
}
RECSYS_FUNCTION(describe_data_deletion_job) {
	return describe_job(call, DataJob::Deletion);
}
RECSYS_FUNCTION(list_dataset_import_jobs) {
	return list_jobs(call, DataJob::Import);
}
RECSYS_FUNCTION(list_dataset_export_jobs) {
	return list_jobs(call, DataJob::Export);
}
RECSYS_FUNCTION(describe_dataset_import_job) {
	return describe_job(call, DataJob::Import);
}
RECSYS_FUNCTION(describe_dataset_export_job) {
	return describe_job(call, DataJob::Export);
}
