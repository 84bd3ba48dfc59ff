// Sequential rules: what comes within a few moments after an item. Learns only from strict order in time, so a log whose
// times are all equal gives an empty table and this expert stays silent.
#include "base/wall.hpp"
#pragma once

#include "recipe/neighbours.hpp"

namespace recsys::recipe {

class SequentialRules final : public Expert {
public:
	std::string_view name() const noexcept override { return "sequential_rules"; }
	double default_weight() const noexcept override { return 0.8; }
	void tune(const TrainRequest &request, const Sequences &sequences, const HeldOutCases &cases) override;
	void fit(const TrainRequest &request, const Sequences &sequences, const HeldOutCases *held_out,
			 artifact::Writer &writer) override;
	void update(const artifact::View &old, const UpdatedItems &items, const TrainRequest &request,
				artifact::Writer &writer) const override {
		update_neighbours(old, name(), items, request, writer);
	}
	std::unique_ptr<ExpertScorer> open(const artifact::View &view, std::size_t n_items) const override {
		return open_neighbours(view, name(), n_items);
	}
	const NeighbourSettings &settings() const noexcept { return settings_; }

private:
	static constexpr std::uint32_t kNeighbours = 1000;
	NeighbourSettings settings_{.window = 15, .distance_power = 1.0f, .backward = 0.0f, .user_power = 0.0f,
								.from_power = 0.5f, .to_power = 0.4f, .smoothing = 0.5f, .neighbours = kNeighbours,
								.age_power = 1.2f, .max_history = 40};
};

} // namespace recsys::recipe
