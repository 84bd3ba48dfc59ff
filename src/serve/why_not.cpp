#include "filter/parser.hpp"
#include "serve/workspace.hpp"

#include "serve/why_not.hpp"

#include <algorithm>
#include <limits>

#include "serve/answer.hpp"
#include "serve/candidate_test.hpp"
#include "serve/history.hpp"
#include "serve/recommend.hpp"
#include "serve/selection.hpp"

namespace recsys::serve {

namespace {

constexpr float kNever = -std::numeric_limits<float>::infinity();

class Inquiry {
public:
	Inquiry(Endpoint &endpoint, const WhyNotRequest &request, pg::ResultTable &out)
		: endpoint_(endpoint), model_(endpoint.model()), request_(request), id_(canonical_id(request.item, endpoint.item_type())),
		  item_(model_.find_item(id_)), out_(out) {}

	void run() {
		CandidateTest test = candidate_test(endpoint_, request_.filter, request_.subject);
		tell_presence();
		if (!test.passes(id_)) {
			if (const std::optional<FilterChoice> own = built_in_filter(endpoint_))
				tell_filter(*own);
			if (request_.filter)
				tell_filter(*request_.filter);
		}
		tell_rank(test);
	}

private:
	void tell(const char *obstacle, const std::string &detail) { out_.row({pg::text(obstacle), pg::text(detail)}); }

	void tell_presence() {
		bool row = false, available = true;
		if (endpoint_.items()) {
			const SPITupleTable *found =
				endpoint_.statements.present_items.fetch({pg::id_array_param({id_}, endpoint_.item_type())}, pg::Access::Read);
			row = found->numvals > 0;
			bool null = false;
			for (std::uint64_t i = 0; row && endpoint_.has_availability() && i < found->numvals; ++i) {
				const Datum value = pg::column(found, i, 1, null);
				available = available && (null || DatumGetBool(value));
			}
		}
		const bool known = item_ != data::kNone;
		if (!row && (!known || model_.had_row(item_)))
			tell("no row", known ? "The model knows the item, but the items dataset has no row of it that you can see."
								 : "Neither the model nor the items dataset, as far as you can see it, knows the item.");
		if (!available)
			tell("unavailable", "Column \"" + endpoint_.items()->availability()->name + "\" is false.");
		if (row && !known && endpoint_.trends() == nullptr)
			tell("unknown to the model", "It came after the training. Such items come last, and only where the list would be short.");
	}

	// INCLUDE expressions admit together, each EXCLUDE expression refuses alone.
	void tell_filter(const FilterChoice &choice) {
		const filter::Applied applied = endpoint_.filters.apply(endpoint_, choice);
		filter::Filter admitting;
		for (const filter::Expression &expression : applied.filter.expressions) {
			if (expression.action == filter::Action::Include)
				admitting.expressions.push_back(expression);
			else
				tell_if_refused(choice, {{expression}, {}});
		}
		if (!admitting.expressions.empty())
			tell_if_refused(choice, std::move(admitting));
	}

	void tell_if_refused(const FilterChoice &choice, filter::Filter part) {
		part.text = print(part);
		std::vector<Predicate> predicates;
		predicates.push_back(endpoint_.filters.bind(endpoint_, choice, {part, {}}, request_.subject));
		if (CandidateTest(endpoint_, std::move(predicates)).passes(id_))
			return;
		const bool excluded = part.expressions.front().action == filter::Action::Exclude;
		std::string detail = (excluded ? "Met: " : "Not met: ") + part.text;
		if (uses(part, filter::Relation::Interactions))
			detail += "; " + events();
		tell(excluded ? "excluded by filter" : "not included by filter", detail);
	}

	/// The user's events with the item, by type.
	std::string events() {
		if (!request_.subject.user)
			return "the request has no user";
		const pg::Param users = user_ids_param(endpoint_, *request_.subject.user),
						item = pg::id_param(id_, endpoint_.event_item_type());
		if (users.null || item.null)
			return "no event";
		pg::DynamicPlan statement(
			"SELECT e.\"event_type\", pg_catalog.count(*), pg_catalog.max(e.\"timestamp\") FROM (" +
				catalog::union_sql(endpoint_.group(), endpoint_.interactions(), {"event_type", "timestamp"},
								   "{user_id} OPERATOR(pg_catalog.=) ANY ($1) AND {item_id} OPERATOR(pg_catalog.=) $2") +
				") AS e GROUP BY e.\"event_type\" ORDER BY 3 DESC, 1",
			{pg::id_array_type(endpoint_.user_type()), endpoint_.event_item_type()});
		std::string out;
		for (const pg::Row &row : statement.rows({users, item}, pg::Access::Read))
			out += (out.empty() ? "events: " : ", ") + row.text(0) + " (" + row.text(1) + ", last " + row.text(2) + ")";
		return out.empty() ? "no event" : out;
	}

	void tell_rank(CandidateTest &test) {
		const Candidates candidates = score_candidates(endpoint_, request_.subject, catalog::Json::object(), work_);
		const std::uint32_t item = candidates.find(id_);
		if (item == data::kNone)
			return;
		if (work_->scores.reason[item] == recipe::Reason::Popular)
			model_.scorer().extend(candidates.query, work_->scores);
		std::vector<float> &logits = work_->scores.logit;
		const float own = logits[item];
		if (own == kNever) {
			const bool asked = request_.subject.item && canonical_id(*request_.subject.item, endpoint_.item_type()) == id_;
			tell("ruled out", asked ? "It is the item that others are asked for." : "The user's newest event with it is a negative one.");
			return;
		}
		for (std::size_t i = 0; i < logits.size(); ++i)
			if (logits[i] < own || (logits[i] == own && i >= item))
				logits[i] = kNever;
		const std::size_t wanted = static_cast<std::size_t>(request_.num_results == 0 ? kDefaultResults : request_.num_results);
		const std::size_t better = select_best(test, candidates, logits.size(), work_).size();
		if (better >= wanted)
			tell("below the cut", "Rank " + std::to_string(better + 1) + " among those that qualify, of which the best " +
									  std::to_string(wanted) + " are returned.");
	}

	Endpoint &endpoint_;
	const store::Model &model_;
	const WhyNotRequest &request_;
	const std::string id_;
	const std::uint32_t item_;
	pg::ResultTable &out_;
	Workspace work_;
};

} // namespace

void why_not(const WhyNotRequest &request, pg::ResultTable &out) {
	if (request.num_results < 0)
		throw Error(sqlstate::InvalidParameter, "argument \"num_results\" must not be negative");
	const pg::SpiScope spi;
	const std::shared_ptr<Endpoint> endpoint = find_endpoint(request.campaign);
	if (endpoint->spec().needs_item && !request.subject.item)
		throw Error("22004", "argument \"related_to\" must not be null",
					"The answers of " + endpoint->called() + " are for an item: which one was asked about?");
	check_subject(*endpoint, request.subject);
	Inquiry(*endpoint, request, out).run();
}

} // namespace recsys::serve
