// The serving side of next-best-action.
#include <algorithm>
#include <cmath>
#include <limits>

#include "recipe/next_best_action.hpp"

namespace recsys::recipe {

ActionScorer::ActionScorer(const artifact::View &view)
	: state_items_(view, "state.item"), state_types_(view, "state.type"), user_attributes_(view, "user"),
	  scored_(view.get<std::uint8_t>("action.scored")) {
	const auto times = view.get<std::int64_t>("times", 2);
	newest_time_ = times[0];
	period_ = times[1];
	if (artifact::IdView(view, "item").size() != scored_.size())
		artifact::View::fail("action.scored", "does not match the actions");
	if (std::find_if(scored_.begin(), scored_.end(), [](std::uint8_t s) { return s != 0; }) == scored_.end())
		return;
	shape_ = ActionShape::read(view, scored_.size(), state_items_.size(), state_types_.size());
	if (shape_.user_kinds.size() != user_attributes_.columns().size())
		artifact::View::fail("user.attribute_kinds", "does not match the columns");
	bins_ = FeatureBins(view);
	if (bins_.n_features() != shape_.n_features())
		artifact::View::fail("bins.kinds", "does not match the features");
	propensity_ = Propensity(view);
}

void ActionScorer::probabilities(const UserState &state, std::int64_t now, std::vector<double> &out) const {
	out.assign(scored_.size(), std::numeric_limits<double>::quiet_NaN());
	if (bins_.n_features() == 0)
		return;
	std::vector<float> row(shape_.n_features());
	std::vector<std::uint8_t> bins(row.size());
	const std::size_t of_user = shape_.n_user_features();
	shape_.fill_user(state, now, row);
	for (std::size_t f = 0; f < of_user; ++f)
		bins[f] = bins_.bin(f, row[f]);
	for (std::uint32_t action = 0; action < scored_.size(); ++action) {
		if (scored_[action] == 0)
			continue;
		shape_.fill_action(state, now, action, static_cast<double>(period_) / kMicrosPerDay, row);
		for (std::size_t f = of_user; f < row.size(); ++f)
			bins[f] = bins_.bin(f, row[f]);
		out[action] = propensity_.probability(bins);
	}
}

void ActionScorer::score(const Query &, Scores &out) const {
	std::vector<double> probability;
	probabilities({}, newest_time_, probability);
	out.logit.resize(probability.size());
	for (std::size_t action = 0; action < probability.size(); ++action)
		out.logit[action] = scored_[action] != 0 ? static_cast<float>(std::log(std::max(probability[action], 1e-30)))
												 : -std::numeric_limits<float>::infinity();
	out.reason.assign(probability.size(), Reason::Popular);
	out.log_normalizer = 0; // probabilities of different actions: they sum to nothing in particular
}

std::unique_ptr<Scorer> open_next_best_action(const artifact::View &view) { return std::make_unique<ActionScorer>(view); }

} // namespace recsys::recipe
