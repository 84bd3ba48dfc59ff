#include "recipe/recurrent_network.hpp"

#include <algorithm>
#include <cmath>

#include "base/rng.hpp"
#include "math/kernels.hpp"
#include "recipe/user_states.hpp"

namespace recsys::recipe {

namespace {

constexpr const char *kShape = "recurrent.shape", *kWeights = "recurrent.weights", *kItems = "recurrent.items",
					 *kBias = "recurrent.bias";
constexpr std::size_t kMostAsked = 2000;	 // held-out events asked for after every epoch
constexpr double kFewestEpochs = 4, kMostEpochs = 20, kMostRivals = 2048;
constexpr double kFew = 4e5; // events
constexpr std::uint32_t kLargest = 256; // units
constexpr double kMostOperations = 2e14;  // of a training: half an hour on two slow cores
constexpr std::uint64_t kSampleStream = 0x73616d70;

/// Section "recurrent.shape".
struct StoredShape {
	std::uint32_t d, two_levels, told_sessions, n_extra;
	std::int64_t pause;
};

/// Calls use(history) for each user whose hash falls within `share`.
template <class Use> void each_history(const TrainRequest &request, const Sequences &s, double share, Use use) {
	std::vector<Event> history;
	for (std::size_t user = 0; user < s.n_users(); ++user) {
		if (user % 1024 == 0)
			request.stop.check();
		if (share < 1 && Rng(request.seed, kSampleStream, user).uniform() >= share)
			continue;
		history.clear();
		for (std::size_t event = s.user_begin(user); event < s.user_begin(user + 1); ++event)
			history.push_back({s.item(event), s.time(event), 1, s.session(event)});
		use(history);
	}
}

NetworkEvents read_events(const TrainRequest &request, const Sequences &sequences, double share, const EventCode &code) {
	NetworkEvents events(&request.budget);
	events.extra_columns = EventCode::kColumns;
	events.extra_unknown = EventCode::kUnknownGap;
	each_history(request, sequences, share, [&](const std::vector<Event> &history) { code.append(history, events); });
	return events;
}

struct Plan {
	std::uint32_t d, epochs, rivals;
	float drop;
	double share;	   // of the users
	double operations; // of all epochs
};

/// More events and items fill a larger network; more than kMostOperations can pay for are seen less often, then in part. `d` > 0
/// is given.
Plan make_plan(double n_events, double n_items, std::uint32_t d) noexcept {
	Plan plan{};
	plan.d = d > 0 ? d : n_events < 3e4 || n_items < 500 ? 32 : 64;
	plan.rivals = static_cast<std::uint32_t>(std::min(kMostRivals, n_items));
	plan.drop = n_events < kFew ? 0.3f : 0.2f;
	const double of_event = 6.0 * plan.d * (14.0 * plan.d + plan.rivals), n = std::max(n_events, 1.0);
	const double epochs = std::clamp(std::floor(kMostOperations / (n * of_event)), kFewestEpochs, kMostEpochs);
	plan.epochs = static_cast<std::uint32_t>(epochs);
	plan.share = std::min(1.0, kMostOperations / (n * of_event * epochs));
	plan.operations = n * of_event * epochs * plan.share;
	return plan;
}

NetworkSettings settings_of(const Plan &plan, const TrainRequest &request) {
	NetworkSettings settings;
	settings.epochs = plan.epochs;
	settings.rivals = plan.rivals;
	settings.drop = plan.drop;
	if (const double steps = request.hyperparameters["bptt"]; steps != kAutomatic)
		settings.horizon = static_cast<std::uint32_t>(steps);
	return settings;
}

class RecurrentScorer final : public ExpertScorer {
public:
	RecurrentScorer(const NetworkShape &shape, const EventCode &code, std::span<const float> weights, std::span<const float> items,
					std::span<const float> bias, const UserStates &states)
		: layout_(shape), code_(code), weights_(weights), items_(items), bias_(bias), states_(states) {}

	void add(Past past, float weight, Dense out) const override {
		if (past.empty())
			return;
		// A request's memory stays with its thread: it is as large as 200 events need, whatever the model.
		static thread_local NetworkPass pass(nullptr);
		static thread_local PackedHistories history;
		static thread_local std::vector<float> state;
		NetworkPass::Options options;
		Stretch stretch{past, states_.find(past, code_, state)};
		if (stretch.count > 0)
			options.start = state.data();
		else
			stretch.count = past.size();
		pack_stretches({&stretch, 1}, code_, history);
		const NetworkWeights weights{layout_, weights_.data()};
		pass.forward(weights, items_.data(), history, options, {});
		const float *answer = pass.answer(weights, stretch.count - 1);
		math::kernels().scores(bias_.size(), layout_.shape().d, items_.data(), bias_.data(), answer, weight, out.logit);
		out.mark_all();
	}

	float apart(std::uint32_t item) const noexcept override { return bias_[item]; }
	bool reads_sessions() const noexcept override { return code_.told_sessions != 0; }

private:
	NetworkLayout layout_;
	EventCode code_;
	std::span<const float> weights_, items_, bias_;
	UserStates states_;
};

} // namespace

double network_operations(std::size_t n_events, std::size_t n_items) noexcept {
	return make_plan(static_cast<double>(n_events), static_cast<double>(n_items), 0).operations;
}

void RecurrentNetwork::fit(const TrainRequest &request, const Sequences &sequences, const HeldOutCases *held_out,
						   artifact::Writer &writer) {
	if (training_ == nullptr) {
		begin(request, sequences, held_out);
	} else {
		training_->go_on(read_events(request, sequences, share_, code_));
	}
	const NetworkModel &model = training_->model();
	const NetworkShape &shape = model.layout.shape();
	const StoredShape stored{shape.d, shape.two_levels, code_.told_sessions, shape.n_extra, code_.pause};
	writer.add<StoredShape>(kShape, {&stored, 1});
	writer.add<float>(kWeights, model.weights);
	writer.add<float>(kItems, model.items);
	writer.add<float>(kBias, model.bias);
	// Held-out users are asked about earlier moments than their newest; so are all whom a training measures.
	if (held_out == nullptr)
		write_user_states(request, {model.layout, model.weights.data()}, model.items.data(), code_, {}, writer);
}

void RecurrentNetwork::begin(const TrainRequest &request, const Sequences &sequences, const HeldOutCases *held_out) {
	SessionFinder sessions;
	each_history(request, sequences, 1, [&](const std::vector<Event> &history) { sessions.add(history); });
	code_ = sessions.found();
	const double given = request.hyperparameters["hidden_dimension"];
	const auto d = given == kAutomatic ? 0 : static_cast<std::uint32_t>(math::padded(static_cast<std::size_t>(given)));
	const Plan plan = make_plan(static_cast<double>(sequences.n_events()), static_cast<double>(sequences.n_items()), d);
	share_ = plan.share;
	training_ = std::make_unique<NetworkTraining>(
		request, NetworkShape{plan.d, EventCode::kRows, code_.two_levels()}, settings_of(plan, request));
	const NetworkEvents events = read_events(request, sequences, plan.share, code_);
	if (held_out == nullptr) {
		training_->fit(events);
		return;
	}
	NetworkEvents asked(&request.budget);
	asked.extra_columns = EventCode::kColumns;
	asked.extra_unknown = EventCode::kUnknownGap;
	std::vector<std::uint32_t> inputs;
	std::vector<Event> history;
	for (std::size_t user = 0, n = 0; user < held_out->n_users() && n < kMostAsked; ++user) {
		history.clear();
		std::uint32_t positive = 0;
		for (std::size_t i = 0; i < held_out->events(user).size(); ++i) {
			if (held_out->events(user)[i].sign < 0)
				continue;
			history.push_back(held_out->events(user)[i]);
			positive += i < held_out->given(user);
		}
		code_.append(history, asked);
		inputs.push_back(positive);
		n += history.size() - positive;
	}
	training_->fit(events, &asked, inputs);
}

namespace {

struct Stored {
	NetworkShape shape;
	EventCode code;
};

Stored read_shape(const artifact::View &view) {
	const StoredShape stored = view.get<StoredShape>(kShape, 1)[0];
	if (stored.d == 0 || stored.d > kLargest || stored.d % math::kLanes != 0 || stored.n_extra != EventCode::kRows ||
		stored.two_levels > 1)
		artifact::View::fail(kShape, "has a value out of range");
	EventCode code;
	code.pause = stored.pause;
	code.told_sessions = stored.told_sessions;
	return {{stored.d, stored.n_extra, stored.two_levels != 0}, code};
}

} // namespace

// Nothing was learnt of an added item: it stands where the least chosen ones do. Users stand where the newest events have led them.
void RecurrentNetwork::update(const artifact::View &old, const UpdatedItems &items, const TrainRequest &request,
							  artifact::Writer &writer) const {
	const Stored stored = read_shape(old);
	const NetworkLayout layout(stored.shape);
	const std::size_t d = stored.shape.d;
	const auto weights = old.get<float>(kWeights, layout.size());
	const auto vectors = old.get<float>(kItems, items.old_size() * d), biases = old.get<float>(kBias, items.old_size());
	const float lowest = biases.empty() ? 0.0f : *std::min_element(biases.begin(), biases.end());
	const Budgeted<float> moved = moved_rows(vectors, items, request.budget);
	Budgeted<float> bias(items.size(), lowest, BudgetAllocator<float>(&request.budget));
	for (std::size_t was = 0; was < items.old_size(); ++was)
		bias[items.to_new()[was]] = biases[was];
	copy_section(old, kShape, writer);
	copy_section(old, kWeights, writer);
	writer.add<float>(kItems, moved);
	writer.add<float>(kBias, bias);
	write_user_states(request, {layout, weights.data()}, moved.data(), stored.code, items.of_data(request), writer);
}

std::unique_ptr<ExpertScorer> RecurrentNetwork::open(const artifact::View &view, std::size_t n_items) const {
	const auto [shape, code] = read_shape(view);
	const auto weights = view.get<float>(kWeights, NetworkLayout(shape).size());
	const auto items = view.get<float>(kItems, n_items * shape.d);
	const auto bias = view.get<float>(kBias, n_items);
	const auto finite = [](float x) { return std::isfinite(x); };
	if (!std::ranges::all_of(weights, finite) || !std::ranges::all_of(items, finite) || !std::ranges::all_of(bias, finite))
		artifact::View::fail("recurrent", "has a value that is not finite");
	return std::make_unique<RecurrentScorer>(shape, code, weights, items, bias, UserStates(view, shape));
}

} // namespace recsys::recipe
