// next-best-action: for each action the probability that the user takes it within the optimization period, when prompted (or,
// by choice, on his own), from his state as recipe/action_state.hpp sees it and the calibrated trees of recipe/propensity.hpp.
//
// The model's items are the actions. An action without enough answers (recipe/action_examples.hpp) has no score: it waits for
// exploration, which is serving's business, as are expiry and repetition: the trees know probabilities and nothing else.
#include "base/wall.hpp"
#pragma once

#include <vector>

#include "recipe/action_state.hpp"
#include "recipe/propensity.hpp"
#include "recipe/recipe.hpp"

namespace recsys::recipe {

class ActionScorer final : public Scorer {
public:
	explicit ActionScorer(const artifact::View &view);
	std::size_t n_items() const noexcept override { return scored_.size(); }
	std::size_t max_history() const noexcept override { return kMaxEvents; }
	/// As for a user without a state: logits are logarithms of probabilities, -infinity where there is no score.
	void score(const Query &query, Scores &out) const override;

	/// Items and event types that a state counts one by one; the places of ItemEvent.
	const artifact::IdView &state_items() const noexcept { return state_items_; }
	const artifact::IdView &state_types() const noexcept { return state_types_; }
	const AttributeEncoder &user_attributes() const noexcept { return user_attributes_; }
	bool scored(std::uint32_t action) const noexcept { return scored_[action] != 0; }
	/// Of the newest event or answer of the training, microseconds since 1970; and the optimization period.
	std::int64_t newest_time() const noexcept { return newest_time_; }
	std::int64_t period() const noexcept { return period_; }

	/// Probabilities at `now`, by action; NaN where there is no score.
	void probabilities(const UserState &state, std::int64_t now, std::vector<double> &out) const;

private:
	artifact::IdView state_items_, state_types_;
	AttributeEncoder user_attributes_;
	std::span<const std::uint8_t> scored_;
	std::int64_t newest_time_ = 0, period_ = 0;
	// Only where an action is scored:
	ActionShape shape_;
	FeatureBins bins_;
	Propensity propensity_;
};

std::vector<HyperparameterSpec> next_best_action_hyperparameters();
/// Errors: 55000 without any action; Cancelled; 53200.
TrainResult train_next_best_action(const TrainRequest &request);
std::unique_ptr<Scorer> open_next_best_action(const artifact::View &view);

} // namespace recsys::recipe
