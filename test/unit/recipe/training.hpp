// What the tests of recipes share: data made from a seed, and a training with everything it needs to stay alive.
#pragma once

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "base/rng.hpp"
#include "recipe/recipe.hpp"
#include "unit/thread_executor.hpp"

namespace recsys::test {

struct Row {
	std::string user, item, type;
	std::int64_t time = 0;
	double value = std::numeric_limits<double>::quiet_NaN();
};

inline data::TrainingSet make_set(const std::vector<Row> &rows) {
	data::TrainingSetBuilder builder(nullptr);
	for (const Row &row : rows)
		builder.add_event({row.user, row.item, row.type, row.value, row.time, ""});
	SerialExecutor executor;
	return builder.finish(executor, {});
}

/// Users with tastes: items of one of five kinds, low numbers more often; lengths from 2 to about 40.
inline std::vector<Row> shop(std::size_t n_users, std::size_t n_items, std::uint64_t seed) {
	std::vector<Row> rows;
	for (std::size_t user = 0; user < n_users; ++user) {
		Rng rng(seed, user);
		const std::uint64_t taste = rng.below(5), length = 2 + rng.below(6) * rng.below(8);
		for (std::uint64_t e = 0; e < length; ++e) {
			const double skewed = rng.uniform() * rng.uniform();
			std::uint64_t item = static_cast<std::uint64_t>(skewed * static_cast<double>(n_items));
			if (rng.below(10) < 7)
				item = item / 5 * 5 + taste;
			rows.push_back({"u" + std::to_string(user), "i" + std::to_string(1000 + item), "",
							static_cast<std::int64_t>(e * 1000000 + rng.below(1000))});
		}
	}
	return rows;
}

/// The recipes that learn from interactions alone and answer with items; without the use cases of domains, which are the same
/// algorithms under other names.
inline std::vector<recipe::RecipeSpec> algorithms() {
	std::vector<recipe::RecipeSpec> out;
	for (const recipe::RecipeSpec &spec : recipe::recipes())
		if (spec.domain.empty() && spec.type != recipe::RecipeType::PersonalizedActions &&
			spec.type != recipe::RecipeType::UserSegmentation)
			out.push_back(spec);
	return out;
}

/// One training of one recipe.
class Training {
public:
	Training(const data::TrainingSet &set, const char *recipe, const std::map<std::string, std::string> &given = {},
			 std::size_t threads = 1, std::size_t limit = 0, const std::atomic<bool> *stop = nullptr)
		: set_(set), spec_(*recipe::find_recipe(recipe)),
		  hyperparameters_(recipe::complete_hyperparameters(spec_, given)), executor_(threads), budget_(limit),
		  stop_(stop) {}

	recipe::TrainRequest request() { return {set_, hyperparameters_, signs_, 42, executor_, stop_, monitor_, budget_}; }
	void signs(std::vector<std::int8_t> signs) { signs_ = std::move(signs); }
	recipe::TrainResult train() { return spec_.train(request()); }
	MemoryBudget &budget() { return budget_; }
	const recipe::RecipeSpec &spec() const { return spec_; }

private:
	const data::TrainingSet &set_;
	const recipe::RecipeSpec &spec_;
	recipe::Hyperparameters hyperparameters_;
	std::vector<std::int8_t> signs_;
	ThreadExecutor executor_;
	Monitor monitor_;
	MemoryBudget budget_;
	StopToken stop_;
};

/// A trained model that is ready to answer.
class Model {
public:
	explicit Model(Training &&training) : Model(training) {}
	explicit Model(Training &training) {
		recipe::TrainResult result = training.train();
		metrics = std::move(result.metrics);
		// The budget may end before the model: keep a copy that nobody is charged for.
		const auto charged = result.model.finish();
		bytes = Budgeted<std::byte>(charged.begin(), charged.end());
		view = artifact::View(bytes);
		scorer = training.spec().open(view);
	}
	/// Items best first.
	std::vector<std::uint32_t> answer(const recipe::Query &query) {
		scorer->score(query, scores);
		std::vector<std::uint32_t> order;
		for (std::uint32_t item = 0; item < scores.logit.size(); ++item)
			if (scores.logit[item] > -std::numeric_limits<float>::infinity())
				order.push_back(item);
		std::stable_sort(order.begin(), order.end(),
						 [&](std::uint32_t a, std::uint32_t b) { return scores.logit[a] > scores.logit[b]; });
		return order;
	}

	std::vector<recipe::Metric> metrics;
	Budgeted<std::byte> bytes;
	artifact::View view;
	std::unique_ptr<recipe::Scorer> scorer;
	recipe::Scores scores;
};

} // namespace recsys::test
