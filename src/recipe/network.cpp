#include "recipe/network.hpp"

#include <algorithm>
#include <cmath>

#include "base/rng.hpp"

namespace recsys::recipe {

namespace {

constexpr std::array<std::string_view, kParts> kNames = {
	"extra", "in gain", "in bias", "gru gain", "gru bias", "wide gain", "wide bias", "out gain", "out bias", "input",
	"input bias", "recurrent", "memory bias", "wide", "wide inner bias", "narrow", "narrow bias", "user input",
	"user input bias", "user recurrent", "user memory bias", "proposal", "proposal bias", "gate", "gate bias"};

constexpr std::uint64_t kStream = 0x696e6974;
constexpr float kExtraSpread = 0.02f;
constexpr float kKeepAtFirst = -2.0f; // of the gate: a state passes a session's end almost whole until more is known

} // namespace

std::string_view part_name(Part part) noexcept {
	return kNames[static_cast<std::size_t>(part)];
}

NetworkLayout::NetworkLayout(const NetworkShape &shape) : shape_(shape) {
	const std::size_t d = shape.d, wide = kWideFactor * d, user = shape.two_levels ? 1 : 0;
	const auto set = [&](Part part, std::size_t rows, std::size_t columns) {
		rows_[static_cast<std::size_t>(part)] = rows;
		columns_[static_cast<std::size_t>(part)] = columns;
	};
	set(Part::Extra, shape.n_extra, d);
	for (const Part part : {Part::InGain, Part::InBias, Part::GruGain, Part::GruBias, Part::WideGain, Part::WideBias,
							Part::OutGain, Part::OutBias, Part::MemoryBias, Part::NarrowBias})
		set(part, 1, d);
	set(Part::Input, d, 3 * d);
	set(Part::InputBias, 1, 3 * d);
	set(Part::Recurrent, d, 3 * d);
	set(Part::Wide, d, wide);
	set(Part::WideInner, 1, wide);
	set(Part::Narrow, wide, d);
	set(Part::UserInput, user * d, 3 * d);
	set(Part::UserInputBias, user, 3 * d);
	set(Part::UserRecurrent, user * d, 3 * d);
	set(Part::UserMemoryBias, user, d);
	set(Part::Proposal, user * d, d);
	set(Part::ProposalBias, user, d);
	set(Part::Gate, user * d, d);
	set(Part::GateBias, user, d);
	std::size_t at = 0;
	for (std::size_t part = 0; part < kParts; ++part) {
		begin_[part] = at;
		at += rows_[part] * columns_[part];
	}
	begin_[kParts] = at;
}

void initialize(const NetworkLayout &layout, std::uint64_t seed, float *weights) {
	std::fill_n(weights, layout.size(), 0.0f);
	for (std::size_t i = 0; i < kParts; ++i) {
		const auto part = static_cast<Part>(i);
		float *values = weights + layout.begin(part);
		Rng rng(seed, kStream, i);
		switch (part) {
		case Part::InGain:
		case Part::GruGain:
		case Part::WideGain:
		case Part::OutGain:
			std::fill_n(values, layout.size(part), 1.0f);
			break;
		case Part::GateBias:
			std::fill_n(values, layout.size(part), kKeepAtFirst);
			break;
		case Part::Extra:
			for (std::size_t j = 0; j < layout.size(part); ++j)
				values[j] = kExtraSpread * static_cast<float>(rng.normal());
			break;
		default:
			if (layout.rows(part) <= 1)
				break;
			// Three gates beside one another are three matrices.
			const double d = layout.shape().d, columns = static_cast<double>(layout.columns(part));
			const double n = static_cast<double>(layout.rows(part)) + (columns == 3 * d ? d : columns);
			for (std::size_t j = 0; j < layout.size(part); ++j)
				values[j] = static_cast<float>((2 * rng.uniform() - 1) * std::sqrt(6 / n));
		}
	}
}

} // namespace recsys::recipe
