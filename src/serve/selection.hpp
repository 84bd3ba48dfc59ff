// The best candidates that may be returned: exactly those that testing every item would give.
//
// Candidates are tested in the order of their scores, in blocks that grow, until enough have passed. Where so few pass that this
// would go on for long, all items that pass are looked for instead, and only these are put in order. When that pays is decided by
// counting (and by what was seen of the predicate before), never by the planner's estimates.
//
// A model's own lists may end before the answer is full; then it scores what comes next, and the answer is chosen anew.
#pragma once

#include "serve/workspace.hpp"

#include "serve/candidate_test.hpp"

namespace recsys::serve {

/// What the ordinals of a request's logits stand for: the model's items and, behind them, items that it does not know.
struct Candidates {
	const store::Model &model;
	recipe::Query query = {}; // its history lies in the workspace
	std::vector<std::string_view> newcomers = {};
	std::shared_ptr<const TrendingItems> trending = nullptr; // the newcomers' ids are of it

	std::size_t known() const noexcept { return model.items().size(); }
	std::string_view id(std::uint32_t ordinal) const { return ordinal < known() ? model.items()[ordinal] : newcomers[ordinal - known()]; }
	/// The model's ordinal, data::kNone for a newcomer.
	std::uint32_t item(std::uint32_t ordinal) const { return ordinal < known() ? ordinal : data::kNone; }
	/// data::kNone when there is no such candidate.
	std::uint32_t find(std::string_view id) const;
};

/// Scores everything that the endpoint knows for the user or item into the workspace, in the given context (serve/situation.hpp).
Candidates score_candidates(Endpoint &endpoint, const Subject &subject, const catalog::Json &context, Workspace &work);

/// The at most `wanted` best of the workspace's scores that pass, best first; -infinity = no candidate. The scores may be
/// extended, and mean the same for all further calls.
std::vector<math::Scored> select_best(CandidateTest &test, const Candidates &candidates, std::size_t wanted, Workspace &work);

} // namespace recsys::serve
