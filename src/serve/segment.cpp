#include "filter/parser.hpp"
#include "math/top_k.hpp"
#include "recipe/user_affinity.hpp"

#include "serve/segment.hpp"

#include <algorithm>

#include "serve/answer.hpp"
#include "serve/candidate_test.hpp"
#include "serve/recommend.hpp"

#include "catalog/filter_language.hpp"
#include "pg/settings.hpp"

namespace recsys::serve {

namespace {

constexpr std::size_t kFirstBlock = 100, kBlockGrowth = 4, kMaxBlock = 10000;
// Testing a user costs several times what it costs to find one of those who pass, so all who pass are looked for when so many were
// tested, and they were too few.
constexpr std::size_t kLeastTests = 10000, kShareToTest = 16;

const char *reason(recipe::AffinityRung rung) {
	switch (rung) {
	case recipe::AffinityRung::Affine:
		return "personal";
	case recipe::AffinityRung::Active:
		return "active";
	case recipe::AffinityRung::Returning:
		break;
	}
	return "has_item";
}

/// Who has an interaction, under his own id or another that is his.
Predicate with_events(const Endpoint &endpoint) {
	const auto events_of = [&](const char *id) {
		return "(" + catalog::union_sql(endpoint.group(), endpoint.interactions(), {"user_id"}, std::string("{user_id} OPERATOR(pg_catalog.=) ") + id) + ") AS r";
	};
	std::string condition = "EXISTS (SELECT FROM " + events_of("c.user_id") + ")";
	if (OidIsValid(endpoint.alias_relation()))
		condition += " OR EXISTS (SELECT FROM " + catalog::alias_table(endpoint.group()) + " AS a, LATERAL " + events_of("a.alias_id") +
					 " WHERE a.user_id OPERATOR(pg_catalog.=) c.user_id)";
	auto plans = std::make_shared<PredicatePlans>();
	plans->block = pg::DynamicPlan(catalog::candidates_in_blocks("user_id", "", condition), {pg::id_array_type(endpoint.user_type())},
								   CURSOR_OPT_GENERIC_PLAN);
	return {std::move(plans), {}};
}

[[noreturn]] void refuse_attributes(const std::string &what, const std::string &why) {
	throw Error(sqlstate::InvalidParameter, "attributes " + what, why, "Attributes are written like Items.GENRE = \"Comedy\" AND Items.YEAR = 1999.");
}

/// What the service takes: fields that equal a value, joined by AND.
bool is_plain(const filter::Expression &e) {
	return e.where.size() == 1 && std::all_of(e.where[0].begin(), e.where[0].end(), [](const filter::Condition &c) {
			   return c.op == filter::Operator::Equal;
		   });
}

/// The attributes as the filter that they would be.
filter::Filter parse_attributes(const Endpoint &endpoint, const std::string &text) {
	const std::string whole = "INCLUDE ItemID WHERE " + text;
	filter::Filter parsed;
	try {
		parsed = filter::parse(whole, filter::kMaxLength + whole.size() - text.size());
		check(parsed, catalog::FilterLanguage(endpoint.group()).fields());
	} catch (const Error &e) {
		refuse_attributes("are not a condition on items: " + std::string(e.what()), "Read as: " + whole + ". " + e.detail());
	}
	const filter::Expression &e = parsed.expressions.front();
	if (parsed.expressions.size() != 1 || !e.only_if.empty() || !filter::placeholder_names(parsed).empty())
		refuse_attributes("must be one condition", "IF, | and placeholders have no place in it.");
	if (filter::uses(parsed, filter::Relation::Interactions) || filter::uses(parsed, filter::Relation::CurrentItem))
		refuse_attributes("must be about Items alone", "");
	for (const std::string &field : filter::field_names(parsed))
		if (field == "Items.item_id" || field == "Items.creation_timestamp")
			refuse_attributes("must not name " + field, "Only the fields of the group's own are attributes.");
	if (pg::settings::service_limits && !is_plain(e))
		refuse_attributes("must be fields that equal a value, joined by AND", "Setting \"recsys.service_limits\" is on.");
	return parsed;
}

class Segment {
public:
	Segment(Endpoint &endpoint, const SegmentRequest &request)
		: endpoint_(endpoint), request_(request), scorer_(dynamic_cast<const recipe::AffinityScorer &>(endpoint.model().scorer())),
		  wanted_(static_cast<std::size_t>(request.num_results == 0 ? kDefaultResults : request.num_results)),
		  has_events_(with_events(endpoint)) {}

	std::vector<SegmentUser> run() {
		if (request_.filter)
			filter_ = endpoint_.filters.bind(endpoint_, *request_.filter, {});
		std::vector<float> scores;
		scorer_.affinity().score(items(), scores, [] { pg::check_interrupts(); });
		const std::size_t limit = std::max(kLeastTests, scores.size() / kShareToTest);
		if (!take(scores, filter_.has_value(), limit)) {
			keep_passing(scores);
			take(scores, false, scores.size());
		}
		return std::move(out_);
	}

private:
	std::vector<std::uint32_t> items() {
		if (request_.item) {
			const std::uint32_t item = endpoint_.model().find_item(canonical_id(*request_.item, endpoint_.item_type()));
			if (item == data::kNone)
				throw Error(sqlstate::NotFound, "item \"" + *request_.item + "\" is not in the model",
							"The model of " + endpoint_.called() + " knows the items of the data that it was trained on.", "Train a new version.");
			return {item};
		}
		std::vector<std::uint32_t> found;
		const filter::Applied attributes = filter::apply_values(parse_attributes(endpoint_, *request_.attributes), {});
		const Predicate matches = endpoint_.filters.bind(endpoint_, {"attributes", {}}, attributes, {});
		each_passing(matches, {}, endpoint_.item_type(), [&](std::string_view id, std::optional<TimestampTz>) {
			if (const std::uint32_t item = endpoint_.model().find_item(id); item != data::kNone)
				found.push_back(item);
		});
		std::sort(found.begin(), found.end());
		found.erase(std::unique(found.begin(), found.end()), found.end());
		if (found.empty())
			throw Error(sqlstate::NotFound, "no item of the model has these attributes", "Asked for: " + *request_.attributes + ".");
		return found;
	}

	/// False when the filter was asked about `limit` users and the list is still short.
	bool take(std::span<const float> scores, bool filtered, std::size_t limit) {
		out_.clear();
		order_.reset(scores);
		std::size_t tested = 0;
		for (std::size_t block = std::max(kFirstBlock, wanted_); out_.size() < wanted_; block *= kBlockGrowth) {
			if (filtered && tested >= limit)
				return false;
			block = std::min(block, kMaxBlock);
			const std::span<const math::Scored> candidates = order_.next(block);
			if (candidates.empty())
				break;
			std::vector<math::Scored> kept = passing_only(candidates, filtered ? &*filter_ : nullptr);
			kept = passing_only(kept, &has_events_);
			for (const math::Scored &user : kept)
				if (out_.size() < wanted_)
					out_.push_back({std::string(scorer_.users()[user.item]), reason(recipe::affinity_rung(user.score))});
			tested += candidates.size();
			pg::check_interrupts();
		}
		return true;
	}

	std::vector<math::Scored> passing_only(std::span<const math::Scored> candidates, const Predicate *predicate) {
		if (predicate == nullptr)
			return {candidates.begin(), candidates.end()};
		std::vector<std::string_view> ids;
		for (const math::Scored &user : candidates)
			ids.push_back(scorer_.users()[user.item]);
		const std::vector<std::uint8_t> passes = passing(*predicate, ids, endpoint_.user_type());
		std::vector<math::Scored> kept;
		for (std::size_t i = 0; i < candidates.size(); ++i)
			if (passes[i] != 0)
				kept.push_back(candidates[i]);
		return kept;
	}

	/// Users who do not pass the filter get no score.
	void keep_passing(std::vector<float> &scores) {
		const artifact::IdView &users = scorer_.users();
		std::vector<std::string_view> all;
		for (std::uint32_t u = 0; u < users.size(); ++u)
			all.push_back(users[u]);
		std::vector<float> kept(scores.size(), -std::numeric_limits<float>::infinity());
		each_passing(*filter_, all, endpoint_.user_type(), [&](std::string_view id, std::optional<TimestampTz>) {
			if (const std::uint32_t u = users.find(id); u != data::kNone)
				kept[u] = scores[u];
		});
		scores = std::move(kept);
	}

	Endpoint &endpoint_;
	const SegmentRequest &request_;
	const recipe::AffinityScorer &scorer_;
	const std::size_t wanted_;
	const Predicate has_events_;
	std::optional<Predicate> filter_;
	math::DescendingOrder order_;
	std::vector<SegmentUser> out_;
};

void check_request(const Endpoint &endpoint, const SegmentRequest &request) {
	const recipe::RecipeSpec &spec = endpoint.spec();
	if (spec.type != recipe::RecipeType::UserSegmentation)
		throw Error(sqlstate::InvalidParameter, endpoint.called() + " has no segments of users", "Its recipe is \"" + std::string(spec.name) + "\".",
					"Use recipe \"item-affinity\" or \"item-attribute-affinity\".");
	const char *wanted = recipe::asks_for_attributes(spec) ? "attributes" : "item_id", *other = recipe::asks_for_attributes(spec) ? "item_id" : "attributes";
	const std::string of_recipe = "Recipe \"" + std::string(spec.name) + "\" of " + endpoint.called() + " asks for " + wanted + ".";
	if (recipe::asks_for_attributes(spec) ? request.item.has_value() : request.attributes.has_value())
		throw Error(sqlstate::InvalidParameter, std::string("argument \"") + other + "\" is not for this recipe", of_recipe);
	if (!(recipe::asks_for_attributes(spec) ? request.attributes.has_value() : request.item.has_value()))
		throw Error("22004", std::string("argument \"") + wanted + "\" must not be null", of_recipe);
	if (request.num_results < 0)
		throw Error(sqlstate::InvalidParameter, "argument \"num_results\" must not be negative");
	if (pg::settings::service_limits && request.num_results > kServiceSegment)
		throw Error(sqlstate::LimitExceeded, "argument \"num_results\" must be at most 5000000", "Setting \"recsys.service_limits\" is on.");
}

} // namespace

std::vector<SegmentUser> answer(Endpoint &endpoint, const SegmentRequest &request) {
	check_request(endpoint, request);
	return Segment(endpoint, request).run();
}

void get_user_segment(const std::string &version, const SegmentRequest &request, pg::ResultTable &out) {
	const pg::SpiScope spi;
	Endpoint endpoint(catalog::require_version(version, catalog::Right::Read));
	std::int32_t rank = 0;
	for (const SegmentUser &user : answer(endpoint, request))
		out.row({pg::int4(++rank), pg::text(user.id), pg::text(user.reason)});
}

} // namespace recsys::serve
