#include "recipe/search.hpp"

#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "base/hash.hpp"
#include "recipe/evaluate.hpp"

namespace recsys::recipe {

namespace {

constexpr std::size_t kRungs = 3, kKept = 3; // at each rung a third of the candidates, and three times the users

// The root of x^(d + 1) = x + 1: the golden ratio for one dimension, and what it is for more.
double recurrence_root(std::size_t dimensions) {
	double root = 2;
	for (int i = 0; i < 64; ++i)
		root = std::pow(1 + root, 1.0 / static_cast<double>(dimensions + 1));
	return root;
}

double value_at(const SearchRange &range, double place) {
	if (!range.values.empty())
		return range.values[std::min(static_cast<std::size_t>(place * static_cast<double>(range.values.size())), range.values.size() - 1)];
	if (range.integer)
		return range.minimum + std::floor(place * (range.maximum - range.minimum + 1));
	return range.minimum + place * (range.maximum - range.minimum);
}

/// The users who may be seen, and a part of them.
class Stage {
public:
	explicit Stage(const TrainRequest &request)
		: request_(request), sides_(data::split_users(request.data, kHeldOutShare, request.seed)) {
		for (std::uint32_t user = 0; user < request.data.n_users(); ++user)
			if (sides_[user] != static_cast<std::uint8_t>(Side::Metrics))
				events_ += request.data.user_begin(user + 1) - request.data.user_begin(user);
	}
	std::size_t events() const noexcept { return events_; }

	/// Trains and measures `trials` on about one in `part` of the users.
	void run(std::vector<Trial *> &trials, std::size_t part) const {
		std::vector<std::uint8_t> keep(request_.data.n_users());
		for (std::uint32_t user = 0; user < keep.size(); ++user)
			keep[user] = sides_[user] != static_cast<std::uint8_t>(Side::Metrics) &&
						 hash64(request_.data.users()[user], seed()) % part == 0;
		const data::TrainingSet set = request_.data.of_users(keep, &request_.budget, request_.stop);
		for (Trial *trial : trials)
			measure(set, *trial);
	}

private:
	std::uint64_t seed() const noexcept { return request_.seed + 1; }

	void measure(const data::TrainingSet &set, Trial &trial) const {
		const TrainRequest request{set,	 trial.hyperparameters, request_.type_sign, seed(), request_.executor, request_.stop,
								   request_.monitor, request_.budget};
		for (const Metric &metric : trial.recipe->train(request).metrics)
			if (metric.name == kObjective) {
				trial.users = set.n_users();
				trial.objective = metric.value;
				return;
			}
		throw Error(sqlstate::WrongState, "there are too few interactions to compare trainings by",
					"Users with two interactions are held out of the trainings that are compared; none has been left.",
					"Train without the search.");
	}

	const TrainRequest &request_;
	std::vector<std::uint8_t> sides_;
	std::size_t events_ = 0;
};

// Of equals the one that came first: the settings as given before any other.
void best_first(std::vector<Trial *> &trials) {
	std::stable_sort(trials.begin(), trials.end(), [](const Trial *a, const Trial *b) { return a->objective > b->objective; });
}

std::size_t index_of(const std::vector<Trial> &trials, const Trial *trial) { return static_cast<std::size_t>(trial - trials.data()); }

/// The best of them on all users. The first, the settings as given, goes through all rungs.
Trial *halve(const Stage &stage, std::vector<Trial *> trials, std::size_t least_events) {
	Trial *const start = trials.front();
	std::size_t part = 1;
	for (std::size_t rung = 1; rung < kRungs && stage.events() >= least_events * part * kKept; ++rung)
		part *= kKept;
	for (;; part /= kKept) {
		stage.run(trials, part);
		best_first(trials);
		if (part == 1)
			return trials.front();
		trials.resize(std::max<std::size_t>(2, trials.size() / kKept));
		if (std::find(trials.begin(), trials.end(), start) == trials.end())
			trials.back() = start;
	}
}

} // namespace

std::vector<Hyperparameters> draw_settings(const Hyperparameters &start, const std::vector<SearchRange> &ranges, std::size_t n) {
	constexpr std::size_t kPatience = 20; // draws for each one that is wanted: small ranges are soon exhausted
	std::vector<Hyperparameters> out;
	const double root = recurrence_root(ranges.size());
	for (std::size_t draw = 1; out.size() < n && draw <= kPatience * n && !ranges.empty(); ++draw) {
		Hyperparameters settings = start;
		double step = 1;
		for (const SearchRange &range : ranges) {
			step /= root;
			double whole;
			settings.set(range.name, value_at(range, std::modf(0.5 + static_cast<double>(draw) * step, &whole)));
		}
		const auto same = [&](const Hyperparameters &other) { return other.values() == settings.values(); };
		if (!same(start) && std::none_of(out.begin(), out.end(), same))
			out.push_back(std::move(settings));
	}
	return out;
}

SearchResult search(const TrainRequest &request, const SearchPlan &plan) {
	const Stage stage(request);
	SearchResult result;
	result.trials.reserve(std::max(plan.max_trials, plan.candidates.size())); // pointers into it stay
	std::vector<Trial *> trials;
	for (const Candidate &candidate : plan.candidates)
		trials.push_back(&result.trials.emplace_back(candidate.recipe, candidate.hyperparameters));
	if (trials.size() > 1) {
		stage.run(trials, 1);
		best_first(trials);
	}
	Trial *const start = trials.front();
	const Candidate &winner = plan.candidates[index_of(result.trials, start)];
	const std::size_t left = plan.max_trials - std::min(plan.max_trials, result.trials.size());
	trials = {start};
	for (Hyperparameters &settings : draw_settings(winner.hyperparameters, winner.ranges, left))
		trials.push_back(&result.trials.emplace_back(winner.recipe, std::move(settings)));
	result.best = index_of(result.trials, trials.size() == 1 ? start : halve(stage, std::move(trials), plan.least_events));
	return result;
}

} // namespace recsys::recipe
