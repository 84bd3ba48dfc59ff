// How the network is fitted. Each event foretells the next one, in a softmax over the truth and up to two thousand shared rivals
// drawn by popularity, corrected for how often each is drawn (Bengio and Senecal 2008). Adam, its rate warmed up and then
// lowered along a cosine. What held-out users did next decides which epoch's weights stay.
//
// The pieces of a batch are dealt to a fixed number of shards, each shard computes slopes of its own, and slopes are added in
// the shards' order; every random number is keyed by what it is for. So the weights do not depend on the number of threads.
#include "base/wall.hpp"
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "recipe/network_batches.hpp"
#include "recipe/recipe.hpp"

namespace recsys::recipe {

struct NetworkSettings {
	std::uint32_t epochs = 20;	   // passes over the events
	std::uint32_t piece = 200;	   // events of a piece
	std::uint32_t batch = 32;	   // pieces
	std::uint32_t rivals = 2048;
	std::uint32_t warm_up = 200;   // steps, at most
	std::uint32_t horizon = 0;	   // steps back through time; 0 = the whole piece
	float rate = 0.005f;
	float drop = 0.2f;
	float rival_power = 0.5f;	   // rivals are drawn ∝ count^power
};

/// A network that can be asked.
struct NetworkModel {
	NetworkLayout layout;
	Budgeted<float> weights, items, bias; // layout.size(); n_items × d; n_items
};

/// How well the model foretells held-out events: mean log-likelihood over the catalogue, and NDCG@10 of each event, where items
/// of the history do not compete.
struct Foretelling {
	double likelihood = 0, ndcg = 0;
	std::size_t asked = 0;
};

class NetworkTraining {
public:
	NetworkTraining(const TrainRequest &request, const NetworkShape &shape, const NetworkSettings &settings);
	~NetworkTraining();
	/// The whole schedule. With `held_out`, its users are asked after every epoch, for their events from `given[user]` on; the
	/// weights that foretell them best stay, and when they have long been found, the rest of the schedule is left out.
	void fit(const NetworkEvents &events, const NetworkEvents *held_out = nullptr, std::span<const std::uint32_t> given = {});
	/// One more pass, at a rate that falls from a twentieth of the peak to nothing.
	void go_on(const NetworkEvents &events);
	const NetworkModel &model() const noexcept;
	/// Floating-point operations so far, multiplications and additions of the matrix products.
	double operations() const noexcept;
	Foretelling foretell(const NetworkEvents &held_out, std::span<const std::uint32_t> given) const;

private:
	struct Impl;
	std::unique_ptr<Impl> impl_;
};

} // namespace recsys::recipe
