#include "recipe/popularity_prior.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace recsys::recipe {

namespace {

constexpr std::size_t kPollEvery = 1 << 16; // events
constexpr double kKeptPast = 0.1;
constexpr double kNewestShare = 0.05; // of the events: those to be foretold
constexpr const char *kShares = "popularity.log_share";

/// Log share of each item from the events up to `until`; items without events get half an event's share.
std::vector<double> log_shares(const TrainRequest &request, const Sequences &sequences, double half_life,
							   std::int64_t until) {
	std::vector<double> recent(sequences.n_items(), 0.0), all(sequences.n_items(), 0.0);
	double sum_recent = 0, sum_all = 0;
	for (std::size_t event = 0; event < sequences.n_events(); ++event) {
		if (event % kPollEvery == 0)
			request.stop.check();
		if (sequences.time(event) > until)
			continue;
		const double age = static_cast<double>(until) - static_cast<double>(sequences.time(event));
		const double weight = std::exp2(-age / half_life);
		recent[sequences.item(event)] += weight;
		all[sequences.item(event)] += 1;
		sum_recent += weight;
		sum_all += 1;
	}
	const double n = static_cast<double>(sequences.n_items());
	for (std::size_t item = 0; item < sequences.n_items(); ++item)
		recent[item] = std::log((1 - kKeptPast) * (sum_recent > 0 ? recent[item] / sum_recent : 0.0) +
								kKeptPast * (all[item] + 0.5) / (sum_all + 0.5 * n));
	return recent;
}

class PriorScorer final : public ExpertScorer {
public:
	explicit PriorScorer(std::span<const float> shares) : shares_(shares) {}
	std::span<const float> base() const noexcept override { return shares_; }
	void add(Past, float, Dense) const override {}

private:
	std::span<const float> shares_;
};

} // namespace

void PopularityPrior::tune(const TrainRequest &request, const Sequences &sequences, const HeldOutCases &) {
	if (request.hyperparameters["recency_mask"] == 0 || sequences.n_events() == 0)
		return;
	Budgeted<std::int64_t> times(sequences.n_events(), 0, BudgetAllocator<std::int64_t>(&request.budget));
	for (std::size_t event = 0; event < times.size(); ++event)
		times[event] = sequences.time(event);
	SparsePoll poll(request.stop);
	const auto at = static_cast<std::ptrdiff_t>(static_cast<double>(times.size() - 1) * (1 - kNewestShare));
	std::nth_element(times.begin(), times.begin() + at, times.end(), [&](std::int64_t a, std::int64_t b) {
		poll();
		return a < b;
	});
	const std::int64_t until = times[static_cast<std::size_t>(at)];
	const auto [oldest, newest] = std::minmax_element(times.begin(), times.end());
	const double span = static_cast<double>(*newest) - static_cast<double>(*oldest);
	request.monitor.phase("choosing how fast popularity fades", 8);
	double best = -std::numeric_limits<double>::infinity();
	for (const double share : {0.0, 1.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.005}) { // of the span; 0 = no fading
		const double half_life = share == 0.0 ? std::numeric_limits<double>::infinity() : share * span;
		if (!(half_life > 0))
			continue;
		const std::vector<double> shares = log_shares(request, sequences, half_life, until);
		double sum = 0;
		for (std::size_t event = 0; event < sequences.n_events(); ++event, poll())
			if (sequences.time(event) > until)
				sum += shares[sequences.item(event)];
		if (sum > best) {
			best = sum;
			half_life_ = half_life;
		}
		request.monitor.advance();
	}
}

void PopularityPrior::fit(const TrainRequest &request, const Sequences &sequences, const HeldOutCases *,
				  artifact::Writer &writer) {
	request.monitor.phase("counting popularity", sequences.n_events());
	const std::vector<double> shares = log_shares(request, sequences, half_life_, request.data.newest_time());
	const std::vector<float> stored(shares.begin(), shares.end());
	writer.add<float>(kShares, stored);
}

// An added item enters with its share of all events, however old: its own are recent anyhow.
void PopularityPrior::update(const artifact::View &old, const UpdatedItems &items, const TrainRequest &request,
							 artifact::Writer &writer) const {
	const auto before = old.get<float>(kShares, items.old_size());
	const Sequences sequences(request, {});
	const std::vector<double> now =
		log_shares(request, sequences, std::numeric_limits<double>::infinity(), request.data.newest_time());
	std::vector<float> shares(items.size());
	for (std::uint32_t item = 0; item < items.size(); ++item) {
		const std::uint32_t in_data = items.from_data()[item], in_old = items.from_old()[item];
		shares[item] = items.added(item) && in_data != data::kNone ? static_cast<float>(now[in_data]) : before[in_old];
	}
	writer.add<float>(kShares, shares);
}

std::unique_ptr<ExpertScorer> PopularityPrior::open(const artifact::View &view, std::size_t n_items) const {
	const auto shares = view.get<float>(kShares, n_items);
	if (!std::all_of(shares.begin(), shares.end(), [](float x) { return std::isfinite(x); }))
		artifact::View::fail(kShares, "has a value that is not finite");
	return std::make_unique<PriorScorer>(shares);
}

} // namespace recsys::recipe
