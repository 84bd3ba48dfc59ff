// What operators see of the campaigns' traffic: the counters of stats/campaigns.hpp next to what the catalog knows.
//
// Capacity is counted as the service counts it: requests by periods of five minutes; a period's average is its requests by 300
// seconds, and it costs the greater of that average and the campaign's floor, min_provisioned_tps. TPS-hours are the sum of that.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "catalog/catalog.hpp"
#include "stats/campaigns.hpp"

namespace recsys::ops {

struct CampaignTraffic {
	std::int64_t id;
	std::string group, name;
	double floor;				// min_provisioned_tps
	TimestampTz changed;		// created, or changed since
	TimestampTz since;			// counted from then on
	stats::CampaignFigures figures; // all zero before the first call
};
/// Of the campaigns and recommenders of groups that the caller may read. Empty without preloading: nothing is counted.
std::vector<CampaignTraffic> campaign_traffic();

/// A full period of five minutes.
struct Period {
	TimestampTz start;
	std::uint32_t calls;
	double average_tps, utilization, tps_hours; // utilization: average by floor
	double mean_top_score;						// of the requests; 0 without scores
};
/// Those since counting began, a day back at most, oldest first.
std::vector<Period> periods(const CampaignTraffic &campaign);

} // namespace recsys::ops
