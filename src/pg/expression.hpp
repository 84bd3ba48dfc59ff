// A value expression that a user hands over as text, before it becomes part of a statement.
#pragma once

#include <string>

namespace recsys::pg {

/// Parses `text` alone and accepts it only as one expression: nothing in it can end the place it will stand in. It must stand
/// in parentheses, with a line break before the closing one, as a comment may end it.
/// Errors: 42601 for what does not parse or is more than an expression; 22023 for parameters ($1).
void check_expression(const std::string &text, const char *argument);

} // namespace recsys::pg
