// Messages that are not errors.
#pragma once

#include <string>

#include "pg/guard.hpp"

namespace recsys::pg {

/// To the client and, as configured, to the log; the call goes on. Detail and hint may be empty.
void warning(const std::string &message, const std::string &detail = {}, const std::string &hint = {});
void notice(const std::string &message, const std::string &detail = {}, const std::string &hint = {});

} // namespace recsys::pg
