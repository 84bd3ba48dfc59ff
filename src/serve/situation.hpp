// The moment of a request: the context that it gives, what the users dataset says of its user, and the time.
//
// The user's row is read at the request, by index, as the caller and under his snapshot: a row that is new or was changed acts at
// once, one that the caller cannot see does not. It is read only for a model that looks at it. A caller who may not read users
// is served as if nothing were known of them.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "serve/workspace.hpp"

#include "serve/endpoint.hpp"

namespace recsys::serve {

/// The context argument of a request. Errors: 22023 for what is not an object of texts, numbers and booleans; RS003 for more than
/// the service takes, under recsys.service_limits.
catalog::Json parse_context(const std::string &json);

/// The situation for the campaign's model. What of the context says nothing to it is told by notices: a name that is not a column,
/// a value that the training did not meet. Must be called within a SpiScope.
recipe::Situation read_situation(Endpoint &endpoint, const std::optional<std::string> &user, const catalog::Json &context,
								 SituationBuffer &buffer);

} // namespace recsys::serve
