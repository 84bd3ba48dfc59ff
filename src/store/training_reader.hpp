// Reads a group's datasets into the library's TrainingSet, as the current user: what he may not see is not learned.
//
// Rows come through cursors in blocks of up to 10,000, in whatever order the scans give them (the builder sorts), and
// are read in place from PostgreSQL's tuples. Every row that is left out is counted by its reason, so that a training
// on nothing can say which filter took everything, and a training on something shows what it did not use.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "data/training_set.hpp"

#include "catalog/catalog.hpp"
#include "store/blocks.hpp"

namespace recsys::store {

/// Which events a solution trains on. Names of event types match case by case.
struct EventFilter {
	std::optional<std::string> event_type; // only this type
	std::optional<double>
		value_threshold; // only events whose value is at least this; events without a value are left out
	std::vector<std::string> negative_types; // kept whatever the two above say, as signs that an item is not wanted
	std::optional<TimestampTz> from, before; // only events from a time on, or before one; items created by then
};

/// What a recipe learns from metadata.
struct Metadata {
	bool items = false, users = false;
	std::vector<std::string> excluded_items, excluded_users; // names of fields
	bool context = false;
	std::vector<std::string> excluded_context;
	bool shown = false; // which items were shown in lists
};

/// Rows read, and why some were not used.
struct ReadCounts {
	std::uint64_t interactions = 0, items = 0, users = 0;
	std::optional<TimestampTz> newest; // finite timestamp of all interactions
	std::uint64_t other_types = 0, below_threshold = 0, without_value = 0; // left out by the filter
	std::uint64_t outside = 0;                 // of the window of time
	std::uint64_t incomplete = 0;              // without user, item or timestamp; only mapped sources have such rows
	std::uint64_t lists_shown = 0, unresolved_answers = 0; // that items were counted from; ids of answers that nothing is known of
	std::uint64_t aliased = 0;                 // counted under another user id
	std::vector<std::string> other_type_names; // at most 10, in order of appearance
};

/// Reads interactions and, where the group has them, items and users, under the active snapshot.
/// Errors: RS001 without an interactions dataset; 22008 for an infinite timestamp, 22023 for an infinite value; 42704 for the
/// language of a text that no longer exists.
ReadCounts read_training_rows(const catalog::Group &group, const EventFilter &filter, const Metadata &metadata,
							  data::TrainingSetBuilder &builder, const BlockHook &before_block);

/// The sign of each of the set's event types, as recipe::TrainRequest asks for it.
std::vector<std::int8_t> type_signs(const data::TrainingSet &set, const EventFilter &filter);

/// What a training would learn from, by reading the same rows: interactions and users after the filter, items of both
/// datasets. Ids are kept, rows are not.
struct DatasetSize {
	std::uint64_t interactions, users, items;
};
DatasetSize count_training_rows(const catalog::Group &group, const EventFilter &filter);

} // namespace recsys::store
