// The interaction log in memory, as every recipe reads it: ids as dense ordinals, events in columns sorted by user and time.
//
// Rows may arrive in any order (a sequential scan is the fastest way to read a table), so TrainingSetBuilder sorts:
// ids by their bytes, events by (user, time, item, type, value, session). Equal rows therefore give an equal TrainingSet,
// and with an equal seed the same model bytes.
#include "base/wall.hpp"
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/budget.hpp"
#include "base/executor.hpp"
#include "base/stop.hpp"
#include "data/features.hpp"

namespace recsys::data {

/// Ids in ascending byte order; the ordinal of an id is its rank. Immutable.
class IdDictionary {
public:
	std::size_t size() const noexcept { return offsets_.empty() ? 0 : offsets_.size() - 1; }
	std::string_view operator[](std::uint32_t ordinal) const noexcept {
		return {bytes_.data() + offsets_[ordinal], static_cast<std::size_t>(offsets_[ordinal + 1] - offsets_[ordinal])};
	}
	/// The ordinal of `id`, kNone when unknown. O(log n).
	std::uint32_t find(std::string_view id) const noexcept;
	std::span<const std::uint64_t> offsets() const noexcept { return offsets_; }
	std::span<const char> bytes() const noexcept { return bytes_; }

private:
	friend class TrainingSet;
	friend class TrainingSetBuilder;
	Budgeted<std::uint64_t> offsets_; // size() + 1 values
	Budgeted<char> bytes_;
};

/// One recipe-independent view of the data. All spans have n_events() entries and share one index, events of one user are
/// contiguous and in time order.
class TrainingSet {
public:
	const IdDictionary &users() const noexcept { return users_; }
	const IdDictionary &items() const noexcept { return items_; } // from interactions and from the items dataset
	std::size_t n_users() const noexcept { return users_.size(); }
	std::size_t n_items() const noexcept { return items_.size(); }
	std::size_t n_events() const noexcept { return item_.size(); }

	/// Events [user_begin(u), user_begin(u + 1)) belong to user u.
	std::size_t user_begin(std::uint32_t user) const noexcept { return user_offsets_[user]; }
	std::span<const std::uint64_t> user_offsets() const noexcept { return user_offsets_; }

	std::span<const std::uint32_t> item() const noexcept { return item_; }
	std::span<const std::int64_t> time() const noexcept { return time_; }	 // microseconds since 1970-01-01 UTC
	std::span<const std::uint16_t> type() const noexcept { return type_; }	 // index into event_types()
	std::span<const float> value() const noexcept { return value_; }		 // NaN when absent
	std::span<const std::uint32_t> session() const noexcept { return session_; } // equal within a user = same session; kNone = not told

	const std::vector<std::string> &event_types() const noexcept { return event_types_; } // ascending; "" = no type

	/// Per item: has a row in the items dataset; creation time in microseconds, or the oldest event's, or `newest_time()`.
	std::span<const std::uint8_t> item_has_row() const noexcept { return item_has_row_; }
	std::span<const std::int64_t> item_created() const noexcept { return item_created_; }
	std::int64_t newest_time() const noexcept { return newest_time_; } // of all events; 0 without events
	/// Per item: how often it stood in a list that somebody was shown.
	std::span<const std::uint32_t> item_shown() const noexcept { return item_shown_; }

	/// What was known when the event happened: its row of context_features(); kNone where nothing was told. Empty when no
	/// columns of context were described.
	std::span<const std::uint32_t> context() const noexcept { return context_; }
	/// Context, a row for each combination of values that occurs.
	const LearnedFeatures &context_features() const noexcept { return *context_features_; }
	/// Metadata, a row an item; without columns when none was read.
	const LearnedFeatures &item_features() const noexcept { return *item_features_; }
	/// Metadata, a row a user.
	const LearnedFeatures &user_features() const noexcept { return *user_features_; }

	/// The set of some users alone, those with a 1 in `keep`, with all items and what was learned of the metadata. Polls `stop`.
	TrainingSet of_users(std::span<const std::uint8_t> keep, MemoryBudget *budget, const StopToken &stop) const;

private:
	friend class TrainingSetBuilder;
	IdDictionary users_, items_;
	Budgeted<std::uint64_t> user_offsets_;
	Budgeted<std::uint32_t> item_, session_, context_;
	Budgeted<std::int64_t> time_;
	Budgeted<std::uint16_t> type_;
	Budgeted<float> value_;
	std::vector<std::string> event_types_;
	Budgeted<std::uint8_t> item_has_row_;
	Budgeted<std::int64_t> item_created_;
	Budgeted<std::uint32_t> item_shown_;
	std::int64_t newest_time_ = 0;
	std::shared_ptr<const LearnedFeatures> item_features_, user_features_, context_features_; // never null
};

/// One row of the interactions dataset; ids as text in the native type's output form.
struct EventRow {
	std::string_view user, item;
	std::string_view type;	  // "" when absent
	double value = std::numeric_limits<double>::quiet_NaN(); // NaN when absent
	std::int64_t time = 0;	  // microseconds since 1970-01-01 UTC
	std::string_view session; // "" when absent
	const FeatureRow *context = nullptr; // columns as described; null when none were
};

/// Collects rows, then sorts them into a TrainingSet. Rows equal in every field count once (SPEC 1.4.2).
/// Everything is charged to `budget`.
class TrainingSetBuilder {
public:
	explicit TrainingSetBuilder(MemoryBudget *budget);
	~TrainingSetBuilder();
	/// The columns of context that events will come with; before the first event.
	void describe_context(std::vector<FeatureColumn> columns);
	/// Errors: 22023 for a value that is infinite.
	void add_event(const EventRow &row);
	/// The columns of metadata that rows of items and users will come with; before the first such row.
	void describe_items(std::vector<FeatureColumn> columns);
	void describe_users(std::vector<FeatureColumn> columns);
	/// `created` is absent when the items row has none; `metadata` is null when no columns were described.
	void add_item(std::string_view id, std::optional<std::int64_t> created, const FeatureRow *metadata = nullptr);
	/// Counts for item_shown(); an item that is not known otherwise does not become known by it.
	void add_shown(std::string_view item);
	/// Users without events are left out of the set. Errors: 22023 for vectors of one column that differ in length.
	void add_user(std::string_view id, const FeatureRow &metadata);
	std::size_t events() const noexcept;
	/// Sorts; polls `stop`. The builder is empty afterwards.
	TrainingSet finish(Executor &executor, const StopToken &stop);

private:
	struct Impl;
	std::unique_ptr<Impl> impl_;
};

/// The held-out split of SPEC 5.1: about `share` of the users with at least two events, chosen by a hash of (id, seed), so
/// that a user stays on his side when others come and go. 0 = training, 1 = tuning half of the held-out users, 2 = metrics half.
std::vector<std::uint8_t> split_users(const TrainingSet &set, double share, std::uint64_t seed);

/// How a held-out user's events are cut: the first `input` events are the model's input, the rest the truth;
/// truth = ceil(n * percent / 100), at least 1 where there are two events (SPEC 5.1). Events of equal time are first put in an order given by a hash of
/// (user, item, seed), as the stored order among them is only that of the ids.
struct HeldOut {
	std::vector<std::uint32_t> input_events, truth_events; // indexes into the TrainingSet's columns, in time order
};
HeldOut hold_out(const TrainingSet &set, std::uint32_t user, std::uint64_t seed, std::size_t percent = 10);

} // namespace recsys::data
