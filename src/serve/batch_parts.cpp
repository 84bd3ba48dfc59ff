#include "serve/batch_line.hpp"

#include "serve/batch_parts.hpp"

#include <algorithm>

#include "pg/datum.hpp"
#include "pg/user.hpp"

namespace recsys::serve {

namespace {

constexpr std::int32_t kPartLines = 500, kPartItems = 1'000'000;
constexpr std::size_t kPartBytes = 1 << 20;

// number, lines, source, text; copied, since the rows go with the SpiScope.
Part part_of(const SPITupleTable *rows, std::uint64_t row) {
	bool null = false;
	const auto column = [&](int i) { return pg::column(rows, row, i, null); };
	return {DatumGetInt32(column(0)), DatumGetInt32(column(1)), std::string(pg::text_view(column(2))),
			std::string(pg::text_view(column(3)))}; // a bytea lies as a text does
}

} // namespace

PartWriter::PartWriter(std::int64_t job, std::int32_t answers)
	: job_(job), most_lines_(std::clamp(kPartItems / answers, 1, kPartLines)) {}

void PartWriter::source(std::string_view name) {
	flush();
	source_ = name;
	of_source_ = 0;
}

void PartWriter::line(std::string_view line) {
	if (LineCutter::blank(line))
		return;
	if (lines_ == most_lines_ || text_.size() + line.size() > kPartBytes)
		flush();
	if (++of_source_ > limit_)
		throw Error(sqlstate::LimitExceeded, "input " + (source_.empty() ? std::string() : "\"" + source_ + "\" ") + "has more than " +
												 std::to_string(limit_) + " lines",
					"Setting \"recsys.service_limits\" was on when the job was made.");
	text_.append(line).push_back('\n');
	++lines_;
	++total_;
}

void PartWriter::flush() {
	static pg::Plan insert{"INSERT INTO recsys_internal.batch_part (job_id, part, source, lines, input) VALUES ($1, $2, $3, $4, $5)",
						   {INT8OID, INT4OID, TEXTOID, INT4OID, BYTEAOID}};
	if (lines_ == 0)
		return;
	{
		const pg::AsOwner owner;
		insert.run({pg::int8(job_), pg::int4(++part_), pg::text(source_), pg::int4(lines_), pg::bytea(text_)});
	}
	text_.clear();
	lines_ = 0;
}

PartCount count_parts(std::int64_t job) {
	static pg::Plan count{"SELECT count(*), coalesce(sum(lines), 0), coalesce(sum(lines) FILTER (WHERE output IS NOT NULL), 0),"
						  " coalesce(sum(failed), 0) FROM recsys_internal.batch_part WHERE job_id = $1",
						  {INT8OID}};
	const pg::AsOwner owner;
	const pg::Row row = count.row({pg::int8(job)}).value();
	return {row.int8(0), row.int8(1), row.int8(2), row.int8(3)};
}

std::optional<Part> next_part(std::int64_t job, std::int32_t number) {
	static pg::Plan select{"SELECT part, lines, source, input FROM recsys_internal.batch_part WHERE job_id = $1 AND part > $2"
						   " AND output IS NULL ORDER BY part LIMIT 1",
						   {INT8OID, INT4OID}};
	const pg::AsOwner owner;
	const pg::SpiScope spi;
	const SPITupleTable *rows = select.fetch({pg::int8(job), pg::int4(number)}, pg::Access::Write);
	return rows->numvals == 0 ? std::nullopt : std::optional(part_of(rows, 0));
}

void answer_part(std::int64_t job, std::int32_t number, std::string_view output, std::int32_t failed) {
	static pg::Plan update{"UPDATE recsys_internal.batch_part SET input = '', output = $3, failed = $4 WHERE job_id = $1 AND part = $2",
						   {INT8OID, INT4OID, BYTEAOID, INT4OID}};
	const pg::AsOwner owner;
	update.run({pg::int8(job), pg::int4(number), pg::bytea(output), pg::int4(failed)});
}

void each_answered_part(std::int64_t job, const std::function<void(const Part &)> &visit) {
	static pg::Plan select{"SELECT part, lines, source, output FROM recsys_internal.batch_part WHERE job_id = $1 AND part > $2"
						   " ORDER BY part LIMIT 1",
						   {INT8OID, INT4OID}};
	for (std::int32_t number = 0;;) {
		std::optional<Part> part;
		{
			const pg::AsOwner owner;
			const pg::SpiScope spi;
			const SPITupleTable *rows = select.fetch({pg::int8(job), pg::int4(number)}, pg::Access::Write);
			if (rows->numvals == 0)
				return;
			part = part_of(rows, 0);
		}
		visit(*part);
		number = part->number;
	}
}

void delete_parts(std::int64_t job) {
	static pg::Plan remove{"DELETE FROM recsys_internal.batch_part WHERE job_id = $1", {INT8OID}};
	const pg::AsOwner owner;
	remove.run({pg::int8(job)});
}

} // namespace recsys::serve
