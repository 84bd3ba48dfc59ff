#include "recipe/repeat_habit.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

namespace recsys::recipe {

namespace {

constexpr const char *kLift = "repeat_habit.lift";
constexpr std::size_t kBuckets = 9;				// ages 0, 1, 2-3, 4-7, … 128 and more
constexpr std::size_t kMostEvents = 300'000; // a rate needs no more
constexpr std::size_t kPollEvery = 4096;

std::size_t bucket_of(std::uint32_t age) noexcept {
	return std::min<std::size_t>(static_cast<std::size_t>(std::bit_width(age)), kBuckets - 1);
}

class RepeatScorer final : public ExpertScorer {
public:
	explicit RepeatScorer(std::span<const float> lift) : lift_(lift) {}
	void add(Past past, float weight, Dense out) const override {
		for (std::size_t i = 0; i < past.size(); ++i) {
			const auto newer = past.first(i);
			const bool seen = std::any_of(newer.begin(), newer.end(), [&](const Vote &v) { return v.item == past[i].item; });
			if (!seen)
				out.add(past[i].item, weight * lift_[bucket_of(past[i].age)]);
		}
	}

private:
	std::span<const float> lift_;
};

struct Rates {
	double chances[kBuckets] = {}, returns[kBuckets] = {};
};

/// For one event: each distinct item of the kMaxPast events before it had a chance to return, by the age of its newest event.
void count(const Sequences &s, std::size_t event, std::size_t begin, Rates &rates) {
	const std::size_t oldest = event - std::min(event - begin, kMaxPast);
	std::size_t returned = kBuckets;
	for (std::size_t past = event; past-- > oldest;) {
		// The age as a request would see it: moments newer than that event among those before this one.
		const std::size_t bucket = bucket_of(s.step(event - 1) - s.step(past));
		rates.chances[bucket] += 1;
		if (returned == kBuckets && s.item(past) == s.item(event))
			returned = bucket;
	}
	if (returned < kBuckets)
		rates.returns[returned] += 1;
}

} // namespace

void RepeatHabit::fit(const TrainRequest &request, const Sequences &s, const HeldOutCases *,
				  artifact::Writer &writer) {
	request.monitor.phase("counting returns", s.n_users());
	Rates rates;
	const std::size_t every = std::max<std::size_t>(1, s.n_events() / kMostEvents);
	for (std::size_t user = 0; user < s.n_users(); ++user) {
		request.monitor.advance();
		for (std::size_t event = s.user_begin(user) + 1; event < s.user_begin(user + 1); ++event) {
			if (event % kPollEvery == 0)
				request.stop.check();
			if (event % every == 0)
				count(s, event, s.user_begin(user), rates);
		}
	}
	// Half an event of prior evidence for a return as likely as any other draw keeps a lift without evidence at zero.
	const double n_items = static_cast<double>(std::max<std::size_t>(s.n_items(), 1));
	float lift[kBuckets];
	for (std::size_t b = 0; b < kBuckets; ++b)
		lift[b] = static_cast<float>(std::log((rates.returns[b] + 0.5) / (rates.chances[b] / n_items + 0.5)));
	writer.add<float>(kLift, lift);
}

void RepeatHabit::update(const artifact::View &old, const UpdatedItems &, const TrainRequest &, artifact::Writer &writer) const {
	copy_section(old, kLift, writer);
}

std::unique_ptr<ExpertScorer> RepeatHabit::open(const artifact::View &view, std::size_t n_items) const {
	(void)n_items;
	const auto lift = view.get<float>(kLift, kBuckets);
	if (!std::all_of(lift.begin(), lift.end(), [](float x) { return std::isfinite(x); }))
		artifact::View::fail(kLift, "has a value that is not finite");
	return std::make_unique<RepeatScorer>(lift);
}

} // namespace recsys::recipe
