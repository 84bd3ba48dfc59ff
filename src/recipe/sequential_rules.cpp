#include "recipe/sequential_rules.hpp"

namespace recsys::recipe {

void SequentialRules::tune(const TrainRequest &request, const Sequences &sequences, const HeldOutCases &cases) {
	const NeighbourChoice choices[] = {
		{[](NeighbourSettings &s, float v) { s.age_power = v; }, {0.7f, 1.0f, 1.5f, 2.0f}},
		{[](NeighbourSettings &s, float v) { s.to_power = v; }, {0.0f, 0.2f, 0.6f}},
		{[](NeighbourSettings &s, float v) { s.from_power = v; }, {0.0f, 0.3f, 0.8f, 1.0f}},
		{[](NeighbourSettings &s, float v) { s.smoothing = v; }, {0.0f, 0.25f, 1.0f, 3.0f}},
		{[](NeighbourSettings &s, float v) { s.window = static_cast<std::uint32_t>(v); }, {6.0f, 30.0f}},
		{[](NeighbourSettings &s, float v) { s.distance_power = v; }, {0.5f, 1.4f}},
	};
	settings_.neighbours = neighbours_within_limit(sequences.n_items(), kNeighbours);
	tune_neighbours(request, sequences, cases, choices, settings_);
}

void SequentialRules::fit(const TrainRequest &request, const Sequences &sequences, const HeldOutCases *,
				  artifact::Writer &writer) {
	request.monitor.phase("counting sequential rules", sequences.n_items());
	NeighbourTable(request, sequences, settings_).write(name(), settings_, writer);
}

} // namespace recsys::recipe
