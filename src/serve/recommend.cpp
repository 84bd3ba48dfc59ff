#include <algorithm>
#include <cmath>
#include <deque>
#include <limits>
#include <unordered_set>

#include "serve/workspace.hpp"

#include "serve/answer.hpp"
#include "serve/history.hpp"
#include "serve/recommend.hpp"
#include "serve/selection.hpp"

#include "pg/settings.hpp"

namespace recsys::serve {

namespace {

constexpr std::int32_t kDefaultResults = 25;
constexpr long kNewItemBlock = 1000;
constexpr float kNever = -std::numeric_limits<float>::infinity();

class Recommendation {
public:
	Recommendation(Endpoint &endpoint, const RecommendationRequest &request)
		: endpoint_(endpoint), request_(request), model_(endpoint.model()), test_(candidate_test(endpoint, request.filter, {request.user, request.item})) {
		wanted_ = static_cast<std::size_t>(request.num_results == 0 ? kDefaultResults : request.num_results);
		rows_.reserve(std::min(wanted_, model_.items().size()));
	}

	const std::vector<AnswerRow> &run() {
		recipe::Query query;
		if (request_.user)
			read_history(endpoint_, *request_.user, work_->history);
		else
			work_->history.clear();
		query.history = work_->history;
		if (request_.item)
			query.item = model_.find_item(canonical_id(*request_.item, endpoint_.item_type()));
		model_.scorer().score(query, work_->scores);
		exclude();
		take_best();
		if (rows_.size() < wanted_)
			take_new();
		return rows_;
	}

private:
	void exclude() {
		for (const std::string &id : request_.exclude_items) {
			const std::string &canonical = *excluded_.insert(canonical_id(id, endpoint_.item_type())).first;
			if (const std::uint32_t item = model_.find_item(canonical); item != data::kNone)
				work_->scores.logit[item] = kNever;
		}
	}

	void take_best() {
		const recipe::Scores &scores = work_->scores;
		for (const math::Scored &c : select_best(test_, model_, scores.logit, wanted_, work_->order))
			rows_.push_back({model_.items()[c.item], c.item, model_.spec().capabilities.scores,
							 std::exp(static_cast<double>(c.score) - scores.log_normalizer),
							 recipe::to_string(scores.reason[c.item])});
	}

	// The last rung: items that the model does not know yet, newest first. Related items are not filled up with unrelated ones,
	// unless a filter says which are wanted.
	void take_new() {
		if (test_.has_predicates())
			take_passing();
		else if (endpoint_.items() && (rows_.empty() || !model_.spec().needs_item))
			take_newest();
	}

	void take_passing() {
		std::vector<std::string_view> ids;
		for (const PassingItems::NewItem &item : test_.passing().unknown)
			if (excluded_.find(item.id) == excluded_.end())
				ids.push_back(item.id);
		const std::vector<std::uint32_t> none(ids.size(), data::kNone);
		const std::vector<std::uint8_t> allowed = test_.present(ids, none);
		for (std::size_t i = 0; i < ids.size() && rows_.size() < wanted_; ++i)
			if (allowed[i])
				rows_.push_back({new_ids_.emplace_back(ids[i]), data::kNone, false, 0, "new"});
	}

	void take_newest() {
		pg::Cursor cursor(endpoint_.statements.newest_items, {}, {});
		pg::IdBuffer buffer;
		while (const SPITupleTable *block = cursor.next(kNewItemBlock)) {
			for (std::uint64_t row = 0; row < block->numvals; ++row) {
				if (rows_.size() == wanted_)
					return;
				bool null = false;
				const Datum value = pg::column(block, row, 0, null);
				if (null)
					continue;
				const std::string_view id = pg::id_text(value, TupleDescAttr(block->tupdesc, 0)->atttypid, buffer);
				if (model_.find_item(id) != data::kNone || !excluded_.insert(std::string(id)).second)
					continue;
				rows_.push_back({new_ids_.emplace_back(id), data::kNone, false, 0, "new"});
			}
		}
	}

	Endpoint &endpoint_;
	const RecommendationRequest &request_;
	const store::Model &model_;
	CandidateTest test_;
	Workspace work_;
	std::size_t wanted_;
	std::vector<AnswerRow> rows_;
	std::unordered_set<std::string> excluded_;
	std::deque<std::string> new_ids_;
};

void require_user(const Endpoint &endpoint, const std::optional<std::string> &user) {
	const recipe::RecipeSpec &spec = endpoint.model().spec();
	// A list that is the same for everybody needs no user; the service asks for one all the same.
	if (!user && (spec.needs_user || (spec.type == recipe::RecipeType::PopularItems && pg::settings::service_limits)))
		throw Error("22004", "argument \"user_id\" must not be null",
					"Recipe \"" + std::string(spec.name) + "\" of campaign \"" + endpoint.name() + "\" recommends to a user.");
}

} // namespace

void get_recommendations(const RecommendationRequest &request, const pg::ResultTable &out) {
	if (request.num_results < 0)
		throw Error(sqlstate::InvalidParameter, "argument \"num_results\" must not be negative");
	check_service_limit(static_cast<std::size_t>(request.num_results), !request.metadata_columns.empty(),
						"argument \"num_results\"");
	const pg::SpiScope spi;
	const std::shared_ptr<Endpoint> endpoint = find_endpoint(request.campaign);
	const recipe::RecipeSpec &spec = endpoint->model().spec();
	if (spec.type == recipe::RecipeType::PersonalizedRanking)
		throw Error(sqlstate::InvalidParameter, "campaign \"" + endpoint->name() + "\" ranks given items only",
					"Its recipe is \"" + std::string(spec.name) + "\".", "Call recsys.get_personalized_ranking.");
	require_user(*endpoint, request.user);
	if (!request.item && spec.needs_item)
		throw Error("22004", "argument \"item_id\" must not be null",
					"Recipe \"" + std::string(spec.name) + "\" of campaign \"" + endpoint->name() + "\" recommends for an item.");
	Recommendation recommendation(*endpoint, request);
	write_answer(out, *endpoint, recommendation.run(), request.metadata_columns);
}

} // namespace recsys::serve
