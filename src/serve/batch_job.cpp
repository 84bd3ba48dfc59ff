#include "serve/batch_job.hpp"

#include "jobs/location.hpp"
#include "pg/row_batch.hpp"
#include "pg/settings.hpp"
#include "serve/batch_source.hpp"
#include "serve/segment.hpp"

extern "C" {
#include "catalog/pg_authid_d.h"
}

namespace recsys::serve {

using catalog::Json;
using catalog::Right;
using pg::Plan;
using pg::Row;

namespace {

jobs::Words words_of(BatchJob kind) {
	if (kind == BatchJob::Segment)
		return {"batch_segment", "batch segment job", "batch_segment_jobs"};
	return {"batch_inference", "batch inference job", "batch_inference_jobs"};
}

constexpr const char *kRead = "read batch input from a file of the server", *kWrite = "write batch output to files of the server";

// The version as it is now; not what a name would mean.
catalog::FoundVersion version_of(const catalog::Group &group, std::int64_t id) {
	static Plan select{"SELECT v.solution_id, v.number, s.name || '/' || v.number, v.status FROM recsys_internal.solution_version v"
					   " JOIN recsys_internal.solution s ON s.id = v.solution_id WHERE v.id = $1",
					   {INT8OID}};
	std::optional<Row> row;
	{
		const pg::AsOwner owner;
		row = select.row({pg::int8(id)});
	}
	if (!row)
		throw Error(sqlstate::NotFound, "the solution version of the job no longer exists");
	return {id, row->int8(0), static_cast<int>(row->int8(1)), row->text(2), row->text(3), group};
}

BatchSettings settings_of(const Json &config) {
	BatchSettings settings;
	settings.num_results = config.at("num_results");
	if (config.contains("filter"))
		settings.filter = config.at("filter").get<std::string>();
	return settings;
}

/// The work of one job, in steps that are transactions of a worker, or all within the caller's.
class BatchWork {
public:
	BatchWork(BatchJob kind, const catalog::Group &group, std::int64_t version, std::int64_t job, std::string name, const Json &config,
			  const jobs::Report &report)
		: kind_(kind), group_(group), version_(version), job_(job), name_(std::move(name)), config_(config), report_(report),
		  input_(config.at("input")), output_(config.at("output")) {}

	/// Unless an earlier attempt did.
	void read() {
		check_rights();
		if (count_parts(job_).parts > 0)
			return;
		rehearse_output(output_, name_);
		PartWriter parts(job_, config_.at("num_results").get<std::int32_t>());
		if (config_.contains("lines_a_file"))
			parts.limit(config_.at("lines_a_file").get<std::uint64_t>());
		read_lines(input_, parts, report_);
	}

	/// Counts what is to be done; rates are those of this attempt.
	void begin_answers() {
		const PartCount count = count_parts(job_);
		to_answer_ = static_cast<std::uint64_t>(count.lines - count.answered);
	}

	/// False when there was none left.
	bool answer_next() {
		const std::optional<Part> part = next_part(job_, last_);
		if (!part)
			return false;
		open();
		answer(*part);
		last_ = part->number;
		return true;
	}

	Json write() {
		check_rights();
		const PartCount count = count_parts(job_);
		const std::unique_ptr<BatchOutput> output = open_output(output_, name_);
		std::uint64_t written = 0;
		each_answered_part(job_, [&](const Part &part) {
			report_("writing lines", written, static_cast<std::uint64_t>(count.lines));
			output->write(part);
			written += static_cast<std::uint64_t>(part.lines);
		});
		delete_parts(job_);
		output->publish();
		return {{"lines", count.lines}, {"failed", count.failed}};
	}

private:
	void check_rights() const {
		if (jobs::is_file(input_))
			jobs::check_file_right(jobs::Use::Read, jobs::asker(config_), kRead);
		if (jobs::is_file(output_))
			jobs::check_file_right(jobs::Use::Write, jobs::asker(config_), kWrite);
	}

	// Opened once, as long as nothing changes: a model takes as long to open as dozens of lines take.
	void open() {
		(void)store::models_were_evicted();
		if (answerer_ && generation_ == catalog::cache_generation() && endpoint_->model().current())
			return;
		answerer_.reset();
		generation_ = catalog::cache_generation();
		endpoint_ = std::make_unique<Endpoint>(version_of(group_, version_));
		endpoint_->explore(config_.value("exploration_weight", 0.0), config_.value("exploration_item_age_cut_off", recipe::kExplorationCutOff));
		answerer_ = open_batch(kind_, *endpoint_, settings_of(config_));
	}

	void answer(const Part &part) {
		const pg::Scratch scratch;
		std::string output;
		std::int32_t failed = 0;
		LineCutter cutter(part.text);
		for (std::string_view text; cutter.next(text);) {
			report_("answering lines", answered_++, to_answer_);
			const pg::Scratch::Use use(scratch);
			failed += answer(text, *answerer_, output) ? 0 : 1;
			output += '\n';
		}
		answer_part(job_, part.number, output, failed);
	}

	/// A value that is none, an id that is nobody's, a list that is too long.
	static bool of_the_line(std::string_view state) {
		return state.substr(0, 2) == "22" || state == sqlstate::NotFound || state == sqlstate::LimitExceeded;
	}

	/// False when the line is at fault: the others go on. Anything else ends the attempt.
	static bool answer(std::string_view text, BatchAnswerer &answerer, std::string &output) {
		BatchLine line;
		const pg::Failure failure = pg::try_subtransaction([&] {
			const pg::SpiScope spi;
			parse_batch_line(text, line);
			output += batch_answer(line.input, answerer.answer(line), answerer.no_error());
		});
		if (!failure.failed)
			return true;
		if (failure.interrupted || !of_the_line(failure.sqlstate))
			throw Error(failure.sqlstate, failure.message, failure.detail, failure.hint);
		output += batch_failure(line.input, failure.detail[0] == '\0' ? std::string(failure.message)
																	  : std::string(failure.message) + ": " + failure.detail);
		return false;
	}

	const BatchJob kind_;
	const catalog::Group &group_;
	const std::int64_t version_, job_;
	const std::string name_;
	const Json &config_;
	const jobs::Report &report_;
	const std::string input_, output_;
	std::unique_ptr<Endpoint> endpoint_;
	std::unique_ptr<BatchAnswerer> answerer_;
	std::uint64_t generation_ = 0, answered_ = 0, to_answer_ = 0;
	std::int32_t last_ = 0;
};

jobs::Outcome run_job(BatchJob kind, const jobs::Job &job) {
	const jobs::OwnedGroup of = jobs::group_of(job);
	Json result;
	jobs::with_report(job, [&](const jobs::Report &report) {
		BatchWork work(kind, of.group, job.resource_id, job.id, job.name.value_or(""), job.config, report);
		jobs::in_transaction(of.owner, [&] { work.read(); });
		jobs::in_transaction(of.owner, [&] { work.begin_answers(); });
		for (bool more = true; more;)
			jobs::in_transaction(of.owner, [&] { more = work.answer_next(); });
		jobs::in_transaction(of.owner, [&] {
			result = work.write();
			jobs::note_result(job, result);
		});
	});
	return result;
}

jobs::Outcome run_inference(const jobs::Job &job) { return run_job(BatchJob::Inference, job); }
jobs::Outcome run_segments(const jobs::Job &job) { return run_job(BatchJob::Segment, job); }
// The job's own row tells everything else about it.
void forget_lines(const jobs::Job &job, const std::string &, bool) { delete_parts(job.id); }

void check_service_results(BatchJob kind, std::int32_t results) {
	if (kind == BatchJob::Inference)
		check_service_limit(static_cast<std::size_t>(results), false, "argument \"num_results\"");
	else if (pg::settings::service_limits && results > kServiceSegment)
		throw Error(sqlstate::LimitExceeded, "argument \"num_results\" must be at most " + std::to_string(kServiceSegment),
					"Setting \"recsys.service_limits\" is on.");
}

Json config_of(BatchJob kind, const BatchArguments &arguments, Endpoint &endpoint, const catalog::FoundVersion &version) {
	if (arguments.settings.num_results < 1)
		throw Error(sqlstate::InvalidParameter, "argument \"num_results\" must be at least 1");
	check_service_results(kind, arguments.settings.num_results);
	const std::unique_ptr<BatchAnswerer> answerer = open_batch(kind, endpoint, arguments.settings); // would tell what is wrong
	if (kind == BatchJob::Inference)
		check_settings(arguments.exploration, endpoint.spec());
	Json config{{"solution_version", version.name},
				{"input", jobs::settle_location(jobs::Use::Read, arguments.input, kRead)},
				{"output", jobs::settle_location(jobs::Use::Write, arguments.output, kWrite)},
				{"num_results", arguments.settings.num_results},
				{"requested_by", pg::user_name(GetUserId())}};
	if (pg::settings::service_limits)
		config["lines_a_file"] = answerer->service_lines();
	if (endpoint.spec().capabilities.exploration) {
		config["exploration_weight"] = arguments.exploration.exploration_weight.value_or(recipe::kExplorationWeight);
		config["exploration_item_age_cut_off"] = arguments.exploration.exploration_item_age_cut_off.value_or(recipe::kExplorationCutOff);
	}
	check_apart(config["input"], config["output"]);
	rehearse_output(config["output"], arguments.name);
	if (arguments.settings.filter) {
		const std::string &filter = *arguments.settings.filter;
		config["filter"] = filter.substr(filter.find('.') + 1);
	}
	return config;
}

} // namespace

std::string create_batch_job(BatchJob kind, const BatchArguments &arguments) {
	const jobs::Words words = words_of(kind);
	catalog::check_name(arguments.name, words.spoken);
	const catalog::FoundVersion version = catalog::require_version(arguments.version, Right::Own);
	Json config;
	{
		const pg::SpiScope spi;
		Endpoint endpoint(version);
		config = config_of(kind, arguments, endpoint, version);
	}
	if (pg::settings::service_limits)
		jobs::check_pending(words);
	if (!arguments.wait) {
		jobs::enqueue(words.kind, version.group, arguments.name, version.id, config);
		return arguments.name;
	}
	jobs::run_here(words, version.group, arguments.name, version.id, config, [&](std::int64_t job, const jobs::Report &report) {
		BatchWork work(kind, version.group, version.id, job, arguments.name, config, report);
		work.read();
		work.begin_answers();
		while (work.answer_next()) {
		}
		return work.write();
	});
	return arguments.name;
}

namespace {

#define RECSYS_BATCH_JOBS                                                                                              \
	"SELECT j.name, g.name AS dataset_group, j.config ->> 'solution_version' AS solution_version, j.config ->> 'input' AS input,"      \
	" j.config ->> 'output' AS output, j.config ->> 'filter' AS filter, (j.config ->> 'num_results')::int4 AS num_results, "         \
	"CASE j.status WHEN 'PENDING' THEN 'PENDING' WHEN 'RUNNING' THEN 'IN PROGRESS' WHEN 'SUCCEEDED' THEN 'ACTIVE' ELSE 'CREATE FAILED'"   \
	" END AS status, j.failure_reason, (j.result ->> 'lines')::int8 AS lines, (j.result ->> 'failed')::int8 AS failed_lines, "           \
	"j.created_at, coalesce(j.finished_at, j.started_at, j.created_at) AS updated_at FROM recsys_internal.job j "                      \
	"JOIN recsys_internal.dataset_group g ON g.id = j.group_id WHERE j.kind = $1 AND g.id = $2 "

} // namespace

void list_batch_jobs(BatchJob kind, pg::ResultTable &result) {
	static Plan find{RECSYS_BATCH_JOBS "ORDER BY j.id", {TEXTOID, INT8OID}};
	for (const catalog::Group &group : catalog::groups_with(Right::Read)) {
		const pg::AsOwner owner;
		const pg::SpiScope spi;
		result.append(find.fetch({pg::text(words_of(kind).kind), pg::int8(group.id)}, pg::Access::Read));
	}
}

Json describe_batch_job(BatchJob kind, std::string_view full_name) {
	static Plan find{"SELECT to_jsonb(d) FROM (" RECSYS_BATCH_JOBS "AND j.name = $3) AS d", {TEXTOID, INT8OID, TEXTOID}};
	const jobs::Words words = words_of(kind);
	return jobs::describe(words, full_name, [&](const catalog::Group &group, std::string_view name) {
		const pg::AsOwner owner;
		return find.row({pg::text(words.kind), pg::int8(group.id), pg::text(name)});
	});
}

void register_batch_jobs() {
	jobs::register_handler({words_of(BatchJob::Inference).kind, run_inference, forget_lines});
	jobs::register_handler({words_of(BatchJob::Segment).kind, run_segments, forget_lines});
}

} // namespace recsys::serve
