// The shape and the weights of the recurrent network: two levels of gated recurrent units, one over the events of a session,
// one over a user's sessions (Quadrana et al. 2017), between an item matrix that serves as input and as output.
//
//   v      = item row + rows of what else is known of the event            (kind, time gap, context)
//   x      = drop(norm_in(v))
//   h      = gru(norm_gru(x), h before)                                    the session level
//   x      = x + drop(h);  x = x + drop(rectify(norm_wide(x) W1 + b1) W2 + b2)
//   logit  = norm_out(x) * item row + item bias
//
// When a session begins, the user level takes the state h that the last one ended with, c = gru(h, c), and the next session
// begins at h + g * (p - h), with p = tanh(c P + p0) and g = logistic(c G + g0): how much of a state outlives a session is
// learnt for each unit. Data without sessions leave the user level out.
//
// Weights are one array of floats, so that an optimiser, a checkpoint and a reduction need not know their names.
#include "base/wall.hpp"
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/budget.hpp"

namespace recsys::recipe {

struct NetworkShape {
	std::uint32_t d = 0;			 // units of a level; a multiple of math::kLanes
	std::uint32_t n_extra = 0;		 // rows of what is known of an event beside its item
	bool two_levels = false;
	bool operator==(const NetworkShape &) const = default;
};

enum class Part : std::uint8_t {
	Extra,											  // n_extra × d
	InGain, InBias, GruGain, GruBias, WideGain, WideBias, OutGain, OutBias, // d
	Input, InputBias,								  // d × 3d, 3d: candidate, reset, update
	Recurrent, MemoryBias,							  // d × 3d, d: reset, update, candidate
	Wide, WideInner, Narrow, NarrowBias,			  // d × 4d, 4d, 4d × d, d
	UserInput, UserInputBias, UserRecurrent, UserMemoryBias, // as above, of the user level
	Proposal, ProposalBias, Gate, GateBias,			  // d × d, d
};
inline constexpr std::size_t kParts = static_cast<std::size_t>(Part::GateBias) + 1;
inline constexpr std::size_t kWideFactor = 4;

std::string_view part_name(Part part) noexcept;

/// Where each part stands in the array of weights.
class NetworkLayout {
public:
	explicit NetworkLayout(const NetworkShape &shape);
	const NetworkShape &shape() const noexcept { return shape_; }
	std::size_t size() const noexcept { return begin_.back(); }
	std::size_t begin(Part part) const noexcept { return begin_[static_cast<std::size_t>(part)]; }
	std::size_t rows(Part part) const noexcept { return rows_[static_cast<std::size_t>(part)]; }
	std::size_t columns(Part part) const noexcept { return columns_[static_cast<std::size_t>(part)]; }
	std::size_t size(Part part) const noexcept { return rows(part) * columns(part); }

private:
	NetworkShape shape_;
	std::array<std::size_t, kParts + 1> begin_;
	std::array<std::size_t, kParts> rows_, columns_;
};

/// Weights to read: an array in the order of the layout, in training or in a model.
struct NetworkWeights {
	const NetworkLayout &layout;
	const float *data;
	const float *operator[](Part part) const noexcept { return data + layout.begin(part); }
};

/// Random weights: gains 1, biases 0, matrices uniform by their sizes (Glorot and Bengio 2010); sessions keep their state at first.
void initialize(const NetworkLayout &layout, std::uint64_t seed, float *weights);

} // namespace recsys::recipe
