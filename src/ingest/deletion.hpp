// Erasing users: every row that recsys keeps of them, in one transaction. What lies in the owner's own tables is his;
// the answer says where rows of these users are left.
#pragma once

#include <string>

#include "ingest/import.hpp"

namespace recsys::ingest {

struct DeletionRequest {
	catalog::Group group;
	std::string source; // of user ids: a file or folder when it begins with "/", else a qualified relation name
};

/// Deletes, as the current user, the rows of these users and of their aliases from interactions, action_interactions,
/// users and user_aliases, and the anonymous events of sessions in which they are named. Ids that nobody has are no
/// error, so a job can be repeated. Returns {"rows", "users", "deleted" (by table), "left_to_owner" [{"relation",
/// "rows"}], "versions"}: the versions were trained while the users' rows were there. Errors: 22P04 as for imports;
/// 42501 where row-level security hides rows; 55000 when rows withstand, RS001 for a group without datasets of users.
catalog::Json run_deletion(const DeletionRequest &request, const jobs::Report &report);

} // namespace recsys::ingest
