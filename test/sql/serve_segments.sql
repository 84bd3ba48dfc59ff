-- Segments: users for an item, and for attributes of items.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SELECT recsys.create_dataset_group('serve_segments');
SELECT recsys.create_dataset('serve_segments', 'interactions');
SELECT recsys.create_dataset('serve_segments', 'items', '{"genre": "categorical", "price": "float", "plot": "textual", "shelf": "string"}');
SELECT recsys.create_dataset('serve_segments', 'users', '{"plan": "categorical", "age": "float"}');
SELECT recsys.create_event_tracker('serve_segments', 'serve_segments') IS NOT NULL;

-- 40 items of four kinds, 400 users who like one kind each and take no item twice; who reads most is "u7"
CREATE FUNCTION pg_temp.uniform(seed text) RETURNS float8 LANGUAGE sql AS $$ SELECT ('x' || substr(md5(seed), 1, 8))::bit(32)::bigint / 4294967296.0 $$;
INSERT INTO serve_segments.items (item_id, genre, price, plot, shelf)
	SELECT 'i' || n, (ARRAY['Comedy', 'Drama', 'Comedy|Action', 'War'])[1 + n % 4], n % 5, 'a film of kind ' || n % 4, 's' || n % 3 FROM generate_series(0, 39) AS n;
INSERT INTO serve_segments.users (user_id, plan, age) SELECT 'u' || u, CASE u % 3 WHEN 0 THEN 'gold' ELSE 'basic' END, 20 + u % 40 FROM generate_series(0, 399) AS u;
INSERT INTO serve_segments.interactions (user_id, item_id, event_type, "timestamp")
	SELECT DISTINCT ON (u, item) 'u' || u, 'i' || item, CASE k % 2 WHEN 0 THEN 'watch' ELSE 'click' END, timestamptz '2024-01-01' + k * interval '1 hour' + u * interval '1 second'
	FROM (SELECT u, k, (floor(10 * pg_temp.uniform('item' || u || '/' || k)) * 4
			+ CASE WHEN pg_temp.uniform('kind' || u || '/' || k) < 0.85 THEN u % 4 ELSE floor(4 * pg_temp.uniform('other' || u || '/' || k)) END)::int AS item
		FROM generate_series(0, 399) AS u, generate_series(1, 6) AS k) AS e ORDER BY u, item, k;
INSERT INTO serve_segments.interactions (user_id, item_id, event_type, "timestamp") SELECT 'u7', 'i' || n, 'click', '2023-12-01' FROM generate_series(0, 30) AS n
	WHERE NOT EXISTS (SELECT FROM serve_segments.interactions WHERE user_id = 'u7' AND item_id = 'i' || n);

SELECT recsys.create_solution('seg_item', 'serve_segments', 'aws-item-affinity');
SELECT recsys.create_solution_version('seg_item', wait => true);
SELECT recsys.create_solution('seg_genre', 'serve_segments', 'item-attribute-affinity');
SELECT recsys.create_solution_version('seg_genre', wait => true);
SELECT metric, value > 0 AS positive FROM recsys.get_solution_metrics('seg_item/1');
SELECT max(value) FILTER (WHERE metric = 'recall_at_1_percent') > max(value) FILTER (WHERE metric = 'recall_at_1_percent_of_most_active') AS beats_the_most_active
	FROM recsys.get_solution_metrics('seg_item/1');
SELECT name, recipe_type, capabilities ->> 'batch' AS batch_inference, required_datasets FROM recsys.recipes WHERE name LIKE 'item-%' ORDER BY name;

-- users of the item's kind, nobody twice, ranks in order, the same again
SELECT count(*), count(DISTINCT user_id), min(rank), max(rank), array_agg(DISTINCT reason) AS reasons, avg((substr(user_id, 2)::int % 4 = 1)::int) > 0.9 AS of_its_kind
	FROM recsys.get_user_segment('seg_item', 'i5');
SELECT count(*) FROM recsys.get_user_segment('seg_item/1', 'i5', num_results => 3);
SELECT count(*) FROM recsys.get_user_segment('seg_item', 'i5', num_results => 0);
SELECT array_agg(user_id ORDER BY rank) = (SELECT array_agg(user_id ORDER BY rank) FROM recsys.get_user_segment('seg_item', 'i5')) AS stable FROM recsys.get_user_segment('seg_item', 'i5');
-- everybody: those who have the item come last, as nobody takes an item twice
SELECT reason, count(*) > 0 AS some, bool_and(rank > 300) AS late FROM recsys.get_user_segment('seg_item', 'i5', num_results => 1000) GROUP BY reason ORDER BY reason;
SELECT count(*) AS everybody FROM recsys.get_user_segment('seg_item', 'i5', num_results => 1000);
SELECT bool_and(EXISTS (SELECT FROM serve_segments.interactions AS i WHERE i.user_id = s.user_id AND i.item_id = 'i5') = (reason = 'has_item')) AS told
	FROM recsys.get_user_segment('seg_item', 'i5', num_results => 1000) AS s;

-- attributes
SELECT count(*), avg((substr(user_id, 2)::int % 4 = 3)::int) > 0.9 AS warriors FROM recsys.get_user_segment('seg_genre', attributes => 'ITEMS.genre = "War"');
SELECT avg((substr(user_id, 2)::int % 4 = 2)::int) > 0.9 AS both_genres FROM recsys.get_user_segment('seg_genre', attributes => 'Items.GENRE = "Comedy" AND Items.GENRE = "Action"');
SELECT count(*) FROM recsys.get_user_segment('seg_genre', attributes => 'Items.PRICE = 3 AND Items.GENRE = "Drama"', num_results => 7);
SELECT count(*) FROM recsys.get_user_segment('seg_genre', attributes => 'Items.PRICE < 2 OR Items.SHELF IN ("s1", "s2")', num_results => 7);
-- as the items are now
BEGIN;
UPDATE serve_segments.items SET genre = 'Western' WHERE item_id IN ('i3', 'i7', 'i11');
SELECT avg((substr(user_id, 2)::int % 4 = 3)::int) > 0.9 AS westerners FROM recsys.get_user_segment('seg_genre', attributes => 'Items.GENRE = "Western"');
ROLLBACK;

-- filters: users by their fields and by their events
SELECT recsys.create_filter('seg_gold', 'serve_segments', 'INCLUDE UserID WHERE Users.PLAN IN ($PLAN)');
SELECT recsys.create_filter('seg_old', 'serve_segments', 'EXCLUDE UserID WHERE Users.AGE < 59');
SELECT recsys.create_filter('seg_watched', 'serve_segments', 'EXCLUDE UserID WHERE Interactions.EVENT_TYPE IN ("watch")');
SELECT recsys.create_filter('seg_items', 'serve_segments', 'INCLUDE ItemID WHERE Items.PRICE < 3');
SELECT count(*), bool_and(substr(user_id, 2)::int % 3 = 0) AS gold FROM recsys.get_user_segment('seg_item', 'i5', filter => 'seg_gold', filter_values => '{"PLAN": "gold"}');
SELECT count(*), bool_and(substr(user_id, 2)::int % 40 = 39) AS old FROM recsys.get_user_segment('seg_genre', attributes => 'Items.GENRE = "War"', num_results => 100, filter => 'seg_old');
SELECT count(*) = (SELECT count(*) FROM (SELECT user_id FROM serve_segments.interactions GROUP BY user_id HAVING bool_and(event_type = 'click')) AS x) AS clickers_alone
	FROM recsys.get_user_segment('seg_item', 'i5', num_results => 1000, filter => 'seg_watched');
BEGIN;
UPDATE serve_segments.users SET plan = 'none';
SELECT count(*) FROM recsys.get_user_segment('seg_item', 'i5', filter => 'seg_gold', filter_values => '{"PLAN": "gold"}');
ROLLBACK;

-- users since the training: gone with their events, new with the next training; under an alias he is the same
BEGIN;
DELETE FROM serve_segments.interactions WHERE user_id IN (SELECT user_id FROM recsys.get_user_segment('seg_item', 'i5', num_results => 2));
SELECT count(*) AS two_fewer FROM recsys.get_user_segment('seg_item', 'i5', num_results => 1000);
ROLLBACK;
BEGIN;
INSERT INTO serve_segments.interactions (user_id, item_id, "timestamp") SELECT 'fresh', 'i' || n * 4 + 1, now() FROM generate_series(2, 9) AS n;
SELECT count(*) AS as_before FROM recsys.get_user_segment('seg_item', 'i5', num_results => 1000);
SELECT recsys.create_solution_version('seg_item', wait => true);
SELECT count(*) AS one_more, min(rank) FILTER (WHERE user_id = 'fresh') < 5 AS first FROM recsys.get_user_segment('seg_item', 'i5', num_results => 1000);
-- whose events are all under another id is one user, and there
UPDATE serve_segments.interactions SET user_id = 'session' WHERE user_id = 'u1';
INSERT INTO serve_segments.user_aliases (alias_id, user_id) VALUES ('session', 'u1');
SELECT recsys.create_solution_version('seg_item', wait => true);
SELECT count(*) FILTER (WHERE user_id = 'u1') AS once, count(*) FILTER (WHERE user_id = 'session') AS not_twice FROM recsys.get_user_segment('seg_item', 'i5', num_results => 1000);
-- an item with a row and no events: nothing speaks for it, and it says so
INSERT INTO serve_segments.items (item_id, genre) VALUES ('lonely', 'War');
SELECT recsys.create_solution_version('seg_item', wait => true);
SELECT array_agg(DISTINCT reason), max(user_id) FILTER (WHERE rank = 1) AS first FROM recsys.get_user_segment('seg_item', 'lonely');
ROLLBACK;

-- refused
SELECT * FROM recsys.get_user_segment('seg_item', 'nothing');
SELECT * FROM recsys.get_user_segment('seg_item');
SELECT * FROM recsys.get_user_segment('seg_item', attributes => 'Items.GENRE = "War"');
SELECT * FROM recsys.get_user_segment('seg_item', 'i5', num_results => -1);
SELECT * FROM recsys.get_user_segment('seg_item/7', 'i5');
SELECT * FROM recsys.get_user_segment('seg_none', 'i5');
SELECT * FROM recsys.get_user_segment(NULL, 'i5');
SELECT * FROM recsys.get_user_segment('seg_item', 'i5', filter => 'seg_items');
SELECT * FROM recsys.get_user_segment('seg_item', 'i5', filter => 'seg_gold');
SELECT * FROM recsys.get_user_segment('seg_item', 'i5', filter => 'absent');
SELECT * FROM recsys.get_user_segment('seg_genre', 'i5');
SELECT * FROM recsys.get_user_segment('seg_genre', attributes => 'Items.GENRE = "War"', filter => 'seg_watched');
CREATE FUNCTION pg_temp.fault(expression text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE reason text; code text; at text;
BEGIN
	PERFORM recsys.get_user_segment('seg_genre', attributes => expression);
	RETURN 'fine';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS reason = MESSAGE_TEXT, code = RETURNED_SQLSTATE, at = PG_EXCEPTION_DETAIL;
	RETURN code || ': ' || reason || ' / ' || at;
END $$;
SELECT e, pg_temp.fault(e) FROM unnest(ARRAY['', 'Items.GENRE', 'Items.GENRE = "Horror"', 'Items.NOTHING = "x"', 'Items.PLOT = "x"', 'Items.GENRE = 3', 'Items.PRICE = "x"',
	'Items.ITEM_ID = "i5"', 'Users.PLAN = "gold"', 'Interactions.EVENT_TYPE IN ("watch")', 'Items.GENRE = $G', 'Items.GENRE IN CurrentItem.GENRE',
	'Items.GENRE = "War" IF CurrentUser.AGE > 3', 'Items.GENRE = "War" | EXCLUDE ItemID WHERE Items.PRICE < 3', 'Items.GENRE = "War" AND (Items.PRICE = 1', 'Items.GENRE = "War']) AS e;
SET recsys.service_limits = on;
SELECT e, pg_temp.fault(e) FROM unnest(ARRAY['Items.GENRE = "War" AND Items.PRICE = 3', 'Items.GENRE = "War" OR Items.PRICE = 3', 'Items.PRICE < 3', 'Items.GENRE IN ("War")']) AS e;
SELECT * FROM recsys.get_user_segment('seg_item', 'i5', num_results => 5000001);
RESET recsys.service_limits;
SELECT recsys.create_campaign('seg_campaign', 'seg_item');
SELECT recsys.create_solution('seg_popular', 'serve_segments', 'popularity-count');
SELECT recsys.create_solution_version('seg_popular', wait => true);
SELECT * FROM recsys.get_user_segment('seg_popular', 'i5');
SELECT recsys.create_solution('seg_bad', 'serve_segments', 'item-affinity', hyperparameters => '{"hidden_dimension": 300}');

-- without fields there is nothing to ask for; without users, nobody
SELECT recsys.create_dataset_group('seg_little');
SELECT recsys.create_dataset('seg_little', 'interactions');
SELECT recsys.create_solution('seg_little', 'seg_little', 'item-affinity');
SELECT recsys.create_solution_version('seg_little', wait => true);
INSERT INTO seg_little.interactions (user_id, item_id, "timestamp") SELECT 'u' || n % 40, 'i' || n % 30, '2024-01-01' FROM generate_series(1, 1200) AS n;
SELECT recsys.create_solution_version('seg_little', wait => true);
SELECT count(*) FROM recsys.get_user_segment('seg_little', 'i1', num_results => 100);
SET recsys.service_limits = on;
SELECT recsys.create_solution_version('seg_little', wait => true);
RESET recsys.service_limits;
DELETE FROM seg_little.interactions WHERE user_id <> 'u1';
SELECT * FROM recsys.get_user_segment('seg_little', 'i1');
DELETE FROM seg_little.interactions;
SELECT * FROM recsys.get_user_segment('seg_little', 'i1');
SELECT recsys.create_solution('seg_nothing', 'seg_little', 'item-attribute-affinity');
SELECT recsys.create_solution_version('seg_nothing', wait => true);
SELECT recsys.create_dataset('seg_little', 'items', '{"plot": "textual"}');
INSERT INTO seg_little.interactions (user_id, item_id, "timestamp") VALUES ('u', 'i', now());
SELECT recsys.create_solution_version('seg_nothing', wait => true);
SELECT recsys.delete_dataset_group('seg_little', cascade => true);

-- rights: USAGE on the schema and SELECT on interactions and items; who sees no row sees no user
CREATE ROLE seg_reader;
GRANT USAGE ON SCHEMA recsys TO seg_reader;
SET ROLE seg_reader;
SELECT * FROM recsys.get_user_segment('seg_item', 'i5');
RESET ROLE;
GRANT USAGE ON SCHEMA serve_segments TO seg_reader;
SET ROLE seg_reader;
SELECT * FROM recsys.get_user_segment('seg_item', 'i5');
RESET ROLE;
GRANT SELECT ON serve_segments.interactions, serve_segments.items, serve_segments.user_aliases TO seg_reader;
ALTER TABLE serve_segments.interactions ENABLE ROW LEVEL SECURITY;
CREATE POLICY seg_few ON serve_segments.interactions FOR SELECT TO seg_reader USING (user_id IN ('u1', 'u5', 'u9'));
SET ROLE seg_reader;
SELECT user_id FROM recsys.get_user_segment('seg_item', 'i5') ORDER BY user_id;
SELECT count(*) FROM recsys.get_user_segment('seg_item', 'i5', filter => 'seg_gold', filter_values => '{"PLAN": "gold"}');
RESET ROLE;
REVOKE ALL ON SCHEMA recsys, serve_segments FROM seg_reader;
REVOKE ALL ON ALL TABLES IN SCHEMA serve_segments FROM seg_reader;
DROP POLICY seg_few ON serve_segments.interactions;
DROP ROLE seg_reader;
SELECT recsys.delete_dataset_group('serve_segments', cascade => true);
