// An expert for circumstances: what is chosen on a phone, by farmers, on Saturdays. Its score of an item is the sum, over the
// conditions that hold, of the log of how much likelier the item is under the condition than in general (condition_counts.hpp),
// each field at a weight that is found on held-out events: fields that tell the same are not counted twice, and those that tell
// nothing are dropped. Additive logits are a naive Bayes: added to a prior, they are the shares under the condition; added
// to what the past says, taste and circumstance together pick an item that neither would.
//
// It speaks about users without a past as well; what it is worth there is judged apart (stacking.hpp).
#include "base/wall.hpp"
#pragma once

#include <vector>

#include "recipe/condition_counts.hpp"
#include "recipe/expert.hpp"

namespace recsys::recipe {

class Conditions final : public Expert {
public:
	explicit Conditions(ConditionKind kind) : kind_(kind) {}
	std::string_view name() const noexcept override;
	/// The time of a request is always known, and makes answers change by themselves: only evidence may let it in.
	double default_weight() const noexcept override { return kind_ == ConditionKind::Hours ? 0.0 : 1.0; }
	bool without_past() const noexcept override { return true; }
	bool applies(const TrainRequest &request) const override { return !condition_fields(kind_, request.data).empty(); }
	void tune(const TrainRequest &request, const Sequences &sequences, const HeldOutCases &cases) override;
	void fit(const TrainRequest &request, const Sequences &sequences, const HeldOutCases *held_out,
			 artifact::Writer &writer) override;
	void update(const artifact::View &old, const UpdatedItems &items, const TrainRequest &request,
				artifact::Writer &writer) const override;
	std::unique_ptr<ExpertScorer> open(const artifact::View &view, std::size_t n_items) const override;

	struct Field {
		ConditionField ordinals;
		double doubt, weight;
	};
	const std::vector<Field> &fields() const noexcept { return fields_; }

private:
	ConditionKind kind_;
	std::vector<Field> fields_; // those with a weight
};

} // namespace recsys::recipe
