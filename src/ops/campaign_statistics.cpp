#include "ops/campaign_statistics.hpp"

#include <algorithm>
#include <cmath>

namespace recsys::ops {

namespace {

constexpr std::size_t kAlarmPeriods = 12, kAlarmLow = 9; // low in so many of the newest so many

std::vector<CampaignTraffic> of_group(const catalog::Group &group, TimestampTz since) {
	static pg::Plan list{"SELECT id, name, min_provisioned_tps, (extract(epoch FROM updated_at) * 1000000)::int8 - 946684800000000"
						 " FROM recsys_internal.campaign WHERE group_id = $1 ORDER BY name",
						 {INT8OID}};
	pg::Rows rows;
	{
		const pg::AsOwner owner;
		rows = list.rows({pg::int8(group.id)}, pg::Access::Read);
	}
	std::vector<CampaignTraffic> out;
	for (const pg::Row &row : rows) {
		CampaignTraffic campaign{row.int8(0), group.name, row.text(1), row.float8(2), row.int8(3), since, {}};
		if (const auto figures = stats::campaign_figures(campaign.id)) {
			campaign.figures = *figures;
			campaign.since = figures->since;
		}
		out.push_back(std::move(campaign));
	}
	return out;
}

pg::Param time_or_null(TimestampTz time) { return time == 0 ? pg::null() : pg::timestamptz(time); }

pg::Param milliseconds(double microseconds) { return pg::float8(std::round(microseconds) / 1000); }

// Requests of the newest full period by its length, and whether the campaign has hardly been used lately.
struct Recent {
	double average_tps = 0, utilization = 0;
	std::size_t low = 0, known = 0; // of the newest kAlarmPeriods
};
Recent recent(const CampaignTraffic &campaign) {
	const std::vector<Period> all = periods(campaign);
	Recent out;
	for (std::size_t i = all.size() > kAlarmPeriods ? all.size() - kAlarmPeriods : 0; i < all.size(); ++i, ++out.known) {
		out.low += all[i].utilization < 1;
		out.average_tps = all[i].average_tps;
		out.utilization = all[i].utilization;
	}
	return out;
}

void write(const CampaignTraffic &c, pg::ResultTable &out) {
	const stats::CampaignFigures &f = c.figures;
	const auto count = [](std::uint64_t n) { return pg::int8(static_cast<std::int64_t>(n)); };
	const auto percentile = [&f](double share) { return f.calls == 0 ? pg::null() : milliseconds(f.percentile_us(share)); };
	const Recent now = recent(c);
	const auto of_period = [&now](double value) { return now.known == 0 ? pg::null() : pg::float8(value); };
	out.row({pg::text(c.group), pg::text(c.name), count(f.calls), count(f.rows), count(f.errors), count(f.short_answers), count(f.fallbacks),
			 f.calls == 0 ? pg::null() : milliseconds(static_cast<double>(f.total_us) / static_cast<double>(f.calls)), percentile(0.5),
			 percentile(0.95), percentile(0.99), f.calls == 0 ? pg::null() : milliseconds(static_cast<double>(f.max_us)),
			 milliseconds(static_cast<double>(f.total_us)), time_or_null(f.last_call), of_period(now.average_tps), pg::float8(c.floor),
			 of_period(now.utilization), now.known < kAlarmPeriods ? pg::null() : pg::boolean(now.low >= kAlarmLow), pg::timestamptz(c.since)});
}

} // namespace

std::vector<CampaignTraffic> campaign_traffic() {
	std::vector<CampaignTraffic> out;
	const std::optional<TimestampTz> since = stats::counting_since();
	if (!since)
		return out;
	for (const catalog::Group &group : catalog::groups_with(catalog::Right::Read))
		for (CampaignTraffic &campaign : of_group(group, *since))
			out.push_back(std::move(campaign));
	return out;
}

std::vector<Period> periods(const CampaignTraffic &campaign) {
	const TimestampTz now = GetCurrentTimestamp();
	constexpr std::int64_t kDay = stats::kPeriodLength * static_cast<std::int64_t>(stats::kPeriods - 1);
	// The first full period since counting began; the campaign's own counters begin with its first call.
	const TimestampTz began = std::max(stats::counting_since().value_or(now), now - kDay);
	std::vector<Period> out;
	for (TimestampTz start = (began / stats::kPeriodLength + 1) * stats::kPeriodLength; start + stats::kPeriodLength <= now;
		 start += stats::kPeriodLength) {
		constexpr double kSeconds = static_cast<double>(stats::kPeriodLength) / USECS_PER_SEC;
		const std::uint32_t calls = campaign.figures.period_calls(start);
		const double average = calls / kSeconds;
		out.push_back({start, calls, average, average / campaign.floor, std::max(average, campaign.floor) * kSeconds / 3600,
					   calls == 0 ? 0 : campaign.figures.period_top_scores(start) / calls});
	}
	return out;
}

} // namespace recsys::ops

using namespace recsys;

RECSYS_FUNCTION(campaign_statistics) {
	pg::ResultTable out(call);
	for (const ops::CampaignTraffic &campaign : ops::campaign_traffic())
		ops::write(campaign, out);
	return call.result_void();
}

RECSYS_FUNCTION(campaign_periods) {
	pg::ResultTable out(call);
	for (const ops::CampaignTraffic &c : ops::campaign_traffic())
		for (const ops::Period &p : ops::periods(c))
			out.row({pg::text(c.group), pg::text(c.name), pg::timestamptz(p.start), pg::int8(p.calls), pg::float8(p.average_tps),
					 pg::float8(c.floor), pg::float8(p.utilization), pg::float8(p.tps_hours), p.mean_top_score == 0 ? pg::null() : pg::float8(p.mean_top_score)});
	return call.result_void();
}

RECSYS_FUNCTION(campaign_latency) {
	pg::ResultTable out(call);
	for (const ops::CampaignTraffic &c : ops::campaign_traffic())
		for (std::size_t b = 0; b < stats::kLatencyBuckets; ++b)
			if (c.figures.latency[b] != 0)
				out.row({pg::text(c.group), pg::text(c.name), pg::float8(static_cast<double>(stats::latency_bound(b)) / 1000),
						 pg::float8(static_cast<double>(stats::latency_bound(b + 1)) / 1000),
						 pg::int8(static_cast<std::int64_t>(c.figures.latency[b]))});
	return call.result_void();
}

// Nothing is idle before so much time has been watched.
RECSYS_FUNCTION(idle_campaigns) {
	if (call.null(0))
		throw Error("22004", "argument \"threshold\" must not be null");
	const Interval *threshold = DatumGetIntervalP(call.datum(0));
	const std::int64_t span = threshold->time + (threshold->day + threshold->month * std::int64_t{DAYS_PER_MONTH}) * USECS_PER_DAY;
	if (span <= 0)
		throw Error(sqlstate::InvalidParameter, "argument \"threshold\" must be positive");
	pg::ResultTable out(call);
	const TimestampTz now = GetCurrentTimestamp();
	for (const ops::CampaignTraffic &c : ops::campaign_traffic()) {
		const TimestampTz last = c.figures.last_call;
		if (std::max({c.changed, c.since, last}) <= now - span)
			out.row({pg::text(c.group), pg::text(c.name), last == 0 ? pg::null() : pg::timestamptz(last),
					 pg::timestamptz(std::max({c.changed, c.since, last}))});
	}
	return call.result_void();
}

RECSYS_FUNCTION(reset_campaign_statistics) {
	const catalog::Found campaign = catalog::require_resource("campaign", call.text(0, "campaign"), catalog::Right::Own);
	stats::reset_campaign_figures(campaign.id);
	return call.result_void();
}
