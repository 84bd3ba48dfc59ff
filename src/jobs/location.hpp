// Where a job reads from or writes to: files of the server, whose path begins with "/", or a relation.
//
// Files are the business of the role that asks, relations that of the group's owner, as whom the job runs: the role's privilege is
// checked when the job is made and again when it runs.
#pragma once

#include <string>
#include <string_view>

#include "catalog/catalog.hpp"

namespace recsys::jobs {

enum class Use { Read, Write };

bool is_file(std::string_view location) noexcept;
/// `deed` completes "permission denied to …". Errors: 42501.
void check_file_right(Use use, Oid role, const char *deed);
/// The role that a job's config names as "requested_by". Errors: 42501 when it is gone.
Oid asker(const catalog::Json &config);

/// The relation that a name means for the caller now, written so that it means the same in the job. One that is to be written need
/// not exist; it goes to the schema where CREATE TABLE would put it. Errors: 42P01, 42602.
std::string qualified_relation(Use use, const std::string &name);

/// For the job's config: the location as the job will find it, its right checked for the current user.
std::string settle_location(Use use, const std::string &location, const char *deed);

} // namespace recsys::jobs
