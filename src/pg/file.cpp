#include "pg/file.hpp"

#include <algorithm>
#include <exception>

extern "C" {
#include <sys/stat.h>
#include <unistd.h>

#include "catalog/pg_authid.h"
#include "commands/copy.h"
#include "mb/pg_wchar.h"
#include "nodes/makefuncs.h"
#include "nodes/parsenodes.h"
#include "parser/parse_node.h"
#include "parser/parser.h"
#include "storage/fd.h"
#include "utils/datetime.h"
}

namespace recsys::pg {

bool may_read_files(Oid role) {
	return call([role] { return has_privs_of_role(role, ROLE_PG_READ_SERVER_FILES); });
}
bool may_write_files(Oid role) {
	return call([role] { return has_privs_of_role(role, ROLE_PG_WRITE_SERVER_FILES); });
}

Oid find_role(const std::string &name) {
	const char *role = name.c_str();
	return call([role] { return get_role_oid(role, true); });
}

InputFile::InputFile(const std::string &path) : path_(path), exceptions_(std::uncaught_exceptions()) {
	const char *name = path_.c_str();
	struct Opened {
		FILE *file;
		std::uint64_t bytes;
	};
	const Opened opened = call([name] {
		// Looked at before it is opened: opening a pipe waits for its writer, and cannot be cancelled.
		struct stat st;
		if (stat(name, &st) == 0 && !S_ISREG(st.st_mode))
			ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
							S_ISDIR(st.st_mode) ? errmsg("\"%s\" is a directory", name)
												: errmsg("\"%s\" is not a regular file", name)));
		FILE *file = AllocateFile(name, PG_BINARY_R);
		if (file == nullptr || fstat(fileno(file), &st) != 0)
			ereport(ERROR, (errcode_for_file_access(), errmsg("could not open file \"%s\" for reading: %m", name)));
		return Opened{file, static_cast<std::uint64_t>(st.st_size)};
	});
	file_ = opened.file;
	bytes_ = opened.bytes;
}

InputFile::~InputFile() {
	if (std::uncaught_exceptions() == exceptions_)
		FreeFile(file_);
}

std::size_t InputFile::read(char *buffer, std::size_t size) {
	const char *name = path_.c_str();
	return call([this, buffer, size, name] {
		CHECK_FOR_INTERRUPTS();
		const std::size_t n = fread(buffer, 1, size, file_);
		if (n < size && ferror(file_))
			ereport(ERROR, (errcode_for_file_access(), errmsg("could not read file \"%s\": %m", name)));
		return n;
	});
}

OutputFile::OutputFile(std::string path)
	: path_(std::move(path)), partial_(path_ + ".partial"), exceptions_(std::uncaught_exceptions()) {
	const char *name = partial_.c_str();
	file_ = call([name] {
		const mode_t mask = umask(S_IWGRP | S_IWOTH); // as COPY writes files
		FILE *file = AllocateFile(name, PG_BINARY_W);
		umask(mask);
		if (file == nullptr)
			ereport(ERROR, (errcode_for_file_access(), errmsg("could not open file \"%s\" for writing: %m", name)));
		return file;
	});
}

OutputFile::~OutputFile() {
	if (file_ != nullptr && std::uncaught_exceptions() == exceptions_)
		FreeFile(file_);
	if (!published_)
		unlink(partial_.c_str());
}

void OutputFile::write(std::string_view bytes) {
	FILE *file = file_;
	const char *name = partial_.c_str();
	call([file, name, bytes] {
		if (fwrite(bytes.data(), 1, bytes.size(), file) != bytes.size())
			ereport(ERROR, (errcode_for_file_access(), errmsg("could not write file \"%s\": %m", name)));
	});
}

void OutputFile::close() {
	FILE *file = file_;
	const char *name = partial_.c_str();
	call([file, name] {
		if (fflush(file) != 0 || pg_fsync(fileno(file)) != 0)
			ereport(ERROR, (errcode_for_file_access(), errmsg("could not write file \"%s\": %m", name)));
	});
	file_ = nullptr;
	if (call([file] { return FreeFile(file); }) != 0)
		call([name] { ereport(ERROR, (errcode_for_file_access(), errmsg("could not close file \"%s\": %m", name))); });
}

void OutputFile::publish() {
	const char *from = partial_.c_str(), *to = path_.c_str();
	call([from, to] { durable_rename(from, to, ERROR); });
	published_ = true;
}

bool is_directory(const std::string &path) {
	struct stat st;
	return stat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode);
}

std::vector<std::string> directory_entries(const std::string &path) {
	const char *name = path.c_str();
	DIR *dir = call([name] { return AllocateDir(name); });
	std::vector<std::string> out;
	while (const dirent *entry = call([dir, name] { return ReadDir(dir, name); }))
		if (const std::string_view file = entry->d_name; file != "." && file != "..")
			out.emplace_back(file);
	call([dir] { FreeDir(dir); });
	std::sort(out.begin(), out.end());
	return out;
}

namespace {

DefElem *option(const char *name, const char *value) {
	return makeDefElem(const_cast<char *>(name), reinterpret_cast<Node *>(makeString(const_cast<char *>(value))), -1);
}

// The COPY statement without its check of the current user's privileges: a job runs as the group's owner, while it was
// the asking role whose right to write files was checked.
std::uint64_t copy_to(const char *query, const char *path) {
	List *options = list_make4(option("format", "csv"), option("header", "true"), option("escape", "\\"),
							   option("encoding", "UTF8"));
	List *statements = raw_parser(query, RAW_PARSE_DEFAULT);
	ParseState *state = make_parsestate(nullptr);
	state->p_sourcetext = query;
	CopyToState copy =
		BeginCopyTo(state, nullptr, linitial_node(RawStmt, statements), InvalidOid, path, false, NIL, options);
	const std::uint64_t rows = DoCopyTo(copy);
	EndCopyTo(copy);
	free_parsestate(state);
	return rows;
}

} // namespace

std::uint64_t write_csv(const std::string &query, const std::string &path) {
	const std::string partial = path + ".partial";
	const char *sql = query.c_str(), *file = partial.c_str(), *final_name = path.c_str();
	try {
		return call([sql, file, final_name] {
			const std::uint64_t rows = copy_to(sql, file);
			durable_rename(file, final_name, ERROR);
			return rows;
		});
	} catch (...) {
		unlink(file);
		throw;
	}
}

std::optional<TimestampTz> parse_timestamp(std::string_view text) {
	char input[MAXDATELEN + 1], work[MAXDATELEN + MAXDATEFIELDS];
	if (text.size() >= sizeof input || text.find('\0') != std::string_view::npos)
		return std::nullopt;
	memcpy(input, text.data(), text.size());
	input[text.size()] = '\0';
	return call([&input, &work]() -> std::optional<TimestampTz> {
		char *field[MAXDATEFIELDS];
		int type[MAXDATEFIELDS], n = 0, kind = 0, zone = 0;
		struct pg_tm tm = {};
		fsec_t fraction = 0;
		if (ParseDateTime(input, work, sizeof work, field, type, MAXDATEFIELDS, &n) != 0)
			return std::nullopt;
#if PG_VERSION_NUM >= 160000
		DateTimeErrorExtra extra;
		if (DecodeDateTime(field, type, n, &kind, &tm, &fraction, &zone, &extra) != 0 || kind != DTK_DATE)
			return std::nullopt;
#else
		if (DecodeDateTime(field, type, n, &kind, &tm, &fraction, &zone) != 0 || kind != DTK_DATE)
			return std::nullopt;
#endif
		TimestampTz result;
		if (tm2timestamp(&tm, fraction, &zone, &result) != 0)
			return std::nullopt;
		return result;
	});
}

bool valid_utf8(std::string_view text) {
	return pg_verify_mbstr(PG_UTF8, text.data(), static_cast<int>(text.size()), true);
}

std::string_view from_utf8(std::string_view text) {
	if (GetDatabaseEncoding() == PG_UTF8)
		return text;
	return call([text] {
		char *converted = pg_any_to_server(text.data(), static_cast<int>(text.size()), PG_UTF8);
		return converted == text.data() ? text : std::string_view(converted);
	});
}

} // namespace recsys::pg
