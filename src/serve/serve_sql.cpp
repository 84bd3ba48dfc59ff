// The SQL-callable functions of serving.
#include "serve/workspace.hpp"

#include "serve/batch_job.hpp"
#include "serve/explain.hpp"
#include "serve/recommend.hpp"
#include "serve/recommend_all.hpp"
#include "serve/situation.hpp"
#include "serve/why_not.hpp"

#include "serve/actions.hpp"
#include "catalog/fields.hpp"
#include "serve/campaign.hpp"
#include "serve/headers.hpp"
#include "serve/segment.hpp"

#include "pg/function.hpp"

namespace recsys::serve {

namespace {

using pg::Call;

bool empty_json(const Call &call, int i) {
	if (call.null(i))
		return true;
	const Datum value = call.datum(i);
	return pg::call([value] { return JB_ROOT_COUNT(DatumGetJsonbP(value)) == 0; });
}

std::optional<std::string> user_argument(const Call &call, int i, bool number) {
	if (!number)
		return call.optional_text(i);
	if (call.null(i))
		return std::nullopt;
	return std::to_string(DatumGetInt64(call.datum(i)));
}

CampaignSettings settings_from(const Call &call, int weight, int cut_off, int tps, int sync) {
	CampaignSettings s;
	if (!call.null(weight))
		s.exploration_weight = call.float8(weight, "exploration_weight");
	if (!call.null(cut_off))
		s.exploration_item_age_cut_off = call.int4(cut_off, "exploration_item_age_cut_off");
	if (tps >= 0 && !call.null(tps))
		s.min_provisioned_tps = call.int4(tps, "min_provisioned_tps");
	if (sync >= 0 && !call.null(sync))
		s.sync_with_latest = call.boolean(sync, "sync_with_latest");
	return s;
}

// filter and filter_values
std::optional<FilterChoice> filter_argument(const Call &call, int i) {
	if (call.null(i) && empty_json(call, i + 1))
		return std::nullopt;
	return filter_choice(call.optional_text(i), call.null(i + 1) ? "{}" : call.json(i + 1, "filter_values"));
}

catalog::Json context_argument(const Call &call, int i) {
	return empty_json(call, i) ? catalog::Json::object() : parse_context(call.json(i, "context"));
}

/// campaign, user_id, then from argument `i` on item_id, num_results, filter, filter_values, context.
RecommendationRequest request_from(const Call &call, bool number, int i) {
	RecommendationRequest request;
	request.context = context_argument(call, i + 4);
	request.campaign = call.text(0, "campaign");
	request.user = user_argument(call, 1, number);
	request.item = call.optional_text(i);
	request.num_results = call.null(i + 1) ? 0 : call.int4(i + 1, "num_results");
	request.filter = filter_argument(call, i + 2);
	return request;
}

/// metadata_columns, exclude_items
void add_columns_and_exclusions(const Call &call, int i, RecommendationRequest &request) {
	request.metadata_columns = call.optional_text_array(i, "metadata_columns").value_or(std::vector<std::string>{});
	request.exclude_items = call.optional_text_array(i + 1, "exclude_items").value_or(std::vector<std::string>{});
}

Datum recommend(const Call &call, bool number) {
	const pg::ResultTable out(call);
	RecommendationRequest request = request_from(call, number, 2);
	if (!call.null(7))
		request.promotion = parse_promotion(call.json(7, "promotion"));
	add_columns_and_exclusions(call, 8, request);
	get_recommendations(request, out);
	return 0;
}

Datum recommend_where(const Call &call, bool number) {
	const pg::ResultTable out(call);
	RecommendationRequest request = request_from(call, number, 3);
	request.where = call.text(2, "predicate");
	add_columns_and_exclusions(call, 8, request);
	get_recommendations(request, out);
	return 0;
}

Datum explain_absence(const Call &call, bool number) {
	pg::ResultTable out(call);
	WhyNotRequest request;
	request.campaign = call.text(0, "campaign");
	request.subject.user = user_argument(call, 1, number);
	request.item = call.text(2, "item_id");
	request.filter = filter_argument(call, 3);
	request.num_results = call.null(5) ? 0 : call.int4(5, "num_results");
	request.subject.item = call.optional_text(6);
	why_not(request, out);
	return 0;
}

Datum explain_score(const Call &call, bool number) {
	pg::ResultTable out(call);
	explain(call.text(0, "campaign"), user_argument(call, 1, number), call.text(2, "item_id"), out);
	return 0;
}

Datum rank(const Call &call, bool number) {
	const pg::ResultTable out(call);
	RankingRequest request;
	request.context = context_argument(call, 5);
	request.campaign = call.text(0, "campaign");
	request.user = user_argument(call, 1, number);
	request.items = call.text_array(2, "input_list");
	request.filter = filter_argument(call, 3);
	request.metadata_columns = call.optional_text_array(6, "metadata_columns").value_or(std::vector<std::string>{});
	get_personalized_ranking(request, out);
	return 0;
}

Datum recommend_actions(const Call &call, bool number) {
	pg::ResultTable out(call);
	ActionRequest request;
	request.campaign = call.text(0, "campaign");
	const std::optional<std::string> user = user_argument(call, 1, number);
	if (!user)
		throw Error("22004", "argument \"user_id\" must not be null");
	request.user = *user;
	request.num_results = call.null(2) ? 0 : call.int4(2, "num_results");
	request.filter = filter_argument(call, 3);
	get_action_recommendations(request, out);
	return 0;
}

Datum segment(const Call &call) {
	pg::ResultTable out(call);
	SegmentRequest request;
	request.item = call.optional_text(1);
	request.attributes = call.optional_text(2);
	request.num_results = call.null(3) ? 0 : call.int4(3, "num_results");
	request.filter = filter_argument(call, 4);
	get_user_segment(call.text(0, "solution_version"), request, out);
	return 0;
}

} // namespace

} // namespace recsys::serve

using namespace recsys;

RECSYS_FUNCTION(create_campaign) {
	return call.result(serve::create_campaign(call.text(0, "name"), call.text(1, "solution_version"),
											  serve::settings_from(call, 2, 3, 4, 5)));
}

RECSYS_FUNCTION(update_campaign) {
	serve::update_campaign(call.text(0, "name"), call.optional_text(1), serve::settings_from(call, 2, 3, 4, 5));
	return call.result_void();
}

RECSYS_FUNCTION(delete_campaign) {
	serve::delete_campaign(call.text(0, "name"));
	return call.result_void();
}

RECSYS_FUNCTION(describe_campaign) { return call.result_json(serve::describe_campaign(call.text(0, "name")).dump()); }

RECSYS_FUNCTION(list_campaigns) {
	pg::ResultTable out(call);
	for (const catalog::Json &campaign : serve::list_campaigns())
		out.row({pg::text(campaign.at("name").get<std::string>()), pg::jsonb(campaign.dump())});
	return 0;
}

RECSYS_FUNCTION(update_recommender) {
	serve::update_campaign(call.text(0, "name"), std::nullopt, serve::settings_from(call, 1, 2, 3, -1), serve::CampaignKind::Recommender);
	return call.result_void();
}

RECSYS_FUNCTION(start_recommender) {
	serve::start_recommender(call.text(0, "name"));
	return call.result_void();
}

RECSYS_FUNCTION(stop_recommender) {
	serve::stop_recommender(call.text(0, "name"));
	return call.result_void();
}

RECSYS_FUNCTION(describe_recommender) {
	return call.result_json(serve::describe_campaign(call.text(0, "name"), serve::CampaignKind::Recommender).dump());
}

RECSYS_FUNCTION(list_recommenders) {
	pg::ResultTable out(call);
	for (const catalog::Json &recommender : serve::list_campaigns(serve::CampaignKind::Recommender))
		out.row({pg::text(recommender.at("name").get<std::string>()), pg::jsonb(recommender.dump())});
	return 0;
}

RECSYS_FUNCTION(get_recommendations) { return serve::recommend(call, false); }
RECSYS_FUNCTION(get_recommendations_by_number) { return serve::recommend(call, true); }
RECSYS_FUNCTION(recommend_where) { return serve::recommend_where(call, false); }
RECSYS_FUNCTION(recommend_where_by_number) { return serve::recommend_where(call, true); }
RECSYS_FUNCTION(why_not) { return serve::explain_absence(call, false); }
RECSYS_FUNCTION(why_not_by_number) { return serve::explain_absence(call, true); }
RECSYS_FUNCTION(explain) { return serve::explain_score(call, false); }
RECSYS_FUNCTION(explain_by_number) { return serve::explain_score(call, true); }
RECSYS_FUNCTION(get_personalized_ranking) { return serve::rank(call, false); }
RECSYS_FUNCTION(get_personalized_ranking_by_number) { return serve::rank(call, true); }
RECSYS_FUNCTION(get_action_recommendations) { return serve::recommend_actions(call, false); }
RECSYS_FUNCTION(get_action_recommendations_by_number) { return serve::recommend_actions(call, true); }

RECSYS_FUNCTION(create_batch_inference_job) {
	serve::BatchArguments arguments{call.text(0, "name"), call.text(1, "solution_version"), call.text(2, "input"), call.text(3, "output"),
									{call.int4(5, "num_results"), call.optional_text(4)},
									serve::settings_from(call, 6, 7, -1, -1), call.boolean(8, "wait")};
	return call.result(serve::create_batch_job(serve::BatchJob::Inference, arguments));
}

RECSYS_FUNCTION(create_batch_segment_job) {
	serve::BatchArguments arguments{call.text(0, "name"), call.text(1, "solution_version"), call.text(2, "input"), call.text(3, "output"),
									{call.int4(5, "num_results"), call.optional_text(4)}, {}, call.boolean(6, "wait")};
	return call.result(serve::create_batch_job(serve::BatchJob::Segment, arguments));
}

RECSYS_FUNCTION(list_batch_segment_jobs) {
	pg::ResultTable out(call);
	serve::list_batch_jobs(serve::BatchJob::Segment, out);
	return 0;
}

RECSYS_FUNCTION(describe_batch_segment_job) {
	return call.result_json(serve::describe_batch_job(serve::BatchJob::Segment, call.text(0, "name")).dump());
}

RECSYS_FUNCTION(list_batch_inference_jobs) {
	pg::ResultTable out(call);
	serve::list_batch_jobs(serve::BatchJob::Inference, out);
	return 0;
}

RECSYS_FUNCTION(describe_batch_inference_job) {
	return call.result_json(serve::describe_batch_job(serve::BatchJob::Inference, call.text(0, "name")).dump());
}

RECSYS_FUNCTION(recommend_all) {
	return call.result_int8(serve::recommend_all(
		{call.text(0, "solution_version"), call.text(1, "output"), call.int4(2, "num_results"), serve::filter_argument(call, 3)}));
}
RECSYS_FUNCTION(get_user_segment) { return serve::segment(call); }

RECSYS_FUNCTION(context_from_headers) {
	if (call.null(0))
		throw Error("22004", "argument \"headers\" must not be null");
	const catalog::Json headers = catalog::parse_json(call.json(0, "headers"), "headers");
	return call.result_json(serve::context_from_headers(headers, call.optional_text_array(1, "columns")).dump());
}
