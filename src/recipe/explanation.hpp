// Why an item has its logit: parts that add up to it. What does not depend on the user's past is told by expert. What an expert makes
// of the past is told by event: an event's share is what the expert's score loses when the event is left out, rescaled so that the
// shares sum to the score. Where the losses tell too little of a score, or contradict it, they stand as they are, and what is left is
// divided equally; the order of the events is that of the losses either way.
#include "base/wall.hpp"
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace recsys::recipe {

struct Explanation {
	enum class Source : std::uint8_t {
		Event,		// one of the user's own; -infinity for a negative one that rules the item out
		Popularity, // how many chose the item, whoever asks
		Features,	// how many would choose it, by what it is like
		Situation,	// what holds at the moment, apart from the past
	};
	struct Part {
		Source source;
		std::string expert;
		std::uint32_t event; // its place in the history that was asked about
		double logit;
	};
	double logit = 0, log_normalizer = 0; // score = exp(logit - log_normalizer)
	std::vector<Part> parts;
};

/// Called now and then by what takes long; throws to end it.
using Poll = std::function<void()>;

/// Shares in proportion to `losses` that sum to `score`, in place.
void share_out(double score, std::span<double> losses) noexcept;

} // namespace recsys::recipe
