// The id of an answer. It holds what the answer was made from (campaign, model revision, seed) and the items that were returned, signed
// with a key of this database, so that it could not have been made elsewhere. No table knows it: a hot standby can give one.
//
//   RID- base64url( format 2 | campaign | version | revision | seed | count | count × ordinal | MAC )    integers as LEB128
//
// The MAC is the first 16 bytes of HMAC-SHA-256. Under recsys.service_limits the id is a hash of 40 characters instead.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "catalog/catalog.hpp"

namespace recsys::store {

struct AnswerContent {
	std::int64_t campaign_id = 0; // 0 = a solution version without one
	std::int64_t version_id = 0;
	std::uint64_t revision = 0, seed = 0;
	std::vector<std::uint32_t> items; // ordinals of the model, in the order returned
};

std::string recommendation_id(const AnswerContent &content);
/// Nothing for a text that is no id of this database, or one given under recsys.service_limits.
std::optional<AnswerContent> read_recommendation_id(std::string_view id);

} // namespace recsys::store
