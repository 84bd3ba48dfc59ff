// The recurrent expert: what a user does next as a network (network.hpp) reads it from the order, the pauses and the sessions of
// his events. It carries long histories, where the order says more than counts can.
//
// It is fitted once, on the training users, and then goes once over everybody. How large it is and how often it goes over
// the events follows from the data, within a fixed amount of arithmetic; of more events, a sample of the users is learnt.
#include "base/wall.hpp"
#pragma once

#include "recipe/event_code.hpp"
#include "recipe/expert.hpp"
#include "recipe/network_training.hpp"

namespace recsys::recipe {

/// Floating-point operations of a training with automatic settings.
double network_operations(std::size_t n_events, std::size_t n_items) noexcept;

class RecurrentNetwork final : public Expert {
public:
	std::string_view name() const noexcept override { return "recurrent"; }
	double default_weight() const noexcept override { return 0.5; }
	void fit(const TrainRequest &request, const Sequences &sequences, const HeldOutCases *held_out,
			 artifact::Writer &writer) override;
	void update(const artifact::View &old, const UpdatedItems &items, const TrainRequest &request,
				artifact::Writer &writer) const override;
	std::unique_ptr<ExpertScorer> open(const artifact::View &view, std::size_t n_items) const override;
	/// What the training has done, for a benchmark: floating-point operations.
	double operations() const noexcept { return training_ ? training_->operations() : 0; }

private:
	void begin(const TrainRequest &request, const Sequences &sequences, const HeldOutCases *held_out);
	EventCode code_;
	double share_ = 1; // of the users, learnt from
	std::unique_ptr<NetworkTraining> training_;
};

} // namespace recsys::recipe
