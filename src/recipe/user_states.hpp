// Where the network stands with each user of the training data, so that a request goes on from there instead of from the user's
// oldest event.
//
// A state is what the network held before the user's newest event then; that event and what came since are read again, so a
// state is never an answer by itself. It is trusted only where the history bears it out: up to the moment of the state, the
// request must see as many events, and the newest hundred of them must be the same. Rows that were deleted, changed or written
// with old times make it worthless, and the whole history is read.
#include "base/wall.hpp"
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "artifact/artifact.hpp"
#include "recipe/event_code.hpp"
#include "recipe/network_pass.hpp"
#include "recipe/past.hpp"

namespace recsys::recipe {

/// The newest `count` votes of a past, to be read by the network.
struct Stretch {
	Past past;
	std::size_t count;
};
/// As a pass wants them; the longest stretch comes first.
void pack_stretches(std::span<const Stretch> stretches, const EventCode &code, PackedHistories &out);

/// Computes a state for every user of request.data and adds the sections "recurrent.users" and "recurrent.states" (half
/// precision). `item_of` gives the model's ordinal of an item of the data; empty = they are the same.
void write_user_states(const TrainRequest &request, const NetworkWeights &weights, const float *items, const EventCode &code,
					   std::span<const std::uint32_t> item_of, artifact::Writer &writer);

class UserStates {
public:
	struct User {
		std::uint64_t key;		   // hash64 of the id
		std::int64_t newest;	   // the moment of the state
		std::uint64_t fingerprint; // of the newest votes up to it
		std::uint32_t votes, unused;
	};

	/// A model in training has no states.
	UserStates(const artifact::View &view, const NetworkShape &shape);
	/// How many of the newest votes are to be read from the state that is put into `state` (resized); 0 = there is none that holds.
	std::size_t find(Past past, const EventCode &code, std::vector<float> &state) const;

private:
	std::span<const User> users_; // in the order of their keys
	std::span<const std::uint16_t> states_;
	std::size_t size_;
};

} // namespace recsys::recipe
