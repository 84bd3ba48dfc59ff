// The id of an answer. It holds what the answer was made from (model revision, seed) and the items that were returned, signed
// with a key of this database, so that it could not have been made elsewhere. No table knows it: a hot standby can give one.
//
//   RID- base64url( format 1 | version | revision | seed | count | count × ordinal | MAC )    integers as LEB128
//
// The MAC is the first 16 bytes of HMAC-SHA-256. Under recsys.service_limits the id is a hash of 40 characters instead.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "catalog/catalog.hpp"

namespace recsys::serve {

struct AnswerContent {
	std::int64_t version_id = 0;
	std::uint64_t revision = 0, seed = 0;
	std::vector<std::uint32_t> items; // ordinals of the model, in the order returned
};

std::string recommendation_id(const AnswerContent &content);

} // namespace recsys::serve
