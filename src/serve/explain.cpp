#include "filter/compile.hpp"
#include "recipe/explanation.hpp"
#include "serve/workspace.hpp"

#include "serve/explain.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "serve/answer.hpp"
#include "serve/candidate_test.hpp"
#include "serve/selection.hpp"

namespace recsys::serve {

namespace {

using recipe::Explanation;

constexpr double kHidden = 0.01; // of the logit: as much may stand in one row "other"

/// What one row tells; parts of one event, or of one source apart from events, are one.
struct Row {
	const char *source;
	std::uint32_t event; // data::kNone: none
	double contribution = 0;
	std::map<std::string, double> experts = {};
};

const char *name_of(Explanation::Source source) noexcept {
	switch (source) {
	case Explanation::Source::Event:
		return "event";
	case Explanation::Source::Popularity:
		return "popularity";
	case Explanation::Source::Features:
		return "features";
	case Explanation::Source::Situation:
		return "situation";
	}
	return "";
}

std::vector<Row> rows_of(const Explanation &explanation) {
	std::map<std::pair<Explanation::Source, std::uint32_t>, Row> joined;
	for (const Explanation::Part &part : explanation.parts) {
		Row &row = joined.try_emplace({part.source, part.event}, Row{name_of(part.source), part.event}).first->second;
		row.contribution += part.logit;
		if (!part.expert.empty())
			row.experts[part.expert] += part.logit;
	}
	std::vector<Row> rows;
	for (auto &[key, row] : joined)
		rows.push_back(std::move(row));
	std::stable_sort(rows.begin(), rows.end(),
					 [](const Row &a, const Row &b) { return std::abs(a.contribution) > std::abs(b.contribution); });
	return rows;
}

/// The smallest rows, as long as they are together a hundredth of the logit at most, become one.
void hide_smallest(double logit, std::vector<Row> &rows) {
	double hidden = 0;
	std::size_t kept = rows.size();
	while (kept > 0 && hidden + std::abs(rows[kept - 1].contribution) <= kHidden * std::abs(logit))
		hidden += std::abs(rows[--kept].contribution);
	if (rows.size() - kept < 2)
		return;
	Row other{"other", data::kNone};
	for (std::size_t i = kept; i < rows.size(); ++i) {
		other.contribution += rows[i].contribution;
		for (const auto &[expert, logit_of] : rows[i].experts)
			other.experts[expert] += logit_of;
	}
	rows.resize(kept);
	rows.push_back(std::move(other));
}

void write(const Row &row, const Endpoint &endpoint, std::span<const recipe::Event> history, pg::ResultTable &out) {
	pg::Param item = pg::null(), time = pg::null();
	if (row.event != data::kNone) {
		item = pg::text(endpoint.model().items()[history[row.event].item]);
		time = pg::timestamptz(pg::from_unix_micros(history[row.event].time));
	}
	out.row({pg::text(row.source), item, time, pg::float8(row.contribution), pg::jsonb(catalog::Json(row.experts).dump())});
}

} // namespace

void explain(const std::string &campaign, const std::optional<std::string> &user, const std::string &item, pg::ResultTable &out) {
	const pg::SpiScope spi;
	const std::shared_ptr<Endpoint> endpoint = find_endpoint(campaign);
	const recipe::RecipeSpec &spec = endpoint->spec();
	if (spec.type != recipe::RecipeType::UserPersonalization && spec.type != recipe::RecipeType::PersonalizedRanking)
		throw Error(sqlstate::InvalidParameter, endpoint->called() + " has no scores to explain",
					"Its recipe is \"" + std::string(spec.name) + "\".",
					"Campaigns of recipe \"user-personalization\" or \"personalized-ranking\" have.");
	if (!user && spec.needs_user)
		throw Error("22004", "argument \"user_id\" must not be null");
	const std::string id = canonical_id(item, endpoint->item_type());
	const std::uint32_t ordinal = endpoint->model().find_item(id);
	if (ordinal == data::kNone || !CandidateTest(*endpoint).passes(id))
		throw Error(sqlstate::NotFound, "item \"" + item + "\" has no score in " + endpoint->called(), {},
					"recsys.why_not tells what keeps an item out of a list.");
	Workspace work;
	const Candidates candidates = score_candidates(*endpoint, {user, std::nullopt}, catalog::Json::object(), work);
	Explanation explanation;
	if (!endpoint->model().scorer().explain(candidates.query, ordinal, pg::check_interrupts, explanation))
		throw Error("XX000", "model of " + endpoint->called() + " explains nothing");
	std::vector<Row> rows = rows_of(explanation);
	hide_smallest(explanation.logit, rows);
	// What exploration has added to the logit comes last, and is in the sum over all items.
	const double explored = static_cast<double>(work->scores.logit[ordinal]) - explanation.logit;
	if (work->scores.reason[ordinal] == recipe::Reason::Exploration || explored > kHidden * std::abs(explanation.logit))
		rows.push_back({"exploration", data::kNone, explored});
	for (const Row &row : rows)
		write(row, *endpoint, work->history, out);
	write({"all items", data::kNone, -work->scores.log_normalizer}, *endpoint, work->history, out);
}

} // namespace recsys::serve
