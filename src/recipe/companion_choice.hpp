// Weights for related items: of all items, which does a user take up beside item a? By where the items stand, item b with
//
//   p(b | a)  ~  share(b)^w0 * exp(w1 * behaviour(a) . behaviour(b) + w2 * metadata(a) . metadata(b))
//
// a softmax over the catalogue, whose likelihood of held-out choices is concave in the weights. The catalogue is sampled with
// correction, popular items more often. Weights start from typical values, which much evidence moves far and little hardly.
#include "base/wall.hpp"
#pragma once

#include <array>
#include <span>
#include <vector>

#include "recipe/held_out_cases.hpp"
#include "recipe/item_space.hpp"

namespace recsys::recipe {

struct CompanionWeights {
	float share = 1, behaviour = 1, metadata = 4;
	float prior = 10; // companions counted of an item, of which the choice by weights is worth as many
};

/// A user who had `item` took up `companion`.
struct Companions {
	std::uint32_t item, companion;
	bool operator==(const Companions &) const = default;
};
/// Each held-out choice with the newest item before it, ordered by item.
std::vector<Companions> held_out_companions(const HeldOutCases &cases);

/// All weights but `prior`, by choices in `space`.
void learn_weights(const TrainRequest &request, const ItemSpace &space, const math::Matrix &metadata, std::span<const Companions> pairs,
				   CompanionWeights &weights);

} // namespace recsys::recipe
