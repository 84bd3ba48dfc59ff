#include "recipe/user_personalization.hpp"

#include <algorithm>

#include "recipe/blend.hpp"
#include "recipe/cold_items.hpp"
#include "recipe/conditions.hpp"
#include "recipe/evaluate.hpp"
#include "recipe/exploration.hpp"
#include "recipe/item_item.hpp"
#include "recipe/popularity_prior.hpp"
#include "recipe/recurrent_network.hpp"
#include "recipe/repeat_habit.hpp"
#include "recipe/sequential_rules.hpp"
#include "recipe/stacking.hpp"

namespace recsys::recipe {

namespace {

constexpr std::size_t kCases = 2400;				  // of each kind, to choose settings and weights by
constexpr std::uint64_t kTuningPairs = 200'000'000; // met by one table while settings are chosen: a part of a second

/// A new expert is one line here.
std::vector<std::unique_ptr<Expert>> all_experts() {
	std::vector<std::unique_ptr<Expert>> experts;
	experts.push_back(std::make_unique<PopularityPrior>());
	experts.push_back(std::make_unique<SequentialRules>());
	experts.push_back(std::make_unique<ItemItem>());
	experts.push_back(std::make_unique<RecurrentNetwork>());
	experts.push_back(std::make_unique<RepeatHabit>());
	experts.push_back(std::make_unique<Conditions>(ConditionKind::Context));
	experts.push_back(std::make_unique<Conditions>(ConditionKind::UserFeatures));
	experts.push_back(std::make_unique<Conditions>(ConditionKind::Hours));
	return experts;
}

std::vector<std::unique_ptr<Expert>> experts_for(const TrainRequest &request) {
	std::vector<std::unique_ptr<Expert>> experts = all_experts();
	std::erase_if(experts, [&](const auto &expert) { return !expert->applies(request); });
	return experts;
}

/// The experts' sections, fitted on the users of the training side, or on all. Experts without weight are left out.
artifact::Writer fit_all(const TrainRequest &request, const char *recipe, std::span<const std::uint8_t> sides,
						 const std::vector<std::unique_ptr<Expert>> &experts, const HeldOutCases *held_out,
						 std::span<const std::uint8_t> active) {
	artifact::Writer writer(recipe, &request.budget);
	add_common_sections(writer, request);
	const Sequences sequences(request, sides);
	for (std::size_t e = 0; e < experts.size(); ++e)
		if (active.empty() || active[e] != 0)
			experts[e]->fit(request, sequences, held_out, writer);
	return writer;
}

/// Judges a choice of experts on the tuning half.
class Jury {
public:
	Jury(const TrainRequest &request, std::span<const std::uint8_t> sides, const ExpertScorers &experts)
		: request_(request), sides_(sides), experts_(experts) {
		if (std::any_of(experts.begin(), experts.end(), [](const auto &expert) { return expert->context_encoder() != nullptr; }))
			query_ = EvaluationQuery::InContexts;
	}
	/// NDCG@10; 0 when nobody can be asked.
	double ndcg(const std::vector<LengthWeights> &weights) const {
		const BlendScorer scorer(request_.data.n_items(), experts_, weights);
		for (const Metric &metric : evaluate(scorer, request_, sides_, Side::Tuning, query_))
			if (metric.name == "normalized_discounted_cumulative_gain_at_10")
				return metric.value;
		return 0;
	}

private:
	const TrainRequest &request_;
	std::span<const std::uint8_t> sides_;
	const ExpertScorers &experts_;
	EvaluationQuery query_ = EvaluationQuery::History;
};

struct Choice {
	std::vector<std::uint8_t> active;
	std::vector<LengthWeights> weights;
};

/// The likelihood judges the whole distribution, a list only its top. So each expert's share is finally tried at a few other
/// sizes, and a clearly better list wins. Users without a history have the prior alone, whose size changes no list.
void refine_shares(const Jury &jury, const ExpertScorers &experts, Choice &choice, double ndcg) {
	constexpr double kClearly = 1.003;
	for (std::size_t e = 0; e < experts.size(); ++e) {
		if (choice.active[e] == 0)
			continue;
		const LengthWeights from = choice.weights[e];
		const std::vector<float> sizes = experts[e]->base().empty() ? std::vector<float>{0.5f, 0.7f, 1.4f, 2.0f}
																	: std::vector<float>{0.02f, 0.1f, 0.25f, 0.5f};
		double best = ndcg * kClearly;
		for (const float size : sizes) {
			std::vector<LengthWeights> weights(choice.weights);
			for (std::size_t bucket = 1; bucket < kLengthBuckets; ++bucket)
				weights[e][bucket] = size * from[bucket];
			if (const double value = jury.ndcg(weights); value > best) {
				best = ndcg = value;
				choice.weights = weights;
			}
		}
	}
}

/// One factor on all weights of users with a history: refined shares rank best, but their sum is not a log-probability any more.
void calibrate(const Stacking &stacking, Choice &choice) {
	const auto factor = static_cast<float>(stacking.temperature(choice.weights));
	for (LengthWeights &weights : choice.weights)
		for (std::size_t bucket = 1; bucket < kLengthBuckets; ++bucket)
			weights[bucket] *= factor;
}

/// Weights of the experts that cross-validation keeps, less those without whom the held-out lists are better.
Choice choose_weights(const Stacking &stacking, const Jury &jury, const ExpertScorers &experts) {
	Choice choice;
	choice.active = stacking.choose();
	choice.weights = stacking.fit(choice.active);
	double with = jury.ndcg(choice.weights);
	for (std::size_t e = 0; e < experts.size(); ++e) {
		if (choice.active[e] == 0 || !experts[e]->base().empty())
			continue;
		std::vector<std::uint8_t> without(choice.active);
		without[e] = 0;
		const std::vector<LengthWeights> weights = stacking.fit(without);
		const double ndcg = jury.ndcg(weights);
		if (ndcg > with) {
			choice = {without, weights};
			with = ndcg;
		}
	}
	refine_shares(jury, experts, choice, with);
	calibrate(stacking, choice);
	for (std::size_t e = 0; e < experts.size(); ++e)
		choice.active[e] = std::any_of(choice.weights[e].begin(), choice.weights[e].end(), [](float w) { return w != 0; });
	return choice;
}

/// Each expert's mean weight, and what it reaches alone. Returns to known items are treated as in the blend, for all
/// alike: otherwise the figures would mostly tell who keeps a user's own items out of the list.
std::vector<Member> describe(const std::vector<std::unique_ptr<Expert>> &experts, const ExpertScorers &scorers,
							 const Choice &choice, const Jury &jury) {
	std::vector<Member> members;
	for (std::size_t e = 0; e < experts.size(); ++e) {
		const std::size_t first = scorers[e]->base().empty() && !experts[e]->without_past() ? 1 : 0;
		double sum = 0;
		for (std::size_t bucket = first; bucket < kLengthBuckets; ++bucket)
			sum += static_cast<double>(choice.weights[e][bucket]);
		std::vector<LengthWeights> alone(experts.size(), LengthWeights{});
		for (std::size_t other = 0; other < experts.size(); ++other)
			if (experts[other]->name() == "repeat_habit")
				alone[other] = choice.weights[other];
		alone[e].fill(1.0f);
		members.push_back({std::string(experts[e]->name()), sum / static_cast<double>(kLengthBuckets - first),
						   jury.ndcg(alone)});
	}
	return members;
}

/// How the chosen blend deals with new items, and what it reaches on the users of the metrics half with them in its lists.
std::optional<ColdSettings> judge_blend(const TrainRequest &request, const char *recipe, std::span<const std::uint8_t> sides,
										const HeldOutCases &cases, const ExpertScorers &scorers, const Choice &choice,
										std::vector<Metric> &metrics) {
	const std::size_t n_items = request.data.n_items();
	const BlendScorer known(n_items, scorers, choice.weights);
	if (!request.data.item_features().rows.empty()) {
		const ItemFactors factors = factorize_items(request, sides);
		if (const auto cold = learn_cold_items(request, sides, factors, cases, known)) {
			artifact::Writer writer(recipe, &request.budget);
			fit_cold_items(request, sides, factors, *cold, writer);
			const Budgeted<std::byte> bytes = writer.finish();
			const BlendScorer all(n_items, scorers, choice.weights, std::make_shared<ColdItems>(artifact::View(bytes), n_items));
			metrics = evaluate(all, request, sides, Side::Metrics, EvaluationQuery::History);
			return cold;
		}
	}
	metrics = evaluate(known, request, sides, Side::Metrics, EvaluationQuery::History);
	return std::nullopt;
}

TrainResult train_blend(const TrainRequest &request, const char *recipe) {
	const std::vector<std::uint8_t> sides = data::split_users(request.data, kHeldOutShare, request.seed);
	const std::vector<std::unique_ptr<Expert>> experts = experts_for(request);
	const HeldOutCases cases(request, sides, kCases);
	{
		const Sequences sample(request, sides, kTuningPairs);
		for (const auto &expert : experts)
			expert->tune(request, sample, cases);
	}
	Choice choice;
	std::vector<Metric> metrics;
	std::vector<Member> members;
	std::optional<ColdSettings> cold;
	{
		const Budgeted<std::byte> bytes = fit_all(request, recipe, sides, experts, &cases, {}).finish();
		const artifact::View view(bytes);
		ExpertScorers scorers;
		for (const auto &expert : experts)
			scorers.push_back(expert->open(view, request.data.n_items()));
		const Jury jury(request, sides, scorers);
		choice = choose_weights(Stacking(request, experts, scorers, cases), jury, scorers);
		members = describe(experts, scorers, choice, jury);
		cold = judge_blend(request, recipe, sides, cases, scorers, choice, metrics);
	}
	artifact::Writer model = fit_all(request, recipe, {}, experts, nullptr, choice.active);
	std::vector<std::string> names;
	for (const auto &expert : experts)
		names.emplace_back(expert->name());
	write_blend(model, names, choice.weights);
	if (cold)
		fit_cold_items(request, {}, factorize_items(request, {}), *cold, model);
	return {std::move(model), std::move(metrics), std::move(members)};
}

} // namespace

std::vector<HyperparameterSpec> blend_hyperparameters() {
	return {
		{"hidden_dimension", ParameterKind::Integer, kAutomatic, 32, 256, true,
		 "Units of the recurrent network, rounded up to a multiple of 16. Automatic: 32 for few events or items, else 64; a "
		 "larger network learns finer distinctions and takes longer."},
		{"bptt", ParameterKind::Integer, kAutomatic, 2, 32, true,
		 "Steps back through a history over which the recurrent network learns from one outcome. Automatic: all of them, which costs "
		 "no more; fewer make it heed the newest events only."},
		{"recency_mask", ParameterKind::Boolean, 1, 0, 1, true,
		 "Whether newer events make an item more popular than older ones; how fast they fade is found from the data."},
		{"min_user_history_length_percentile", ParameterKind::Float, 0.0, 0, 1, false,
		 "Users whose history is shorter than this percentile of all histories are left out of the training; they are "
		 "still served."},
		{"max_user_history_length_percentile", ParameterKind::Float, 0.99, 0, 1, false,
		 "Users whose history is longer than this percentile of all histories, robots for the most part, are left out of "
		 "the training; they are still served."},
	};
}

TrainResult train_user_personalization(const TrainRequest &request) {
	TrainResult result = train_blend(request, "user-personalization");
	write_exploration(request, {}, result.model);
	return result;
}

TrainResult train_personalized_ranking(const TrainRequest &request) {
	return train_blend(request, "personalized-ranking");
}

artifact::Writer update_user_personalization(const artifact::View &old, const TrainRequest &request) {
	const UpdatedItems items(old, request);
	artifact::Writer writer(std::string(old.recipe()), &request.budget);
	items.write(old, writer);
	for (const auto &expert : all_experts())
		if (blend_has(old, expert->name()))
			expert->update(old, items, request, writer);
	copy_blend(old, writer);
	if (ColdItems::present(old))
		update_cold_items(old, items, request, writer);
	write_exploration(request, items.of_data(request), writer);
	return writer;
}

std::unique_ptr<Scorer> open_user_personalization(const artifact::View &view) {
	return open_blend(view, all_experts());
}

std::unique_ptr<Scorer> open_expert_alone(const artifact::View &view, std::string_view expert) {
	return open_blend(view, all_experts(), expert);
}

} // namespace recsys::recipe
