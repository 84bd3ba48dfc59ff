#include "serve/batch_answer.hpp"

namespace recsys::serve {

namespace {

[[noreturn]] void missing(const char *name) {
	throw Error(sqlstate::InvalidParameter, std::string("line has no \"") + name + "\"");
}

/// As a request in real time with the line's user, item or list.
class Inference final : public BatchAnswerer {
public:
	Inference(Endpoint &endpoint, BatchSettings settings) : endpoint_(endpoint), settings_(std::move(settings)) {}

	LineJson answer(const BatchLine &line) override {
		const recipe::RecipeSpec &spec = endpoint_.spec();
		if (spec.needs_user && !line.user)
			missing("userId");
		if (spec.needs_item && !line.item)
			missing("itemId");
		const std::optional<FilterChoice> filter = filter_choice(settings_.filter, line.filter_values);
		LineJson output;
		const TakeAnswer take = [&](std::span<const AnswerRow> rows) { output = write(rows); };
		if (spec.type == recipe::RecipeType::PersonalizedRanking) {
			if (!line.items)
				missing("itemList");
			serve::answer(endpoint_, RankingRequest{{}, line.user, *line.items, filter, {}}, take);
		} else {
			RecommendationRequest request;
			request.user = line.user;
			request.item = line.item;
			request.num_results = settings_.num_results;
			request.filter = filter;
			serve::answer(endpoint_, request, take);
		}
		return output;
	}

	NoError no_error() const noexcept override { return endpoint_.spec().capabilities.scores ? NoError::Null : NoError::Absent; }
	std::int64_t service_lines() const noexcept override { return 50'000'000; }

private:
	LineJson write(std::span<const AnswerRow> rows) const {
		LineJson items = LineJson::array(), scores = LineJson::array();
		for (const AnswerRow &row : rows) {
			items.push_back(row.id);
			scores.push_back(row.scored ? LineJson(row.score) : LineJson());
		}
		LineJson output{{"recommendedItems", std::move(items)}};
		if (endpoint_.spec().capabilities.scores)
			output["scores"] = std::move(scores);
		return output;
	}

	Endpoint &endpoint_;
	BatchSettings settings_;
};

} // namespace

std::unique_ptr<BatchAnswerer> open_batch(BatchJob, Endpoint &endpoint, BatchSettings settings) {
	if (!endpoint.spec().capabilities.batch)
		throw Error(sqlstate::InvalidParameter, "recipe \"" + std::string(endpoint.spec().name) + "\" has no batch inference", {},
					"The column \"capabilities\" of recsys.recipes shows which recipes have.");
	if (settings.filter)
		endpoint.filters.check(endpoint, *settings.filter);
	return std::make_unique<Inference>(endpoint, std::move(settings));
}

} // namespace recsys::serve
