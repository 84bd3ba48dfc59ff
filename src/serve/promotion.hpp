// Promotions: a share of an answer's places for items that pass a filter of their own.
//
// The best of the promoted items take the share, as many as there are; the best of the others, under the request's filter, take
// the rest. Promoted items then stand at random places. Each of the two keeps its order.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "serve/answer.hpp"
#include "serve/filter_cache.hpp"

namespace recsys::serve {

struct Promotion {
	std::string name;
	int percent; // of the places, 1 to 100
	FilterChoice filter;
	/// How many of `wanted` places: rounded half up, and at least one.
	std::size_t places(std::size_t wanted) const noexcept;
};

/// From {"name": …, "percent_promoted_items": …, "filter": …, "filter_values": {…}}, in snake_case or camelCase.
/// Errors: 22023.
Promotion parse_promotion(const std::string &json);

/// Both lists in one, each in its order; every set of places is equally likely, and `seed` decides which it is.
std::vector<AnswerRow> place_promoted(const std::vector<AnswerRow> &promoted, const std::vector<AnswerRow> &others, std::uint64_t seed);

} // namespace recsys::serve
