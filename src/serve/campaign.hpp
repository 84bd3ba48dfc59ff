// Campaigns as resources: what serves, and under which name. Serving itself reads them through serve/endpoint.hpp.
#include "recipe/recipe.hpp"
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

/// Errors: 22023 out of range; 0A000 for exploration with a recipe that has none.
void check_settings(const CampaignSettings &settings, const recipe::RecipeSpec &spec);

/// A recommender is a campaign that was made with its solution, for a use case of a domain. Both kinds share one name space, and
/// a request may name either; each kind has its own functions for everything else.
enum class CampaignKind { Campaign, Recommender };

/// On an ACTIVE version the campaign serves at once; on one in training it is CREATE PENDING until that is ACTIVE.
/// Returns the name. Errors: RS001, RS004 for a version that failed, RS006, 0A000 for exploration, 22023, 42602.
std::string create_campaign(const std::string &name, const std::string &version, const CampaignSettings &settings,
							CampaignKind kind = CampaignKind::Campaign);
/// Errors: RS006 when the group has a campaign or recommender of this name.
void check_free(const catalog::Group &group, const std::string &name, CampaignKind kind);

/// Changes settings, and the version within the same solution. While a version in training is awaited the old one serves.
/// Errors: as create_campaign; RS002 while the campaign itself is pending.
void update_campaign(const std::string &name, const std::optional<std::string> &version, const CampaignSettings &settings,
					 CampaignKind kind = CampaignKind::Campaign);

void delete_campaign(const std::string &name);
catalog::Json describe_campaign(const std::string &name, CampaignKind kind = CampaignKind::Campaign);
/// All campaigns, or recommenders, that the caller may use, by group and name.
std::vector<catalog::Json> list_campaigns(CampaignKind kind = CampaignKind::Campaign);

/// Requests to a stopped recommender fail, until it is started with the version that it has. Errors: RS001; RS002 when it is not
/// ACTIVE, or not INACTIVE.
void stop_recommender(const std::string &name);
void start_recommender(const std::string &name);
/// Deletes the campaign and leaves the solution, which is returned.
catalog::Found delete_recommender_campaign(const std::string &name);

} // namespace recsys::serve
