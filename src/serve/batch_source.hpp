// Where the lines of a batch job come from, and where its answers go.
//
//   from  a file of JSON lines, or a folder of such files
//         a relation with a column "input" (the lines), or with columns user_id, item_id, item_list, item_attributes, filter_values,
//         of which a line is made; its other columns are not looked at
//   to    a folder: INPUT.out for each file, JOB.out for a relation
//         a relation (line bigint, input jsonb, output jsonb, error text), made when there is none
#pragma once

#include <memory>
#include <string>

#include "jobs/named.hpp"
#include "serve/batch_parts.hpp"

namespace recsys::serve {

/// Errors: 42703 for a relation without any of the columns, 54000 for an endless line; those of the operating system, of the query.
void read_lines(const std::string &input, PartWriter &out, const jobs::Report &report);

/// Files appear, and rows are there, after publish() alone.
class BatchOutput {
public:
	virtual ~BatchOutput() = default;
	/// Output lines of one part.
	virtual void write(const Part &part) = 0;
	virtual void publish() = 0;
};
/// `job`: its name. Errors: 42804, 42703 for a relation of another shape; 42501; those of the operating system.
std::unique_ptr<BatchOutput> open_output(const std::string &output, const std::string &job);

/// Whether `output` can be opened by the current user, found out by doing so; nothing of it stays. Errors: as open_output.
void rehearse_output(const std::string &output, const std::string &job);

/// Errors: 22023 when the output would go into the input's folder.
void check_apart(const std::string &input, const std::string &output);

} // namespace recsys::serve
