// get_recommendations: from a campaign and a user (or an item) to rows.
//
// All items are scored; the answer is the exact top of those that may be returned and pass the filter. Where candidates fall
// out, the next ones take their place, so a short list means that nothing more qualifies.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "serve/answer.hpp"
#include "serve/promotion.hpp"

#include "pg/function.hpp"

namespace recsys::serve {

struct RecommendationRequest {
	std::string campaign;
	std::optional<std::string> user, item;
	std::int32_t num_results = 25; // 0 = 25
	std::optional<FilterChoice> filter;
	std::optional<std::string> where; // an SQL expression over the items
	catalog::Json context = catalog::Json::object(); // of parse_context
	std::optional<Promotion> promotion;
	std::vector<std::string> metadata_columns, exclude_items;
};
void get_recommendations(const RecommendationRequest &request, const pg::ResultTable &out);

/// Takes the rows of an answer; their texts last for the call.
using TakeAnswer = std::function<void(std::span<const AnswerRow>)>;
/// What get_recommendations answers, whatever the request's campaign. Within a SpiScope. Errors: as check_subject.
void answer(Endpoint &endpoint, const RecommendationRequest &request, const TakeAnswer &take);

inline constexpr std::int32_t kDefaultResults = 25;
/// Errors: 22004 when the campaign's recipe needs the user or the item and it is missing; 22023 when it only ranks given items.
void check_subject(const Endpoint &endpoint, const Subject &subject);

struct RankingRequest {
	std::string campaign;
	std::optional<std::string> user;
	std::vector<std::string> items;
	std::optional<FilterChoice> filter;
	catalog::Json context = catalog::Json::object();
	std::vector<std::string> metadata_columns;
};
/// get_personalized_ranking: the given items in the order of the user's interest; items unknown to the model come last.
void get_personalized_ranking(const RankingRequest &request, const pg::ResultTable &out);
/// What get_personalized_ranking answers, whatever the request's campaign. Within a SpiScope.
void answer(Endpoint &endpoint, const RankingRequest &request, const TakeAnswer &take);

} // namespace recsys::serve
