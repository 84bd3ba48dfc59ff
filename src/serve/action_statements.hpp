// The statements over a group's relations that answering with actions needs; run as the caller, within a SpiScope.
#pragma once

#include "recipe/next_best_action.hpp"

#include "serve/endpoint.hpp"

namespace recsys::serve {

struct ActionStatements {
	explicit ActionStatements(const Endpoint &endpoint);
	const recipe::ActionScorer &scorer;
	Oid action_type;
	std::vector<recipe::AttributeColumn> user_columns; // as the model has them
	bool has_answers, has_users;
	pg::DynamicPlan events;		  // $1 user ids: item_id, event_type, timestamp of the newest
	pg::DynamicPlan answers;	  // $1 user ids: action_id, event_type, timestamp of the newest
	pg::DynamicPlan last_answers; // $1 user ids: action_id and its newest timestamp
	pg::DynamicPlan user;		  // $1 user ids: the user's columns
	pg::DynamicPlan actions;	  // action_id, value, creation_timestamp, expiration_timestamp, repeat_frequency
};

} // namespace recsys::serve
