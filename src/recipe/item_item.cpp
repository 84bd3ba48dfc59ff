#include "recipe/item_item.hpp"

namespace recsys::recipe {

void ItemItem::tune(const TrainRequest &request, const Sequences &sequences, const HeldOutCases &cases) {
	const NeighbourChoice choices[] = {
		{[](NeighbourSettings &s, float v) { s.age_power = v; }, {0.0f, 1.0f, 1.5f}},
		{[](NeighbourSettings &s, float v) { s.user_power = v; }, {0.0f, 0.3f, 1.0f}},
		{[](NeighbourSettings &s, float v) { s.from_power = v; }, {0.3f, 0.8f, 1.0f}},
		{[](NeighbourSettings &s, float v) { s.to_power = v; }, {0.0f, 0.1f, 0.35f, 0.5f, 0.7f}},
		{[](NeighbourSettings &s, float v) { s.smoothing = v; }, {0.5f, 2.0f}},
		{[](NeighbourSettings &s, float v) { s.distance_power = v; }, {0.5f, 1.0f}},
		{[](NeighbourSettings &s, float v) { s.backward = v; }, {0.5f}},
	};
	settings_.neighbours = neighbours_within_limit(sequences.n_items(), kNeighbours);
	tune_neighbours(request, sequences, cases, choices, settings_);
}

void ItemItem::fit(const TrainRequest &request, const Sequences &sequences, const HeldOutCases *,
				  artifact::Writer &writer) {
	request.monitor.phase("counting items that go together", sequences.n_items());
	NeighbourTable(request, sequences, settings_).write(name(), settings_, writer);
}

} // namespace recsys::recipe
