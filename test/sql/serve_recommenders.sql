-- Recommenders: a use case of a domain in one call.
\set VERBOSITY terse
SET client_min_messages = warning;
SELECT name, recipe_type, domain, event_type, needs_user, needs_item, required_datasets, hyperparameters, capabilities->>'scores' AS scores
FROM recsys.recipes WHERE domain IS NOT NULL ORDER BY domain, name;

SELECT recsys.create_dataset_group('serve_shop', 'ECOMMERCE');
SELECT recsys.create_dataset('serve_shop', 'interactions');
SELECT recsys.create_dataset_group('serve_video', 'VIDEO_ON_DEMAND');
SELECT recsys.create_dataset('serve_video', 'interactions');
SELECT recsys.create_dataset_group('serve_custom');
SELECT recsys.create_dataset('serve_custom', 'interactions');
-- Forty customers view, and buy now and then. A regular views the same lamp again and again; printers go with ink, in one order.
INSERT INTO serve_shop.interactions (user_id, item_id, event_type, "timestamp", session_id)
SELECT 'c' || c, 'thing' || (c * n) % 20, 'View', '2024-03-01'::timestamptz + c * interval '1 hour' + n * interval '1 minute', 's' || c
FROM generate_series(1, 40) AS c, generate_series(1, 6) AS n;
INSERT INTO serve_shop.interactions (user_id, item_id, event_type, "timestamp", session_id)
SELECT 'regular', 'lamp', 'View', '2024-03-02'::timestamptz + n * interval '1 minute', 'r' || n FROM generate_series(1, 60) AS n;
INSERT INTO serve_shop.interactions (user_id, item_id, event_type, "timestamp", session_id)
SELECT 'c' || c, item, 'purchase', '2024-03-03'::timestamptz + c * interval '1 hour', 'order' || c || CASE WHEN item LIKE 'thing%' THEN 'b' ELSE '' END
FROM generate_series(1, 40) AS c, unnest(ARRAY['printer', 'ink', 'thing' || c % 20]) AS item;
INSERT INTO serve_video.interactions (user_id, item_id, event_type, "timestamp")
SELECT 'u' || u, 'film' || (u * n) % 15, 'Watch', '2024-03-01'::timestamptz + u * interval '1 hour' + n * interval '1 minute'
FROM generate_series(1, 40) AS u, generate_series(1, 5) AS n;

-- refused
SELECT recsys.create_solution('x', 'serve_shop', 'ecomm-popular-items-by-views');
SELECT recsys.create_recommender('x', 'serve_shop', 'sims');
SELECT recsys.create_recommender('x', 'serve_shop', 'aws-no-such-use-case');
SELECT recsys.create_recommender('x', 'serve_nothing', 'aws-ecomm-popular-items-by-views');
\set VERBOSITY default
SELECT recsys.create_recommender('x', 'serve_shop', 'aws-vod-most-popular');
SELECT recsys.create_recommender('x', 'serve_custom', 'aws-vod-most-popular');
SELECT recsys.create_recommender('x', 'serve_video', 'aws-vod-more-like-x', wait => true);
SELECT recsys.create_recommender('x', 'serve_shop', 'aws-ecomm-recommended-for-you', exploration_weight => 3);
SELECT recsys.create_recommender('x', 'serve_shop', 'aws-ecomm-popular-items-by-views', exploration_weight => 0.5);
BEGIN;
UPDATE serve_shop.interactions SET event_type = 'Look' WHERE event_type = 'View';
SELECT recsys.create_recommender('x', 'serve_shop', 'aws-ecomm-popular-items-by-views', wait => true);
ROLLBACK;
BEGIN;
UPDATE serve_shop.interactions SET event_type = 'VIEW' WHERE user_id = 'c1' AND event_type = 'View';
SELECT recsys.create_recommender('x', 'serve_shop', 'aws-ecomm-popular-items-by-views', wait => true);
ROLLBACK;
BEGIN;
DELETE FROM serve_shop.interactions;
SELECT recsys.create_recommender('x', 'serve_shop', 'aws-ecomm-popular-items-by-views', wait => true);
ROLLBACK;
\set VERBOSITY terse
SELECT recsys.create_recommender('not a name', 'serve_shop', 'aws-ecomm-popular-items-by-views', wait => true);
SELECT recsys.create_recommender('x', 'serve_shop', 'aws-ecomm-popular-items-by-views', min_recommendation_requests_per_second => 0, wait => true);
-- what failed left nothing
SELECT (SELECT count(*) FROM recsys.recommenders) AS recommenders, (SELECT count(*) FROM recsys.solutions WHERE dataset_group IN ('serve_shop', 'serve_video')) AS solutions;

-- one call, and there are answers
SELECT recsys.create_recommender(u.name, u.dataset_group, u.recipe, wait => true) FROM (VALUES
	('sr_viewed', 'serve_shop', 'aws-ecomm-popular-items-by-views'), ('sr_sellers', 'serve_shop', 'ecomm-popular-items-by-purchases'),
	('sr_together', 'serve_shop', 'aws-ecomm-frequently-bought-together'), ('sr_also', 'serve_shop', 'aws-ecomm-customers-who-viewed-x-also-viewed'),
	('sr_for_you', 'serve_shop', 'aws-ecomm-recommended-for-you'), ('sr_popular', 'serve_video', 'aws-vod-most-popular'),
	('sr_trending', 'serve_video', 'aws-vod-trending-now'), ('sr_watched', 'serve_video', 'aws-vod-because-you-watched-x'),
	('sr_picks', 'serve_video', 'aws-vod-top-picks')) AS u (name, dataset_group, recipe);
SELECT name, dataset_group, recipe, solution_version, min_recommendation_requests_per_second AS rps, status, model_metrics IS NOT NULL AS measured
FROM recsys.recommenders WHERE name LIKE 'sr\_%' ORDER BY name;
SELECT recsys.describe_recommender('sr_sellers') - 'created_at' - 'updated_at' - 'model_metrics';
-- events count where the regular's do; among sellers they need not
SELECT item_id, score, reason FROM recsys.get_recommendations('sr_viewed', 'c1', num_results => 1);
SELECT string_agg(item_id, ', ' ORDER BY item_id) FROM recsys.get_recommendations('sr_sellers', 'c1', num_results => 2);
SELECT item_id, reason FROM recsys.get_recommendations('sr_together', item_id => 'printer', num_results => 1);
SELECT item_id, reason FROM recsys.get_recommendations('sr_together', item_id => 'ink', num_results => 1);
SELECT count(*), count(score) FROM recsys.get_recommendations('sr_popular', 'u1');
SELECT count(*) > 0 AS answered FROM recsys.get_recommendations('sr_trending');
SELECT count(*) > 0 AS answered FROM recsys.get_recommendations('sr_for_you', 'c1');
-- what a request must name
SELECT count(*) FROM recsys.get_recommendations('sr_also', item_id => 'thing1');
SELECT count(*) FROM recsys.get_recommendations('sr_also', 'c1');
SELECT count(*) FROM recsys.get_recommendations('sr_picks');

-- what a use case leaves out, at once: an event more, and the item is gone; a rollback brings it back
CREATE FUNCTION pg_temp.shows(recommender text, who text, item text, of text DEFAULT NULL, filter text DEFAULT NULL) RETURNS boolean LANGUAGE sql AS $$
	SELECT item IN (SELECT item_id FROM recsys.get_recommendations(recommender, who, of, num_results => 100, filter => filter)) $$;
SELECT pg_temp.shows('sr_for_you', 'c1', 'printer') AS bought, pg_temp.shows('sr_for_you', 'c1', 'lamp') AS not_bought;
BEGIN;
INSERT INTO serve_shop.interactions (user_id, item_id, event_type, "timestamp", session_id) VALUES ('c1', 'lamp', 'PURCHASE', '2024-03-09', 's'), ('c1', 'thing5', 'Purchase', '2024-03-09', 's');
SELECT pg_temp.shows('sr_for_you', 'c1', 'lamp'), pg_temp.shows('sr_also', 'c1', 'thing5', 'thing6'), pg_temp.shows('sr_also', 'c2', 'thing5', 'thing6');
ROLLBACK;
SELECT pg_temp.shows('sr_for_you', 'c1', 'lamp'), pg_temp.shows('sr_also', 'c1', 'thing5', 'thing6');
SELECT pg_temp.shows('sr_picks', 'u1', 'film1') AS watched, pg_temp.shows('sr_picks', 'u1', 'film9') AS not_watched,
	pg_temp.shows('sr_watched', 'u1', 'film9', 'film1');
-- beside the filter of a request
SELECT recsys.create_filter('sr_viewed', 'serve_shop', 'EXCLUDE ItemID WHERE Interactions.event_type IN ("View")');
SELECT pg_temp.shows('sr_for_you', 'regular', 'printer', filter => 'sr_viewed'), pg_temp.shows('sr_for_you', 'regular', 'lamp', filter => 'sr_viewed'),
	pg_temp.shows('sr_for_you', 'c1', 'printer', filter => 'sr_viewed');

-- one name space with campaigns; each kind has its own functions
SELECT recsys.create_recommender('sr_viewed', 'serve_shop', 'aws-ecomm-popular-items-by-views', wait => true);
SELECT recsys.create_campaign('sr_viewed', 'sr_sellers');
\set VERBOSITY default
SELECT recsys.delete_campaign('sr_viewed');
\set VERBOSITY terse
SELECT recsys.update_campaign('sr_viewed', min_provisioned_tps => 2);
SELECT recsys.describe_campaign('sr_viewed');
SELECT count(*) FROM recsys.campaigns WHERE name LIKE 'sr\_%';
SELECT recsys.create_solution('sr_custom', 'serve_shop', 'popularity-count');
SELECT recsys.create_solution_version('sr_custom', wait => true);
SELECT recsys.create_campaign('sr_custom', 'sr_custom');
SELECT recsys.create_recommender('sr_custom', 'serve_shop', 'aws-ecomm-popular-items-by-views', wait => true);
SELECT recsys.describe_recommender('sr_custom');
SELECT recsys.stop_recommender('sr_custom');
SELECT recsys.delete_recommender('sr_custom');
SELECT recsys.delete_solution('sr_viewed');

-- update
SELECT recsys.update_recommender('sr_viewed', min_recommendation_requests_per_second => 7);
SELECT min_recommendation_requests_per_second FROM recsys.recommenders WHERE name = 'sr_viewed';
SELECT recsys.update_recommender('sr_viewed');
SELECT recsys.update_recommender('sr_viewed', min_recommendation_requests_per_second => 0);
SELECT recsys.update_recommender('sr_viewed', exploration_weight => 0.5);

-- stop and start: no answers in between, the same model after; what was trained meanwhile serves after the start, not before
SELECT recsys.start_recommender('sr_viewed');
SELECT recsys.stop_recommender('sr_viewed');
SELECT count(*) FROM recsys.get_recommendations('sr_viewed', 'c1');
SELECT recsys.stop_recommender('sr_viewed');
SELECT recsys.update_recommender('sr_viewed', min_recommendation_requests_per_second => 2);
SELECT recsys.start_recommender('sr_viewed');
SELECT solution_version, status FROM recsys.recommenders WHERE name = 'sr_viewed';
SELECT item_id FROM recsys.get_recommendations('sr_viewed', 'c1', num_results => 1);
SELECT recsys.stop_recommender('sr_viewed');
SELECT recsys.create_solution_version('sr_viewed', wait => true);
SELECT solution_version, status FROM recsys.recommenders WHERE name = 'sr_viewed';
SELECT count(*) FROM recsys.get_recommendations('sr_viewed', 'c1');
SELECT recsys.start_recommender('sr_viewed');
SELECT item_id FROM recsys.get_recommendations('sr_viewed', 'c1', num_results => 1);

-- with the recommender its solution goes
SELECT recsys.delete_recommender('sr_viewed');
SELECT recsys.delete_recommender('sr_viewed');
SELECT count(*) FROM recsys.solutions WHERE name = 'sr_viewed';
SELECT recsys.delete_dataset_group('serve_shop', cascade => true);
SELECT recsys.delete_dataset_group('serve_video', cascade => true);
SELECT recsys.delete_dataset_group('serve_custom', cascade => true);
