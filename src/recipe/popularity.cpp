#include "recipe/popularity.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "recipe/evaluate.hpp"

namespace recsys::recipe {

namespace {

constexpr std::size_t kPollEvery = 1 << 16; // events: about a millisecond
constexpr const char *kLogits = "popularity.logit";

class PopularityScorer final : public Scorer {
public:
	explicit PopularityScorer(const artifact::View &view)
		: logits_(view.get<float>(kLogits)), log_normalizer_(log_sum_exp(logits_)) {}
	std::size_t n_items() const noexcept override { return logits_.size(); }
	std::size_t max_history() const noexcept override { return 0; }
	void score(const Query &, Scores &out) const override {
		out.logit.assign(logits_.begin(), logits_.end());
		out.reason.assign(logits_.size(), Reason::Popular);
		out.log_normalizer = log_normalizer_;
	}

private:
	std::span<const float> logits_;
	double log_normalizer_;
};

artifact::Writer write_model(const TrainRequest &request, std::span<const std::uint8_t> sides, Counted counted) {
	artifact::Writer writer("popularity-count", &request.budget);
	add_common_sections(writer, request);
	const Budgeted<float> logits = popularity_logits(count_positive(request, sides, counted), &request.budget, request.stop);
	writer.add<float>(kLogits, logits);
	return writer;
}

} // namespace

Budgeted<std::uint32_t> count_positive(const TrainRequest &request, std::span<const std::uint8_t> sides, Counted counted) {
	const data::TrainingSet &set = request.data;
	Budgeted<std::uint32_t> counts(set.n_items(), 0, BudgetAllocator<std::uint32_t>(&request.budget));
	Budgeted<std::uint32_t> last_user(set.n_items(), data::kNone, BudgetAllocator<std::uint32_t>(&request.budget));
	request.monitor.phase(counted == Counted::Users ? "counting users" : "counting events", set.n_events());
	std::size_t since_poll = kPollEvery;
	for (std::uint32_t user = 0; user < set.n_users(); ++user) {
		if (!sides.empty() && sides[user] != static_cast<std::uint8_t>(Side::Training))
			continue;
		for (std::size_t event = set.user_begin(user); event < set.user_begin(user + 1); ++event) {
			if (since_poll++ == kPollEvery) {
				request.stop.check();
				request.monitor.advance(kPollEvery);
				since_poll = 0;
			}
			const std::uint32_t item = set.item()[event];
			if ((counted == Counted::Users && last_user[item] == user) || !is_positive(request, event))
				continue;
			last_user[item] = user;
			++counts[item];
		}
	}
	return counts;
}

Budgeted<float> popularity_logits(std::span<const std::uint32_t> counts, MemoryBudget *budget,
								  const StopToken &stop) {
	SparsePoll poll(stop);
	Budgeted<float> logits(counts.size(), 0.0f, BudgetAllocator<float>(budget));
	Budgeted<std::uint32_t> order(counts.size(), 0, BudgetAllocator<std::uint32_t>(budget));
	std::iota(order.begin(), order.end(), 0u);
	std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
		poll();
		return counts[a] < counts[b];
	});
	std::uint32_t last_count = 0;
	float last = -1.0f; // below log(1 + 0)
	for (const std::uint32_t item : order) {
		poll();
		if (last < 0.0f || counts[item] != last_count) {
			const auto plain = static_cast<float>(std::log1p(static_cast<double>(counts[item])));
			last = std::max(plain, std::nextafter(last, std::numeric_limits<float>::infinity()));
			last_count = counts[item];
		}
		logits[item] = last;
	}
	return logits;
}

double log_sum_exp(std::span<const float> logits) noexcept {
	double highest = -std::numeric_limits<double>::infinity(), sum = 0;
	for (const float logit : logits)
		highest = std::max(highest, static_cast<double>(logit));
	if (!std::isfinite(highest))
		return 0;
	for (const float logit : logits)
		sum += std::exp(static_cast<double>(logit) - highest);
	return highest + std::log(sum);
}

namespace {

TrainResult train(const TrainRequest &request, Counted counted) {
	const std::vector<std::uint8_t> sides = data::split_users(request.data, kHeldOutShare, request.seed);
	std::vector<Metric> metrics;
	{
		const Budgeted<std::byte> bytes = write_model(request, sides, counted).finish();
		const artifact::View view(bytes);
		metrics = evaluate(PopularityScorer(view), request, sides, Side::Metrics, EvaluationQuery::History);
	}
	return {write_model(request, {}, counted), std::move(metrics), {}};
}

} // namespace

TrainResult train_popularity_count(const TrainRequest &request) { return train(request, Counted::Users); }
TrainResult train_popularity_by_events(const TrainRequest &request) { return train(request, Counted::Events); }

std::unique_ptr<Scorer> open_popularity_count(const artifact::View &view) {
	return std::make_unique<PopularityScorer>(view);
}

} // namespace recsys::recipe
