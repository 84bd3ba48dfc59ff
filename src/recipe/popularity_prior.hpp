// The popularity prior: the log of each item's share of the events, which is what a user without a history is offered.
// With recency_mask, newer events count more; how fast they fade is chosen by how well the shares before a moment foretell
// the newest events after it, and "not at all" is among the choices. A tenth of every share stays with the whole past, so
// an item out of season is rare, not impossible.
#include "base/wall.hpp"
#pragma once

#include <limits>

#include "recipe/expert.hpp"

namespace recsys::recipe {

class PopularityPrior final : public Expert {
public:
	std::string_view name() const noexcept override { return "popularity"; }
	double default_weight() const noexcept override { return 1.0; }
	bool may_be_negative() const noexcept override { return true; } // takes popularity back that other experts counted twice
	void tune(const TrainRequest &request, const Sequences &sequences, const HeldOutCases &cases) override;
	void fit(const TrainRequest &request, const Sequences &sequences, const HeldOutCases *held_out,
			 artifact::Writer &writer) override;
	void update(const artifact::View &old, const UpdatedItems &items, const TrainRequest &request,
				artifact::Writer &writer) const override;
	std::unique_ptr<ExpertScorer> open(const artifact::View &view, std::size_t n_items) const override;
	/// Microseconds until an event counts half; infinite = all events count alike.
	double half_life() const noexcept { return half_life_; }

private:
	double half_life_ = std::numeric_limits<double>::infinity();
};

} // namespace recsys::recipe
