-- Filters at requests: the answer is exactly the best of what passes, whichever way it is found; what is refused, and how.
SET client_min_messages = warning;
SELECT recsys.create_dataset_group('serve_filters');
SELECT recsys.create_dataset('serve_filters', 'interactions', '{"user_id": "long"}');
SELECT recsys.create_dataset('serve_filters', 'items', '{"genre": "categorical", "price": "double", "made": "timestamp", "brand": "string", "adult": "boolean", "plot": "textual"}');
SELECT recsys.create_dataset('serve_filters', 'users', '{"age": "int", "plan": "string"}');
-- every seventh item of the events has no row, and 100 rows have no event
INSERT INTO serve_filters.items (item_id, creation_timestamp, genre, price, made, brand)
SELECT 'i' || i, '2024-01-01'::timestamptz + i * interval '1 hour', (ARRAY['a', 'b', 'a|c', 'd', NULL, ''])[1 + i * 7 % 6],
	CASE WHEN i % 11 > 0 THEN i * 31 % 1000 END, '2023-01-01'::timestamptz + (i * 17 % 700) * interval '1 day', 'B' || i % 500
FROM generate_series(1, 2600) AS i WHERE i % 7 > 0;
INSERT INTO serve_filters.users (user_id, age, plan) VALUES (1, 30, 'free'), (2, 10, 'pro');
INSERT INTO serve_filters.interactions (user_id, item_id, event_type, "timestamp")
SELECT u, 'i' || 1 + (u * u * 13 + n * n * 7 + u * n * 5) % 2500, (ARRAY['View', 'Purchase', 'view'])[1 + (u + n) % 3],
	'2024-02-01'::timestamptz + u * interval '1 hour' + n * interval '1 minute'
FROM generate_series(1, 300) AS u, generate_series(1, 40) AS n;
SELECT recsys.create_solution(name, 'serve_filters', recipe), recsys.create_solution_version(name, wait => true), recsys.create_campaign(name, name)
FROM (VALUES ('sf_home', 'user-personalization'), ('sf_like', 'sims'), ('sf_top', 'popularity-count')) AS c (name, recipe);
-- and 60 rows come after the training
INSERT INTO serve_filters.items (item_id, creation_timestamp, genre, price, made, brand)
SELECT 'n' || i, CASE WHEN i % 9 > 0 THEN '2024-03-08'::timestamptz + (i * 7 % 61) * interval '1 hour' END, (ARRAY['a', 'c', 'd', NULL])[1 + i % 4],
	i * 20, '2023-12-01', 'B' || i % 10 FROM generate_series(1, 60) AS i;

-- F13, F15: filters by events and by metadata, rolling dates. Brute force: everything in order, tested by hand-written conditions on the item's row i, and the candidate c, which tells the request as well.
CREATE TEMP TABLE rule (name text, expression text, given jsonb, condition text);
INSERT INTO rule VALUES
	('all', 'EXCLUDE ItemID WHERE Items.PRICE < 0', '{}', 'true'),
	('none', 'INCLUDE ItemID WHERE Items.PRICE < 0', '{}', 'false'),
	('half', 'INCLUDE ItemID WHERE Items.PRICE >= 500', '{}', 'i.price >= 500'),
	('not_half', 'EXCLUDE ItemID WHERE Items.PRICE >= $P', '{"P": "500"}', '(i.price >= 500) IS NOT TRUE'),
	('rare', 'INCLUDE ItemID WHERE Items.BRAND IN ($B)', '{"B": "\"B7\", \"B100\""}', $$i.brand IN ('B7', 'B100')$$),
	('one', 'INCLUDE ItemID WHERE Items.ITEM_ID IN ("i100", "i2591", "i7", "nothing")', '{}', $$c.id IN ('i100', 'i2591')$$),
	('genre', 'INCLUDE ItemID WHERE Items.GENRE IN ($G)', '{"G": ["c", "d"]}', $$i.genre IN ('a|c', 'd')$$),
	('no_genre', 'INCLUDE ItemID WHERE Items.GENRE NOT IN ("a")', '{}', $$i.genre IN ('b', 'd', '')$$),
	('bought', 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("purchase")', '{}', $$NOT EXISTS (SELECT FROM serve_filters.interactions e WHERE e.user_id = c.u AND e.item_id = c.id AND e.event_type = 'Purchase')$$),
	('again', 'INCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("Purchase")', '{}', $$EXISTS (SELECT FROM serve_filters.interactions e WHERE e.user_id = c.u AND e.item_id = c.id AND e.event_type = 'Purchase')$$),
	('lately', 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*") AND Interactions.TIMESTAMP > $SINCE', '{"SINCE": "2024-02-01T02:00:00Z"}', $$NOT EXISTS (SELECT FROM serve_filters.interactions e WHERE e.user_id = c.u AND e.item_id = c.id AND e."timestamp" > '2024-02-01 02:00:00Z')$$),
	('rolling', 'INCLUDE ItemID WHERE Items.CREATION_TIMESTAMP > $T', '{"T": 1710000000}', 'i.creation_timestamp > to_timestamp(1710000000)'),
	('own_date', 'INCLUDE ItemID WHERE Items.MADE <= $T AND Items.MADE >= $F', '{"T": "1704067200", "F": "\"2023-11-01\""}', $$i.made BETWEEN '2023-11-01 00:00Z' AND to_timestamp(1704067200)$$),
	('adults', 'INCLUDE ItemID WHERE Items.GENRE IN ("d") IF CurrentUser.AGE > 18', '{}', $$(coalesce((SELECT age FROM serve_filters.users WHERE user_id = c.u), 0) <= 18 OR i.genre = 'd')$$),
	('chain', 'INCLUDE ItemID WHERE Items.BRAND IN ("B3") | INCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("view") | EXCLUDE ItemID WHERE Items.PRICE < 300', '{}',
		$$(i.brand = 'B3' OR EXISTS (SELECT FROM serve_filters.interactions e WHERE e.user_id = c.u AND e.item_id = c.id AND lower(e.event_type) = 'view')) AND (i.price < 300) IS NOT TRUE$$),
	('dropped', 'EXCLUDE ItemID WHERE Items.PRICE > 900 | EXCLUDE ItemID WHERE Items.GENRE IN ($G)', '{}', '(i.price > 900) IS NOT TRUE'),
	('all_dropped', 'EXCLUDE ItemID WHERE Items.GENRE IN ($G)', '{}', 'true'),
	('cheaper', 'INCLUDE ItemID WHERE Items.PRICE < CurrentItem.PRICE AND Items.GENRE IN CurrentItem.GENRE', '{}',
		$$i.price < (SELECT price FROM serve_filters.items WHERE item_id = c.q) AND string_to_array(i.genre, '|') && (SELECT string_to_array(genre, '|') FROM serve_filters.items WHERE item_id = c.q)$$);
SELECT recsys.create_filter(name, 'serve_filters', expression) FROM rule;
-- everything that may be returned, best first; for related items that is also what the model does not know
CREATE TEMP TABLE request (campaign text, u bigint, q text);
INSERT INTO request VALUES ('sf_home', 1, NULL), ('sf_home', 999, NULL), ('sf_top', 4, NULL), ('sf_like', 1, 'i102'), ('sf_like', NULL, 'i2591');
CREATE TEMP TABLE everything AS SELECT r.*, a.rank::bigint, a.item_id AS id FROM request AS r, recsys.get_recommendations(campaign, u, q, 100000) AS a;
INSERT INTO everything SELECT r.*, 100000 + row_number() OVER (ORDER BY creation_timestamp DESC NULLS LAST, item_id), item_id FROM request AS r, serve_filters.items AS i
WHERE campaign = 'sf_like' AND item_id <> q AND NOT EXISTS (SELECT FROM everything AS e WHERE e.id = i.item_id AND e.q = r.q);
CREATE FUNCTION pg_temp.differences(rule rule, r request) RETURNS TABLE (passing bigint, answers bigint, wrong bigint) LANGUAGE plpgsql AS $$
DECLARE
	expected text[];
	answer text[];
	n integer;
BEGIN
	EXECUTE format('SELECT coalesce(array_agg(c.id ORDER BY c.rank), ''{}'') FROM everything AS c LEFT JOIN serve_filters.items i ON i.item_id = c.id
		WHERE (c.campaign, c.u, c.q) IS NOT DISTINCT FROM ($1, $2, $3) AND %s', rule.condition) INTO expected USING r.campaign, r.u, r.q;
	passing := cardinality(expected);
	answers := 0;
	wrong := 0;
	FOR plan IN 1 .. 3 LOOP
		PERFORM set_config('recsys.filter_plan', (ARRAY['auto', 'post', 'pre'])[plan], true);
		FOREACH n IN ARRAY '{25, 120}'::int[] LOOP
			SELECT coalesce(array_agg(item_id ORDER BY rank), '{}') INTO answer
			FROM recsys.get_recommendations(r.campaign, r.u, r.q, n, filter => rule.name, filter_values => rule.given);
			IF answer <> expected[1:n] THEN
				wrong := wrong + 1;
			END IF;
			answers := answers + 1;
		END LOOP;
	END LOOP;
	RETURN NEXT;
END $$;
SELECT name, campaign, sum(passing) AS passing, sum(answers) AS answers, sum(wrong) AS wrong
FROM rule, request, LATERAL pg_temp.differences(rule, request) WHERE campaign = 'sf_like' OR name <> 'cheaper' GROUP BY 1, 2 ORDER BY 1, 2;
RESET recsys.filter_plan;
-- by itself it changes from the one way to the other, and remembers: the second request begins where the first ended
SELECT count(*), count(*) FILTER (WHERE score IS NULL) AS unknown, min(rank) FILTER (WHERE score IS NULL) AS after
FROM recsys.get_recommendations('sf_home', 1, num_results => 100, filter => 'rare', filter_values => '{"B": ["B7", "B1"]}');
SELECT array_agg(item_id) FROM recsys.get_recommendations('sf_home', 1, num_results => 12, filter => 'one');
SELECT array_agg(item_id) FROM recsys.get_recommendations('sf_home', 1, num_results => 12, filter => 'one');
-- exclude_items and a filter
SELECT array_agg(item_id) FROM recsys.get_recommendations('sf_home', 1, filter => 'one', exclude_items => '{i100}');
SELECT count(*) FROM recsys.get_recommendations('sf_home', 1, num_results => 100, filter => 'rare', filter_values => '{"B": ["B7", "B1"]}', exclude_items => '{n11,n7}');

-- rankings: candidates that do not pass are left out
SELECT rank, item_id, score IS NOT NULL AS scored, reason FROM recsys.get_personalized_ranking('sf_home', 1, '{i100,i2591,n3,i101,nobody}', filter => 'one');
SELECT item_id FROM recsys.get_personalized_ranking('sf_home', 1, '{i100,nobody,n3}', filter => 'not_half', filter_values => '{"P": 50}');

-- the events of this transaction count, and a rollback takes them back; so do those under an alias
BEGIN;
SELECT item_id AS best FROM recsys.get_recommendations('sf_home', 5, num_results => 1, filter => 'bought') \gset
INSERT INTO serve_filters.interactions (user_id, item_id, event_type, "timestamp") VALUES (5, :'best', 'PURCHASE', '2010-01-01');
SELECT count(*) FROM recsys.get_recommendations('sf_home', 5, num_results => 3000, filter => 'bought') WHERE item_id = :'best';
SELECT count(*) FROM recsys.get_recommendations('sf_home', 5, num_results => 3000, filter => 'again') WHERE item_id = :'best';
ROLLBACK;
SELECT count(*) FROM recsys.get_recommendations('sf_home', 5, num_results => 3000, filter => 'bought') WHERE item_id = :'best';
BEGIN;
INSERT INTO serve_filters.user_aliases (alias_id, user_id) VALUES (100005, 5);
INSERT INTO serve_filters.interactions (user_id, item_id, event_type, "timestamp") VALUES (100005, :'best', 'Purchase', '2010-01-01');
SELECT count(*) FROM recsys.get_recommendations('sf_home', 5, num_results => 3000, filter => 'bought') WHERE item_id = :'best';
SELECT count(*) FROM recsys.get_recommendations('sf_home', 100005, num_results => 3000, filter => 'bought') WHERE item_id = :'best';
SELECT count(*) FROM recsys.get_recommendations('sf_home', 6, num_results => 3000, filter => 'bought') WHERE item_id = :'best';
ROLLBACK;
-- an item of this transaction is returned when it passes, after all that the model knows
BEGIN;
INSERT INTO serve_filters.items (item_id, creation_timestamp, brand) VALUES ('brand new', now(), 'B100');
SELECT item_id, reason, score IS NOT NULL AS scored FROM recsys.get_recommendations('sf_home', 1, filter => 'rare', filter_values => '{"B": "B100"}') ORDER BY rank DESC LIMIT 2;
ROLLBACK;

-- F14: the history that filters see: all, or the newest of each type
BEGIN;
INSERT INTO serve_filters.interactions (user_id, item_id, event_type, "timestamp")
SELECT 7, 'i' || i, 'Purchase', '2024-05-01'::timestamptz + i * interval '1 minute' FROM generate_series(1001, 1101) AS i;
INSERT INTO serve_filters.interactions (user_id, item_id, event_type, "timestamp")
SELECT 7, 'i1', 'View', '2024-06-01'::timestamptz + i * interval '1 minute' FROM generate_series(1, 200) AS i;
CREATE TEMP VIEW bought_again AS SELECT string_agg(item_id, ',') FILTER (WHERE item_id IN ('i1001', 'i1002', 'i1101')) AS returned
FROM recsys.get_recommendations('sf_home', 7, num_results => 3000, filter => 'bought');
SELECT * FROM bought_again;
SET LOCAL recsys.filter_history_limit = 100;
SELECT * FROM bought_again;
SET LOCAL recsys.filter_plan = pre;
SELECT * FROM bought_again;
SELECT count(*) FROM recsys.get_recommendations('sf_home', 7, num_results => 3000, filter => 'again');
SELECT count(*) FROM recsys.get_personalized_ranking('sf_home', 7, '{i1001,i1002}', filter => 'again');
ROLLBACK;

-- what is refused at requests
CREATE FUNCTION pg_temp.fault(statement text) RETURNS TABLE (error text, detail text, hint text) LANGUAGE plpgsql AS $$
DECLARE
	d text;
	h text;
BEGIN
	EXECUTE statement;
	RETURN NEXT;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS d = PG_EXCEPTION_DETAIL, h = PG_EXCEPTION_HINT;
	RETURN QUERY SELECT SQLSTATE || ' ' || SQLERRM, nullif(d, ''), nullif(h, '');
END $$;
SELECT recsys.create_filter('users', 'serve_filters', 'INCLUDE UserID WHERE Users.AGE > 18');
SELECT recsys.create_filter('two', 'serve_filters', 'INCLUDE ItemID WHERE Items.PRICE < $P AND Items.BRAND = $B');
SELECT recsys.create_dataset_group('serve_filters_other');
SELECT recsys.create_dataset('serve_filters_other', 'items', '{"price": "double"}');
SELECT recsys.create_filter('others', 'serve_filters_other', 'INCLUDE ItemID WHERE Items.PRICE > 1');
\x on
SELECT filter, left(given, 40) AS given, f.* FROM (VALUES ('nothing', '{}'), ('others', '{}'), ('serve_filters_other.others', '{}'), ('users', '{}'), ('cheaper', '{}'),
	('two', '{}'), ('two', '{"P": 1}'), ('two', '{"P": "1", "B": "x", "C": "y"}'), ('two', '{"p": "1", "B": "x"}'), ('two', '{"P": "cheap", "B": "x"}'),
	('two', '{"P": "1, 2", "B": "x"}'), ('two', '{"P": 1, "B": ["x", "y"]}'), ('two', '{"P": null, "B": "x"}'), ('two', '{"P": true, "B": "x"}'),
	('two', '{"P": 1, "B": [1]}'), ('two', '{"P": 1, "B": []}'), ('two', '{"P": 1, "B": "x\" OR true --"}'), ('two', '[1]'), ('two', '"x"'), ('two', NULL),
	(NULL, '{"P": 1}'), ('two', '{"P": 1, "B": "' || repeat('x', 1001) || '"}'),
	('two', (SELECT jsonb_object_agg('v' || i, '1')::text FROM generate_series(1, 26) AS i))) AS ask (filter, given),
	pg_temp.fault(format('SELECT count(*) FROM recsys.get_recommendations(''sf_home'', 1, filter => %L, filter_values => %L)', filter, given)) AS f;
\x off
SELECT error FROM pg_temp.fault($$SELECT count(*) FROM recsys.get_personalized_ranking('sf_home', 1, '{i1}', filter => 'cheaper')$$);
-- a time that is none
SELECT * FROM pg_temp.fault($$SELECT count(*) FROM recsys.get_recommendations('sf_home', 1, filter => 'lately', filter_values => '{"SINCE": "yesterday"}')$$);
-- values stay values
SELECT count(*) FROM recsys.get_recommendations('sf_home', 1, filter => 'two', filter_values => '{"P": 1e6, "B": "B1'' OR true OR ''"}');
SELECT count(*) FROM recsys.get_recommendations('sf_home', 1, filter => 'serve_filters.two', filter_values => '{"P": 1e6, "B": "\"B1\""}');
-- a part without its value is left out, and told
SET client_min_messages = notice;
SELECT count(*) FROM recsys.get_recommendations('sf_home', 1, num_results => 1, filter => 'dropped');
SET client_min_messages = warning;

-- The owner of a managed table drops a column: the filter says so, and how to repair it.
ALTER TABLE serve_filters.items DROP COLUMN price;
\c -
SELECT name, failure_reason FROM recsys.filters WHERE name IN ('half', 'rare') AND dataset_group = 'serve_filters' ORDER BY name;
SELECT count(*) FROM recsys.get_recommendations('sf_home', 1, filter => 'half');
SELECT count(*) FROM recsys.get_recommendations('sf_home', 1, filter => 'genre', filter_values => '{"G": "d"}');
ALTER TABLE serve_filters.items ADD COLUMN price float8;
SELECT count(*) FROM recsys.get_recommendations('sf_home', 1, filter => 'half');
