// The seat of an expert in the blend. An expert learns from the sequences of the training users, writes its own sections
// into the model, and at request time adds weight * score to the logits of the items it has something to say about.
// An expert's share of a logit is weight * score, and an event's share of that can be told by leaving the event out. The
// blend (blend.hpp) finds the weights; an expert knows nothing about the others.
#include "base/wall.hpp"
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "artifact/artifact.hpp"
#include "recipe/held_out_cases.hpp"
#include "recipe/past.hpp"
#include "recipe/recipe.hpp"
#include "recipe/sequences.hpp"
#include "recipe/situation.hpp"
#include "recipe/update.hpp"

namespace recsys::recipe {

/// The logits under construction, in blocks of kBlock items. Whoever changes an item marks its block, so that the blend
/// can leave the others alone.
struct Dense {
	static constexpr std::size_t kBlock = 64;
	float *logit;		  // n_items
	std::uint32_t *dirty; // one flag a block
	std::size_t n_blocks;
	/// For who changes about as many items as there are blocks, or more: marking each would cost as much as adding.
	void mark_all() noexcept { std::fill_n(dirty, n_blocks, 1u); }
	void mark(std::uint32_t item) noexcept { dirty[item / kBlock] = 1; }
	void add(std::uint32_t item, float value) noexcept {
		logit[item] += value;
		mark(item);
	}
};

/// What an expert is asked about: a user's past, and the moment.
struct Asked {
	Past past;
	const Situation &situation;
};

/// An expert of an opened model. Immutable; shared by all requests.
class ExpertScorer {
public:
	virtual ~ExpertScorer() = default;
	/// Scores that do not depend on the user's past, one an item; empty for a personal expert.
	virtual std::span<const float> base() const noexcept { return {}; }
	/// Adds weight * score of what the past says. Never called when base() is not empty.
	virtual void add(Past past, float weight, Dense out) const = 0;
	/// The part of an item's score that is the same for any past, for who explains a score.
	virtual float apart(std::uint32_t) const noexcept { return 0; }
	/// The same for an expert that also looks at the moment.
	virtual void score(const Asked &asked, float weight, Dense out) const { add(asked.past, weight, out); }
	/// What turns the context of a request, and the row of its user, into a Situation; null for an expert that does not look at it.
	virtual const data::FeatureEncoder *context_encoder() const noexcept { return nullptr; }
	virtual const data::FeatureEncoder *user_encoder() const noexcept { return nullptr; }
	/// Whether the time of the request matters.
	virtual bool reads_time() const noexcept { return false; }
	/// Whether it looks at the events' sessions.
	virtual bool reads_sessions() const noexcept { return false; }
};

/// An expert in training. Settings are found once, by `tune`, and kept for every later `fit`. `fit` comes twice: for the
/// training users, so that the held-out ones can judge, and for everybody, if the expert has a weight. Who counts, counts
/// anew; who learns at length keeps what the first time has taught, and goes on from there.
class Expert {
public:
	virtual ~Expert() = default;
	virtual std::string_view name() const noexcept = 0; // at most 16 characters: it begins the names of its sections
	/// The weight to start from, which much evidence moves far and little evidence hardly at all.
	virtual double default_weight() const noexcept = 0;
	/// A personal expert speaks for items: a negative weight means that it has nothing to say.
	virtual bool may_be_negative() const noexcept { return false; }
	/// Whether it has something to say about users without a past.
	virtual bool without_past() const noexcept { return false; }
	/// Whether the data have what it learns from; if not, it takes no part.
	virtual bool applies(const TrainRequest &) const { return true; }
	/// Chooses the settings by what the held-out users did next.
	virtual void tune(const TrainRequest &, const Sequences &, const HeldOutCases &) {}
	/// Learns from `sequences` and adds its sections. `held_out` are users who are not among them, to stop by; null when
	/// everybody is.
	virtual void fit(const TrainRequest &request, const Sequences &sequences, const HeldOutCases *held_out,
					 artifact::Writer &writer) = 0;
	/// The same sections for a model that takes in new items: of items that the training knew, what was learnt stays.
	virtual void update(const artifact::View &old, const UpdatedItems &items, const TrainRequest &request,
						artifact::Writer &writer) const = 0;
	virtual std::unique_ptr<ExpertScorer> open(const artifact::View &view, std::size_t n_items) const = 0;
};

} // namespace recsys::recipe
