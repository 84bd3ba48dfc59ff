#include "ingest/data_job.hpp"

#include "ingest/columns.hpp"
#include "ingest/deletion.hpp"
#include "ingest/export.hpp"
#include "ingest/import.hpp"
#include "jobs/location.hpp"
#include "jobs/named.hpp"

#include "pg/settings.hpp"

namespace recsys::ingest {

using catalog::Group;
using catalog::Json;
using catalog::Right;
using pg::AsOwner;
using pg::Plan;
using pg::Row;

namespace {

struct KindText {
	jobs::Words words;
	const char *location, *mode, *deed; // names of the two arguments, and what is done with a file
};
KindText text_of(DataJob kind) {
	switch (kind) {
	case DataJob::Import:
		return {{"import", "dataset import job", "dataset_import_jobs"}, "source", "import_mode", "import from a file of the server"};
	case DataJob::Export:
		return {{"export", "dataset export job", "dataset_export_jobs"}, "output", "ingestion_mode", "export to a file of the server"};
	case DataJob::Deletion:
		break;
	}
	return {{"deletion", "data deletion job", "data_deletion_jobs"}, "source", nullptr, "read user ids from a file of the server"};
}

jobs::Use use_of(DataJob kind) {
	return kind == DataJob::Export ? jobs::Use::Write : jobs::Use::Read;
}

std::string parse_import_mode(std::string_view mode) {
	const std::string name = upper_case(mode);
	if (name != "FULL" && name != "INCREMENTAL")
		throw Error(sqlstate::InvalidParameter, "unrecognized import mode \"" + std::string(mode) + "\"", {},
					"Modes are FULL and INCREMENTAL.");
	return name;
}

// What a job does, from its configuration; the current user's rights apply.
Json run_data_job(DataJob kind, const Group &group, const Json &config, const jobs::Report &report) {
	const std::string location = config.at("location");
	if (jobs::is_file(location))
		jobs::check_file_right(use_of(kind), jobs::asker(config), text_of(kind).deed);
	if (kind == DataJob::Deletion)
		return run_deletion({group, location}, report);
	catalog::Dataset dataset =
		catalog::require_dataset(group, catalog::parse_dataset_type(config.at("dataset_type").get<std::string>()));
	const std::string mode = config.at("mode");
	if (kind == DataJob::Import)
		return run_import({group, std::move(dataset), location, mode == "FULL"}, report);
	report("writing rows", 0, 0);
	return run_export({group, std::move(dataset), location, parse_ingestion_mode(mode)});
}

// In a worker.
jobs::Outcome run_job(DataJob kind, const jobs::Job &job) {
	const jobs::OwnedGroup of = jobs::group_of(job);
	Json result;
	jobs::with_report(job, [&](const jobs::Report &report) {
		jobs::in_transaction(of.owner, [&] {
			result = run_data_job(kind, of.group, job.config, report);
			jobs::note_result(job, result);
		});
	});
	return result;
}

jobs::Outcome run_import_job(const jobs::Job &job) {
	return run_job(DataJob::Import, job);
}
jobs::Outcome run_export_job(const jobs::Job &job) {
	return run_job(DataJob::Export, job);
}
jobs::Outcome run_deletion_job(const jobs::Job &job) {
	return run_job(DataJob::Deletion, job);
}
// The job's own row tells everything about it.
void nothing_to_mark(const jobs::Job &, const std::string &, bool) {}

} // namespace

void register_data_jobs() {
	jobs::register_handler({"import", run_import_job, nothing_to_mark});
	jobs::register_handler({"export", run_export_job, nothing_to_mark});
	jobs::register_handler({"deletion", run_deletion_job, nothing_to_mark});
}

namespace {

// Of an import or export: its dataset, and what the job is to do with it, into `config`. Returns the dataset's id.
std::int64_t check_dataset(DataJob kind, const Group &group, const DataJobArguments &arguments, Json &config) {
	const catalog::Dataset dataset =
		catalog::require_dataset(group, catalog::parse_dataset_type(arguments.dataset_type));
	const std::string mode = kind == DataJob::Import ? parse_import_mode(arguments.mode)
													 : std::string(to_string(parse_ingestion_mode(arguments.mode)));
	if (kind == DataJob::Import && mode == "INCREMENTAL")
		require_full_import(group, dataset);
	config["dataset_type"] = catalog::to_string(dataset.type);
	config["mode"] = mode;
	return dataset.id;
}

} // namespace

std::string create_data_job(DataJob kind, const DataJobArguments &arguments) {
	const KindText text = text_of(kind);
	catalog::check_name(arguments.name, text.words.spoken);
	const Group group = catalog::require_group(arguments.group, Right::Own);
	Json config = Json::object();
	const std::int64_t dataset = kind == DataJob::Deletion ? 0 : check_dataset(kind, group, arguments, config);
	config["location"] = jobs::settle_location(use_of(kind), arguments.location, text.deed);
	if (use_of(kind) == jobs::Use::Read && pg::settings::service_limits)
		jobs::check_pending(text.words);
	config["requested_by"] = pg::user_name(GetUserId());
	if (arguments.wait)
		jobs::run_here(text.words, group, arguments.name, dataset, config, [&](std::int64_t, const jobs::Report &report) {
			return run_data_job(kind, group, config, report);
		});
	else
		jobs::enqueue(text.words.kind, group, arguments.name, dataset, config);
	return arguments.name;
}

namespace {

// The queue's states in the words of the service.
#define RECSYS_STATUS(pending, running, succeeded, failed)                                                             \
	"CASE j.status WHEN 'PENDING' THEN '" pending "' WHEN 'RUNNING' THEN '" running "' WHEN 'SUCCEEDED' THEN '"        \
	succeeded "' ELSE '" failed "' END AS status, j.failure_reason, "
#define RECSYS_JOBS(columns, status, result)                                                                           \
	"SELECT j.name, g.name AS dataset_group, " columns status result                                                   \
	", j.created_at, coalesce(j.finished_at, j.started_at, j.created_at) AS updated_at FROM recsys_internal.job j "    \
	"JOIN recsys_internal.dataset_group g ON g.id = j.group_id WHERE j.kind = $1 AND g.id = $2 "
#define RECSYS_DATA_JOBS                                                                                               \
	RECSYS_JOBS("j.config ->> 'dataset_type' AS dataset_type, j.config ->> 'location' AS location, j.config ->> "      \
				"'mode' AS mode, ",                                                                                    \
				RECSYS_STATUS("CREATE PENDING", "CREATE IN_PROGRESS", "ACTIVE", "CREATE FAILED"),                      \
				"(j.result ->> 'rows')::int8 AS rows")
#define RECSYS_DELETION_JOBS                                                                                           \
	RECSYS_JOBS("j.config ->> 'location' AS source, ", RECSYS_STATUS("PENDING", "IN_PROGRESS", "COMPLETED", "FAILED"), \
				"(j.result ->> 'rows')::int8 AS num_deleted, j.result -> 'left_to_owner' AS left_to_owner")

// One job of a group, if it has one of this name.
std::optional<Row> find_data_job(DataJob kind, const Group &group, std::string_view name) {
	static Plan find{"SELECT to_jsonb(d) - 'location' - 'mode' || jsonb_build_object($4::text, d.location, $5::text, "
					 "d.mode) FROM (" RECSYS_DATA_JOBS "AND j.name = $3) AS d",
					 {TEXTOID, INT8OID, TEXTOID, TEXTOID, TEXTOID}};
	static Plan find_deletion{"SELECT to_jsonb(d) || jsonb_build_object('deleted', r.result -> 'deleted', 'versions', "
							  "r.result -> 'versions') FROM (" RECSYS_DELETION_JOBS
							  "AND j.name = $3) AS d, recsys_internal.job r WHERE r.kind = $1 AND r.group_id = $2 AND "
							  "r.name = $3",
							  {TEXTOID, INT8OID, TEXTOID}};
	const KindText text = text_of(kind);
	const pg::Param job_kind = pg::text(text.words.kind);
	AsOwner owner;
	if (kind == DataJob::Deletion)
		return find_deletion.row({job_kind, pg::int8(group.id), pg::text(name)});
	return find.row({job_kind, pg::int8(group.id), pg::text(name), pg::text(text.location), pg::text(text.mode)});
}

} // namespace

void list_data_jobs(DataJob kind, pg::ResultTable &result) {
	static Plan find{RECSYS_DATA_JOBS "ORDER BY j.id", {TEXTOID, INT8OID}};
	static Plan find_deletions{RECSYS_DELETION_JOBS "ORDER BY j.id", {TEXTOID, INT8OID}};
	Plan &plan = kind == DataJob::Deletion ? find_deletions : find;
	for (const Group &group : catalog::groups_with(Right::Read)) {
		AsOwner owner;
		pg::SpiScope spi;
		result.append(plan.fetch({pg::text(text_of(kind).words.kind), pg::int8(group.id)}, pg::Access::Read));
	}
}

Json describe_data_job(DataJob kind, std::string_view full_name) {
	return jobs::describe(text_of(kind).words, full_name,
						  [kind](const Group &group, std::string_view name) { return find_data_job(kind, group, name); });
}

} // namespace recsys::ingest
