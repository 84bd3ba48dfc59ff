// Front desk: the queue and running work as SQL sees them. Both show only groups that the caller may read.
#include "stats/progress.hpp"

#include "jobs/jobs.hpp"

namespace recsys::jobs {

namespace {

void add_running(pg::ResultTable &result, const std::vector<catalog::Group> &groups) {
	for (const stats::Running &r : stats::running())
		for (const catalog::Group &group : groups)
			if (group.id == r.group_id)
				result.row({pg::int4(r.pid), pg::text(group.name), pg::text(r.kind), pg::text(r.resource),
							pg::text(r.phase), pg::int8(static_cast<std::int64_t>(r.done)),
							pg::int8(static_cast<std::int64_t>(r.total)), r.loss == 0 ? pg::null() : pg::float8(r.loss),
							pg::int8(static_cast<std::int64_t>(r.memory)), pg::timestamptz(r.started),
							pg::timestamptz(r.phase_started)});
}

} // namespace

} // namespace recsys::jobs

RECSYS_FUNCTION(running_work) {
	recsys::pg::ResultTable result(call);
	recsys::jobs::add_running(result, recsys::catalog::groups_with(recsys::catalog::Right::Read));
	return call.result_null();
}

RECSYS_FUNCTION(job_rows) {
	static recsys::pg::Plan readable{
		"SELECT j.id, g.name, j.kind, j.name, coalesce(s.name || '/' || v.number, d.type), j.status, j.attempts, j.pid, "
		"j.created_at, j.started_at, j.finished_at, j.sqlstate, j.failure_reason, j.result "
		"FROM recsys_internal.job j JOIN recsys_internal.dataset_group g ON g.id = j.group_id "
		"LEFT JOIN recsys_internal.solution_version v ON j.kind = 'train' AND v.id = j.resource_id "
		"LEFT JOIN recsys_internal.solution s ON s.id = v.solution_id "
		"LEFT JOIN recsys_internal.dataset d ON j.kind <> 'train' AND d.id = j.resource_id AND d.group_id = j.group_id "
		"WHERE j.group_id = ANY ($1::bigint[]) ORDER BY j.id",
		{TEXTARRAYOID}};
	std::vector<std::string> ids;
	for (const recsys::catalog::Group &group : recsys::catalog::groups_with(recsys::catalog::Right::Read))
		ids.push_back(std::to_string(group.id));
	recsys::pg::ResultTable result(call);
	const recsys::pg::AsOwner owner;
	const recsys::pg::SpiScope spi;
	result.append(readable.fetch({recsys::pg::text_array(ids)}, recsys::pg::Access::Read));
	return call.result_null();
}
