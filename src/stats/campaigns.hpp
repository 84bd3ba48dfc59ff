// What campaigns are asked, and how fast they answer: counters of every campaign in shared memory, always on. A request costs three
// looks at the clock and a handful of atomic additions. Figures are of this server since it started: a standby has its own.
// Without preloading nothing is counted.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "pg/guard.hpp"

extern "C" {
#include "utils/timestamp.h"
}

namespace recsys::stats {

/// Buckets of latency, four to a doubling: bucket b holds the microseconds from latency_bound(b) up to latency_bound(b + 1).
inline constexpr std::size_t kLatencyBuckets = 100;
std::uint64_t latency_bound(std::size_t bucket) noexcept;
/// Where so many microseconds belong; the last bucket holds all that is longer.
std::size_t latency_bucket(std::uint64_t microseconds) noexcept;

/// Calls are counted by periods of five minutes, for a day.
inline constexpr std::size_t kPeriods = 288;
inline constexpr std::int64_t kPeriodLength = std::int64_t{300} * USECS_PER_SEC;

/// What is counted of an answer.
struct Answered {
	std::size_t rows = 0;
	bool short_of = false;			 // fewer rows than asked for, though the catalogue has as many
	bool fallback = false;			 // nothing was known of the user or item that was asked about
	std::optional<double> top_score = {}; // of the first row
};

/// One request, from its beginning on. A request that ends before `done` has failed.
class CampaignCall {
public:
	CampaignCall() noexcept;
	~CampaignCall();
	CampaignCall(const CampaignCall &) = delete;
	CampaignCall &operator=(const CampaignCall &) = delete;
	/// Known only after the campaign's name was looked up; without it nothing is counted.
	void of(std::int64_t campaign_id);
	void done(const Answered &answered) noexcept { answered_ = answered; }

private:
	std::uint64_t began_; // microseconds
	void *slot_ = nullptr; // of the campaign
	std::optional<Answered> answered_;
};

/// While it lives, requests of this session are not counted: they are made to look at the answers.
class Uncounted {
public:
	Uncounted() noexcept;
	~Uncounted();
	Uncounted(const Uncounted &) = delete;
	Uncounted &operator=(const Uncounted &) = delete;

private:
	bool before_;
};

struct CampaignFigures {
	TimestampTz since, last_call; // last_call: 0 = none yet
	std::uint64_t calls, rows, errors, total_us, max_us; // times: of calls that succeeded
	std::uint64_t short_answers, fallbacks;				 // of calls that succeeded
	std::array<std::uint64_t, kLatencyBuckets> latency;
	/// Calls, failed ones too, of the period that contains `time`; those of the last kPeriods are known.
	std::uint32_t period_calls(TimestampTz time) const noexcept;
	/// Sum of the top scores of the answers of that period.
	double period_top_scores(TimestampTz time) const noexcept;
	/// The latency that this share of the calls stays below, in microseconds; 0 without calls.
	double percentile_us(double share) const noexcept;

	std::array<std::uint64_t, kPeriods> periods;	// number of the period and calls, 32 bits each
	std::array<std::uint64_t, kPeriods> top_scores; // number of the period and sum, a float
};
/// Of a campaign of this database; absent before its first call.
std::optional<CampaignFigures> campaign_figures(std::int64_t campaign_id);
/// The counters begin anew.
void reset_campaign_figures(std::int64_t campaign_id);
/// When counting began, for campaigns that were not called; absent without preloading.
std::optional<TimestampTz> counting_since();

/// While preloading: declares the area of the counters.
void declare_campaigns();

} // namespace recsys::stats
