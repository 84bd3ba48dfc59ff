// explain: what a score is made of.
#pragma once

#include <optional>
#include <string>

#include "pg/function.hpp"

namespace recsys::serve {

/// Rows (source, item_id, timestamp, contribution, experts) that add up to the logarithm of the score that the campaign gives the
/// user for the item. Errors: 22023 for a campaign whose scores have no parts, RS001 for an item without a score.
void explain(const std::string &campaign, const std::optional<std::string> &user, const std::string &item, pg::ResultTable &out);

} // namespace recsys::serve
