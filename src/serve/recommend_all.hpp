// recommend_all: the answers of get_recommendations for everyone at once, into a table. Users' events are read in one pass in the
// order of the users, items are tested once for all of them, and blocks of users are scored on several threads.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "serve/filter_cache.hpp"

namespace recsys::serve {

struct EveryoneRequest {
	std::string version, output; // output: a relation, made when there is none
	std::int32_t num_results;
	std::optional<FilterChoice> filter;
};
/// Returns the number of users. In the caller's transaction, with his rights. Errors: RS001, RS004; 22023 for a recipe that does not
/// recommend to users, and those of the filter; those of writing the relation.
std::int64_t recommend_all(const EveryoneRequest &request);

} // namespace recsys::serve
