// Which items may be returned: those that are present, and pass every predicate of the request.
//
// A predicate is a condition that SQL decides: a filter, or an expression of the caller's own. It has two statements of one
// meaning. The one tests given candidates, and suits blocks of them in the order of their scores; the other finds all that
// pass, and suits predicates that few pass. Whoever has another kind of predicate makes its PredicatePlans (the statements
// around a condition come from catalog/filter_language.hpp) and gives it to the test beside the others.
//
// Everything here runs as the caller, under his snapshot, within a SpiScope.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "serve/endpoint.hpp"

namespace recsys::serve {

/// The statements of a predicate, as a session keeps them, and what was seen of it.
struct PredicatePlans {
	pg::DynamicPlan block;	   // $1 ids: the positions (bigint, from 1) of those that pass
	pg::DynamicPlan catalogue; // $1 ids of items without a row: id and creation time of every item that passes
	/// The share of candidates that passed lately.
	std::optional<double> pass_rate;
	void observe(double rate) { pass_rate = pass_rate ? (*pass_rate + rate) / 2 : rate; }
};

/// A predicate with the values of one request.
struct Predicate {
	std::shared_ptr<PredicatePlans> plans;
	std::vector<pg::Param> parameters; // $2 …
};

/// Which of `ids` (items, users or actions, of type `id_type`) pass, by one statement; 1 = passes.
std::vector<std::uint8_t> passing(const Predicate &predicate, std::span<const std::string_view> ids, Oid id_type);
/// Calls visit(id, creation time, where there is one) for every row of the dataset that passes, and for those of `others`, ids
/// that may have no row. An id comes once for each of its rows.
using VisitPassing = std::function<void(std::string_view, std::optional<TimestampTz>)>;
void each_passing(const Predicate &predicate, const std::vector<std::string_view> &others, Oid id_type, const VisitPassing &visit);

/// All items that pass a request's predicates, whether the model knows them or not.
struct PassingItems {
	std::vector<std::uint32_t> known; // ordinals of the model, ascending, each once
	struct NewItem {
		std::string id;
		std::optional<TimestampTz> created;
	};
	std::vector<NewItem> unknown; // newest first; each once
};

class CandidateTest {
public:
	explicit CandidateTest(Endpoint &endpoint, std::vector<Predicate> predicates = {})
		: endpoint_(endpoint), predicates_(std::move(predicates)) {}

	bool has_predicates() const noexcept { return !predicates_.empty(); }
	/// `items` are ordinals of the model, data::kNone for an item that it does not know; 1 = may be returned.
	std::vector<std::uint8_t> check(std::span<const std::string_view> ids, std::span<const std::uint32_t> items);
	/// Presence alone. Those whose rows are not where they were seen last (pg/row_places) are asked for by one statement.
	std::vector<std::uint8_t> present(std::span<const std::string_view> ids, std::span<const std::uint32_t> items);
	/// One item against the predicates alone, be it present or not.
	bool passes(std::string_view id);
	/// What passes the predicates, found by one statement for each; presence is not looked at. Computed once.
	const PassingItems &passing();
	/// How many candidates will have to be tested until `wanted` have passed, as far as experience tells; 0 without any.
	double expected_tests(std::size_t wanted) const;
	/// Remembers the shares that passed in this request.
	void remember();

private:
	bool had_row(std::uint32_t item) const { return item != data::kNone && endpoint_.model().had_row(item); }
	void test(std::size_t predicate, std::span<const std::string_view> ids, std::vector<std::uint8_t> &allowed);
	PassingItems passing(Predicate &predicate);

	struct Seen {
		std::size_t tested = 0, passed = 0;
	};
	Endpoint &endpoint_;
	std::vector<Predicate> predicates_;
	std::vector<Seen> seen_ = std::vector<Seen>(predicates_.size());
	std::optional<PassingItems> passing_;
};

/// What the campaign's use case leaves out by itself; nothing for others.
std::optional<FilterChoice> built_in_filter(const Endpoint &endpoint);

/// The test of a request: the use case's own filter, and a filter and an SQL expression over the items, where given.
CandidateTest candidate_test(Endpoint &endpoint, const std::optional<FilterChoice> &filter, const Subject &subject,
							 const std::optional<std::string> &where = std::nullopt);

} // namespace recsys::serve
