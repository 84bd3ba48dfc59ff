// Server-side files and time text: reading in chunks, folders, writing a query's rows as CSV, and who may do so.
// Nothing here checks a privilege by itself: may_read_files and may_write_files are for the caller to ask.
#pragma once

#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pg/guard.hpp"

namespace recsys::pg {

/// Members of pg_read_server_files and pg_write_server_files, superusers included.
bool may_read_files(Oid role);
bool may_write_files(Oid role);

/// The role of that name; invalid when there is none.
Oid find_role(const std::string &name);

/// A file of the server opened for reading; closed by the object or by the transaction's abort.
class InputFile {
public:
	/// Errors: those of the operating system.
	explicit InputFile(const std::string &path);
	~InputFile();
	InputFile(const InputFile &) = delete;
	InputFile &operator=(const InputFile &) = delete;
	/// At most `size` bytes; 0 at the end.
	std::size_t read(char *buffer, std::size_t size);
	std::uint64_t bytes() const { return bytes_; } // size at opening

private:
	std::string path_;
	FILE *file_;
	std::uint64_t bytes_ = 0;
	int exceptions_;
};

/// A file of the server that is written under another name (PATH.partial), which is removed unless the file is published.
class OutputFile {
public:
	/// Errors: those of the operating system, here and below.
	explicit OutputFile(std::string path);
	~OutputFile();
	OutputFile(const OutputFile &) = delete;
	OutputFile &operator=(const OutputFile &) = delete;
	void write(std::string_view bytes);
	/// Nothing more will be written: what was is on disk.
	void close();
	/// After close: the file appears under its name, in place of another.
	void publish();

private:
	std::string path_, partial_;
	FILE *file_ = nullptr;
	bool published_ = false;
	int exceptions_;
};

bool is_directory(const std::string &path);
/// The names in a folder, sorted, without "." and "..".
std::vector<std::string> directory_entries(const std::string &path);

/// Writes the rows of `query`, run as the current user, to a CSV file with a header, in UTF-8, with backslash as escape
/// inside quotes. The file appears under its name only when complete. Returns the number of rows.
std::uint64_t write_csv(const std::string &query, const std::string &path);

/// A date and time in any form PostgreSQL reads, in the session's time zone when it names none; finite, or none.
std::optional<TimestampTz> parse_timestamp(std::string_view text);
/// False when the bytes are not UTF-8 (or contain a zero byte).
bool valid_utf8(std::string_view text);
/// UTF-8 to the database's encoding; the same bytes in a UTF-8 database. The view lives in the current memory context.
std::string_view from_utf8(std::string_view text);

} // namespace recsys::pg
