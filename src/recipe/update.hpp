// Updates: a model takes in what is new since its training without being trained again. What was learnt stays as it is: the
// score of an item that the training knew does not change. Items that came later get a place in the model, from the items dataset or
// from events, and what can be told of them by counting (Expert::update); the next full training learns the rest.
//
// Ordinals follow the ids' bytes, so new items come in between and every stored ordinal moves.
#include "base/wall.hpp"
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "recipe/recipe.hpp"

namespace recsys::recipe {

/// The items of the old model and those of the data, as one dictionary. Keeps no reference to either.
class UpdatedItems {
public:
	UpdatedItems(const artifact::View &old, const TrainRequest &request);
	std::size_t size() const noexcept { return from_old_.size(); }
	std::size_t old_size() const noexcept { return to_new_.size(); }
	/// By ordinal in the new model: the ordinal in the old one, and in the data; kNone where it has none.
	std::span<const std::uint32_t> from_old() const noexcept { return from_old_; }
	std::span<const std::uint32_t> from_data() const noexcept { return from_data_; }
	/// By ordinal in the old model: the ordinal in the new one.
	std::span<const std::uint32_t> to_new() const noexcept { return to_new_; }
	/// By ordinal in the data: the ordinal in the new model.
	Budgeted<std::uint32_t> of_data(const TrainRequest &request) const;
	/// Came after the training, by this update or an earlier one.
	bool added(std::uint32_t item) const noexcept { return (flags_[item] & kItemAdded) != 0; }
	/// The sections of add_common_sections.
	void write(const artifact::View &old, artifact::Writer &writer) const;

private:
	void add(std::string_view id, std::uint32_t old, std::uint32_t data, std::uint8_t flags);
	Budgeted<std::uint64_t> offsets_;
	Budgeted<char> bytes_;
	Budgeted<std::uint8_t> flags_;
	Budgeted<std::uint32_t> from_old_, from_data_, to_new_;
};

/// The rows of a section, an old item each, by the ordinals of the new model; zero for added items.
Budgeted<float> moved_rows(std::span<const float> before, const UpdatedItems &items, MemoryBudget &budget);
/// A section as it is.
void copy_section(const artifact::View &old, std::string_view name, artifact::Writer &writer);

} // namespace recsys::recipe
