#include "serve/batch_line.hpp"

#include "serve/batch_source.hpp"

#include <algorithm>
#include <filesystem>

#include "jobs/location.hpp"
#include "pg/datum.hpp"
#include "pg/file.hpp"
#include "pg/row_batch.hpp"

extern "C" {
#include "miscadmin.h"
}

namespace recsys::serve {

namespace {

constexpr std::size_t kMaxLine = 16 << 20, kChunk = 1 << 16;
constexpr long kRowsAtOnce = 1000;
constexpr std::uint64_t kReportEvery = 1000;

std::string in_quotes(const std::string &s) { return "\"" + s + "\""; }

std::string in_folder(const std::string &folder, const std::string &name) {
	return folder + (folder.back() == '/' ? "" : "/") + name;
}

std::string file_name(const std::string &path) { return path.substr(path.rfind('/') + 1); }

// The file itself, or the files of a folder's first level in the order of their names.
std::vector<std::string> files_of(const std::string &path) {
	if (!pg::is_directory(path))
		return {path};
	std::vector<std::string> files;
	for (const std::string &name : pg::directory_entries(path))
		if (std::string file = in_folder(path, name); name[0] != '.' && !pg::is_directory(file))
			files.push_back(std::move(file));
	if (files.empty())
		throw Error(sqlstate::InvalidParameter, "directory " + in_quotes(path) + " has no files");
	return files;
}

void read_file(const std::string &path, PartWriter &out, const jobs::Report &report) {
	pg::InputFile file(path);
	out.source(file_name(path));
	std::string pending, chunk(kChunk, '\0');
	std::uint64_t consumed = 0;
	while (const std::size_t n = file.read(chunk.data(), chunk.size())) {
		report("reading bytes", consumed += n, file.bytes());
		pending.append(chunk, 0, n);
		const std::size_t end = pending.rfind('\n') + 1; // 0 when there is none
		LineCutter cutter(std::string_view(pending).substr(0, end));
		for (std::string_view line; cutter.next(line);)
			out.line(line);
		pending.erase(0, end);
		if (pending.size() > kMaxLine)
			throw Error("54000", "file " + in_quotes(path) + " has a line of more than 16 MB");
	}
	LineCutter last(pending);
	for (std::string_view line; last.next(line);)
		out.line(line);
}

// A column of the relation and what it is called in a line.
struct Ask {
	const char *column, *name, *cast;
};
constexpr Ask kAsks[] = {{"user_id", "userId", "::pg_catalog.text"},
						 {"item_id", "itemId", "::pg_catalog.text"},
						 {"item_list", "itemList", "::pg_catalog.text[]"},
						 {"item_attributes", "itemAttributes", "::pg_catalog.text"},
						 {"filter_values", "filterValues", "::pg_catalog.jsonb"}};

std::string select_lines(const std::string &relation) {
	std::vector<std::string> columns;
	for (const pg::Row &row : pg::query("SELECT a.attname FROM pg_catalog.pg_attribute a WHERE "
										"a.attrelid OPERATOR(pg_catalog.=) $1::pg_catalog.regclass AND a.attnum "
										"OPERATOR(pg_catalog.>) 0 AND NOT a.attisdropped",
										{TEXTOID}, {pg::text(relation)}))
		columns.push_back(row.text(0));
	const auto has = [&columns](const char *name) { return std::find(columns.begin(), columns.end(), name) != columns.end(); };
	if (has("input"))
		return "SELECT t.input::pg_catalog.text FROM " + relation + " AS t";
	std::string object;
	for (const Ask &ask : kAsks)
		if (has(ask.column))
			object += (object.empty() ? "'" : ", '") + std::string(ask.name) + "', t." + ask.column + ask.cast;
	if (object.empty())
		throw Error("42703", "relation " + relation + " has no column that asks for anything", {},
					"Columns are \"input\", or \"user_id\", \"item_id\", \"item_list\", \"item_attributes\" and \"filter_values\".");
	return "SELECT pg_catalog.json_strip_nulls(pg_catalog.json_build_object(" + object + "))::pg_catalog.text FROM " + relation + " AS t";
}

void read_relation(const std::string &relation, PartWriter &out, const jobs::Report &report) {
	const pg::SpiScope spi;
	pg::Cursor cursor(select_lines(relation), {}, {});
	out.source("");
	std::string line;
	while (const SPITupleTable *block = cursor.next(kRowsAtOnce)) {
		report("reading rows", out.lines(), 0);
		for (std::uint64_t r = 0; r < block->numvals; ++r) {
			bool null = false;
			const Datum value = pg::column(block, r, 0, null);
			if (null)
				continue;
			line = pg::text_view(value);
			std::replace(line.begin(), line.end(), '\n', ' '); // JSON has none inside its strings
			out.line(line);
		}
	}
}

class FileOutput final : public BatchOutput {
public:
	FileOutput(std::string folder, std::string job) : folder_(std::move(folder)), job_(std::move(job)) {
		if (!pg::is_directory(folder_))
			throw Error(sqlstate::InvalidParameter, in_quotes(folder_) + " is not a directory", {}, "Files of answers are put into one.");
	}
	void write(const Part &part) override {
		if (file_ == nullptr || part.source != source_) {
			close();
			source_ = part.source;
			files_.push_back(std::make_unique<pg::OutputFile>(in_folder(folder_, (source_.empty() ? job_ : source_) + ".out")));
			file_ = files_.back().get();
		}
		file_->write(part.text);
	}
	void publish() override {
		close();
		for (const auto &file : files_)
			file->publish();
	}

private:
	void close() {
		if (file_ != nullptr)
			file_->close();
		file_ = nullptr;
	}
	std::string folder_, job_, source_;
	std::vector<std::unique_ptr<pg::OutputFile>> files_;
	pg::OutputFile *file_ = nullptr;
};

class RelationOutput final : public BatchOutput {
public:
	explicit RelationOutput(const std::string &name) {
		if (pg::query("SELECT pg_catalog.to_regclass($1)", {TEXTOID}, {pg::text(name)}).front().null(0))
			pg::execute("CREATE TABLE " + name + " (line bigint, input jsonb, output jsonb, error text)");
		insert_ = pg::DynamicPlan("INSERT INTO " + name + " (line, input, output, error) SELECT r.n, r.line OPERATOR(pg_catalog.->) 'input',"
								  " CASE WHEN r.line OPERATOR(pg_catalog.->>) 'error' IS NULL THEN r.line OPERATOR(pg_catalog.->) 'output' END,"
								  " r.line OPERATOR(pg_catalog.->>) 'error' FROM recsys_rows AS r", {});
		write({});
	}
	void write(const Part &part) override {
		pg::RowBatch rows({{"n", INT8OID}, {"line", JSONBOID}}, work_mem);
		{
			const pg::Scratch scratch;
			LineCutter cutter(part.text);
			for (std::string_view line; cutter.next(line);) {
				const pg::Scratch::Use use(scratch);
				rows.add({pg::int8(++line_), pg::jsonb(line)});
			}
		}
		rows.run(insert_);
	}
	void publish() override {} // the transaction's commit does

private:
	pg::DynamicPlan insert_;
	std::int64_t line_ = 0;
};

} // namespace

void read_lines(const std::string &input, PartWriter &out, const jobs::Report &report) {
	if (!jobs::is_file(input)) {
		read_relation(input, out, report);
	} else {
		for (const std::string &file : files_of(input))
			read_file(file, out, report);
	}
	out.finish();
}

std::unique_ptr<BatchOutput> open_output(const std::string &output, const std::string &job) {
	if (jobs::is_file(output))
		return std::make_unique<FileOutput>(output, job);
	return std::make_unique<RelationOutput>(output);
}

void rehearse_output(const std::string &output, const std::string &job) {
	bool good = false;
	const pg::Failure failure = pg::try_subtransaction([&] {
		const std::unique_ptr<BatchOutput> opened = open_output(output, job);
		if (jobs::is_file(output))
			opened->write({});
		good = true;
		throw Cancelled{}; // takes everything back
	});
	if (good)
		return;
	const bool shape = std::string_view(failure.sqlstate) == "42703" || std::string_view(failure.sqlstate) == "42804";
	throw Error(failure.sqlstate, failure.message, failure.detail,
				shape ? "The columns that answers need are line bigint, input jsonb, output jsonb and error text." : failure.hint);
}

void check_apart(const std::string &input, const std::string &output) {
	if (!jobs::is_file(input) || !jobs::is_file(output))
		return;
	namespace fs = std::filesystem;
	std::error_code ignored;
	const fs::path folder = pg::is_directory(input) ? fs::path(input) : fs::path(input).parent_path();
	if (fs::equivalent(folder, output, ignored))
		throw Error(sqlstate::InvalidParameter, "output must be another folder than the input's");
}

} // namespace recsys::serve
