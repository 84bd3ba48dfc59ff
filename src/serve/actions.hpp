// get_action_recommendations: from a campaign and a user to actions, in the order of the probability that he takes them.
//
// The rows of the actions dataset are the candidates, as the caller sees them now: an action that was added, changed or deleted
// since the training is so at once. Left out are those that are not created yet, that have expired, or that the user answered
// within their repeat frequency. The user's state is read now, too.
//
// An action that the model cannot score is shown to be learned about, with score 0: one place in five goes to such actions, and
// all the places that nothing else fills. Which ones is drawn anew each day for each user, young ones more often.
#pragma once

#include <optional>
#include <string>

#include "serve/filter_cache.hpp"

#include "pg/function.hpp"

namespace recsys::serve {

struct ActionRequest {
	std::string campaign, user;
	std::int32_t num_results = 5; // 0 = 5
	std::optional<FilterChoice> filter;
};
void get_action_recommendations(const ActionRequest &request, pg::ResultTable &out);

} // namespace recsys::serve
