-- Serving: campaigns, and the two functions that answer requests.

CREATE OR REPLACE FUNCTION recsys.create_campaign(name text, solution_version text, exploration_weight float8 DEFAULT 0.3,
    exploration_item_age_cut_off integer DEFAULT 30, min_provisioned_tps integer DEFAULT 1, sync_with_latest boolean DEFAULT false)
RETURNS text LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'recsys_create_campaign';
COMMENT ON FUNCTION recsys.create_campaign(text, text, float8, integer, integer, boolean) IS
'Creates a campaign, which answers requests with a solution version, and returns its name.
solution_version is "solution/number", or the name of a solution for its newest ACTIVE version, else the newest in training.
On an ACTIVE version the campaign serves at once; on one in training its status is CREATE PENDING until that is ACTIVE.
With sync_with_latest the campaign moves on to every newer version of the solution; solution_version must then be a solution''s name.
exploration_weight, between 0 and 1, is how much young items of which little is known are preferred: at 1 the average one reaches the
foot of a list of 25, at 0.3 those do whose own score brings them seven tenths of the way; 0 keeps the order by score alone. Young is
who was created within exploration_item_age_cut_off days; see recsys.exploration_age.
min_provisioned_tps is kept for compatibility: a database has no capacity of its own for each campaign.
Errors: RS001 for an absent version; RS004 for one whose training failed or was stopped; RS006 when the group has a campaign of this
name; 0A000 for exploration settings other than the defaults (or weight 0) with a recipe that does not explore; 22023; 42602 for a bad
name.';

CREATE OR REPLACE FUNCTION recsys.update_campaign(name text, solution_version text DEFAULT NULL,
    exploration_weight float8 DEFAULT NULL, exploration_item_age_cut_off integer DEFAULT NULL,
    min_provisioned_tps integer DEFAULT NULL, sync_with_latest boolean DEFAULT NULL)
RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'recsys_update_campaign';
COMMENT ON FUNCTION recsys.update_campaign(text, text, float8, integer, integer, boolean) IS
'Changes a campaign; arguments left out stay as they are. The new version must be of the same solution. While it is still in training
the old one serves, and if that training fails the old one goes on: latest_update of describe_campaign shows which.
Errors: as create_campaign; RS002 while the campaign is not ACTIVE or CREATE FAILED; 22023 for a version of another solution.';

CREATE OR REPLACE FUNCTION recsys.delete_campaign(name text)
RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'recsys_delete_campaign';
COMMENT ON FUNCTION recsys.delete_campaign(text) IS
'Deletes a campaign; its solution and versions stay.
Errors: RS001 for an absent campaign.';

CREATE OR REPLACE FUNCTION recsys.describe_campaign(name text)
RETURNS jsonb LANGUAGE c STABLE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'recsys_describe_campaign';
COMMENT ON FUNCTION recsys.describe_campaign(text) IS
'Describes a campaign: name, dataset_group, solution, recipe, solution_version (what serves), pending_solution_version (what is awaited),
min_provisioned_tps, sync_with_latest, status, failure_reason, latest_update {solution_version, status, …}, created_at, updated_at.
Errors: RS001 for an absent campaign.';

CREATE OR REPLACE FUNCTION recsys_internal.list_campaigns(OUT name text, OUT campaign jsonb)
RETURNS SETOF record LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 10
AS 'MODULE_PATHNAME', 'recsys_list_campaigns';
COMMENT ON FUNCTION recsys_internal.list_campaigns() IS 'rows of recsys.campaigns';

CREATE OR REPLACE VIEW recsys.campaigns AS
SELECT r.name, r.dataset_group, r.solution, r.recipe, r.solution_version, r.pending_solution_version, r.min_provisioned_tps,
    r.sync_with_latest, r.status, r.failure_reason, r.latest_update, r.created_at, r.updated_at
FROM recsys_internal.list_campaigns() AS c,
    jsonb_to_record(c.campaign) AS r(name text, dataset_group text, solution text, recipe text, solution_version text,
        pending_solution_version text, min_provisioned_tps integer, sync_with_latest boolean, status text, failure_reason text,
        latest_update jsonb, created_at timestamptz, updated_at timestamptz);
COMMENT ON VIEW recsys.campaigns IS 'campaigns of the dataset groups that the current user may read';
GRANT SELECT ON recsys.campaigns TO PUBLIC;

CREATE OR REPLACE FUNCTION recsys.create_recommender(name text, dataset_group text, recipe text,
    exploration_weight float8 DEFAULT NULL, exploration_item_age_cut_off integer DEFAULT NULL,
    min_recommendation_requests_per_second integer DEFAULT 1, wait boolean DEFAULT false)
RETURNS text LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'recsys_create_recommender';
COMMENT ON FUNCTION recsys.create_recommender(text, text, text, float8, integer, integer, boolean) IS
'Sets up a use case of a domain in one call, and returns its name: a solution of that name, a version of it, and what answers requests.
A recommender is named in requests as a campaign is, and shares their name space; recsys.recommenders lists them. Use cases are the
recipes with a domain in recsys.recipes; the dataset group must have that domain. Events of the type that a use case learns from are
found whatever the case of its letters. What a use case leaves out ("without what the user bought") acts at once, beside the filter of
a request. Answers have no scores.
wait => true trains here, as in recsys.create_solution_version; else a worker does, and the recommender is CREATE PENDING until then.
Versions trained later with recsys.create_solution_version take over by themselves; nothing trains them by itself yet.
Needs the ownership of the group''s schema. Errors: RS001 for an absent group, recipe or dataset; RS006 when a campaign, recommender or
solution of the group has the name; 22023 for a recipe that is no use case or one of another domain; 55000 without interactions of the
event type; 0A000 for exploration settings with a recipe that does not explore; those of create_solution_version.';

CREATE OR REPLACE FUNCTION recsys.update_recommender(name text, exploration_weight float8 DEFAULT NULL,
    exploration_item_age_cut_off integer DEFAULT NULL, min_recommendation_requests_per_second integer DEFAULT NULL)
RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'recsys_update_recommender';
COMMENT ON FUNCTION recsys.update_recommender(text, float8, integer, integer) IS
'Changes a recommender; arguments left out stay as they are. Errors: RS001; RS002 while it is not ACTIVE or CREATE FAILED; 0A000; 22023.';

CREATE OR REPLACE FUNCTION recsys.stop_recommender(name text)
RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'recsys_stop_recommender';
COMMENT ON FUNCTION recsys.stop_recommender(text) IS
'Stops an ACTIVE recommender: it becomes INACTIVE, and requests to it fail with RS004. Its model stays.
Errors: RS001; RS002 when it is not ACTIVE.';

CREATE OR REPLACE FUNCTION recsys.start_recommender(name text)
RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'recsys_start_recommender';
COMMENT ON FUNCTION recsys.start_recommender(text) IS
'Starts an INACTIVE recommender with the model that it has; nothing is trained. Errors: RS001; RS002 when it is not INACTIVE.';

CREATE OR REPLACE FUNCTION recsys.delete_recommender(name text)
RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'recsys_delete_recommender';
COMMENT ON FUNCTION recsys.delete_recommender(text) IS
'Deletes a recommender with its solution and models.
Errors: RS001; RS002 while its model is in training, or a campaign uses its solution.';

CREATE OR REPLACE FUNCTION recsys.describe_recommender(name text)
RETURNS jsonb LANGUAGE c STABLE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'recsys_describe_recommender';
COMMENT ON FUNCTION recsys.describe_recommender(text) IS
'Describes a recommender: name, dataset_group, recipe, solution_version (what serves), min_recommendation_requests_per_second, status
(CREATE PENDING, ACTIVE, INACTIVE, CREATE FAILED), failure_reason, model_metrics of what serves, created_at, updated_at. Errors: RS001.';

CREATE OR REPLACE FUNCTION recsys_internal.list_recommenders(OUT name text, OUT recommender jsonb)
RETURNS SETOF record LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 10
AS 'MODULE_PATHNAME', 'recsys_list_recommenders';
COMMENT ON FUNCTION recsys_internal.list_recommenders() IS 'rows of recsys.recommenders';

CREATE OR REPLACE VIEW recsys.recommenders AS
SELECT r.name, r.dataset_group, r.recipe, r.solution_version, r.min_recommendation_requests_per_second, r.status, r.failure_reason,
    r.model_metrics, r.created_at, r.updated_at
FROM recsys_internal.list_recommenders() AS c,
    jsonb_to_record(c.recommender) AS r(name text, dataset_group text, recipe text, solution_version text,
        min_recommendation_requests_per_second integer, status text, failure_reason text, model_metrics jsonb,
        created_at timestamptz, updated_at timestamptz);
COMMENT ON VIEW recsys.recommenders IS
'The recommenders of the groups that the current user may use; the columns are those of describe_recommender.';
GRANT SELECT ON recsys.recommenders TO PUBLIC;

CREATE OR REPLACE FUNCTION recsys.get_recommendations(campaign text, user_id text DEFAULT NULL, item_id text DEFAULT NULL,
    num_results integer DEFAULT 25, filter text DEFAULT NULL, filter_values jsonb DEFAULT '{}', context jsonb DEFAULT '{}',
    promotion jsonb DEFAULT NULL, metadata_columns text[] DEFAULT NULL, exclude_items text[] DEFAULT NULL)
RETURNS TABLE (rank integer, item_id text, score float8, reason text, promotion_name text, metadata jsonb, recommendation_id text)
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000 ROWS 25
AS 'MODULE_PATHNAME', 'recsys_get_recommendations';
COMMENT ON FUNCTION recsys.get_recommendations(text, text, text, integer, text, jsonb, jsonb, jsonb, text[], text[]) IS
'Recommends items to a user, or items related to an item, best first. campaign is a name or "group.name".
The user''s events are read at the time of the request: what was written earlier in the transaction counts, and a rollback takes it back.
An anonymous visitor''s session id serves as user_id. Ids that nobody knows are no error: the answer is then what is popular.
num_results defaults to 25, and 0 means that too. exclude_items are ids that must not come back. metadata_columns are columns of the
items dataset, given back as one object for each row. Items whose availability is false, or whose row the caller can no longer see,
are not returned; the next best take their place, so that a short list means that nothing more qualifies.
score is the softmax over the catalogue, NULL for recipes without scores. reason tells what produced the row: personal, similar,
popular, trending, or new for items that the model does not know yet. recommendation_id is equal in all rows of an answer.
filter is the name of a filter of the campaign''s group (create_filter): the answer is then exactly the best of the items that pass it,
also of items that the model does not know yet, which come last. filter_values gives its placeholders their values: {"GENRE":
"\"Drama\",\"Comedy\"", "PRICE": "9.99"}, or shorter {"GENRE": ["Drama", "Comedy"], "PRICE": 9.99}. INCLUDE needs all of them; a part
of EXCLUDE without its value is left out, with a notice.
promotion gives a share of the places to items that pass a filter of their own: {"name": "spring", "percent_promoted_items": 30,
"filter": "recent", "filter_values": {"SINCE": "2024-02-10"}}. The best of these take num_results × percent / 100 places, rounded half
up and at least one, or fewer if there are fewer; the best of the others, under filter alone, take the rest. Promoted rows stand at
random places, the same for the same request, with reason promotion and the name in promotion_name; both lists keep their order.
context is what is known of the moment: {"DEVICE": "phone", "temperature": 21}. Its names are columns of interactions, in any case of
letters, which past events have values in. It moves what goes with it, for unknown users and for those with a past. Names that are no
columns and values that the training did not meet do not count, and a notice says so; what is left out counts as unknown, but for the
hour and the day of the week, which are now''s. What the users dataset says of the user counts as of the request.
Errors: RS001 for an absent campaign or filter; RS004 for a campaign that does not serve yet; RS005 for a filter whose fields have gone
from the datasets; 22004 when the recipe needs the user or the item and it is missing; 22023 for a negative num_results, for values that
do not fit the filter, and for a filter that is not for items or names CurrentItem where the recipe recommends for a user; 42703 for an
unrecognized metadata column; 22023 for a context that is not an object of texts, numbers and booleans; RS003 for more than 500 results (50 with metadata) under recsys.service_limits.';

CREATE OR REPLACE FUNCTION recsys.get_recommendations(campaign text, user_id bigint, item_id text DEFAULT NULL,
    num_results integer DEFAULT 25, filter text DEFAULT NULL, filter_values jsonb DEFAULT '{}', context jsonb DEFAULT '{}',
    promotion jsonb DEFAULT NULL, metadata_columns text[] DEFAULT NULL, exclude_items text[] DEFAULT NULL)
RETURNS TABLE (rank integer, item_id text, score float8, reason text, promotion_name text, metadata jsonb, recommendation_id text)
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000 ROWS 25
AS 'MODULE_PATHNAME', 'recsys_get_recommendations_by_number';
COMMENT ON FUNCTION recsys.get_recommendations(text, bigint, text, integer, text, jsonb, jsonb, jsonb, text[], text[]) IS
'As get_recommendations with a text user_id, for numbers written without quotes.';

CREATE OR REPLACE FUNCTION recsys.recommend_where(campaign text, user_id text, predicate text, item_id text DEFAULT NULL,
    num_results integer DEFAULT 25, filter text DEFAULT NULL, filter_values jsonb DEFAULT '{}', context jsonb DEFAULT '{}',
    metadata_columns text[] DEFAULT NULL, exclude_items text[] DEFAULT NULL)
RETURNS TABLE (rank integer, item_id text, score float8, reason text, promotion_name text, metadata jsonb, recommendation_id text)
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000 ROWS 25
AS 'MODULE_PATHNAME', 'recsys_recommend_where';
COMMENT ON FUNCTION recsys.recommend_where(text, text, text, text, integer, text, jsonb, jsonb, text[], text[]) IS
'As get_recommendations, for the items whose row meets an SQL predicate: exactly the best of them. The predicate is what could stand
after WHERE over the items dataset, which is named items and has its columns under the dataset''s names:
  price BETWEEN 5 AND 20 AND NOT EXISTS (SELECT FROM cart WHERE cart.product = items.item_id AND cart.visitor = 7)
It runs with the caller''s rights, row-level security and search_path, and reads only. It is program code: never build it from what
visitors type; write values with quote_literal() or format(''%L''). Items without a row never meet it. A session keeps the plans of
its newest predicates, so few texts that come again are faster than many different ones. Where a filter is given, items pass both.
Errors: as get_recommendations; 42601 for what is not one expression; 22023 for parameters in it; RS001 when the group has no items
dataset; and those of the predicate itself.';

CREATE OR REPLACE FUNCTION recsys.recommend_where(campaign text, user_id bigint, predicate text, item_id text DEFAULT NULL,
    num_results integer DEFAULT 25, filter text DEFAULT NULL, filter_values jsonb DEFAULT '{}', context jsonb DEFAULT '{}',
    metadata_columns text[] DEFAULT NULL, exclude_items text[] DEFAULT NULL)
RETURNS TABLE (rank integer, item_id text, score float8, reason text, promotion_name text, metadata jsonb, recommendation_id text)
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000 ROWS 25
AS 'MODULE_PATHNAME', 'recsys_recommend_where_by_number';
COMMENT ON FUNCTION recsys.recommend_where(text, bigint, text, text, integer, text, jsonb, jsonb, text[], text[]) IS
'As recommend_where with a text user_id, for numbers written without quotes.';

CREATE OR REPLACE FUNCTION recsys.get_personalized_ranking(campaign text, user_id text, input_list text[],
    filter text DEFAULT NULL, filter_values jsonb DEFAULT '{}', context jsonb DEFAULT '{}', metadata_columns text[] DEFAULT NULL)
RETURNS TABLE (rank integer, item_id text, score float8, reason text, promotion_name text, metadata jsonb, recommendation_id text)
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000 ROWS 25
AS 'MODULE_PATHNAME', 'recsys_get_personalized_ranking';
COMMENT ON FUNCTION recsys.get_personalized_ranking(text, text, text[], text, jsonb, jsonb, text[]) IS
'Ranks the items of input_list by the user''s interest. Scores are a softmax over the items that the model knows; the others follow in
the order given, with reason unknown and without score. Of an item given twice the first counts. Items whose availability is false,
or whose row the caller can no longer see, are left out, and so are those that do not pass the filter. Otherwise as get_recommendations.
Errors: as get_recommendations; RS003 for more than 10,000 items (500, or 50 with metadata, under recsys.service_limits); 22023 for a
campaign whose recipe recommends for items; 22004 for NULL in input_list.';

CREATE OR REPLACE FUNCTION recsys.get_personalized_ranking(campaign text, user_id bigint, input_list text[],
    filter text DEFAULT NULL, filter_values jsonb DEFAULT '{}', context jsonb DEFAULT '{}', metadata_columns text[] DEFAULT NULL)
RETURNS TABLE (rank integer, item_id text, score float8, reason text, promotion_name text, metadata jsonb, recommendation_id text)
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000 ROWS 25
AS 'MODULE_PATHNAME', 'recsys_get_personalized_ranking_by_number';
COMMENT ON FUNCTION recsys.get_personalized_ranking(text, bigint, text[], text, jsonb, jsonb, text[]) IS
'As get_personalized_ranking with a text user_id, for numbers written without quotes.';

CREATE OR REPLACE FUNCTION recsys.context_from_headers(headers jsonb, columns text[] DEFAULT NULL)
RETURNS jsonb LANGUAGE c STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'recsys_context_from_headers';
COMMENT ON FUNCTION recsys.context_from_headers(jsonb, text[]) IS
'Makes a context of the headers of an HTTP request, given as an object of texts (or lists, of which the first text counts); names in any
case, with - or _. device is mobile, tablet, desktop or tv, from what the network says (CloudFront-Is-Mobile-Viewer …, CF-Device-Type),
Sec-CH-UA-Mobile, or User-Agent; country, region and city are those of CloudFront, Cloudflare, Vercel or App Engine; language is
the first of Accept-Language; hour (0-23) and weekday (Sunday …) are now''s in the visitor''s time zone. What the headers do not tell is
left out. columns keeps only what the interactions have, under the names given: context_from_headers(h, ARRAY[''DEVICE'', ''COUNTRY'']).
Errors: 22023 for what is not a JSON object.';

CREATE OR REPLACE FUNCTION recsys.why_not(campaign text, user_id text, item_id text, filter text DEFAULT NULL,
    filter_values jsonb DEFAULT '{}', num_results integer DEFAULT 25, related_to text DEFAULT NULL)
RETURNS TABLE (obstacle text, detail text)
LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000 ROWS 3
AS 'MODULE_PATHNAME', 'recsys_why_not';
COMMENT ON FUNCTION recsys.why_not(text, text, text, text, jsonb, integer, text) IS
'Tells what keeps an item out of the answer that get_recommendations gives for the same campaign, user, filter and num_results: one row
for each obstacle, and none when the item is in the list. For campaigns of related items, related_to is the item that was asked about.
obstacle is no row, unavailable, unknown to the model, not included by filter, excluded by filter (detail shows the part of the filter,
and the user''s events with the item where it is about those), ruled out (a negative event), or below the cut (detail tells the rank).
Errors: as get_recommendations; 22004 when item_id is missing.';

CREATE OR REPLACE FUNCTION recsys.why_not(campaign text, user_id bigint, item_id text, filter text DEFAULT NULL,
    filter_values jsonb DEFAULT '{}', num_results integer DEFAULT 25, related_to text DEFAULT NULL)
RETURNS TABLE (obstacle text, detail text)
LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000 ROWS 3
AS 'MODULE_PATHNAME', 'recsys_why_not_by_number';
COMMENT ON FUNCTION recsys.why_not(text, bigint, text, text, jsonb, integer, text) IS
'As why_not with a text user_id, for numbers written without quotes.';

CREATE OR REPLACE FUNCTION recsys.explain(campaign text, user_id text, item_id text)
RETURNS TABLE (source text, item_id text, "timestamp" timestamptz, contribution float8, experts jsonb)
LANGUAGE c STABLE PARALLEL RESTRICTED COST 100000 ROWS 20
AS 'MODULE_PATHNAME', 'recsys_explain';
COMMENT ON FUNCTION recsys.explain(text, text, text) IS
'Tells what the score of an item for a user is made of: rows whose contributions add up to the logarithm of the score, and without
the last one to the logit. source is event (one of the user''s events, with its item and time), popularity (of the item, whoever asks),
features (popularity that is foretold by what the item is like), situation (what holds apart from the past), other (what is too small
for a row, a hundredth of the logit in all at most), or all items (what the competition takes off: minus the logarithm of the sum of
exp(logit) over the catalogue). An event''s share is what each expert''s score loses without it, rescaled to add up to the score; a
negative event that rules the item out has -Infinity. experts tells which experts of the model contributed how much.
Exploration and promotions move places, not these scores. Takes about as long as an answer for each of the user''s events.
Errors: RS001 for an absent campaign, or an item that has no score in it; RS004 for a campaign that does not serve yet; 22004 for a
missing argument; 22023 for a campaign of another recipe than user-personalization and personalized-ranking and their use cases.';

CREATE OR REPLACE FUNCTION recsys.explain(campaign text, user_id bigint, item_id text)
RETURNS TABLE (source text, item_id text, "timestamp" timestamptz, contribution float8, experts jsonb)
LANGUAGE c STABLE PARALLEL RESTRICTED COST 100000 ROWS 20
AS 'MODULE_PATHNAME', 'recsys_explain_by_number';
COMMENT ON FUNCTION recsys.explain(text, bigint, text) IS
'As explain with a text user_id, for numbers written without quotes.';

CREATE OR REPLACE FUNCTION recsys.get_action_recommendations(campaign text, user_id text, num_results integer DEFAULT 5,
    filter text DEFAULT NULL, filter_values jsonb DEFAULT '{}')
RETURNS TABLE (rank integer, action_id text, score float8, reason text, recommendation_id text)
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000 ROWS 5
AS 'MODULE_PATHNAME', 'recsys_get_action_recommendations';
COMMENT ON FUNCTION recsys.get_action_recommendations(text, text, integer, text, jsonb) IS
'Actions for a user, those first that he will most likely take; equal scores by value. The score is the probability that he takes the
action within the solution''s action_optimization_period, calibrated, so that it may be multiplied with money. reason: personal; popular
for a user of whom nothing is known; exploration, with score 0, for an action with fewer than 50 Taken and 50 other answers in the six
weeks before the newest one at the training. Such actions get one place in five, and all that nothing else fills.
Left out, whatever a filter says: actions that have expired, whose creation_timestamp lies ahead, or that the user answered within
their repeat_frequency (days). What put_action_interactions and put_events stored in this transaction counts. num_results 0 means 5.
filter: one that begins with INCLUDE ActionID or EXCLUDE ActionID; filter_values as in get_recommendations.
Errors: RS001 for an absent campaign or filter; RS004 for a campaign that does not serve yet; 22004 without a user; 22023 for a
campaign of another recipe, a negative num_results, or a filter of items or users; RS003 for more than 100 results under
recsys.service_limits.';

CREATE OR REPLACE FUNCTION recsys.get_action_recommendations(campaign text, user_id bigint, num_results integer DEFAULT 5,
    filter text DEFAULT NULL, filter_values jsonb DEFAULT '{}')
RETURNS TABLE (rank integer, action_id text, score float8, reason text, recommendation_id text)
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000 ROWS 5
AS 'MODULE_PATHNAME', 'recsys_get_action_recommendations_by_number';
COMMENT ON FUNCTION recsys.get_action_recommendations(text, bigint, integer, text, jsonb) IS
'As get_action_recommendations with a text user_id, for numbers written without quotes.';

CREATE OR REPLACE FUNCTION recsys.get_user_segment(solution_version text, item_id text DEFAULT NULL, attributes text DEFAULT NULL,
    num_results integer DEFAULT 25, filter text DEFAULT NULL, filter_values jsonb DEFAULT '{}')
RETURNS TABLE (rank integer, user_id text, reason text)
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000000 ROWS 25
AS 'MODULE_PATHNAME', 'recsys_get_user_segment';
COMMENT ON FUNCTION recsys.get_user_segment(text, text, text, integer, text, jsonb) IS
'The users who will most likely interact with an item (recipe item-affinity: item_id), or with items that have given attributes (recipe
item-attribute-affinity: attributes), best first. solution_version is "solution/number", or the name of a solution for its newest ACTIVE
version; no campaign is needed. attributes is a condition in the words of filters, like Items.GENRE = "Comedy" AND Items.YEAR = 1999, on
the categorical and numeric fields of items as they are now. Users are those of the training who still have interactions that the
caller can see; what they did since does not count until the next training.
reason: personal; active for users of whom nothing speaks for the item, the most active first; has_item, last, for those who have the item
already where people do not come back. num_results 0 means 25. filter: one that begins with INCLUDE UserID or EXCLUDE UserID, with
attributes on Users alone; filter_values as in get_recommendations.
Errors: RS001 for an absent version or filter, an item that the model does not know, or attributes that none of its items has; RS004 for
a version that is not ACTIVE; 22004 without the argument that the recipe asks for; 22023 for a version of another recipe, the other
argument, attributes that are no condition on items, a negative num_results, or a filter of items or actions; RS003 for more than 5000000
results under recsys.service_limits, which takes fields that equal a value, joined by AND, alone.';

CREATE OR REPLACE FUNCTION recsys.prewarm(campaign text)
RETURNS TABLE (kind text, object text, bytes bigint)
LANGUAGE c VOLATILE PARALLEL RESTRICTED ROWS 10 AS 'MODULE_PATHNAME', 'recsys_prewarm';
COMMENT ON FUNCTION recsys.prewarm(text) IS
'Brings into memory what requests of a campaign or recommender read, before the first of them comes: its model into the shared cache, then
the indexes and the tables of interactions, items and aliases into the shared buffers, up to half of those. One row for each thing that
was read. For use after a restart, on a new standby (each server has its own memory), and before a sale. Needs the rights of
recsys.get_recommendations. Errors: RS001; RS004 when the campaign has nothing to serve with.';
