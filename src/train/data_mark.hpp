// What tells whether there is new data, for the price of counting: so that nothing is trained or updated for nothing.
#pragma once

#include "train/spec.hpp"

namespace recsys::train {

/// {"interactions", "newest", "items"}: the numbers of rows, and the newest timestamp, of what was read.
Json data_mark(const store::ReadCounts &read);
/// The same of the data as they are now, by counting: as the current user, under the active snapshot.
Json data_mark(const catalog::Group &group);
/// Whether interactions came, or went, between two marks; true when one of them is null.
bool new_interactions(const Json &before, const Json &now);
/// The same for interactions and items.
bool new_data(const Json &before, const Json &now);

} // namespace recsys::train
