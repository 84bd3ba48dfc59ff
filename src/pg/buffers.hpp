// A relation's blocks and PostgreSQL's shared buffers.
#pragma once

#include <cstdint>
#include <vector>

#include "pg/guard.hpp"

namespace recsys::pg {

/// Reads up to `most` blocks of the relation from its beginning into the shared buffers, and returns how many. Relations without
/// storage of their own (views, foreign and partitioned tables) have none. Can be cancelled.
std::int64_t read_into_buffers(Oid relation, std::int64_t most);

/// The indexes of a table; none when it has none, or is no table.
std::vector<Oid> indexes_of(Oid relation);

} // namespace recsys::pg
