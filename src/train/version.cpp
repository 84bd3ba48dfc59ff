#include "train/version.hpp"

#include <algorithm>

#include "jobs/jobs.hpp"
#include "train/solution.hpp"

#include "pg/report.hpp"

extern "C" {
#include "storage/latch.h"
#include "utils/wait_event.h"
}

namespace recsys::train {

namespace {

using pg::AsOwner;
using pg::Plan;
using pg::Row;

constexpr std::int64_t kPollMs = 100;

// "name" is how users write a version.
#define RECSYS_VERSION_NAME "s.name || '/' || v.number"

std::optional<std::int64_t> job_of(std::int64_t version_id) {
	static Plan find{
		"SELECT id FROM recsys_internal.job WHERE kind = 'train' AND resource_id = $1 ORDER BY id DESC LIMIT 1",
		{INT8OID}};
	const std::optional<Row> row = find.row({pg::int8(version_id)});
	return row ? std::optional(row->int8(0)) : std::nullopt;
}

std::string status_of(std::int64_t version_id, const std::string &name) {
	static Plan find{"SELECT status FROM recsys_internal.solution_version WHERE id = $1", {INT8OID}};
	AsOwner owner;
	const std::optional<Row> row = find.row({pg::int8(version_id)});
	if (!row)
		throw Error(sqlstate::NotFound, "solution version \"" + name + "\" does not exist",
					"It was deleted meanwhile.");
	return row->text(0);
}

bool made_here(std::int64_t version_id) {
	static Plan find{"SELECT xmin = pg_catalog.pg_current_xact_id_if_assigned()::xid"
					 " FROM recsys_internal.solution_version WHERE id = $1",
					 {INT8OID}};
	AsOwner owner;
	const std::optional<Row> row = find.row({pg::int8(version_id)});
	return row && row->boolean(0);
}

bool in_training(std::string_view status) {
	return status == "CREATE PENDING" || status == "CREATE IN_PROGRESS" || status == "CREATE STOPPING";
}

// The campaign's answer to "update": the new version serves from the commit of this transaction on.
void promote_campaigns(std::int64_t version_id) {
	static Plan promote{
		"UPDATE recsys_internal.campaign AS c SET version_id = v.id, pending_version_id = NULL,"
		" status = CASE c.status WHEN 'INACTIVE' THEN c.status ELSE 'ACTIVE' END,"
		" failure_reason = NULL, updated_at = clock_timestamp(),"
		" latest_update = CASE WHEN c.pending_version_id = v.id AND c.latest_update IS NOT NULL"
		" THEN c.latest_update || pg_catalog.jsonb_build_object('status', 'ACTIVE', 'updated_at', clock_timestamp())"
		" ELSE c.latest_update END"
		" FROM recsys_internal.solution_version AS v WHERE v.id = $1 AND (c.pending_version_id = v.id OR"
		" c.sync_with_latest AND c.solution_id = v.solution_id AND NOT EXISTS (SELECT FROM "
		"recsys_internal.solution_version AS o"
		" WHERE o.solution_id = v.solution_id AND o.number > v.number AND o.status = 'ACTIVE'))",
		{INT8OID}};
	promote.run({pg::int8(version_id)});
	catalog::invalidate_caches();
}

// A campaign that serves an older version goes on doing so; only its update has failed.
void fail_campaigns(std::int64_t version_id, const std::string &reason) {
	static Plan fail{
		"UPDATE recsys_internal.campaign SET pending_version_id = NULL, updated_at = clock_timestamp(),"
		" status = CASE WHEN version_id IS NULL THEN 'CREATE FAILED' ELSE status END,"
		" failure_reason = CASE WHEN version_id IS NULL THEN $2 ELSE failure_reason END,"
		" latest_update = CASE WHEN version_id IS NULL THEN latest_update ELSE coalesce(latest_update, '{}') ||"
		" pg_catalog.jsonb_build_object('status', 'CREATE FAILED', 'failure_reason', $2,"
		" 'updated_at', clock_timestamp()) END"
		" WHERE pending_version_id = $1",
		{INT8OID, TEXTOID}};
	fail.run({pg::int8(version_id), pg::text(reason)});
	catalog::invalidate_caches();
}

} // namespace

NewVersion add_version(const catalog::Found &solution, const VersionRequest &request, const Cost &cost) {
	static Plan count{
		"UPDATE recsys_internal.solution SET last_version = last_version + 1 WHERE id = $1 RETURNING last_version",
		{INT8OID}};
	static Plan insert{
		"INSERT INTO recsys_internal.solution_version (solution_id, number, status, config, training_mode, training_type,"
		" updated_from, created_at, started_at)"
		" SELECT $1, $2, $3, $4, $6, $7, nullif($8, 0), t.began, CASE $3 WHEN 'CREATE IN_PROGRESS' THEN t.began END"
		" FROM (SELECT clock_timestamp() - $5 * interval '1 second' AS began) AS t RETURNING id",
		{INT8OID, INT4OID, TEXTOID, JSONBOID, FLOAT8OID, TEXTOID, TEXTOID, INT4OID}};
	AsOwner owner;
	const std::optional<Row> number = count.row({pg::int8(solution.id)});
	if (!number)
		throw Error(sqlstate::NotFound, "solution \"" + solution.name + "\" does not exist",
					"It was deleted meanwhile.");
	const std::optional<Row> row =
		insert.row({pg::int8(solution.id), pg::int4(static_cast<std::int32_t>(number->int8(0))), pg::text(request.status),
					pg::jsonb(to_json(request.spec).dump()), pg::float8(cost.wall_seconds), pg::text(request.training_mode),
					pg::text(request.training_type), pg::int4(request.updated_from)});
	return {row.value().int8(0), solution.name + "/" + number->text(0)};
}

Begun begin_version(std::int64_t id) {
	// A worker that died may have left the version in progress: its job is tried again from the beginning.
	static Plan begin{
		"UPDATE recsys_internal.solution_version AS v SET started_at = clock_timestamp(),"
		" updated_at = clock_timestamp(), status = CASE v.status WHEN 'CREATE STOPPING' THEN v.status"
		" ELSE 'CREATE IN_PROGRESS' END FROM recsys_internal.solution AS s WHERE v.id = $1"
		" AND s.id = v.solution_id AND v.status IN ('CREATE PENDING', 'CREATE IN_PROGRESS', 'CREATE STOPPING')"
		" RETURNING " RECSYS_VERSION_NAME ", v.config, s.group_id, v.status, v.training_mode = 'UPDATE', (SELECT b.id FROM"
		" recsys_internal.solution_version AS b WHERE b.solution_id = s.id AND b.number = v.updated_from AND b.status = 'ACTIVE')",
		{INT8OID}};
	std::optional<Row> row;
	{
		AsOwner owner;
		row = begin.row({pg::int8(id)});
	}
	if (!row)
		throw Error(sqlstate::NotFound, "solution version was deleted before its training began");
	if (row->text(3) == "CREATE STOPPING")
		throw Cancelled{};
	if (row->boolean(4) && row->null(5))
		throw Error(sqlstate::NotFound, "the solution version that was to be updated was deleted");
	std::optional<catalog::Group> group = catalog::find_group(row->int8(2));
	const Oid group_owner = catalog::group_owner(group.value());
	return {row->text(0), spec_from_json(Json::parse(row->text(1))), std::move(*group), group_owner,
			row->null(5) ? std::nullopt : std::optional(row->int8(5))};
}

void activate_version(std::int64_t id, const Run &run) {
	// An update learns nothing: what was measured of its model is what was measured of the one it came from.
	static Plan activate{"UPDATE recsys_internal.solution_version AS v SET status = 'ACTIVE',"
						 " metrics = CASE training_mode WHEN 'FULL' THEN $2 ELSE (SELECT b.metrics FROM"
						 " recsys_internal.solution_version AS b WHERE b.solution_id = v.solution_id AND b.number = v.updated_from)"
						 " END, members = CASE training_mode WHEN 'FULL' THEN $3 ELSE (SELECT b.members FROM"
						 " recsys_internal.solution_version AS b WHERE b.solution_id = v.solution_id AND b.number = v.updated_from)"
						 " END, config = $9, tuning = $10, data_mark = $8, data_summary = $4, wall_seconds = $5, cpu_seconds = $6, peak_memory = $7,"
						 " finished_at = clock_timestamp(), updated_at = clock_timestamp()"
						 " WHERE id = $1 AND status = 'CREATE IN_PROGRESS'",
						 {INT8OID, JSONBOID, JSONBOID, JSONBOID, FLOAT8OID, FLOAT8OID, INT8OID, JSONBOID, JSONBOID, JSONBOID}};
	AsOwner owner;
	const Json members = run.members();
	const Cost cost = run.cost();
	const std::uint64_t changed =
		activate.run({pg::int8(id), pg::jsonb(run.metrics().dump()),
					  members.is_null() ? pg::null() : pg::jsonb(members.dump()), pg::jsonb(run.data_summary().dump()),
					  pg::float8(cost.wall_seconds), pg::float8(cost.cpu_seconds), pg::int8(cost.peak_memory), pg::jsonb(run.data_mark().dump()),
					  pg::jsonb(to_json(run.spec()).dump()), run.tuning().is_null() ? pg::null() : pg::jsonb(run.tuning().dump())});
	if (changed == 0)
		throw Cancelled{};
	if (!run.tuning().is_null())
		note_tuned(id, run.spec(), run.tuning());
	promote_campaigns(id);
}

void end_version(std::int64_t id, bool stopped, const std::string &reason, const std::optional<Cost> &cost) {
	// Whatever ended a training that was to be stopped, the stop is what happened to it.
	static Plan end{
		"UPDATE recsys_internal.solution_version SET"
		" status = CASE WHEN $2 OR status = 'CREATE STOPPING' THEN 'CREATE STOPPED' ELSE 'CREATE FAILED' END,"
		" failure_reason = CASE WHEN $2 OR status = 'CREATE STOPPING' THEN NULL ELSE $3 END, wall_seconds ="
		" coalesce($4, extract(epoch FROM clock_timestamp() - started_at)), cpu_seconds = $5, peak_memory = $6,"
		" finished_at = clock_timestamp(), updated_at = clock_timestamp()"
		" WHERE id = $1 AND status IN ('CREATE PENDING', 'CREATE IN_PROGRESS', 'CREATE STOPPING')"
		" RETURNING coalesce(failure_reason, 'training of the solution version was stopped')",
		{INT8OID, BOOLOID, TEXTOID, FLOAT8OID, FLOAT8OID, INT8OID}};
	AsOwner owner;
	const std::optional<Row> ended = end.row(
		{pg::int8(id), pg::boolean(stopped), pg::text(reason), cost ? pg::float8(cost->wall_seconds) : pg::null(),
		 cost ? pg::float8(cost->cpu_seconds) : pg::null(), cost ? pg::int8(cost->peak_memory) : pg::null()});
	if (ended)
		fail_campaigns(id, ended->text(0));
}

void reopen_version(std::int64_t id) {
	static Plan reopen{"UPDATE recsys_internal.solution_version SET status = 'CREATE PENDING', updated_at = clock_timestamp()"
					   " WHERE id = $1 AND status = 'CREATE IN_PROGRESS'",
					   {INT8OID}};
	AsOwner owner;
	reopen.run({pg::int8(id)});
}

std::string stop_version(const catalog::FoundVersion &version) {
	static Plan stopping{
		"UPDATE recsys_internal.solution_version SET status = 'CREATE STOPPING',"
		" updated_at = clock_timestamp() WHERE id = $1 AND status IN ('CREATE PENDING', 'CREATE IN_PROGRESS')",
		{INT8OID}};
	const auto refuse = [&version](const std::string &status) {
		throw Error(sqlstate::WrongState, "solution version \"" + version.name + "\" is not in training",
					"Its status is " + status + ".");
	};
	const std::string before = status_of(version.id, version.name);
	if (!in_training(before))
		refuse(before);
	AsOwner owner;
	// The job first, then the version: in the order in which a worker that ends takes their locks.
	if (const std::optional<std::int64_t> job = job_of(version.id))
		jobs::request_stop(*job);
	stopping.run({pg::int8(version.id)});
	const std::string after = status_of(version.id, version.name);
	if (after == "ACTIVE" || after == "CREATE FAILED")
		refuse(after);
	return after;
}

std::vector<std::string> delete_superseded(std::int64_t id) {
	// Locked first: whoever is just deploying one holds its row, and nobody can begin to. The second statement sees who was faster.
	static Plan lock{"SELECT v.id FROM recsys_internal.solution_version AS v WHERE v.solution_id = (SELECT solution_id FROM"
					 " recsys_internal.solution_version WHERE id = $1) AND v.id <> $1"
					 " AND v.status IN ('ACTIVE', 'CREATE FAILED', 'CREATE STOPPED') ORDER BY v.id FOR UPDATE SKIP LOCKED",
					 {INT8OID}};
	static Plan remove{
		"WITH sibling AS (SELECT v.*, s.keep_versions, s.name || '/' || v.number AS name, v.status IN ('CREATE PENDING', 'CREATE IN_PROGRESS',"
		" 'CREATE STOPPING') AS in_training, count(*) FILTER (WHERE v.status = 'ACTIVE') OVER (ORDER BY v.number DESC) AS newer,"
		" max(v.number) FILTER (WHERE v.status = 'ACTIVE' AND v.training_mode = 'FULL') OVER () AS newest_full"
		" FROM recsys_internal.solution_version AS v JOIN recsys_internal.solution AS s ON s.id = v.solution_id"
		" WHERE s.id = (SELECT solution_id FROM recsys_internal.solution_version WHERE id = $1)),"
		" kept AS (SELECT * FROM sibling AS v WHERE in_training OR number = newest_full OR keep_versions = 0"
		" OR newer <= keep_versions - CASE status WHEN 'ACTIVE' THEN 0 ELSE 1 END OR EXISTS"
		" (SELECT FROM recsys_internal.campaign AS c WHERE v.id IN (c.version_id, c.pending_version_id))),"
		" gone AS (DELETE FROM recsys_internal.solution_version AS d USING sibling AS v WHERE d.id = v.id AND v.id = ANY($2::bigint[])"
		" AND v.number NOT IN (SELECT number FROM kept UNION SELECT updated_from FROM kept WHERE updated_from IS NOT NULL)"
		" RETURNING v.name, v.number) SELECT name FROM gone ORDER BY number",
		{INT8OID, TEXTOID}};
	AsOwner owner;
	std::string ids;
	for (const Row &row : lock.rows({pg::int8(id)}))
		ids += (ids.empty() ? "" : ",") + row.text(0);
	std::vector<std::string> names;
	if (!ids.empty())
		for (const Row &row : remove.rows({pg::int8(id), pg::text('{' + ids + '}')}))
			names.push_back(row.text(0));
	if (!names.empty())
		catalog::invalidate_caches();
	return names;
}

void delete_version(const catalog::FoundVersion &version) {
	static Plan user{"SELECT format('Campaign \"%s\"', name), 'Delete the campaign or update it to another version.'"
					 " FROM recsys_internal.campaign WHERE version_id = $1 OR pending_version_id = $1 UNION ALL"
					 " SELECT format('Job \"%s\"', name), 'Wait for the job, or stop it with recsys.cancel_job.' FROM recsys_internal.job"
					 " WHERE kind LIKE 'batch%' AND resource_id = $1 AND status IN ('PENDING', 'RUNNING') ORDER BY 1 LIMIT 1",
					 {INT8OID}};
	static Plan remove{"DELETE FROM recsys_internal.solution_version WHERE id = $1"
					   " AND status NOT IN ('CREATE PENDING', 'CREATE IN_PROGRESS', 'CREATE STOPPING')",
					   {INT8OID}};
	AsOwner owner;
	if (const std::optional<Row> found = user.row({pg::int8(version.id)}))
		throw Error(sqlstate::InUse, "solution version \"" + version.name + "\" is in use", found->text(0) + " uses it.", found->text(1));
	if (remove.run({pg::int8(version.id)}) == 0)
		throw Error(sqlstate::InUse, "solution version \"" + version.name + "\" is in training", {},
					"Stop it with recsys.stop_solution_version_creation, or wait for it with recsys.wait_for.");
	catalog::invalidate_caches();
}

namespace {

// Who waits wants to know why it was in vain.
void tell_failure(const catalog::FoundVersion &version) {
	static Plan find{"SELECT failure_reason FROM recsys_internal.solution_version WHERE id = $1", {INT8OID}};
	std::optional<Row> row;
	{
		AsOwner owner;
		row = find.row({pg::int8(version.id)});
	}
	if (row && !row->null(0))
		pg::notice("training of solution version \"" + version.name + "\" failed: " + row->text(0));
}

} // namespace

std::string wait_for(const catalog::FoundVersion &version, std::int64_t timeout_us) {
	const TimestampTz until = pg::call([] { return GetCurrentTimestamp(); }) + timeout_us;
	for (;;) {
		const std::string status = status_of(version.id, version.name);
		if (status == "CREATE FAILED")
			tell_failure(version);
		if (!in_training(status))
			return status;
		if (made_here(version.id))
			throw Error(sqlstate::WrongState, "cannot wait for a solution version of this transaction",
						"Its training begins when the transaction commits.",
						"Commit first, or train with wait => true.");
		if (IsolationUsesXactSnapshot())
			throw Error(sqlstate::WrongState, "cannot wait for a solution version in this transaction",
						"Its isolation level hides what other transactions commit meanwhile.", "Use READ COMMITTED.");
		const TimestampTz now = pg::call([] { return GetCurrentTimestamp(); });
		if (now >= until)
			return status;
		const long wait = static_cast<long>(std::min<std::int64_t>(kPollMs, (until - now) / 1000 + 1));
		pg::call([wait] {
			WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, wait, PG_WAIT_EXTENSION);
			ResetLatch(MyLatch);
			CHECK_FOR_INTERRUPTS();
		});
	}
}

std::string describe_version(const catalog::FoundVersion &version) {
	static Plan describe{
		"SELECT pg_catalog.jsonb_build_object('name', " RECSYS_VERSION_NAME
		", 'solution', s.name, 'dataset_group', g.name,"
		" 'recipe', v.config->'recipe', 'status', v.status, 'failure_reason', v.failure_reason,"
		" 'training_mode', v.training_mode, 'training_type', v.training_type, 'updated_from', s.name || '/' || v.updated_from,"
		" 'latest_update', v.latest_update - 'data_mark', 'config', v.config,"
		" 'metrics', (SELECT pg_catalog.jsonb_object_agg(m->>'metric', m->'value')"
		" FROM pg_catalog.jsonb_array_elements(v.metrics) AS m), 'tuned_hpo_params', v.tuning->'tuned_hpo_params',"
		" 'tuning', v.tuning - 'tuned_hpo_params', 'members', v.members, 'data_summary', v.data_summary,"
		" 'wall_seconds', v.wall_seconds, 'training_hours', round(v.cpu_seconds::numeric / 3600, 9)::float8, 'peak_memory', v.peak_memory,"
		" 'model_bytes', r.bytes, 'content_hash', r.content_hash, 'created_at', v.created_at,"
		" 'started_at', v.started_at, 'finished_at', v.finished_at, 'updated_at', v.updated_at)::text"
		" FROM recsys_internal.solution_version AS v JOIN recsys_internal.solution AS s ON s.id = v.solution_id"
		" JOIN recsys_internal.dataset_group AS g ON g.id = s.group_id LEFT JOIN LATERAL"
		" (SELECT bytes, content_hash FROM recsys_internal.model_revision AS m WHERE m.version_id = v.id"
		" ORDER BY revision DESC LIMIT 1) AS r ON true WHERE v.id = $1",
		{INT8OID}};
	AsOwner owner;
	return describe.row({pg::int8(version.id)}, pg::Access::Read).value().text(0);
}

Json version_metrics(const catalog::FoundVersion &version) {
	static Plan find{"SELECT status, metrics FROM recsys_internal.solution_version WHERE id = $1", {INT8OID}};
	AsOwner owner;
	const Row row = find.row({pg::int8(version.id)}, pg::Access::Read).value();
	if (in_training(row.text(0)))
		throw Error(sqlstate::InUse, "solution version \"" + version.name + "\" is in training", {},
					"Wait for it with recsys.wait_for.");
	if (row.null(1))
		throw Error(sqlstate::NotActive, "solution version \"" + version.name + "\" has no metrics",
					"Its status is " + row.text(0) + ".");
	return Json::parse(row.text(1));
}

void list_versions(const catalog::Group &group, pg::ResultTable &out) {
	static Plan list{
		"SELECT $2, s.name, " RECSYS_VERSION_NAME ", v.number, v.config->>'recipe', v.status, v.failure_reason,"
		" v.training_mode, v.training_type, v.wall_seconds, round(v.cpu_seconds::numeric / 3600, 9)::float8, v.peak_memory, r.bytes, "
		"r.content_hash,"
		" v.created_at, v.started_at, v.finished_at"
		" FROM recsys_internal.solution_version AS v JOIN recsys_internal.solution AS s ON s.id = v.solution_id"
		" LEFT JOIN LATERAL (SELECT bytes, content_hash FROM recsys_internal.model_revision AS m WHERE m.version_id = "
		"v.id"
		" ORDER BY revision DESC LIMIT 1) AS r ON true WHERE s.group_id = $1",
		{INT8OID, TEXTOID}};
	pg::SpiScope rows;
	AsOwner owner;
	out.append(list.fetch({pg::int8(group.id), pg::text(group.name)}, pg::Access::Read));
}

} // namespace recsys::train
