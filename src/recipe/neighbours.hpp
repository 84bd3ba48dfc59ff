// Neighbour tables: for each item a, the items b that go with it, and how strongly. Both counting experts are such tables.
//
//   c(a, b) = sum over users u, over pairs of u's events on a and b:  |u|^-user_power * kernel(distance)
//   w(a, b) = c(a, b) / (n(a)^from_power * n(b)^to_power),          and, if smoothing s > 0, log(1 + w / (s * mean w))
//   score(b | past) = sum over past events (a, age):  (1 + age)^-age_power * w(a, b)
//
// The logarithm makes the sum over the past a product of damped likelihood ratios instead of a vote by the loudest pair;
// on ordered data that alone is worth more than anything else here. Distances are in moments (Sequences::step), so baskets
// and logs without times are treated as what they are. Related work: association rules and sequential rules in the survey
// of Ludewig and Jannach (2018); degree-normalised co-occurrence as in item-based filtering (Deshpande and Karypis, 2004).
//
// Rows are computed item by item: a task walks the users of an item and adds into a dense row, so no pair is ever hashed or
// sorted, memory is one row a task, and the order of additions does not depend on the number of threads.
#include "base/wall.hpp"
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "recipe/expert.hpp"

namespace recsys::recipe {

struct NeighbourSettings {
	std::uint32_t window;	 // moments; pairs further apart do not count
	float distance_power;	 // kernel(d) = d^-distance_power, kernel(0) = kernel(1)
	float backward;			 // kernel's factor for b before a; 0 = only b strictly after a
	float user_power, from_power, to_power;
	float smoothing;		 // 0 = linear
	std::uint32_t neighbours; // kept for an item
	float age_power;
	std::uint32_t max_history; // newest events that vote
};

/// c(a, b) times the powers, as counted: the strongest of each row, best first, without the item itself.
struct Neighbour {
	std::uint32_t item;
	float weight;
};
struct NeighbourCounts {
	std::vector<Budgeted<Neighbour>> parts; // rows one after another
	std::vector<std::vector<std::uint32_t>> sizes; // of the rows of each part
};
NeighbourCounts count_neighbours(const TrainRequest &request, const Sequences &sequences, const NeighbourSettings &settings);

/// Rows sorted by weight, best first. An entry is 32 bits: the item in the low `item_bits`, above it the weight as a
/// fraction of the row's largest. Half the memory traffic of a float and an ordinal, and the traffic is the cost.
struct NeighbourRows {
	std::span<const std::uint64_t> begin; // n_items + 1
	std::span<const std::uint32_t> entries;
	std::span<const float> scale; // n_items: weight of a full fraction step
	std::uint32_t item_bits = 0;

	std::span<const std::uint32_t> row(std::uint32_t item) const noexcept {
		return entries.subspan(begin[item], begin[item + 1] - begin[item]);
	}
};

/// Adds weight * score of the past.
void add_votes(const NeighbourRows &rows, std::span<const float> age_weight, Past past, float weight, Dense out) noexcept;
/// (1 + age)^-age_power for age 0 … max_history - 1.
std::vector<float> age_weights(const NeighbourSettings &settings);

class NeighbourTable {
public:
	NeighbourTable(const TrainRequest &request, const Sequences &sequences, const NeighbourSettings &settings);
	NeighbourRows rows() const noexcept { return {begin_, entries_, scale_, item_bits_}; }
	/// Sections `<name>.begin`, `.entries`, `.scale`, `.settings`.
	void write(std::string_view name, const NeighbourSettings &settings, artifact::Writer &writer) const;

private:
	Budgeted<std::uint64_t> begin_;
	Budgeted<std::uint32_t> entries_;
	Budgeted<float> scale_;
	std::uint32_t item_bits_;
};

/// Opens what NeighbourTable::write wrote. Errors: RS007.
std::unique_ptr<ExpertScorer> open_neighbours(const artifact::View &view, std::string_view name, std::size_t n_items);

/// The table with its items at their new ordinals; added items have no neighbours, and are nobody's.
void update_neighbours(const artifact::View &old, std::string_view name, const UpdatedItems &items, const TrainRequest &request,
					   artifact::Writer &writer);

/// How well the table alone foretells the cases that are not early: the mean of 1 / log2(2 + rank) over ranks below 100.
/// Items of the history do not compete: whether users come back to an item is another expert's question. In [0, 1].
double foretelling(const TrainRequest &request, const NeighbourTable &table, const NeighbourSettings &settings,
				   const HeldOutCases &cases);

/// One setting and the values it may take.
struct NeighbourChoice {
	void (*set)(NeighbourSettings &, float);
	std::vector<float> values;
};
/// Goes through `choices` in order and keeps each change that foretells better by more than a trifle. Returns the score reached.
double tune_neighbours(const TrainRequest &request, const Sequences &sequences, const HeldOutCases &cases,
					   std::span<const NeighbourChoice> choices, NeighbourSettings &settings);

/// Neighbours that keep the whole table within kMaxEntries, between 50 and `most`.
std::uint32_t neighbours_within_limit(std::size_t n_items, std::uint32_t most) noexcept;
inline constexpr std::size_t kMaxEntries = 16'000'000; // 64 MB

} // namespace recsys::recipe
