#include "recipe/user_affinity.hpp"

#include "serve/batch_answer.hpp"

#include "serve/segment.hpp"

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
			serve::answer(endpoint_, RankingRequest{{}, line.user, *line.items, filter, catalog::Json::object(), {}}, take);
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

/// As get_user_segment for the line's item or attributes.
class Segmentation final : public BatchAnswerer {
public:
	Segmentation(Endpoint &endpoint, BatchSettings settings) : endpoint_(endpoint), settings_(std::move(settings)) {}

	LineJson answer(const BatchLine &line) override {
		const bool by_attributes = recipe::asks_for_attributes(endpoint_.spec());
		if (by_attributes ? !line.attributes : !line.item)
			missing(by_attributes ? "itemAttributes" : "itemId");
		LineJson users = LineJson::array();
		for (const SegmentUser &user : serve::answer(endpoint_, SegmentRequest{line.item, line.attributes, settings_.num_results,
																			  filter_choice(settings_.filter, line.filter_values)}))
			users.push_back(user.id);
		return {{"usersList", std::move(users)}};
	}

	NoError no_error() const noexcept override { return NoError::Null; }
	std::int64_t service_lines() const noexcept override { return recipe::asks_for_attributes(endpoint_.spec()) ? 10 : 500; }

private:
	Endpoint &endpoint_;
	BatchSettings settings_;
};

[[noreturn]] void refuse(const recipe::RecipeSpec &spec, const char *what, const std::string &hint) {
	throw Error(sqlstate::InvalidParameter, "recipe \"" + std::string(spec.name) + "\" has no " + what, {}, hint);
}

} // namespace

std::unique_ptr<BatchAnswerer> open_batch(BatchJob kind, Endpoint &endpoint, BatchSettings settings) {
	const recipe::RecipeSpec &spec = endpoint.spec();
	const bool segments = spec.type == recipe::RecipeType::UserSegmentation;
	if (kind == BatchJob::Segment && !segments)
		refuse(spec, "batch segments", "Recipes \"item-affinity\" and \"item-attribute-affinity\" have.");
	if (kind == BatchJob::Inference && segments)
		refuse(spec, "batch inference", "Use recsys.create_batch_segment_job.");
	if (kind == BatchJob::Inference && !spec.capabilities.batch)
		refuse(spec, "batch inference", "The column \"capabilities\" of recsys.recipes shows which recipes have.");
	if (settings.filter)
		endpoint.filters.check(endpoint, *settings.filter);
	if (kind == BatchJob::Segment)
		return std::make_unique<Segmentation>(endpoint, std::move(settings));
	return std::make_unique<Inference>(endpoint, std::move(settings));
}

} // namespace recsys::serve
