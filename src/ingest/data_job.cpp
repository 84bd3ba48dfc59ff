#include "stats/progress.hpp"

#include "ingest/data_job.hpp"

#include "ingest/columns.hpp"
#include "ingest/deletion.hpp"
#include "ingest/export.hpp"
#include "ingest/import.hpp"
#include "jobs/jobs.hpp"

#include "pg/file.hpp"
#include "pg/settings.hpp"

namespace recsys::ingest {

using catalog::Group;
using catalog::Json;
using catalog::Right;
using pg::AsOwner;
using pg::Plan;
using pg::Row;

namespace {

constexpr int kPendingJobs = 5; // of imports, and of deletions

struct KindText {
	const char *job, *spoken, *view, *location, *mode; // names of the job's kind, of its view and of its two arguments
};
KindText text_of(DataJob kind) {
	switch (kind) {
	case DataJob::Import:
		return {"import", "dataset import job", "dataset_import_jobs", "source", "import_mode"};
	case DataJob::Export:
		return {"export", "dataset export job", "dataset_export_jobs", "output", "ingestion_mode"};
	case DataJob::Deletion:
		break;
	}
	return {"deletion", "data deletion job", "data_deletion_jobs", "source", nullptr};
}

bool reads(DataJob kind) {
	return kind != DataJob::Export;
}

std::string parse_import_mode(std::string_view mode) {
	const std::string name = upper_case(mode);
	if (name != "FULL" && name != "INCREMENTAL")
		throw Error(sqlstate::InvalidParameter, "unrecognized import mode \"" + std::string(mode) + "\"", {},
					"Modes are FULL and INCREMENTAL.");
	return name;
}

bool is_file(std::string_view location) {
	return !location.empty() && location[0] == '/';
}

void check_files(DataJob kind, Oid role) {
	if (reads(kind) ? pg::may_read_files(role) : pg::may_write_files(role))
		return;
	const char *message = kind == DataJob::Import   ? "permission denied to import from a file of the server"
						  : kind == DataJob::Export ? "permission denied to export to a file of the server"
													: "permission denied to read user ids from a file of the server";
	throw Error(sqlstate::InsufficientPrivilege, message,
				std::string("Only roles with privileges of \"") +
					(reads(kind) ? "pg_read_server_files" : "pg_write_server_files") + "\" may.",
				reads(kind) ? "Load the file into a table with psql's \\copy and name that table."
							: "Export into a table and fetch it with psql's \\copy.");
}

// The relation a name means for the caller now, written so that it means the same in the job. A table that an export is
// to create goes to the schema where CREATE TABLE would put it.
std::string qualified_relation(DataJob kind, const std::string &name) {
	static Plan existing{
		"SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) FROM pg_catalog.pg_class "
		"c "
		"JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = pg_catalog.to_regclass($1)",
		{TEXTOID}};
	static Plan wanted{
		"SELECT (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(p), '.') FROM pg_catalog.unnest("
		"CASE pg_catalog.cardinality(i) WHEN 1 THEN ARRAY[pg_catalog.current_schema()::text, i[1]] ELSE i END) AS p), "
		"pg_catalog.cardinality(i) FROM pg_catalog.parse_ident($1) AS i",
		{TEXTOID}};
	if (const std::optional<Row> row = existing.row({pg::text(name)}))
		return row->text(0);
	if (reads(kind))
		throw Error("42P01", "relation \"" + name + "\" does not exist", {}, "A file's path begins with \"/\".");
	const std::optional<Row> row = wanted.row({pg::text(name)});
	if (!row || row->null(0) || row->int8(1) > 2)
		throw Error(sqlstate::InvalidName, "invalid relation name \"" + name + "\"");
	return row->text(0);
}

void check_pending(DataJob kind) {
	static Plan count{
		"SELECT count(*) FROM recsys_internal.job WHERE kind = $1 AND status IN ('PENDING', 'RUNNING')", {TEXTOID}};
	AsOwner owner;
	if (count.row({pg::text(text_of(kind).job)})->int8(0) >= kPendingJobs)
		throw Error(sqlstate::LimitExceeded, "more than " + std::to_string(kPendingJobs) + " " + text_of(kind).job +
												 " jobs would be waiting or running");
}

// What a job does, from its configuration; the current user's rights apply.
Json run_data_job(DataJob kind, const Group &group, const Json &config, const ReportProgress &report) {
	const std::string location = config.at("location");
	if (is_file(location)) {
		const Oid asker = pg::find_role(config.at("requested_by").get<std::string>());
		if (!OidIsValid(asker))
			throw Error(sqlstate::InsufficientPrivilege, "the role that created the job no longer exists");
		check_files(kind, asker);
	}
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

// In the caller's transaction: the job's row first, which claims the name.
void run_now(DataJob kind, const Group &group, const std::string &name, std::int64_t dataset, const Json &config) {
	static Plan insert{
		"INSERT INTO recsys_internal.job (group_id, kind, name, resource_id, config, status, attempts, started_at, "
		"finished_at) VALUES ($1, $2, $3, $4, $5, 'SUCCEEDED', 1, clock_timestamp(), clock_timestamp()) "
		"ON CONFLICT DO NOTHING RETURNING id",
		{INT8OID, TEXTOID, TEXTOID, INT8OID, JSONBOID}};
	static Plan finish{"UPDATE recsys_internal.job SET result = $2, finished_at = clock_timestamp() WHERE id = $1",
					   {INT8OID, JSONBOID}};
	std::optional<Row> row;
	{
		AsOwner owner;
		row = insert.row({pg::int8(group.id), pg::text(text_of(kind).job), pg::text(name), pg::int8(dataset),
						  pg::jsonb(config.dump())});
	}
	if (!row)
		throw Error(sqlstate::AlreadyExists, std::string(text_of(kind).spoken) + " \"" + name +
												 "\" already exists in dataset group \"" + group.name + "\"");
	stats::Progress progress(text_of(kind).job, group.id, row->int8(0), name);
	const Json result =
		run_data_job(kind, group, config, [&progress](const char *phase, std::uint64_t done, std::uint64_t total) {
			pg::check_interrupts();
			progress.publish(phase, done, total);
		});
	AsOwner owner;
	finish.run({pg::int8(row->int8(0)), pg::jsonb(result.dump())});
}

// In a worker.
jobs::Outcome run_job(DataJob kind, const jobs::Job &job) {
	std::optional<Group> group;
	Oid owner = InvalidOid;
	jobs::in_transaction(GetUserId(), [&] {
		group = catalog::find_group(job.group_id);
		if (group)
			owner = catalog::group_owner(*group);
	});
	if (!group)
		throw Error(sqlstate::NotFound, "the dataset group of the job no longer exists");
	stats::Progress progress(text_of(kind).job, job.group_id, job.id, job.name.value_or(""));
	Json result;
	jobs::in_transaction(owner, [&] {
		result = run_data_job(kind, *group, job.config,
							  [&progress](const char *phase, std::uint64_t done, std::uint64_t total) {
								  pg::check_interrupts();
								  if (jobs::stop_requested())
									  throw Cancelled{};
								  progress.publish(phase, done, total);
							  });
		jobs::note_result(job, result);
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
	catalog::check_name(arguments.name, text_of(kind).spoken);
	const Group group = catalog::require_group(arguments.group, Right::Own);
	Json config = Json::object();
	const std::int64_t dataset = kind == DataJob::Deletion ? 0 : check_dataset(kind, group, arguments, config);
	if (is_file(arguments.location))
		check_files(kind, GetUserId());
	if (reads(kind) && pg::settings::service_limits)
		check_pending(kind);
	config["location"] =
		is_file(arguments.location) ? arguments.location : qualified_relation(kind, arguments.location);
	config["requested_by"] = pg::user_name(GetUserId());
	if (arguments.wait)
		run_now(kind, group, arguments.name, dataset, config);
	else
		jobs::enqueue(text_of(kind).job, group, arguments.name, dataset, config);
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
	const KindText words = text_of(kind);
	AsOwner owner;
	if (kind == DataJob::Deletion)
		return find_deletion.row({pg::text(words.job), pg::int8(group.id), pg::text(name)});
	return find.row({pg::text(words.job), pg::int8(group.id), pg::text(name), pg::text(words.location),
					 pg::text(words.mode)});
}

} // namespace

void list_data_jobs(DataJob kind, pg::ResultTable &result) {
	static Plan find{RECSYS_DATA_JOBS "ORDER BY j.id", {TEXTOID, INT8OID}};
	static Plan find_deletions{RECSYS_DELETION_JOBS "ORDER BY j.id", {TEXTOID, INT8OID}};
	Plan &plan = kind == DataJob::Deletion ? find_deletions : find;
	for (const Group &group : catalog::groups_with(Right::Read)) {
		AsOwner owner;
		pg::SpiScope spi;
		result.append(plan.fetch({pg::text(text_of(kind).job), pg::int8(group.id)}, pg::Access::Read));
	}
}

Json describe_data_job(DataJob kind, std::string_view full_name) {
	const std::size_t dot = full_name.find('.');
	const std::string_view group_name = dot == std::string_view::npos ? std::string_view() : full_name.substr(0, dot);
	const std::string_view name = dot == std::string_view::npos ? full_name : full_name.substr(dot + 1);
	const KindText words = text_of(kind);
	std::vector<Json> found;
	for (const Group &group : catalog::groups_with(Right::Read)) {
		if (!group_name.empty() && group.name != group_name)
			continue;
		if (const std::optional<Row> row = find_data_job(kind, group, name))
			found.push_back(Json::parse(row->text(0)));
	}
	if (found.empty())
		throw Error(sqlstate::NotFound, std::string(words.spoken) + " \"" + std::string(full_name) + "\" does not exist",
					{}, std::string("Those you may see are listed in \"recsys.") + words.view + "\".");
	if (found.size() > 1)
		throw Error("42725", std::string(words.spoken) + " name \"" + std::string(full_name) + "\" is ambiguous", {},
					"Write \"group.name\".");
	return std::move(found.front());
}

} // namespace recsys::ingest
