// Campaigns as resources: what serves, and under which name. Serving itself reads them through serve/endpoint.hpp.
#pragma once

#include <optional>
#include <string>

#include "catalog/catalog.hpp"

namespace recsys::serve {

/// Exploration is asked for by weight and age; a recipe that cannot explore takes only the defaults and weight 0.
struct CampaignSettings {
	std::optional<double> exploration_weight;
	std::optional<std::int32_t> exploration_item_age_cut_off;
	std::optional<std::int32_t> min_provisioned_tps;
	std::optional<bool> sync_with_latest;
	bool operator==(const CampaignSettings &) const = default;
};

/// On an ACTIVE version the campaign serves at once; on one in training it is CREATE PENDING until that is ACTIVE.
/// Returns the name. Errors: RS001, RS004 for a version that failed, RS006, 0A000 for exploration, 22023, 42602.
std::string create_campaign(const std::string &name, const std::string &version, const CampaignSettings &settings);

/// Changes settings, and the version within the same solution. While a version in training is awaited the old one serves.
/// Errors: as create_campaign; RS002 while the campaign itself is pending.
void update_campaign(const std::string &name, const std::optional<std::string> &version, const CampaignSettings &settings);

void delete_campaign(const std::string &name);
catalog::Json describe_campaign(const std::string &name);
/// All campaigns the caller may use, by group and name.
std::vector<catalog::Json> list_campaigns();

} // namespace recsys::serve
