// Which items stood in lists that users were shown: as events say it themselves ("impression"), or through the id of the answer
// that they came from ("recommendation_id"), which tells the list by itself. Of an answer only the first is counted, however many
// events name it; an event that has both is believed what it says.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "catalog/catalog.hpp"
#include "store/blocks.hpp"

namespace recsys::store {

struct ShownCounts {
	std::uint64_t lists = 0;	  // that items were counted from
	std::uint64_t unresolved = 0; // answers that this database does not know (any more)
};

/// Calls shown(item) for each item of each list, as the current user, under the active snapshot.
ShownCounts read_shown_items(const catalog::Group &group, const std::function<void(std::string_view)> &shown, const BlockHook &before_block);

} // namespace recsys::store
