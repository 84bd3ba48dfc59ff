-- recommend_all: everyone's list is the one that get_recommendations gives, whatever events, aliases and filters there are.
SET client_min_messages = warning;
SELECT recsys.create_dataset_group('serve_all');
SELECT recsys.create_dataset('serve_all', 'interactions');
SELECT recsys.create_dataset('serve_all', 'items', '{"genre": "categorical", "price": "double", "in_stock": {"type": "boolean", "role": "availability"}}');
SELECT recsys.create_dataset('serve_all', 'users', '{"age": "int"}');
INSERT INTO serve_all.items (item_id, creation_timestamp, genre, price, in_stock)
SELECT 'i' || i, '2024-01-01'::timestamptz + i * interval '1 hour', (ARRAY['a', 'b', 'a|c', 'd'])[1 + i * 7 % 4], i * 31 % 1000, i % 17 > 0
FROM generate_series(1, 400) AS i WHERE i % 9 > 0;
INSERT INTO serve_all.interactions (user_id, item_id, event_type, session_id, "timestamp")
SELECT 'u' || u, 'i' || 1 + (u * u * 13 + n * n * 7 + u * n * 5) % 380, (ARRAY['view', 'purchase', 'dislike', 'view'])[1 + (u + n) % 4], u || '/' || n / 5,
	'2024-02-01'::timestamptz + u * interval '1 hour' + n / 2 * interval '1 minute'
FROM generate_series(1, 200) AS u, generate_series(1, 5 + 200 % u) AS n;
SELECT recsys.create_solution('sa_home', 'serve_all', 'user-personalization', negative_event_types => '{dislike}');
SELECT recsys.create_solution('sa_buy', 'serve_all', 'user-personalization', event_type => 'view');
SELECT recsys.create_solution('sa_top', 'serve_all', 'popularity-count');
SELECT recsys.create_solution(name, 'serve_all', name) FROM unnest('{sims,personalized-ranking,trending-now}'::text[]) AS name;
SELECT recsys.create_solution_version(name, wait => true), recsys.create_campaign(name, name)
FROM unnest('{sa_home,sa_buy,sa_top,sims,personalized-ranking,trending-now}'::text[]) AS name;

-- After the training: people without events, aliases, anonymous sessions, new items, items gone, more and other events.
INSERT INTO serve_all.users (user_id, age) SELECT 'u' || u, u % 40 FROM generate_series(150, 230) AS u;
INSERT INTO serve_all.interactions (user_id, item_id, event_type, "timestamp", anonymous) VALUES
	('session1', 'i5', 'view', '2024-05-01', true), ('session2', 'i6', 'view', '2024-05-01', true), ('phone', 'i7', 'view', '2024-05-02', false),
	('phone', 'i7', 'view', '2024-05-02', false), ('newcomer', 'i8', 'view', '2024-05-01', false), ('shopper', 'i8', 'refund', '2024-05-01', false),
	('strange', 'unknown', 'view', '2024-05-01', false), ('u3', 'n1', 'view', '2024-05-03', false), ('u4', 'i3', 'purchase', '2024-05-03', false);
INSERT INTO serve_all.interactions (user_id, item_id, event_type, "timestamp")
SELECT 'busy', CASE WHEN n % 3 > 0 THEN 'i' || 1 + n * 7 % 380 ELSE 'unknown' || n END, 'view', '2024-05-01'::timestamptz - n / 3 * interval '1 minute'
FROM generate_series(1, 1000) AS n;
INSERT INTO serve_all.user_aliases (alias_id, user_id) VALUES ('session1', 'u1'), ('phone', 'u2'), ('tablet', 'u230');
INSERT INTO serve_all.items (item_id, creation_timestamp, genre, price) SELECT 'n' || i, '2024-06-01', 'd', i FROM generate_series(1, 5) AS i;
DELETE FROM serve_all.items WHERE item_id IN ('i11', 'i12');
UPDATE serve_all.items SET in_stock = false WHERE item_id IN ('i20', 'i21');

CREATE TABLE sa_filter (name text, expression text, given jsonb);
INSERT INTO sa_filter VALUES
	('sa_half', 'INCLUDE ItemID WHERE Items.PRICE >= $P', '{"P": 500}'),
	('sa_none', 'INCLUDE ItemID WHERE Items.PRICE < 0', '{}'),
	('sa_few', 'INCLUDE ItemID WHERE Items.GENRE IN ("d") AND Items.PRICE < 60', '{}'),
	('sa_bought', 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("purchase")', '{}'),
	('sa_again', 'INCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("view")', '{}'),
	('sa_both', 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*") | INCLUDE ItemID WHERE Items.GENRE IN ("a", "d")', '{}'),
	('sa_or', 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("view") AND Interactions.TIMESTAMP < "2024-03-01" OR Interactions.EVENT_TYPE IN ("dislike")', '{}'),
	('sa_lately', 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*") AND Interactions.TIMESTAMP > "2024-04-01"', '{}'),
	('sa_adults', 'INCLUDE ItemID WHERE Items.GENRE IN ("d") IF CurrentUser.AGE > 18', '{}'),
	('sa_adults_or_not', 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("view") IF CurrentUser.AGE > 18', '{}'),
	('sa_dropped', 'EXCLUDE ItemID WHERE Items.GENRE IN ($G)', '{}');
SELECT count(recsys.create_filter(name, 'serve_all', expression)) FROM sa_filter;

-- Who: users with a name of their own, and those of the dataset; aliases and anonymous sessions are no users.
SELECT recsys.recommend_all('sa_home', 'sa_out', 7);
\d sa_out
SELECT count(DISTINCT user_id), count(DISTINCT user_id) FILTER (WHERE user_id ~ '^u') AS u FROM sa_out;
SELECT DISTINCT user_id FROM sa_out WHERE user_id !~ '^u' ORDER BY 1;
SELECT user_id, count(*), string_agg(DISTINCT reason, ',') FROM sa_out WHERE user_id IN ('u220', 'strange') GROUP BY 1 ORDER BY 1;
-- Equal to real time: every user, every campaign, every filter; at once and at 500 items, where new items come in.
CREATE FUNCTION pg_temp.differences(campaign text, n integer, filter text DEFAULT NULL, given jsonb DEFAULT '{}') RETURNS text LANGUAGE plpgsql AS $$
DECLARE users bigint; written bigint; different bigint;
BEGIN
	TRUNCATE sa_out;
	users = recsys.recommend_all(campaign, 'sa_out', n, filter, given);
	CREATE TEMP TABLE expected AS SELECT u.user_id, r.rank, r.item_id, r.score, r.reason FROM
		(SELECT user_id FROM serve_all.users UNION SELECT coalesce(a.user_id, e.user_id) FROM serve_all.interactions AS e
			LEFT JOIN serve_all.user_aliases AS a ON a.alias_id = e.user_id WHERE anonymous IS NOT TRUE OR a.user_id IS NOT NULL) AS u,
		recsys.get_recommendations(campaign, u.user_id, num_results => n, filter => filter, filter_values => given) AS r;
	SELECT count(*) INTO written FROM sa_out;
	SELECT count(*) INTO different FROM ((TABLE expected EXCEPT ALL TABLE sa_out) UNION ALL (TABLE sa_out EXCEPT ALL TABLE expected)) AS d;
	DROP TABLE expected;
	RETURN format('%s users, %s, %s different', users, CASE WHEN written = users * n THEN 'full' WHEN written = 0 THEN 'none' ELSE 'some' END, different);
END $$;
SELECT campaign, n, pg_temp.differences(campaign, n) FROM unnest('{sa_home,sa_buy,sa_top}'::text[]) AS campaign, unnest('{7,500}'::integer[]) AS n;
SELECT f.name, pg_temp.differences('sa_home', 10, f.name, f.given) FROM sa_filter AS f;
SELECT f.name, pg_temp.differences('sa_top', 10, f.name, f.given) FROM sa_filter AS f WHERE name IN ('sa_bought', 'sa_half', 'sa_adults');
-- Of the transaction: what it wrote counts, and is taken back.
BEGIN;
INSERT INTO serve_all.interactions (user_id, item_id, event_type, "timestamp") VALUES ('u220', 'i9', 'view', now());
SELECT pg_temp.differences('sa_home', 5);
SELECT string_agg(DISTINCT reason, ',' ORDER BY reason) ~ 'personal' AS reacts FROM sa_out WHERE user_id = 'u220';
ROLLBACK;

-- An empty group has nobody; mapped tables with ids that are numbers.
CREATE TABLE sa_orders (id bigint, buyer bigint, sku integer, at bigint);
INSERT INTO sa_orders SELECT n, n % 100 - 5, n * n % 77, 1700000000 + n FROM generate_series(1, 1500) AS n;
SELECT recsys.create_dataset_group('serve_all_mapped');
SELECT recsys.create_dataset('serve_all_mapped', 'interactions', source => 'sa_orders',
	columns => '{"user_id": "buyer", "item_id": "sku", "timestamp": {"column": "at", "epoch": "s"}, "event_type": {"constant": "Purchase"}}');
SELECT recsys.create_solution('sa_mapped', 'serve_all_mapped', 'user-personalization');
SELECT recsys.create_solution_version('sa_mapped', wait => true), recsys.create_campaign('sa_mapped', 'sa_mapped');
SELECT recsys.recommend_all('sa_mapped/1', 'sa_mapped_out', 3);
SELECT pg_typeof(user_id), pg_typeof(item_id), min(user_id), max(user_id), count(*) FROM sa_mapped_out GROUP BY 1, 2;
SELECT count(*) AS different FROM sa_mapped_out AS o FULL JOIN (SELECT u.user_id, r.* FROM (SELECT DISTINCT buyer AS user_id FROM sa_orders) AS u,
	recsys.get_recommendations('sa_mapped', u.user_id, num_results => 3) AS r) AS r USING (user_id, rank)
WHERE (o.item_id::text, o.score) IS DISTINCT FROM (r.item_id, r.score);
TRUNCATE sa_orders;
SELECT recsys.recommend_all('sa_mapped', 'sa_nobody');

-- Rights: a reader writes into his own table, and sees what row-level security lets him see.
CREATE ROLE serve_all_reader;
GRANT USAGE ON SCHEMA serve_all TO serve_all_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA serve_all TO serve_all_reader;
ALTER TABLE serve_all.users ENABLE ROW LEVEL SECURITY;
ALTER TABLE serve_all.interactions ENABLE ROW LEVEL SECURITY;
CREATE POLICY one ON serve_all.interactions FOR SELECT USING (user_id = 'u7');
SET ROLE serve_all_reader;
CREATE TEMP TABLE mine (user_id text, rank integer, item_id text, score float8, reason text, note text);
SELECT recsys.recommend_all('sa_home', 'mine', 2);
SELECT user_id, count(*), count(note) FROM mine GROUP BY 1;
\set VERBOSITY terse
SELECT recsys.recommend_all('sa_home', 'sa_out', 2);
SELECT recsys.recommend_all('sa_home', 'serve_all.t', 2);
RESET ROLE;
-- Refused.
SELECT recsys.recommend_all('absent', 'sa_out');
SELECT recsys.recommend_all(name, 'sa_out') FROM unnest('{sims}'::text[]) AS name;
SELECT recsys.recommend_all('personalized-ranking', 'sa_out');
SELECT recsys.recommend_all('trending-now', 'sa_out');
SELECT recsys.recommend_all('sa_home', 'sa_filter');
SELECT recsys.recommend_all('sa_mapped', 'sa_out');
SELECT recsys.recommend_all('sa_home', 'sa_out', 0);
SELECT recsys.recommend_all('sa_home', NULL);
SELECT recsys.recommend_all('sa_home', 'sa_out', filter => 'absent');
SELECT recsys.recommend_all('sa_home', 'sa_out', filter => 'sa_half');
SELECT recsys.recommend_all('sa_home', 'sa_out', filter_values => '{"P": 1}');
SET recsys.service_limits = on;
SELECT recsys.recommend_all('sa_home', 'sa_out', 501);
RESET recsys.service_limits;

SELECT recsys.delete_dataset_group('serve_all', cascade => true), recsys.delete_dataset_group('serve_all_mapped', cascade => true);
DROP TABLE sa_filter, sa_out, sa_orders, sa_mapped_out, sa_nobody, mine;
DROP OWNED BY serve_all_reader;
DROP ROLE serve_all_reader;
