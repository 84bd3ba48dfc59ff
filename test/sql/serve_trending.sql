-- trending-now: what grows fastest, counted at the time of the request.
\set VERBOSITY terse
SET client_min_messages = warning;
SET recsys.trending_cache = 0;
SELECT recsys.create_dataset_group('serve_trending');
SELECT recsys.create_dataset('serve_trending', 'interactions');
SELECT recsys.create_dataset('serve_trending', 'items', '{"kind": "categorical", "in_stock": {"type": "boolean", "role": "availability"}}');
-- n events of an item, spread over the interval that begins so many minutes after noon
CREATE FUNCTION pg_temp.events(item text, n integer, minute integer, type text DEFAULT 'view') RETURNS void LANGUAGE sql AS $$
	INSERT INTO serve_trending.interactions (user_id, item_id, event_type, "timestamp")
	SELECT 'u' || i, item, type, '2024-05-01 12:00'::timestamptz + minute * interval '1 minute' + i * interval '20 seconds' FROM generate_series(1, n) AS i $$;
CREATE FUNCTION pg_temp.trending(campaign text DEFAULT 'now', n integer DEFAULT 25) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(item_id || ' ' || reason, ', ' ORDER BY rank) FROM recsys.get_recommendations('serve_trending.' || campaign, num_results => n) $$;
-- older events, which make things popular, the last of them at a quarter past eleven
SELECT pg_temp.events('evergreen', 60, -100), pg_temp.events('classic', 40, -90), pg_temp.events('up10', 3, -80), pg_temp.events('up5', 2, -80), pg_temp.events('down20', 30, -80);

-- the interval is one of five
SELECT h - 'reason' FROM recsys.recipes, jsonb_array_elements(hyperparameters) AS h WHERE recipes.name = 'trending-now';
\set VERBOSITY default
SELECT recsys.create_solution('bad', 'serve_trending', 'trending-now', hyperparameters => '{"trend_discovery_frequency": "2 days"}');
SELECT recsys.create_solution('bad', 'serve_trending', 'trending-now', hyperparameters => '{"trend_discovery_frequency": 30}');
\set VERBOSITY terse
SELECT recsys.create_solution('now', 'serve_trending', 'aws-trending-now');
SELECT recsys.create_solution('now_1h', 'serve_trending', 'trending-now', hyperparameters => '{"trend_discovery_frequency": "1 hour"}');
SELECT recsys.create_solution('now_bought', 'serve_trending', 'trending-now', event_type => 'purchase');
SELECT recsys.create_solution('now_liked', 'serve_trending', 'trending-now', negative_event_types => '{hide}');
SELECT name, hyperparameters FROM recsys.solutions WHERE dataset_group = 'serve_trending' ORDER BY name;
SELECT recsys.create_solution_version(name, wait => true) FROM recsys.solutions WHERE dataset_group = 'serve_trending' AND name <> 'now_bought' ORDER BY name;
SELECT recsys.create_solution_version('now_bought', wait => true);
SELECT recsys.create_campaign(name, name) FROM recsys.solutions WHERE dataset_group = 'serve_trending' AND name <> 'now_bought' ORDER BY name;
SELECT status, count(*) FROM recsys.campaigns WHERE dataset_group = 'serve_trending' GROUP BY 1;
-- it ranks no lists
SELECT count(*) FROM recsys.get_personalized_ranking('now', 'u1', '{up10}');
-- no user is needed
SET recsys.service_limits = on;
SELECT count(*) > 0 AS answered FROM recsys.get_recommendations('now');
RESET recsys.service_limits;

-- the test of the specification: from noon on in steps of half an hour, +10, +5 and -20. What shrinks comes last, though it counts most.
SELECT pg_temp.events('up10', 5, 0), pg_temp.events('up5', 5, 0), pg_temp.events('down20', 70, 0), pg_temp.events('even', 1, 0);
SELECT pg_temp.events('up10', 15, 30), pg_temp.events('up5', 10, 30), pg_temp.events('down20', 50, 30), pg_temp.events('even', 1, 30);
INSERT INTO serve_trending.interactions (user_id, item_id, event_type, "timestamp") VALUES ('clock', 'tick', 'view', '2024-05-01 13:00');
SELECT item_id, count(*) FILTER (WHERE "timestamp" > '2024-05-01 12:30') AS newest, count(*) FILTER (WHERE "timestamp" <= '2024-05-01 12:30') AS before
FROM serve_trending.interactions WHERE "timestamp" > '2024-05-01 12:00' GROUP BY 1 ORDER BY 1;
SELECT pg_temp.trending();
-- new items trend without training: tick and even are unknown to the model. Longer intervals see other growth.
SELECT pg_temp.trending('now_1h');
SELECT count(*), count(DISTINCT item_id) FROM recsys.get_recommendations('now', num_results => 1000);
-- an answer is the head of a longer one
SELECT bool_and(a.item_id = b.item_id) FROM recsys.get_recommendations('now', num_results => 3) AS a
JOIN recsys.get_recommendations('now', num_results => 1000) AS b USING (rank);

-- read your writes, and a rollback takes them back, though the session keeps counts
SET recsys.trending_cache = '1h';
SELECT pg_temp.trending(n => 2);
BEGIN;
SELECT pg_temp.events('brand_new', 30, 45);
SELECT pg_temp.trending(n => 2);
SAVEPOINT here;
SELECT pg_temp.events('newer', 40, 45);
SELECT pg_temp.trending(n => 2);
ROLLBACK TO here;
SELECT pg_temp.trending(n => 2);
ROLLBACK;
SELECT pg_temp.trending(n => 2);
-- committed, it shows as soon as the session's counts are too old; with no keeping, at once
SELECT pg_temp.trending(n => 2);
SELECT pg_temp.events('brand_new', 30, 45);
SELECT pg_temp.trending(n => 2) AS kept;
SET recsys.trending_cache = 0;
SELECT pg_temp.trending(n => 2);
DELETE FROM serve_trending.interactions WHERE item_id = 'brand_new';
-- COPY counts like any other write
COPY serve_trending.interactions (user_id, item_id, event_type, "timestamp") FROM STDIN WITH (FORMAT csv);
c1,copied,view,2024-05-01 12:50
c2,copied,view,2024-05-01 12:51
\.
SELECT pg_temp.trending() LIKE '%copied trending%' AS copied;
DELETE FROM serve_trending.interactions WHERE item_id = 'copied';

-- what is not there yet does not count: a clock that is ahead
INSERT INTO serve_trending.interactions (user_id, item_id, event_type, "timestamp")
SELECT 'f' || i, 'future', 'view', now() + interval '1 year' FROM generate_series(1, 50) AS i;
SELECT pg_temp.trending(n => 2);
INSERT INTO serve_trending.interactions (user_id, item_id, event_type, "timestamp") VALUES ('f', 'future', 'view', 'infinity'), ('f', 'past', 'view', '-infinity');
SELECT pg_temp.trending(n => 2);
DELETE FROM serve_trending.interactions WHERE item_id IN ('future', 'past');

-- what may be returned: items that are left out, unavailable, or gone
SELECT pg_temp.trending(n => 2), (SELECT string_agg(item_id, ', ' ORDER BY rank) FROM recsys.get_recommendations('now', num_results => 3, exclude_items => '{up10,tick}')) AS without;
INSERT INTO serve_trending.items (item_id, in_stock) VALUES ('up10', false), ('tick', false);
SELECT pg_temp.trending(n => 2);
DELETE FROM serve_trending.items;

-- filters hold for new items, too, whichever way they are evaluated
SELECT recsys.create_filter('unseen', 'serve_trending', 'EXCLUDE ItemID WHERE Interactions.event_type IN ("view")');
SET recsys.filter_plan = 'post';
SELECT string_agg(item_id, ', ' ORDER BY rank) FROM recsys.get_recommendations('now', 'u12', filter => 'unseen');
SET recsys.filter_plan = 'pre';
SELECT string_agg(item_id, ', ' ORDER BY rank) FROM recsys.get_recommendations('now', 'u12', filter => 'unseen');
RESET recsys.filter_plan;

-- only the events that the solution names
SELECT pg_temp.events('sold', 20, 40, 'purchase');
SELECT recsys.create_solution_version('now_bought', wait => true);
SELECT recsys.create_campaign('now_bought', 'now_bought');
SELECT pg_temp.trending('now_bought', 2);
SELECT pg_temp.events('hidden', 45, 40, 'hide');
SELECT pg_temp.trending('now', 1), pg_temp.trending('now_liked', 1);
DELETE FROM serve_trending.interactions WHERE item_id = 'hidden';
-- later views move the group's clock on: nothing was bought in the last two intervals, which leaves what is popular
SELECT pg_temp.events('later', 1, 300);
SELECT pg_temp.trending('now_bought');
DELETE FROM serve_trending.interactions WHERE item_id = 'later';
-- no interactions at all
BEGIN;
TRUNCATE serve_trending.interactions;
SELECT pg_temp.trending(n => 2);
ROLLBACK;

-- who sees only some rows gets what trends among them
SET recsys.trending_cache = '1h';
CREATE ROLE regress_trending_tenant;
GRANT USAGE ON SCHEMA serve_trending TO regress_trending_tenant;
GRANT SELECT ON ALL TABLES IN SCHEMA serve_trending TO regress_trending_tenant;
SELECT pg_temp.trending(n => 1);
SET ROLE regress_trending_tenant;
SELECT item_id, reason FROM recsys.get_recommendations('now', num_results => 1);
RESET ROLE;
ALTER TABLE serve_trending.interactions ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON serve_trending.interactions TO regress_trending_tenant USING (item_id = current_setting('regress.tenant', true));
SET ROLE regress_trending_tenant;
SET regress.tenant = 'up5';
SELECT item_id, reason FROM recsys.get_recommendations('now', num_results => 1);
SET regress.tenant = 'even';
SELECT item_id, reason FROM recsys.get_recommendations('now', num_results => 1);
RESET ROLE;
ALTER TABLE serve_trending.interactions DISABLE ROW LEVEL SECURITY;

-- mapped relations keep their times in their own ways, and the index on them is used
CREATE SCHEMA serve_trending_own;
CREATE FUNCTION pg_temp.mapped(name text, type text, stored text, epoch text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE answer text;
BEGIN
	EXECUTE format('CREATE TABLE serve_trending_own.%I (who integer, what text, at %s)', name, type);
	EXECUTE format('INSERT INTO serve_trending_own.%I SELECT 1, item_id, %s FROM serve_trending.interactions', name, stored);
	EXECUTE format('CREATE INDEX ON serve_trending_own.%I (at)', name);
	PERFORM recsys.create_dataset_group('st_' || name);
	PERFORM recsys.create_dataset('st_' || name, 'interactions', source => format('serve_trending_own.%I', name)::regclass, columns =>
		jsonb_build_object('user_id', 'who', 'item_id', 'what', 'timestamp',
			CASE WHEN epoch IS NULL THEN to_jsonb('at'::text) ELSE jsonb_build_object('column', 'at', 'epoch', epoch) END));
	PERFORM recsys.create_solution('st_' || name, 'st_' || name, 'trending-now');
	PERFORM recsys.create_solution_version('st_' || name, wait => true);
	PERFORM recsys.create_campaign('st_' || name, 'st_' || name);
	SELECT string_agg(item_id || ' ' || reason, ', ' ORDER BY rank) INTO answer FROM recsys.get_recommendations('st_' || name, num_results => 4);
	PERFORM recsys.delete_dataset_group('st_' || name, cascade => true);
	RETURN answer;
END $$;
SELECT pg_temp.trending(n => 4);
SET timezone = 'America/New_York';
SELECT k.name, pg_temp.mapped(k.name, k.type, k.stored, k.epoch) FROM (VALUES
	('zoned', 'timestamptz', '"timestamp"', NULL), ('local', 'timestamp', '"timestamp"', NULL),
	('seconds', 'bigint', 'extract(epoch FROM "timestamp")', 's'), ('short', 'integer', 'extract(epoch FROM "timestamp")', 's'),
	('millis', 'bigint', '1000 * extract(epoch FROM "timestamp")', 'ms'), ('number', 'numeric', 'extract(epoch FROM "timestamp")', 's'),
	('float', 'float8', 'extract(epoch FROM "timestamp")', 's')) AS k (name, type, stored, epoch);
RESET timezone;

SELECT recsys.delete_dataset_group('serve_trending', cascade => true);
DROP SCHEMA serve_trending_own CASCADE;
DROP ROLE regress_trending_tenant;
