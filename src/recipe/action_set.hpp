// Actions, and what users answered to them: the same log as that of items (data/training_set.hpp), its items being actions and
// its event types answers, with the attributes of actions and users beside it.
#include "base/wall.hpp"
#pragma once

#include "recipe/attributes.hpp"
#include "data/training_set.hpp"

namespace recsys::recipe {

struct ActionSet {
	data::TrainingSet log; // items() are actions; item_has_row() tells which have a row in the actions dataset
	AttributeTable actions, users;
	AttributeEncoder action_encoder, user_encoder; // of the two
};

} // namespace recsys::recipe
