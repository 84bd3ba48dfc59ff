// Items that go together, in any order and at any distance within a user's history, discounted for busy users and for
// popular items, asked by recency. Carries data without order, and the long memory of data with it.
#include "base/wall.hpp"
#pragma once

#include "recipe/neighbours.hpp"

namespace recsys::recipe {

class ItemItem final : public Expert {
public:
	std::string_view name() const noexcept override { return "item_item"; }
	double default_weight() const noexcept override { return 0.3; }
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
	static constexpr std::uint32_t kNeighbours = 300;
	NeighbourSettings settings_{.window = Sequences::kReach, .distance_power = 0.0f, .backward = 1.0f, .user_power = 0.6f,
								.from_power = 0.6f, .to_power = 0.2f, .smoothing = 0.0f, .neighbours = kNeighbours,
								.age_power = 0.5f, .max_history = 128};
};

} // namespace recsys::recipe
