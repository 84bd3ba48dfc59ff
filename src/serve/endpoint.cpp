#include "serve/action_statements.hpp"
#include "serve/endpoint.hpp"

#include <algorithm>
#include <charconv>

#include "pg/snapshot.hpp"

extern "C" {
#include "utils/inval.h"
}

namespace recsys::serve {

using catalog::DatasetType;
using pg::DynamicPlan;
using pg::quote_literal;

namespace {

constexpr std::size_t kMetadataPlans = 16;

// The shortest text that reads back as the same number.
std::string shortest(double value) {
	char buffer[32];
	const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
	return quote_literal({buffer, static_cast<std::size_t>(end - buffer)});
}

std::string text_array_literal(const std::vector<std::string> &values) {
	std::string out = "ARRAY[";
	for (std::size_t i = 0; i < values.size(); ++i)
		out += (i == 0 ? "" : ", ") + quote_literal(values[i]);
	return out + "]::pg_catalog.text[]";
}

int trend_minutes(const recipe::RecipeSpec &spec, const catalog::Json &hyperparameters) {
	const std::string name = "trend_discovery_frequency";
	std::map<std::string, std::string> given;
	if (hyperparameters.contains(name))
		given[name] = hyperparameters.at(name).get<std::string>();
	return static_cast<int>(recipe::complete_hyperparameters(spec, given)[name]);
}

} // namespace

UserReader::UserReader(const catalog::Group &group, const catalog::Dataset &users, const data::FeatureEncoder &encoder)
	: id_type(users.user_id_type), fields(users, encoder), rights(catalog::read_check(group, users)) {
	if (!fields.empty())
		rows = DynamicPlan(catalog::union_sql(group, users, fields.names(), "{user_id} OPERATOR(pg_catalog.=) ANY ($1)"),
						   {pg::id_array_type(id_type)}, CURSOR_OPT_GENERIC_PLAN);
}

Endpoint::Endpoint(std::int64_t campaign_id, std::string name, catalog::Group group)
	: campaign_id_(campaign_id), called_("campaign \"" + name + "\""), group_(std::move(group)), rights_(catalog::read_check(group_)),
	  interactions_(catalog::require_dataset(group_, DatasetType::Interactions)),
	  items_(catalog::find_dataset(group_, DatasetType::Items)) {
	load_campaign(campaign_id, name);
	open(name);
}

Endpoint::Endpoint(const catalog::FoundVersion &version)
	: called_("solution version \"" + version.name + "\""), group_(version.group), rights_(catalog::read_check(group_)),
	  interactions_(catalog::require_dataset(group_, DatasetType::Interactions)),
	  items_(catalog::find_dataset(group_, DatasetType::Items)), version_id_(version.id) {
	if (version.status != "ACTIVE")
		throw Error(sqlstate::NotActive, called_ + " is not active", "Its status is " + version.status + ".",
					"recsys.wait_for waits until a training has ended.");
	open(version.name);
}

void Endpoint::open(const std::string &name) {
	load_solution();
	const store::Revision revision = store::newest_revision(version_id_);
	revision_ = revision.revision;
	model_ = store::open_model(revision, name);
	const Oid schema = group_.schema_oid;
	alias_relation_ = pg::call([schema] { return get_relname_relid("user_aliases", schema); });
	write_statements();
	if (spec_->trends)
		follow_trends();
	if (const data::FeatureEncoder *encoder = model_->scorer().user_encoder())
		if (const auto users = catalog::find_dataset(group_, DatasetType::Users))
			user_reader_ = std::make_unique<UserReader>(group_, *users, *encoder);
}

void Endpoint::load_campaign(std::int64_t campaign_id, const std::string &name) {
	static pg::Plan select{"SELECT version_id, status, failure_reason, config FROM recsys_internal.campaign WHERE id = $1", {INT8OID}};
	std::optional<pg::Row> row;
	{
		pg::AsOwner owner;
		row = select.row({pg::int8(campaign_id)}, pg::Access::Read);
	}
	if (!row)
		throw Error(sqlstate::NotFound, called_ + " does not exist", {}, "Those you may use are listed in \"recsys.campaigns\".");
	if (row->text(1) == "INACTIVE")
		throw Error(sqlstate::NotActive, "recommender \"" + name + "\" is stopped", {}, "Start it with recsys.start_recommender.");
	if (row->null(0)) {
		const std::string reason = row->null(2) ? "" : row->text(2); // the message; detail and hint are on further lines
		throw Error(sqlstate::NotActive, called_ + " is not active",
					"Its status is " + row->text(1) + (reason.empty() ? "." : ": " + reason.substr(0, reason.find('\n')) + "."),
					row->text(1) == "CREATE FAILED" ? "Train a new version, and name it with recsys.update_campaign."
													: "It serves as soon as its solution version is ACTIVE.");
	}
	version_id_ = row->int8(0);
	const catalog::Json config = catalog::Json::parse(row->text(3));
	exploration_weight_ = config.value("exploration_weight", recipe::kExplorationWeight);
	exploration_cut_off_ = config.value("exploration_item_age_cut_off", recipe::kExplorationCutOff);
}

void Endpoint::load_solution() {
	static pg::Plan select{"SELECT s.event_type, s.event_value_threshold, to_json(s.negative_event_types), coalesce(v.config->>'recipe', s.recipe),"
						   " coalesce(v.config->'hyperparameters', s.hyperparameters) FROM recsys_internal.solution_version v"
						   " JOIN recsys_internal.solution s ON s.id = v.solution_id WHERE v.id = $1",
						   {INT8OID}};
	std::optional<pg::Row> row;
	{
		pg::AsOwner owner;
		row = select.row({pg::int8(version_id_)}, pg::Access::Read);
	}
	spec_ = row ? recipe::find_recipe(row->text(3)) : nullptr;
	if (spec_ == nullptr)
		throw Error("XX000", "solution of " + called_ + " has an unrecognized recipe");
	rule_.event_type = row->optional_text(0);
	if (!row->null(1))
		rule_.value_threshold = row->float8(1);
	for (const catalog::Json &type : catalog::Json::parse(row->text(2)))
		rule_.negative_types.push_back(type.get<std::string>());
	if (spec_->trends)
		trend_minutes_ = trend_minutes(*spec_, catalog::Json::parse(row->text(4)));
}

// The trend's counts are of the events that training takes for a sign of interest.
void Endpoint::follow_trends() {
	std::string condition = positive_condition();
	if (!rule_.negative_types.empty() && !rule_.event_type)
		condition += (condition.empty() ? "" : " AND ") + std::string("({event_type} OPERATOR(pg_catalog.=) ANY (") +
					 text_array_literal(rule_.negative_types) + ")) IS NOT TRUE";
	trends_ = std::make_unique<Trends>(group_, interactions_, condition.empty() ? "" : " AND " + condition, trend_minutes_);
}

bool Endpoint::is_negative_type(std::string_view type) const noexcept {
	return std::find(rule_.negative_types.begin(), rule_.negative_types.end(), type) != rule_.negative_types.end();
}

// The same events that training reads: negative types always, of the others those of the solution's type and value.
std::string Endpoint::event_condition() const {
	const std::string positive = positive_condition();
	if (positive.empty())
		return {};
	if (rule_.negative_types.empty())
		return " AND " + positive;
	return " AND ({event_type} OPERATOR(pg_catalog.=) ANY (" + text_array_literal(rule_.negative_types) + ") OR (" + positive +
		   "))";
}

std::string Endpoint::positive_condition() const {
	std::string positive;
	if (rule_.event_type)
		positive = "{event_type} OPERATOR(pg_catalog.=) " + quote_literal(*rule_.event_type);
	if (rule_.value_threshold)
		positive += (positive.empty() ? "" : " AND ") + std::string("{event_value} OPERATOR(pg_catalog.>=) ") +
					shortest(*rule_.value_threshold) + "::pg_catalog.float8";
	return positive;
}

// Plans are generic: the best one does not depend on the user, and a session's first request need not plan twice.
void Endpoint::write_statements() {
	std::vector<std::string> columns{"item_id", "timestamp"};
	if (!rule_.negative_types.empty())
		columns.push_back("event_type");
	if (reads_sessions())
		columns.push_back("session_id");
	const std::string events = catalog::union_sql(group_, interactions_, columns,
												  "{user_id} OPERATOR(pg_catalog.=) $1" + event_condition());
	const std::string ordered = events + " ORDER BY \"timestamp\" DESC";
	const auto plan = [](std::string sql, Oid type) {
		return DynamicPlan(std::move(sql), {type}, CURSOR_OPT_GENERIC_PLAN);
	};
	// With ties: the lines of one order share its time, and which of them a plain LIMIT keeps would depend on the plan.
	statements.newest_events = plan(
		ordered + " FETCH FIRST " + std::to_string(model_->scorer().max_history()) + " ROWS WITH TIES", user_type());
	statements.all_events = plan(ordered, user_type());
	const std::string aliases = catalog::alias_table(group_);
	const std::string id = catalog::cast_sql(catalog::id_type_name(user_type()));
	statements.aliases = plan("WITH owner AS (SELECT coalesce((SELECT user_id FROM " + aliases +
								  " WHERE alias_id OPERATOR(pg_catalog.=) $1), $1)" + id + " AS id)"
								  " SELECT id FROM owner UNION SELECT a.alias_id" + id + " FROM " +
								  aliases + " a, owner WHERE a.user_id OPERATOR(pg_catalog.=) owner.id",
							  user_type());
	if (!items_)
		return;
	const catalog::Field *availability = items_->availability();
	std::vector<std::string> shown{"item_id"}, dated{"item_id", "creation_timestamp"};
	std::string available;
	if (availability != nullptr) {
		shown.push_back(availability->name);
		available = "{" + availability->name + "} IS NOT FALSE";
	}
	statements.present_items = plan(
		catalog::union_sql(group_, *items_, shown, "{item_id} OPERATOR(pg_catalog.=) ANY ($1)"), pg::id_array_type(item_type()));
	if (items_have_places())
		statements.placed_items = plan("SELECT item_id, ctid FROM " + catalog::own_table(group_, DatasetType::Items) +
										   " WHERE item_id OPERATOR(pg_catalog.=) ANY ($1)",
									   pg::id_array_type(item_type()));
	statements.newest_items = catalog::union_sql(group_, *items_, dated, available) +
							  " ORDER BY \"creation_timestamp\" DESC NULLS LAST, \"item_id\"";
}

DynamicPlan &Endpoint::metadata(const std::vector<std::string> &columns) {
	if (const auto it = metadata_.find(columns); it != metadata_.end())
		return it->second;
	if (!items_)
		throw Error(sqlstate::NotFound, "dataset group \"" + group_.name + "\" has no items dataset", {},
					"Metadata comes from it; create it with recsys.create_dataset.");
	std::vector<std::string> names{"item_id"};
	std::string object;
	for (const std::string &column : columns) {
		const catalog::Field *field = items_->field(column);
		if (field == nullptr && column != "creation_timestamp")
			throw Error("42703", "items dataset of group \"" + group_.name + "\" has no column \"" + column + "\"", {},
						"recsys.describe_dataset shows its columns; recsys.update_dataset adds " +
							std::string(items_->mapped ? "columns of the mapped relation." : "further ones."));
		const std::string name = field == nullptr ? column : field->name;
		if (std::find(names.begin(), names.end(), name) == names.end())
			names.push_back(name);
		object += (object.empty() ? "" : ", ") + quote_literal(column) + ", i." + pg::quote_identifier(name);
	}
	if (metadata_.size() == kMetadataPlans)
		metadata_.clear();
	const std::string rows = catalog::union_sql(group_, *items_, names, "{item_id} OPERATOR(pg_catalog.=) ANY ($1)");
	return metadata_
		.emplace(columns, DynamicPlan("SELECT i.\"item_id\", pg_catalog.jsonb_build_object(" + object + ") FROM (" + rows + ") AS i",
									  {pg::id_array_type(item_type())}, CURSOR_OPT_GENERIC_PLAN))
		.first->second;
}

ActionStatements &Endpoint::action_statements() {
	if (!action_statements_)
		action_statements_ = std::make_shared<ActionStatements>(*this);
	return *action_statements_;
}

void require_items_answer(const Endpoint &endpoint) {
	const recipe::RecipeSpec &spec = endpoint.spec();
	if (spec.type == recipe::RecipeType::PersonalizedActions)
		throw Error(sqlstate::InvalidParameter, endpoint.called() + " answers with actions",
					"Its recipe is \"" + std::string(spec.name) + "\".", "Call recsys.get_action_recommendations.");
}

namespace {

struct Cached {
	std::shared_ptr<Endpoint> endpoint;
	std::uint64_t generation = 0;
	std::uint32_t transaction = 0; // 0: any
	bool valid(std::uint64_t now) const {
		return generation == now && (transaction == 0 || transaction == pg::current_transaction());
	}
};

// What a name means depends on who asks: names are unique among the groups one may use.
struct Name {
	Oid user;
	std::string name;
};
struct NameOrder {
	using is_transparent = void;
	using View = std::pair<Oid, std::string_view>;
	static View view(const Name &n) { return {n.user, n.name}; }
	static View view(const View &n) { return n; }
	template <class A, class B> bool operator()(const A &a, const B &b) const { return view(a) < view(b); }
};

class Cache {
public:
	/// Drops what is out of date. Entries of an earlier generation stay only if they were used in the last one, so that a
	/// model that nothing serves any more is unmapped.
	void sweep(std::uint64_t generation) {
		const bool evicted = store::models_were_evicted();
		if (generation != generation_) {
			std::erase_if(endpoints_, [&](const auto &e) { return e.second.generation < generation_; });
			names_.clear();
			generation_ = generation;
		}
		if (evicted)
			std::erase_if(endpoints_, [](const auto &e) { return !e.second.endpoint->model().current(); });
	}

	std::shared_ptr<Endpoint> find(std::string_view name) {
		const auto it = names_.find(NameOrder::View{GetUserId(), name});
		if (it == names_.end())
			return nullptr;
		const auto found = endpoints_.find(it->second);
		if (found == endpoints_.end() || !found->second.valid(generation_) || !found->second.endpoint->rights().allowed())
			return nullptr;
		return found->second.endpoint;
	}

	std::shared_ptr<Endpoint> load(std::string_view name) {
		const pg::FreshSnapshot snapshot;
		catalog::Found found = catalog::require_resource("campaign", name, catalog::Right::Read);
		Cached entry{nullptr, generation_, snapshot.lasting() ? 0 : pg::current_transaction()};
		if (const auto it = endpoints_.find(found.id); it != endpoints_.end() && it->second.valid(generation_)) {
			entry = it->second;
		} else {
			entry.endpoint = std::make_shared<Endpoint>(found.id, found.name, std::move(found.group));
			if (catalog::cache_generation() != generation_)
				return entry.endpoint; // something changed meanwhile: good for this request only
			endpoints_[found.id] = entry;
		}
		names_[Name{GetUserId(), std::string(name)}] = found.id;
		return entry.endpoint;
	}

private:
	std::uint64_t generation_ = 0;
	std::map<Name, std::int64_t, NameOrder> names_;
	std::map<std::int64_t, Cached> endpoints_;
};

} // namespace

std::shared_ptr<Endpoint> find_endpoint(std::string_view name) {
	static Cache &cache = *new Cache;
	pg::call([] { AcceptInvalidationMessages(); });
	cache.sweep(catalog::cache_generation());
	std::shared_ptr<Endpoint> endpoint = cache.find(name);
	if (!endpoint)
		endpoint = cache.load(name);
	endpoint->model().touch();
	return endpoint;
}

} // namespace recsys::serve
