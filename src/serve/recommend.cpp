#include <algorithm>
#include <cmath>
#include <deque>
#include <limits>
#include <unordered_set>

#include "base/hash.hpp"
#include "serve/workspace.hpp"

#include "serve/answer.hpp"
#include "serve/history.hpp"
#include "serve/recommend.hpp"
#include "serve/selection.hpp"

#include "stats/campaigns.hpp"

#include "pg/settings.hpp"

namespace recsys::serve {

namespace {

constexpr long kNewItemBlock = 1000;
constexpr float kNever = -std::numeric_limits<float>::infinity();

class Recommendation {
public:
	Recommendation(Endpoint &endpoint, const RecommendationRequest &request)
		: endpoint_(endpoint), request_(request), model_(endpoint.model()),
		  wanted_(static_cast<std::size_t>(request.num_results == 0 ? kDefaultResults : request.num_results)) {}

	std::vector<AnswerRow> run() {
		// Made before anything is computed: what is wrong with a filter is told at once.
		CandidateTest test = candidate_test(endpoint_, request_.filter, subject(), request_.where);
		candidates_ = std::make_unique<Candidates>(score_candidates(endpoint_, subject(), request_.context, work_));
		exclude();
		return request_.promotion ? with_promotion(test, *request_.promotion) : best(test, wanted_);
	}

private:
	Subject subject() const { return {request_.user, request_.item}; }

	void exclude() {
		for (const std::string &id : request_.exclude_items)
			exclude(canonical_id(id, endpoint_.item_type()));
		for (const std::string_view id : candidates_->newcomers)
			excluded_.emplace(id); // they have their places already
	}

	void exclude(const std::string &id) {
		excluded_.insert(id);
		if (const std::uint32_t candidate = candidates_->find(id); candidate != data::kNone)
			work_->scores.logit[candidate] = kNever;
	}

	std::vector<AnswerRow> with_promotion(CandidateTest &test, const Promotion &promotion) {
		CandidateTest promoted_test = candidate_test(endpoint_, promotion.filter, subject());
		std::vector<AnswerRow> promoted = best(promoted_test, promotion.places(wanted_));
		for (AnswerRow &row : promoted) {
			exclude(std::string(row.id)); // each item once
			row.reason = "promotion";
			row.promotion = promotion.name;
		}
		const std::string whom = request_.user.value_or("") + '\0' + request_.item.value_or("") + '\0' + promotion.name;
		return place_promoted(promoted, best(test, wanted_ - promoted.size()), hash64(whom));
	}

	/// The `wanted` best of the candidates that pass.
	std::vector<AnswerRow> best(CandidateTest &test, std::size_t wanted) {
		std::vector<AnswerRow> rows;
		rows.reserve(std::min(wanted, model_.items().size()));
		const recipe::Scores &scores = work_->scores;
		for (const math::Scored &c : select_best(test, *candidates_, wanted, work_))
			rows.push_back({candidates_->id(c.item), candidates_->item(c.item), endpoint_.spec().capabilities.scores,
							std::exp(static_cast<double>(c.score) - scores.log_normalizer),
							recipe::to_string(scores.reason[c.item])});
		if (rows.size() < wanted)
			take_new(test, wanted, rows);
		return rows;
	}

	// The last rung: items that the model does not know yet, newest first. Related items are not filled up with unrelated ones,
	// unless a filter says which are wanted.
	void take_new(CandidateTest &test, std::size_t wanted, std::vector<AnswerRow> &rows) {
		if (test.has_predicates())
			take_passing(test, wanted, rows);
		else if (endpoint_.items() && (rows.empty() || !endpoint_.spec().needs_item))
			take_newest(wanted, rows);
	}

	void take_passing(CandidateTest &test, std::size_t wanted, std::vector<AnswerRow> &rows) {
		std::vector<std::string_view> ids;
		for (const PassingItems::NewItem &item : test.passing().unknown)
			if (excluded_.find(item.id) == excluded_.end())
				ids.push_back(item.id);
		const std::vector<std::uint32_t> none(ids.size(), data::kNone);
		const std::vector<std::uint8_t> allowed = test.present(ids, none);
		for (std::size_t i = 0; i < ids.size() && rows.size() < wanted; ++i)
			if (allowed[i])
				rows.push_back({new_ids_.emplace_back(ids[i]), data::kNone, false, 0, "new"});
	}

	void take_newest(std::size_t wanted, std::vector<AnswerRow> &rows) {
		pg::Cursor cursor(endpoint_.statements.newest_items, {}, {});
		pg::IdBuffer buffer;
		while (const SPITupleTable *block = cursor.next(kNewItemBlock)) {
			for (std::uint64_t row = 0; row < block->numvals; ++row) {
				if (rows.size() == wanted)
					return;
				bool null = false;
				const Datum value = pg::column(block, row, 0, null);
				if (null)
					continue;
				const std::string_view id = pg::id_text(value, TupleDescAttr(block->tupdesc, 0)->atttypid, buffer);
				if (model_.find_item(id) != data::kNone || !excluded_.insert(std::string(id)).second)
					continue;
				rows.push_back({new_ids_.emplace_back(id), data::kNone, false, 0, "new"});
			}
		}
	}

	Endpoint &endpoint_;
	const RecommendationRequest &request_;
	const store::Model &model_;
	std::size_t wanted_;
	Workspace work_;
	std::unordered_set<std::string> excluded_;
	std::unique_ptr<const Candidates> candidates_;
	std::deque<std::string> new_ids_;
};

} // namespace

void check_subject(const Endpoint &endpoint, const Subject &subject) {
	require_items_answer(endpoint);
	const recipe::RecipeSpec &spec = endpoint.spec();
	const std::string named = "Recipe \"" + std::string(spec.name) + "\" of " + endpoint.called();
	if (spec.type == recipe::RecipeType::PersonalizedRanking)
		throw Error(sqlstate::InvalidParameter, endpoint.called() + " ranks given items only",
					"Its recipe is \"" + std::string(spec.name) + "\".", "Call recsys.get_personalized_ranking.");
	// A list that is the same for everybody needs no user; the service asks for one all the same.
	const bool by_form = spec.type == recipe::RecipeType::PopularItems && !spec.trends && pg::settings::service_limits;
	if (!subject.user && (spec.needs_user || by_form))
		throw Error("22004", "argument \"user_id\" must not be null", named + " recommends to a user.");
	if (!subject.item && spec.needs_item)
		throw Error("22004", "argument \"item_id\" must not be null", named + " recommends for an item.");
}

void answer(Endpoint &endpoint, const RecommendationRequest &request, const TakeAnswer &take) {
	check_subject(endpoint, {request.user, request.item});
	Recommendation recommendation(endpoint, request);
	take(recommendation.run());
}

void get_recommendations(const RecommendationRequest &request, const pg::ResultTable &out) {
	if (request.num_results < 0)
		throw Error(sqlstate::InvalidParameter, "argument \"num_results\" must not be negative");
	check_service_limit(static_cast<std::size_t>(request.num_results), !request.metadata_columns.empty(),
						"argument \"num_results\"");
	stats::CampaignCall call;
	const pg::SpiScope spi;
	const std::shared_ptr<Endpoint> endpoint = find_endpoint(request.campaign);
	call.of(endpoint->campaign_id());
	answer(*endpoint, request, [&](std::span<const AnswerRow> rows) {
		write_answer(out, *endpoint, rows, request.metadata_columns);
		call.done(counted(*endpoint, rows, static_cast<std::size_t>(request.num_results == 0 ? kDefaultResults : request.num_results)));
	});
}

} // namespace recsys::serve
