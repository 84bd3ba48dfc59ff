// Reading CSV records, by the rules of imports: comma-separated, values with commas, quotes or line ends in double
// quotes, inside which a quote is written "" or \" and a backslash \\ (so it is also written alone before anything
// else). PostgreSQL's own COPY knows one of the two conventions at a time; files of both kinds are in use, often in one
// file. Lines end in LF or CRLF; a byte order mark is skipped; an empty line is no record.
#include "base/wall.hpp"
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace recsys::ingest {

class CsvReader {
public:
	/// Fills at most `size` bytes, returns how many; 0 at the end.
	using Source = std::function<std::size_t(char *buffer, std::size_t size)>;
	/// `place` names the source in messages, such as a file's path.
	CsvReader(Source source, std::string place)
		: source_(std::move(source)), place_(std::move(place)), buffer_(1 << 18) {}

	/// The next record; false at the end. Errors: 22P04 for a quote that never ends, or text after a closing quote.
	bool next();
	/// The fields of the record, valid until the next call.
	const std::vector<std::string_view> &fields() const { return views_; }
	/// The line on which the record began, from 1.
	std::uint64_t line() const { return record_line_; }
	/// Bytes consumed so far.
	std::uint64_t consumed() const { return consumed_ + position_; }

private:
	static constexpr int kEnd = -1;
	static constexpr std::size_t kLongestRecord = std::size_t{1}
												  << 26; // a forgotten quote must not read the file into memory
	int peek();
	void skip() { ++position_; }
	void read_field();
	void read_quoted();
	bool end_of_field();
	void finish_line();

	Source source_;
	std::string place_;
	std::vector<char> buffer_;
	std::size_t position_ = 0, size_ = 0;
	std::uint64_t consumed_ = 0, line_ = 1, record_line_ = 1;
	bool started_ = false;
	std::string bytes_;             // the record's values, one after the other
	std::vector<std::size_t> ends_; // where each value ends in bytes_
	std::vector<std::string_view> views_;
};

} // namespace recsys::ingest
