// The end of a transaction that changed the queue; not for other rooms.
#pragma once

namespace recsys::jobs {

/// When this transaction commits, the launcher sends somebody to look at the database.
void visit_after_commit();

} // namespace recsys::jobs
