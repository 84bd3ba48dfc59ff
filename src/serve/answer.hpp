// What the two serving functions share: ids in one form, and writing an answer's rows.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "serve/endpoint.hpp"
#include "stats/campaigns.hpp"

namespace recsys::serve {

/// An id in the output form of its native type; an id that cannot be of the type is nobody's, and stays as it was given.
std::string canonical_id(std::string_view id, Oid type);

struct AnswerRow {
	std::string_view id;
	std::uint32_t item = data::kNone; // ordinal of the model
	bool scored = false;
	double score = 0;
	const char *reason = nullptr;
	std::string_view promotion = {}; // empty = not promoted
};

/// Writes rank, item_id, score, reason, promotion_name, metadata, recommendation_id. Within a SpiScope.
void write_answer(const pg::ResultTable &table, Endpoint &endpoint, std::span<const AnswerRow> rows,
				  const std::vector<std::string> &metadata_columns);

/// What is counted of an answer when `asked` rows were wanted.
stats::Answered counted(const Endpoint &endpoint, std::span<const AnswerRow> rows, std::size_t asked);

/// Errors: RS003 for more results than the service allows, under recsys.service_limits.
void check_service_limit(std::size_t count, bool with_metadata, const char *what);

} // namespace recsys::serve
