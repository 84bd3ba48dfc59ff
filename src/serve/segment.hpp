// get_user_segment: from an item, or attributes of items, to the users who will most likely interact with it, or with them.
//
// The users are those of the model; who has no interaction any more that the caller can see is left out, as is who does not pass
// the filter. Attributes are a condition on the rows of the items dataset, in the words of the filter language, and are looked up as
// the rows are now. Nothing is drawn by chance, and a short list means that no more users qualify.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "serve/filter_cache.hpp"

#include "pg/function.hpp"

namespace recsys::serve {

class Endpoint;

struct SegmentRequest {
	std::optional<std::string> item, attributes; // one of them, as the recipe asks
	std::int32_t num_results = 25;				 // 0 = 25
	std::optional<FilterChoice> filter;
};
struct SegmentUser {
	std::string id;
	const char *reason; // "personal" …
};
/// Users that may be asked for under recsys.service_limits.
inline constexpr std::int32_t kServiceSegment = 5'000'000;

/// Best first. Within a SpiScope. Errors: 22023 for another recipe, num_results, attributes that are no condition on items, and
/// filters that the recipe does not take; 22004 without an item or attributes; RS001 when the model has no such item;
/// RS003 under recsys.service_limits.
std::vector<SegmentUser> answer(Endpoint &endpoint, const SegmentRequest &request);

/// For a version that need not be deployed. Errors: those of answer(); RS001, 42725, RS004, RS007.
void get_user_segment(const std::string &version, const SegmentRequest &request, pg::ResultTable &out);

} // namespace recsys::serve
