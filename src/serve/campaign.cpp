// The SQL of campaigns. Every change invalidates the caches of all backends when it commits.
#include "serve/campaign.hpp"

namespace recsys::serve {

using catalog::Json;
using catalog::Right;
using pg::Plan;

namespace {

const char *word(CampaignKind kind) { return kind == CampaignKind::Recommender ? "recommender" : "campaign"; }

bool is_recommender(std::int64_t id) {
	static Plan select{"SELECT recommender FROM recsys_internal.campaign WHERE id = $1", {INT8OID}};
	pg::AsOwner owner;
	const auto row = select.row({pg::int8(id)});
	return row && row->boolean(0);
}

catalog::Found require_kind(const std::string &name, Right right, CampaignKind kind) {
	catalog::Found found = catalog::require_resource(word(kind), name, right);
	if (kind == CampaignKind::Campaign && is_recommender(found.id))
		throw Error(sqlstate::NotFound, "campaign \"" + found.name + "\" does not exist", "It is a recommender.",
					"Recommenders have functions of their own, such as recsys.update_recommender.");
	return found;
}

bool in_training(const std::string &status) { return status == "CREATE PENDING" || status == "CREATE IN_PROGRESS"; }

const recipe::RecipeSpec &recipe_of(std::int64_t solution_id) {
	static Plan select{"SELECT recipe FROM recsys_internal.solution WHERE id = $1", {INT8OID}};
	pg::AsOwner owner;
	const auto row = select.row({pg::int8(solution_id)});
	const recipe::RecipeSpec *spec = row ? recipe::find_recipe(row->text(0)) : nullptr;
	if (spec == nullptr)
		throw Error("XX000", "solution has an unrecognized recipe");
	return *spec;
}

/// The version with the status it has now, which cannot change before the caller's transaction ends: a training that is just
/// finishing either sees the campaign that waits for it, or is seen as finished here.
catalog::FoundVersion lock_version(const std::string &name) {
	static Plan lock{"SELECT status FROM recsys_internal.solution_version WHERE id = $1 FOR SHARE", {INT8OID}};
	catalog::FoundVersion version = catalog::require_version(name, Right::Own);
	{
		pg::AsOwner owner;
		const auto row = lock.row({pg::int8(version.id)});
		version.status = row ? row->text(0) : "deleted";
	}
	if (version.status != "ACTIVE" && !in_training(version.status))
		throw Error(sqlstate::NotActive, "solution version \"" + version.name + "\" cannot be deployed",
					"Its status is " + version.status + ".", "Train a new one with recsys.create_solution_version.");
	return version;
}

void check_latest(const std::string &version, bool sync) {
	if (sync && version.find('/') != std::string::npos)
		throw Error(sqlstate::InvalidParameter, "argument \"sync_with_latest\" needs the name of a solution",
					"\"" + version + "\" names one version.", "Leave out the version's number.");
}

/// What is given of it, as column "config" keeps it.
Json exploration_of(const CampaignSettings &s) {
	Json out = Json::object();
	if (s.exploration_weight)
		out["exploration_weight"] = *s.exploration_weight;
	if (s.exploration_item_age_cut_off)
		out["exploration_item_age_cut_off"] = *s.exploration_item_age_cut_off;
	return out;
}

// The statement whose rows describe() reads; `where` is its condition.
#define RECSYS_CAMPAIGNS(where)                                                                                        \
	"SELECT c.name, g.id, g.name, s.name, s.recipe, s.name || '/' || v.number, s.name || '/' || p.number,"             \
	" c.min_provisioned_tps, c.sync_with_latest, c.status, c.failure_reason, c.latest_update,"                         \
	" to_json(c.created_at) #>> '{}', to_json(c.updated_at) #>> '{}', c.recommender, (SELECT"                          \
	" jsonb_object_agg(m->>'metric', m->'value') FROM jsonb_array_elements(v.metrics) m), c.config"                                                  \
	" FROM recsys_internal.campaign c JOIN recsys_internal.dataset_group g ON g.id = c.group_id"                       \
	" JOIN recsys_internal.solution s ON s.id = c.solution_id"                                                         \
	" LEFT JOIN recsys_internal.solution_version v ON v.id = c.version_id"                                             \
	" LEFT JOIN recsys_internal.solution_version p ON p.id = c.pending_version_id WHERE " where

Json describe_recommender(const pg::Row &row) {
	const auto text = [&row](std::size_t i) { return row.null(i) ? Json() : Json(row.text(i)); };
	return {{"name", row.text(0)},
			{"dataset_group", row.text(2)},
			{"recipe", row.text(4)},
			{"solution_version", text(5)},
			{"min_recommendation_requests_per_second", row.int8(7)},
			{"status", row.text(9)},
			{"failure_reason", text(10)},
			{"model_metrics", row.null(15) ? Json() : Json::parse(row.text(15))},
			{"created_at", row.text(12)},
			{"updated_at", row.text(13)}};
}

/// How new items are explored, for recipes that do.
Json with_exploration(Json described, const pg::Row &row) {
	const recipe::RecipeSpec *spec = recipe::find_recipe(row.text(4));
	if (spec == nullptr || !spec->capabilities.exploration)
		return described;
	const Json config = Json::parse(row.text(16));
	described["exploration_weight"] = config.value("exploration_weight", recipe::kExplorationWeight);
	described["exploration_item_age_cut_off"] = config.value("exploration_item_age_cut_off", recipe::kExplorationCutOff);
	return described;
}

Json describe(const pg::Row &row) {
	if (row.boolean(14))
		return with_exploration(describe_recommender(row), row);
	const auto text = [&row](std::size_t i) { return row.null(i) ? Json() : Json(row.text(i)); };
	return with_exploration({{"name", row.text(0)},
			{"dataset_group", row.text(2)},
			{"solution", row.text(3)},
			{"recipe", row.text(4)},
			{"solution_version", text(5)},
			{"pending_solution_version", text(6)},
			{"min_provisioned_tps", row.int8(7)},
			{"sync_with_latest", row.boolean(8)},
			{"status", row.text(9)},
			{"failure_reason", text(10)},
			{"latest_update", row.null(11) ? Json() : Json::parse(row.text(11))},
			{"created_at", row.text(12)},
			{"updated_at", row.text(13)}}, row);
}

} // namespace

void check_settings(const CampaignSettings &s, const recipe::RecipeSpec &spec) {
	if (spec.type == recipe::RecipeType::UserSegmentation)
		throw Error(sqlstate::InvalidParameter, "recipe \"" + std::string(spec.name) + "\" needs no campaign", {},
					"Call recsys.get_user_segment with the solution version.");
	if (s.min_provisioned_tps && *s.min_provisioned_tps < 1)
		throw Error(sqlstate::InvalidParameter,
					std::string("argument \"") + (spec.domain.empty() ? "min_provisioned_tps" : "min_recommendation_requests_per_second") +
						"\" must be at least 1");
	if (s.exploration_weight && !(*s.exploration_weight >= 0 && *s.exploration_weight <= 1))
		throw Error(sqlstate::InvalidParameter, "argument \"exploration_weight\" must be between 0 and 1");
	if (s.exploration_item_age_cut_off && *s.exploration_item_age_cut_off < 1)
		throw Error(sqlstate::InvalidParameter, "argument \"exploration_item_age_cut_off\" must be at least 1");
	const bool explores = (s.exploration_weight && *s.exploration_weight != recipe::kExplorationWeight && *s.exploration_weight != 0) ||
						  (s.exploration_item_age_cut_off && *s.exploration_item_age_cut_off != recipe::kExplorationCutOff);
	if (explores && !spec.capabilities.exploration)
		throw Error(sqlstate::FeatureNotSupported, "recipe \"" + std::string(spec.name) + "\" does not explore", {},
					"Leave out \"exploration_weight\" and \"exploration_item_age_cut_off\".");
}

void check_free(const catalog::Group &group, const std::string &name, CampaignKind kind) {
	static Plan select{"SELECT recommender FROM recsys_internal.campaign WHERE group_id = $1 AND name = $2", {INT8OID, TEXTOID}};
	std::optional<pg::Row> row;
	{
		pg::AsOwner owner;
		row = select.row({pg::int8(group.id), pg::text(name)});
	}
	if (row)
		throw Error(sqlstate::AlreadyExists, std::string(word(kind)) + " \"" + name + "\" already exists",
					"Dataset group \"" + group.name + "\" has a " +
						word(row->boolean(0) ? CampaignKind::Recommender : CampaignKind::Campaign) + " of this name.");
}

std::string create_campaign(const std::string &name, const std::string &version_name, const CampaignSettings &settings,
							CampaignKind kind) {
	static Plan insert{"INSERT INTO recsys_internal.campaign (group_id, name, solution_id, version_id, pending_version_id,"
					   " sync_with_latest, min_provisioned_tps, status, recommender, config) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
					   " ON CONFLICT (group_id, name) DO NOTHING",
					   {INT8OID, TEXTOID, INT8OID, INT8OID, INT8OID, BOOLOID, INT4OID, TEXTOID, BOOLOID, JSONBOID}};
	catalog::check_name(name, word(kind));
	check_latest(version_name, settings.sync_with_latest.value_or(false));
	const catalog::FoundVersion version = lock_version(version_name);
	check_settings(settings, recipe_of(version.solution_id));
	check_free(version.group, name, kind);
	const bool active = version.status == "ACTIVE";
	const pg::Param id = pg::int8(version.id);
	std::uint64_t inserted;
	{
		pg::AsOwner owner;
		inserted = insert.run({pg::int8(version.group.id), pg::text(name), pg::int8(version.solution_id), active ? id : pg::null(),
					active ? pg::null() : id, pg::boolean(settings.sync_with_latest.value_or(false)),
					pg::int4(settings.min_provisioned_tps.value_or(1)), pg::text(active ? "ACTIVE" : "CREATE PENDING"),
					pg::boolean(kind == CampaignKind::Recommender), pg::jsonb(exploration_of(settings).dump())});
	}
	if (inserted == 0)
		check_free(version.group, name, kind); // somebody was faster
	catalog::invalidate_caches();
	return name;
}

namespace {

struct Current {
	std::int64_t solution_id;
	std::string status;
};

Current lock_campaign(const catalog::Found &campaign) {
	static Plan select{"SELECT solution_id, status FROM recsys_internal.campaign WHERE id = $1 FOR UPDATE", {INT8OID}};
	pg::AsOwner owner;
	const auto row = select.row({pg::int8(campaign.id)});
	if (!row)
		throw Error(sqlstate::NotFound, "campaign \"" + campaign.name + "\" does not exist");
	return {row->int8(0), row->text(1)};
}

/// An ACTIVE version serves at once; one in training is awaited, and what serves now goes on until then.
void deploy(const catalog::Found &campaign, const catalog::FoundVersion &version) {
	static Plan update{"UPDATE recsys_internal.campaign SET version_id = CASE WHEN $3 THEN $2 ELSE version_id END,"
					   " pending_version_id = CASE WHEN $3 THEN NULL ELSE $2 END,"
					   " status = CASE WHEN $3 THEN 'ACTIVE' WHEN version_id IS NULL THEN 'CREATE PENDING' ELSE status END,"
					   " failure_reason = NULL, updated_at = now(),"
					   " latest_update = jsonb_build_object('solution_version', $4, 'status',"
					   " CASE WHEN $3 THEN 'ACTIVE' ELSE 'CREATE PENDING' END, 'created_at', now(), 'updated_at', now())"
					   " WHERE id = $1",
					   {INT8OID, INT8OID, BOOLOID, TEXTOID}};
	pg::AsOwner owner;
	update.run({pg::int8(campaign.id), pg::int8(version.id), pg::boolean(version.status == "ACTIVE"), pg::text(version.name)});
}

} // namespace

void update_campaign(const std::string &name, const std::optional<std::string> &version_name,
					 const CampaignSettings &settings, CampaignKind kind) {
	static Plan change{"UPDATE recsys_internal.campaign SET sync_with_latest = coalesce($2, sync_with_latest),"
					   " min_provisioned_tps = coalesce($3, min_provisioned_tps), config = config || $4, updated_at = now() WHERE id = $1",
					   {INT8OID, BOOLOID, INT4OID, JSONBOID}};
	const catalog::Found campaign = require_kind(name, Right::Own, kind);
	if (!version_name && settings == CampaignSettings{})
		throw Error(sqlstate::InvalidParameter, std::string("nothing to update in ") + word(kind) + " \"" + campaign.name + "\"", {},
					std::string("Name what shall change, such as ") +
						(kind == CampaignKind::Campaign ? "solution_version." : "min_recommendation_requests_per_second."));
	if (version_name)
		check_latest(*version_name, settings.sync_with_latest.value_or(false));
	std::optional<catalog::FoundVersion> version;
	if (version_name)
		version = lock_version(version_name->find('.') == std::string::npos ? campaign.group.name + "." + *version_name
																			 : *version_name);
	const Current current = lock_campaign(campaign);
	if (current.status != "ACTIVE" && current.status != "CREATE FAILED")
		throw Error(sqlstate::InUse, std::string(word(kind)) + " \"" + campaign.name + "\" cannot be updated now",
					"Its status is " + current.status + ".", "Wait until it is ACTIVE.");
	if (version && version->solution_id != current.solution_id)
		throw Error(sqlstate::InvalidParameter, "a campaign stays with its solution",
					"\"" + version->name + "\" belongs to another solution.", "Create a campaign for it.");
	check_settings(settings, recipe_of(current.solution_id));
	{
		pg::AsOwner owner;
		change.run({pg::int8(campaign.id),
					settings.sync_with_latest ? pg::boolean(*settings.sync_with_latest) : pg::null(),
					settings.min_provisioned_tps ? pg::int4(*settings.min_provisioned_tps) : pg::null(),
					pg::jsonb(exploration_of(settings).dump())});
	}
	if (version)
		deploy(campaign, *version);
	catalog::invalidate_caches();
}

void delete_campaign(const std::string &name) {
	static Plan remove{"DELETE FROM recsys_internal.campaign WHERE id = $1", {INT8OID}};
	const catalog::Found campaign = require_kind(name, Right::Own, CampaignKind::Campaign);
	{
		pg::AsOwner owner;
		remove.run({pg::int8(campaign.id)});
	}
	catalog::invalidate_caches();
}

Json describe_campaign(const std::string &name, CampaignKind kind) {
	static Plan select{RECSYS_CAMPAIGNS("c.id = $1"), {INT8OID}};
	const catalog::Found campaign = require_kind(name, Right::Read, kind);
	pg::AsOwner owner;
	return describe(select.row({pg::int8(campaign.id)}).value());
}

std::vector<Json> list_campaigns(CampaignKind kind) {
	static Plan select{RECSYS_CAMPAIGNS("c.group_id = $1 AND c.recommender = $2 ORDER BY c.name"), {INT8OID, BOOLOID}};
	std::vector<Json> out;
	for (const catalog::Group &group : catalog::groups_with(Right::Read)) {
		pg::AsOwner owner;
		for (const pg::Row &row : select.rows({pg::int8(group.id), pg::boolean(kind == CampaignKind::Recommender)}))
			out.push_back(describe(row));
	}
	return out;
}

namespace {

void switch_recommender(const std::string &name, const char *from, const char *to) {
	static Plan update{"UPDATE recsys_internal.campaign SET status = $2, updated_at = now() WHERE id = $1", {INT8OID, TEXTOID}};
	const catalog::Found recommender = require_kind(name, Right::Own, CampaignKind::Recommender);
	const Current current = lock_campaign(recommender);
	if (current.status != from)
		throw Error(sqlstate::InUse, "recommender \"" + recommender.name + "\" is not " + from, "Its status is " + current.status + ".");
	{
		pg::AsOwner owner;
		update.run({pg::int8(recommender.id), pg::text(to)});
	}
	catalog::invalidate_caches();
}

} // namespace

void stop_recommender(const std::string &name) { switch_recommender(name, "ACTIVE", "INACTIVE"); }
void start_recommender(const std::string &name) { switch_recommender(name, "INACTIVE", "ACTIVE"); }

catalog::Found delete_recommender_campaign(const std::string &name) {
	static Plan remove{"DELETE FROM recsys_internal.campaign c USING recsys_internal.solution s"
					   " WHERE c.id = $1 AND s.id = c.solution_id RETURNING s.id, s.name",
					   {INT8OID}};
	const catalog::Found recommender = require_kind(name, Right::Own, CampaignKind::Recommender);
	std::optional<pg::Row> row;
	{
		pg::AsOwner owner;
		row = remove.row({pg::int8(recommender.id)});
	}
	if (!row)
		throw Error(sqlstate::NotFound, "recommender \"" + recommender.name + "\" does not exist");
	catalog::invalidate_caches();
	return {row->int8(0), row->text(1), recommender.group};
}

} // namespace recsys::serve
