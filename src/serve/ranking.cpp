// Ranking a given list: the same scores as for recommendations, over the list only.
#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_set>

#include "serve/workspace.hpp"

#include "serve/answer.hpp"
#include "serve/candidate_test.hpp"
#include "serve/history.hpp"
#include "serve/recommend.hpp"
#include "serve/situation.hpp"

#include "stats/campaigns.hpp"

namespace recsys::serve {

namespace {

constexpr std::size_t kMaxInputs = 10000;

struct Input {
	std::string_view id;
	std::uint32_t item;
	float logit;
};

/// The inputs in output form, each once; strings live in `storage`.
std::vector<Input> distinct_inputs(const Endpoint &endpoint, const std::vector<std::string> &given,
								   std::vector<std::string> &storage) {
	std::vector<Input> inputs;
	std::unordered_set<std::string_view> seen(given.size() * 2);
	storage.reserve(given.size()); // views into it must stay valid
	for (const std::string &id : given) {
		const std::string &canonical = storage.emplace_back(canonical_id(id, endpoint.item_type()));
		if (seen.insert(canonical).second)
			inputs.push_back({canonical, endpoint.model().find_item(canonical), 0});
	}
	return inputs;
}

/// Drops what may not be returned: what the test refuses, and items that the scorer rules out.
void keep_allowed(CandidateTest &test, const recipe::Scores &scores, std::vector<Input> &inputs) {
	std::vector<std::string_view> ids;
	std::vector<std::uint32_t> items;
	for (const Input &input : inputs) {
		ids.push_back(input.id);
		items.push_back(input.item);
	}
	const std::vector<std::uint8_t> allowed = test.check(ids, items);
	std::size_t kept = 0;
	for (std::size_t i = 0; i < inputs.size(); ++i) {
		Input input = inputs[i];
		if (input.item != data::kNone)
			input.logit = scores.logit[input.item];
		if (allowed[i] && (input.item == data::kNone || input.logit > -std::numeric_limits<float>::infinity()))
			inputs[kept++] = input;
	}
	inputs.resize(kept);
}

/// Known items by score, then unknown ones as given; scores are a softmax over the known ones.
std::vector<AnswerRow> ranked(const recipe::Scores &scores, std::vector<Input> &inputs) {
	const auto unknown = std::stable_partition(inputs.begin(), inputs.end(), [](const Input &i) { return i.item != data::kNone; });
	std::sort(inputs.begin(), unknown, [](const Input &a, const Input &b) {
		return a.logit != b.logit ? a.logit > b.logit : a.item < b.item;
	});
	double sum = 0;
	for (auto it = inputs.begin(); it != unknown; ++it)
		sum += std::exp(static_cast<double>(it->logit) - static_cast<double>(inputs.front().logit));
	std::vector<AnswerRow> rows;
	rows.reserve(inputs.size());
	const double best = inputs.empty() ? 0.0 : static_cast<double>(inputs.front().logit);
	for (const Input &input : inputs) {
		if (input.item == data::kNone)
			rows.push_back({input.id, input.item, false, 0, "unknown"});
		else
			rows.push_back({input.id, input.item, true, std::exp(static_cast<double>(input.logit) - best) / sum,
							recipe::to_string(scores.reason[input.item])});
	}
	return rows;
}

void check_recipe(const Endpoint &endpoint, const RankingRequest &request) {
	require_items_answer(endpoint);
	const recipe::RecipeSpec &spec = endpoint.spec();
	if (spec.needs_item || spec.trends)
		throw Error(sqlstate::InvalidParameter, endpoint.called() + " cannot rank a list for a user",
					"Its recipe \"" + std::string(spec.name) + (spec.needs_item ? "\" recommends for an item." : "\" follows trends."),
					"Use a campaign of recipe \"personalized-ranking\" or \"user-personalization\".");
	if (!request.user && spec.needs_user)
		throw Error("22004", "argument \"user_id\" must not be null");
}

} // namespace

void answer(Endpoint &endpoint, const RankingRequest &request, const TakeAnswer &take) {
	if (request.items.size() > kMaxInputs)
		throw Error(sqlstate::LimitExceeded, "number of items in \"input_list\" must be at most " + std::to_string(kMaxInputs));
	check_recipe(endpoint, request);
	Workspace work;
	recipe::Query query = ask_for(endpoint, request.user, work->history);
	query.situation = read_situation(endpoint, request.user, request.context, work->situation);
	endpoint.model().scorer().score(query, work->scores);
	std::vector<std::string> storage;
	std::vector<Input> inputs = distinct_inputs(endpoint, request.items, storage);
	CandidateTest test = candidate_test(endpoint, request.filter, {request.user, std::nullopt});
	keep_allowed(test, work->scores, inputs);
	test.remember();
	take(ranked(work->scores, inputs));
}

void get_personalized_ranking(const RankingRequest &request, const pg::ResultTable &out) {
	check_service_limit(request.items.size(), !request.metadata_columns.empty(), "number of items in \"input_list\"");
	stats::CampaignCall call;
	const pg::SpiScope spi;
	const std::shared_ptr<Endpoint> endpoint = find_endpoint(request.campaign);
	call.of(endpoint->campaign_id());
	answer(*endpoint, request, [&](std::span<const AnswerRow> rows) {
		write_answer(out, *endpoint, rows, request.metadata_columns);
		call.done(counted(*endpoint, rows, rows.size()));
	});
}

} // namespace recsys::serve
