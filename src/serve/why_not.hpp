// why_not: what stands in the way of an item that was not recommended.
#pragma once

#include <optional>
#include <string>

#include "serve/filter_cache.hpp"

#include "pg/function.hpp"

namespace recsys::serve {

struct WhyNotRequest {
	std::string campaign, item;
	Subject subject; // as of the request in which the item was missed
	std::optional<FilterChoice> filter;
	std::int32_t num_results = 25; // 0 = 25
};
/// One row (obstacle, detail) for each thing that keeps the item out; none if it would be in the list.
void why_not(const WhyNotRequest &request, pg::ResultTable &out);

} // namespace recsys::serve
