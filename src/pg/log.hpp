// The server's log, for processes that have no client: what the launcher and the workers do is told here, and nowhere else.
#pragma once

#include <string>

#include "pg/guard.hpp"

namespace recsys::pg {

/// Level LOG: start, failure, and what an administrator should act on.
void log(const std::string &message, const std::string &detail = {}, const std::string &hint = {});

} // namespace recsys::pg
