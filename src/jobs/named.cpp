#include "stats/progress.hpp"

#include "jobs/named.hpp"

#include "pg/user.hpp"

namespace recsys::jobs {

using catalog::Json;
using pg::AsOwner;
using pg::Plan;
using pg::Row;

namespace {

constexpr int kPendingJobs = 5;

} // namespace

void run_here(const Words &words, const catalog::Group &group, const std::string &name, std::int64_t resource_id, const Json &config,
			  const Work &work) {
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
		row = insert.row({pg::int8(group.id), pg::text(words.kind), pg::text(name), pg::int8(resource_id), pg::jsonb(config.dump())});
	}
	if (!row)
		throw Error(sqlstate::AlreadyExists,
					std::string(words.spoken) + " \"" + name + "\" already exists in dataset group \"" + group.name + "\"");
	stats::Progress progress(words.kind, group.id, row->int8(0), name);
	const Json result = work(row->int8(0), [&progress](const char *phase, std::uint64_t done, std::uint64_t total) {
		pg::check_interrupts();
		progress.publish(phase, done, total);
	});
	AsOwner owner;
	finish.run({pg::int8(row->int8(0)), pg::jsonb(result.dump())});
}

OwnedGroup group_of(const Job &job) {
	std::optional<catalog::Group> group;
	Oid owner = InvalidOid;
	in_transaction(GetUserId(), [&] {
		group = catalog::find_group(job.group_id);
		if (group)
			owner = catalog::group_owner(*group);
	});
	if (!group)
		throw Error(sqlstate::NotFound, "the dataset group of the job no longer exists");
	return {std::move(*group), owner};
}

void with_report(const Job &job, const std::function<void(const Report &)> &body) {
	stats::Progress progress(job.kind.c_str(), job.group_id, job.id, job.name.value_or(""));
	body([&progress](const char *phase, std::uint64_t done, std::uint64_t total) {
		pg::check_interrupts();
		if (stop_requested())
			throw Cancelled{};
		progress.publish(phase, done, total);
	});
}

void check_pending(const Words &words) {
	static Plan count{"SELECT count(*) FROM recsys_internal.job WHERE kind = $1 AND status IN ('PENDING', 'RUNNING')", {TEXTOID}};
	AsOwner owner;
	if (count.row({pg::text(words.kind)})->int8(0) >= kPendingJobs)
		throw Error(sqlstate::LimitExceeded,
					"more than " + std::to_string(kPendingJobs) + " " + words.kind + " jobs would be waiting or running");
}

Json describe(const Words &words, std::string_view full_name, const FindJob &find) {
	const std::size_t dot = full_name.find('.');
	const std::string_view group_name = dot == std::string_view::npos ? std::string_view() : full_name.substr(0, dot);
	const std::string_view name = dot == std::string_view::npos ? full_name : full_name.substr(dot + 1);
	std::vector<Json> found;
	for (const catalog::Group &group : catalog::groups_with(catalog::Right::Read)) {
		if (!group_name.empty() && group.name != group_name)
			continue;
		if (const std::optional<Row> row = find(group, name))
			found.push_back(Json::parse(row->text(0)));
	}
	if (found.empty())
		throw Error(sqlstate::NotFound, std::string(words.spoken) + " \"" + std::string(full_name) + "\" does not exist", {},
					std::string("Those you may see are listed in \"recsys.") + words.view + "\".");
	if (found.size() > 1)
		throw Error("42725", std::string(words.spoken) + " name \"" + std::string(full_name) + "\" is ambiguous", {},
					"Write \"group.name\".");
	return std::move(found.front());
}

} // namespace recsys::jobs
