// The lines of a batch job in recsys_internal.batch_part: a few hundred together, so that a job is cut into steps of less than a
// second, and the table has few rows. Everything here runs in the job's transaction, and reaches the table as the extension's owner.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace recsys::serve {

/// Adds lines to a job, source after source.
class PartWriter {
public:
	/// `answers`: the size of a line's answer, in items. What a part answers must stay far below the gigabyte of a value.
	PartWriter(std::int64_t job, std::int32_t answers);
	/// Each source may have so many lines. Errors of line(): RS003.
	void limit(std::uint64_t lines) { limit_ = lines; }
	/// `name` of a file, "" of a relation.
	void source(std::string_view name);
	/// Blank lines ask nothing, and are left out.
	void line(std::string_view line);
	void finish() { flush(); }
	std::uint64_t lines() const noexcept { return total_; }

private:
	void flush();
	const std::int64_t job_;
	const std::int32_t most_lines_;
	std::int32_t part_ = 0, lines_ = 0;
	std::uint64_t total_ = 0, of_source_ = 0, limit_ = std::numeric_limits<std::uint64_t>::max();
	std::string source_, text_;
};

struct Part {
	std::int32_t number;
	std::int32_t lines;
	std::string source, text;
};
struct PartCount {
	std::int64_t parts = 0, lines = 0, answered = 0, failed = 0; // lines, but for the first
};
PartCount count_parts(std::int64_t job);
/// The next after `number` that is not answered yet.
std::optional<Part> next_part(std::int64_t job, std::int32_t number);
void answer_part(std::int64_t job, std::int32_t number, std::string_view output, std::int32_t failed);
/// In order; `text` is their output.
void each_answered_part(std::int64_t job, const std::function<void(const Part &)> &visit);
void delete_parts(std::int64_t job);

} // namespace recsys::serve
