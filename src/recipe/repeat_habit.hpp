// Do users come back to what they had? For films hardly ever, for groceries all the time, in a shop session within minutes.
// The score of an item of the history is the log of how much more likely its return is than a draw from the catalogue, by
// the age of its newest event; all other items score 0. Nothing has to be told: a catalogue of one-time goods learns to keep
// the past out of its lists, without a filter.
#include "base/wall.hpp"
#pragma once

#include "recipe/expert.hpp"

namespace recsys::recipe {

class RepeatHabit final : public Expert {
public:
	std::string_view name() const noexcept override { return "repeat_habit"; }
	double default_weight() const noexcept override { return 0.5; }
	void fit(const TrainRequest &request, const Sequences &sequences, const HeldOutCases *held_out,
			 artifact::Writer &writer) override;
	void update(const artifact::View &old, const UpdatedItems &items, const TrainRequest &request,
				artifact::Writer &writer) const override;
	std::unique_ptr<ExpertScorer> open(const artifact::View &view, std::size_t n_items) const override;
};

} // namespace recsys::recipe
