#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "base/rng.hpp"
#include "recipe/network.hpp"
#include "recipe/network_pass.hpp"

using namespace recsys;
using namespace recsys::recipe;

namespace {

/// Random histories of a small world, with everything a pass can be given.
struct World {
	static constexpr std::size_t kSlots = 24, kRivals = 16;
	NetworkLayout layout;
	PackedHistories histories;
	std::vector<float> weights, items, bias, rival_rows, rival_transposed, rival_shift;
	std::vector<std::uint32_t> rival_items;

	World(bool two_levels, std::uint64_t seed) : layout({.d = 16, .n_extra = 5, .two_levels = two_levels}), weights(layout.size()) {
		initialize(layout, seed, weights.data());
		const std::size_t d = layout.shape().d;
		Rng rng(seed, 99);
		for (float &w : weights)
			w += 0.2f * static_cast<float>(rng.normal());
		items.resize(kSlots * d);
		for (float &x : items)
			x = static_cast<float>(rng.normal());
		bias.resize(kSlots);
		for (float &x : bias)
			x = static_cast<float>(rng.normal());
		histories.extra_columns = 2;
		for (std::size_t t = 0; t < 9; ++t) {
			for (std::size_t row = 0; row < 5 && t + 1 < 12 - 2 * row; ++row)
				add_event(rng);
			histories.step.push_back(static_cast<std::uint32_t>(histories.events()));
		}
		for (std::size_t i = 0; i < kRivals; ++i) {
			const std::size_t item = rng.below(kSlots);
			rival_items.push_back(static_cast<std::uint32_t>(item));
			rival_rows.insert(rival_rows.end(), items.begin() + static_cast<std::ptrdiff_t>(item * d),
							  items.begin() + static_cast<std::ptrdiff_t>((item + 1) * d));
			rival_shift.push_back(bias[item] - static_cast<float>(rng.uniform()));
		}
		transpose();
	}
	void add_event(Rng &rng) {
		histories.slot.push_back(static_cast<std::uint32_t>(rng.below(kSlots)));
		histories.extra.push_back(static_cast<std::uint32_t>(rng.below(2)));
		histories.extra.push_back(static_cast<std::uint32_t>(2 + rng.below(3)));
		histories.session.push_back(rng.below(3) == 0);
		const auto target = static_cast<std::uint32_t>(rng.below(kSlots));
		histories.target.push_back(rng.below(5) == 0 ? PackedHistories::kNoTarget : target);
		histories.target_item.push_back(target);
		histories.key.push_back(static_cast<std::uint32_t>(rng.next()));
	}
	void transpose() {
		const std::size_t d = layout.shape().d;
		rival_transposed.resize(rival_rows.size());
		for (std::size_t i = 0; i < kRivals; ++i)
			for (std::size_t j = 0; j < d; ++j)
				rival_transposed[j * kRivals + i] = rival_rows[i * d + j];
	}
	Rivals rivals() const { return {kRivals, rival_rows.data(), rival_transposed.data(), rival_shift.data(), rival_items.data()}; }
};

struct Slopes {
	std::vector<float> weights, rival_rows, rival_bias;
	double loss = 0;
};

Slopes learn(World &world, NetworkPass &pass, float drop) {
	const NetworkWeights weights{world.layout, world.weights.data()};
	NetworkTransposes transposes(world.layout, nullptr);
	transposes.update(weights);
	pass.forward(weights, world.items.data(), world.histories, {.drop = drop}, {});
	Slopes slopes{std::vector<float>(world.layout.size()), std::vector<float>(world.rival_rows.size()),
				  std::vector<float>(World::kRivals)};
	slopes.loss = pass.backward(weights, transposes, world.items.data(), world.bias.data(), world.rivals(), slopes.weights.data(),
								slopes.rival_rows.data(), slopes.rival_bias.data(), {});
	return slopes;
}

/// How the loss changes with one number, by its difference on both sides.
double difference(World &world, float &number, float drop, const std::function<void()> &changed = [] {}) {
	NetworkPass pass(nullptr);
	const float before = number, step = 1e-3f;
	number = before + step;
	changed();
	const double above = learn(world, pass, drop).loss;
	number = before - step;
	changed();
	const double below = learn(world, pass, drop).loss;
	number = before;
	changed();
	return (above - below) / (2 * static_cast<double>(step));
}

} // namespace

TEST_CASE("network: every part's slope is the loss's, on one level and on two") {
	for (const bool two_levels : {false, true})
		for (const float drop : {0.0f, 0.3f}) {
			World world(two_levels, 8);
			NetworkPass pass(nullptr);
			const Slopes slopes = learn(world, pass, drop);
			CHECK(slopes.loss > 1);
			for (std::size_t i = 0; i < kParts; ++i) {
				const auto part = static_cast<Part>(i);
				CAPTURE(std::string(part_name(part)));
				CAPTURE(two_levels);
				CAPTURE(drop);
				const std::size_t begin = world.layout.begin(part), size = world.layout.size(part);
				if (size == 0)
					continue;
				float largest = 0;
				for (std::size_t j = 0; j < size; ++j)
					largest = std::max(largest, std::abs(slopes.weights[begin + j]));
				CHECK(largest > 1e-3f);
				Rng rng(i, 7);
				for (int sample = 0; sample < 16; ++sample) {
					const std::size_t at = begin + rng.below(size);
					CAPTURE(at - begin);
					const double found = difference(world, world.weights[at], drop);
					CHECK(std::abs(found - static_cast<double>(slopes.weights[at])) < 0.02 * static_cast<double>(largest) + 1e-2);
				}
			}
		}
}

TEST_CASE("network: the slopes of items as inputs, as targets and as rivals") {
	for (const bool two_levels : {false, true}) {
		World world(two_levels, 6);
		const std::size_t d = world.layout.shape().d;
		NetworkPass pass(nullptr);
		const Slopes slopes = learn(world, pass, 0.3f);
		std::vector<double> expected(world.items.size()), bias(World::kSlots);
		for (std::size_t e = 0; e < world.histories.events(); ++e)
			for (std::size_t j = 0; j < d; ++j) {
				expected[world.histories.slot[e] * d + j] += static_cast<double>(pass.input_slope(e)[j]);
				if (const std::uint32_t target = world.histories.target[e]; target != PackedHistories::kNoTarget) {
					expected[target * d + j] += static_cast<double>(pass.target_slope(e) * pass.output(e)[j]);
					bias[target] += j == 0 ? static_cast<double>(pass.target_slope(e)) : 0.0;
				}
			}
		Rng rng(1);
		for (int sample = 0; sample < 60; ++sample) {
			const std::size_t at = rng.below(world.items.size()), rival = rng.below(world.rival_rows.size());
			CHECK(difference(world, world.items[at], 0.3f) == doctest::Approx(expected[at]).epsilon(0.02).scale(1));
			CHECK(difference(world, world.rival_rows[rival], 0.3f, [&] { world.transpose(); }) ==
				  doctest::Approx(slopes.rival_rows[rival]).epsilon(0.02).scale(1));
		}
		for (std::size_t slot = 0; slot < World::kSlots; ++slot)
			CHECK(difference(world, world.bias[slot], 0.3f) == doctest::Approx(bias[slot]).epsilon(0.02).scale(1));
		for (std::size_t rival = 0; rival < World::kRivals; ++rival)
			CHECK(difference(world, world.rival_shift[rival], 0.3f) ==
				  doctest::Approx(slopes.rival_bias[rival]).epsilon(0.02).scale(1));
	}
}
