// A campaign as a session keeps it between requests: its model opened, its statements planned.
//
// Endpoints are cached while catalog::cache_generation() stays the same and the model stays in the shared cache. They are
// loaded under a fresh snapshot, not the query's; one during whose load an invalidation arrived is used once and not kept,
// and one loaded inside a transaction with a fixed snapshot is kept for that transaction only. What the caller may do is
// checked at every request.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "serve/filter_cache.hpp"
#include "store/model_cache.hpp"
#include "store/metadata_reader.hpp"

#include "serve/trending.hpp"

#include "catalog/catalog.hpp"
#include "pg/row_places.hpp"

namespace recsys::serve {

struct ActionStatements;

/// Which of a user's events count, as the solution says.
struct EventRule {
	std::optional<std::string> event_type;
	std::optional<double> value_threshold;
	std::vector<std::string> negative_types;
};

/// The statements over the group's own relations; run as the caller.
struct Statements {
	pg::DynamicPlan newest_events; // $1 user id; at most max_history() rows
	pg::DynamicPlan all_events;	   // the same without limit
	pg::DynamicPlan aliases;	   // $1 user id: the ids whose events are his
	pg::DynamicPlan present_items; // $1 array of item ids: those with a row, and whether they are available
	pg::DynamicPlan placed_items;  // $1 likewise, for items_have_places(): those with a row, and where it lies
	std::string newest_items;	   // all available items, newest first: read through a cursor, and rarely
};

/// The users dataset, for a model that looks at it.
struct UserReader {
	UserReader(const catalog::Group &group, const catalog::Dataset &users, const data::FeatureEncoder &encoder);
	Oid id_type;
	store::MetadataReader fields; // those that the model knows, as far as they still exist
	pg::DynamicPlan rows;		  // $1 array of user ids: the fields
	catalog::ReadCheck rights;
};

class Endpoint {
public:
	/// Loads the campaign with this id. Errors: RS004 when it has nothing to serve with yet.
	Endpoint(std::int64_t campaign_id, std::string name, catalog::Group group);
	/// What answers with a solution version that need not be deployed, for one transaction. Errors: RS004 when it is not ACTIVE.
	explicit Endpoint(const catalog::FoundVersion &version);

	std::int64_t campaign_id() const noexcept { return campaign_id_; } // 0 = a solution version without one
	/// For messages: campaign "home".
	const std::string &called() const noexcept { return called_; }
	const catalog::Group &group() const noexcept { return group_; }
	const catalog::ReadCheck &rights() const noexcept { return rights_; }
	const store::Model &model() const noexcept { return *model_; }
	/// The recipe as it was asked for; the model's own may be another that answers it.
	const recipe::RecipeSpec &spec() const noexcept { return *spec_; }
	/// Null for recipes that do not follow trends.
	Trends *trends() const noexcept { return trends_.get(); }
	std::int64_t version_id() const noexcept { return version_id_; }
	int revision() const noexcept { return revision_; }
	Oid user_type() const noexcept { return interactions_.user_id_type; }
	Oid event_item_type() const noexcept { return interactions_.item_id_type; }
	Oid item_type() const noexcept { return items_ ? items_->item_id_type : interactions_.item_id_type; }
	const catalog::Dataset &interactions() const noexcept { return interactions_; }
	const std::optional<catalog::Dataset> &items() const noexcept { return items_; }
	bool has_negative_types() const noexcept { return !rule_.negative_types.empty(); }
	/// Whether the statements give the events' sessions, in their last column: only a model that looks at them has them read.
	bool reads_sessions() const noexcept { return model_->scorer().reads_sessions(); }
	bool is_negative_type(std::string_view type) const noexcept;
	/// Items are rows of one table, of which nothing matters but that they are there.
	bool items_have_places() const noexcept { return items_ && !items_->mapped && !has_availability(); }
	bool has_availability() const noexcept { return items_ && items_->availability() != nullptr; }
	/// 0 where a version is asked without a campaign: then nothing is explored.
	double exploration_weight() const noexcept { return exploration_weight_; }
	int exploration_cut_off() const noexcept { return exploration_cut_off_; } // days
	void explore(double weight, int cut_off) noexcept {
		exploration_weight_ = weight;
		exploration_cut_off_ = cut_off;
	}
	/// Null for a model that does not look at users' rows, or when there are none.
	UserReader *user_reader() noexcept { return user_reader_.get(); }
	Oid alias_relation() const noexcept { return alias_relation_; }

	/// The statement that gives $1's (an array of item ids) metadata: item id, jsonb.
	/// Errors: 42703 for a column the items dataset does not have.
	pg::DynamicPlan &metadata(const std::vector<std::string> &columns);
	/// Of a recipe that answers with actions. Errors: RS001 without an actions dataset.
	ActionStatements &action_statements();
	/// " AND …" over {event_type} and {event_value}: the events that the solution trains on; empty = all.
	std::string event_condition() const;
	Statements statements;
	FilterCache filters;
	pg::RowPlaces item_places; // by ordinal; used if items_have_places()

private:
	void load_campaign(std::int64_t campaign_id, const std::string &name);
	void load_solution();
	void open(const std::string &name);
	void write_statements();
	void follow_trends();
	std::string positive_condition() const;

	std::int64_t campaign_id_ = 0;
	std::string called_;
	catalog::Group group_;
	catalog::ReadCheck rights_;
	catalog::Dataset interactions_;
	std::optional<catalog::Dataset> items_;
	Oid alias_relation_ = InvalidOid;
	EventRule rule_;
	const recipe::RecipeSpec *spec_ = nullptr;
	int trend_minutes_ = 0;
	double exploration_weight_ = 0;
	int exploration_cut_off_ = recipe::kExplorationCutOff;
	std::int64_t version_id_ = 0;
	int revision_ = 0;
	std::shared_ptr<const store::Model> model_;
	std::unique_ptr<Trends> trends_;
	std::unique_ptr<UserReader> user_reader_;
	std::map<std::vector<std::string>, pg::DynamicPlan> metadata_;
	std::shared_ptr<ActionStatements> action_statements_;
};

/// Errors: 22023 for a campaign that answers with actions.
void require_items_answer(const Endpoint &endpoint);

/// The endpoint of a campaign the current user may read. Errors: RS001, 42725, RS004, RS007.
std::shared_ptr<Endpoint> find_endpoint(std::string_view name);

} // namespace recsys::serve
