-- get_recommendations. The data hold two tastes, cats and dogs, that no user mixes, so that one event tells which is meant.
SET client_min_messages = warning;
SELECT recsys.create_dataset_group('serve_rec');
SELECT recsys.create_dataset('serve_rec', 'interactions');
SELECT recsys.create_dataset('serve_rec', 'items', '{"kind": "categorical", "price": "float", "in_stock": {"type": "boolean", "role": "availability"}}');
INSERT INTO serve_rec.items (item_id, creation_timestamp, kind, price, in_stock)
SELECT kind || i, '2024-01-01'::timestamptz + i * interval '1 day', kind, i, CASE WHEN i % 2 = 0 THEN true END
FROM unnest(ARRAY['cat', 'dog']) AS kind, generate_series(10, 29) AS i;
INSERT INTO serve_rec.interactions (user_id, item_id, event_type, event_value, "timestamp")
SELECT u, CASE WHEN u % 2 = 0 THEN 'cat' ELSE 'dog' END || 10 + (u * 7 + n * (1 + u % 3)) % 20, 'click', 1,
	'2024-02-01'::timestamptz + u * interval '1 hour' + n * interval '1 minute'
FROM generate_series(1, 120) AS u, generate_series(1, 12) AS n;
SELECT recsys.create_solution('sr', 'serve_rec', 'user-personalization', negative_event_types => '{hide}');
SELECT recsys.create_solution_version('sr', wait => true);
SELECT recsys.create_campaign('sr', 'sr');
SELECT recsys.create_solution('sr_related', 'serve_rec', 'sims');
SELECT recsys.create_solution_version('sr_related', wait => true);
SELECT recsys.create_campaign('sr_related', 'sr_related');
-- what an answer is about, and where it comes from
CREATE FUNCTION pg_temp.about(who text) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(format('%s %s', n, what), ', ' ORDER BY n DESC, what)
	FROM (SELECT substr(item_id, 1, 3) || ' ' || reason AS what, count(*) AS n
		FROM recsys.get_recommendations('sr', who, num_results => 5) GROUP BY 1) AS r $$;

-- the shape of an answer
SELECT count(*), min(rank), max(rank), count(DISTINCT item_id), bool_and(score > 0 AND score < 1), count(DISTINCT recommendation_id),
	bool_and(recommendation_id LIKE 'RID-%'), count(promotion_name), count(metadata), bool_and(reason = 'personal')
FROM recsys.get_recommendations('sr', '2');
SELECT array_agg(item_id ORDER BY rank) = array_agg(item_id ORDER BY score DESC, rank) FROM recsys.get_recommendations('sr', '2');
-- the scores of everything sum to 1
SELECT count(*), round(sum(score)::numeric, 3) FROM recsys.get_recommendations('sr', '2', num_results => 40);
-- numbers need no quotes, and equal requests get equal answers
SELECT (SELECT array_agg(r.*::text) FROM recsys.get_recommendations('sr', 2) AS r)
	= (SELECT array_agg(r.*::text) FROM recsys.get_recommendations('serve_rec.sr', user_id => '2') AS r) AS equal;
-- how many: 0 means the default
SELECT count(*) FROM recsys.get_recommendations('sr', '2', num_results => 0);
SELECT count(*) FROM recsys.get_recommendations('sr', '2', num_results => 3);
SELECT count(*) FROM recsys.get_recommendations('sr', '2', num_results => 1000);
SELECT count(*) FROM recsys.get_recommendations('sr', '2', num_results => -1);

-- ids that nobody knows are no error
SELECT count(*), string_agg(DISTINCT reason, ',') FROM recsys.get_recommendations('sr', 'nobody');
SELECT count(*), string_agg(DISTINCT reason, ',') FROM recsys.get_recommendations('sr_related', item_id => 'nothing');
SELECT count(*), count(*) FILTER (WHERE item_id LIKE 'cat%' AND reason = 'similar') >= 3 AS similar, count(score)
FROM recsys.get_recommendations('sr_related', item_id => 'cat11', num_results => 5);
-- what the recipe needs must be given
SELECT count(*) FROM recsys.get_recommendations('sr');
SELECT count(*) FROM recsys.get_recommendations('sr_related', '2');
SELECT count(*) FROM recsys.get_recommendations(NULL, '2');

-- read your writes: each step acts on the next answer, a rollback takes it back
SELECT pg_temp.about('newcomer') LIKE '%popular%' AS popular;
BEGIN;
INSERT INTO serve_rec.interactions (user_id, item_id, event_type, "timestamp") VALUES ('newcomer', 'cat12', 'click', now());
SELECT pg_temp.about('newcomer');
SAVEPOINT here;
UPDATE serve_rec.interactions SET item_id = 'dog12' WHERE user_id = 'newcomer';
SELECT pg_temp.about('newcomer');
ROLLBACK TO here;
SELECT pg_temp.about('newcomer');
DELETE FROM serve_rec.interactions WHERE user_id = 'newcomer';
SELECT pg_temp.about('newcomer') LIKE '%popular%' AS popular;
-- an event of long ago counts too
INSERT INTO serve_rec.interactions (user_id, item_id, event_type, "timestamp") VALUES ('newcomer', 'dog12', 'click', '2001-01-01');
SELECT pg_temp.about('newcomer');
ROLLBACK;
SELECT pg_temp.about('newcomer') LIKE '%popular%' AS popular;
-- a known user whose events are gone is a new user
BEGIN;
DELETE FROM serve_rec.interactions WHERE user_id = '2';
SELECT (SELECT array_agg(item_id) FROM recsys.get_recommendations('sr', '2'))
	= (SELECT array_agg(item_id) FROM recsys.get_recommendations('sr', 'nobody')) AS forgotten;
ROLLBACK;

-- an anonymous session, and its visitor after login
BEGIN;
INSERT INTO serve_rec.interactions (user_id, item_id, event_type, "timestamp", session_id, anonymous)
VALUES ('session-1', 'dog15', 'click', now(), 'session-1', true);
SELECT pg_temp.about('session-1');
SELECT pg_temp.about('visitor') LIKE '%popular%' AS popular;
INSERT INTO serve_rec.user_aliases VALUES ('session-1', 'visitor');
SELECT pg_temp.about('visitor');
SELECT (SELECT array_agg(item_id) FROM recsys.get_recommendations('sr', 'visitor'))
	= (SELECT array_agg(item_id) FROM recsys.get_recommendations('sr', 'session-1')) AS same;
ROLLBACK;

-- a negative event: the item leaves the list, and says nothing in favour of its like
BEGIN;
CREATE TEMP TABLE before AS SELECT item_id FROM recsys.get_recommendations('sr', '2', num_results => 1);
INSERT INTO serve_rec.interactions (user_id, item_id, event_type, "timestamp") SELECT '2', item_id, 'hide', now() FROM before;
SELECT count(*) FROM recsys.get_recommendations('sr', '2', num_results => 40) r JOIN before USING (item_id);
ROLLBACK;

-- exclude_items; ids nobody knows are no error there either
SELECT count(*), bool_or(item_id IN ('cat12', 'cat13')) FROM recsys.get_recommendations('sr', '2', num_results => 40,
	exclude_items => '{cat12,cat13,nothing}');

-- availability: false is never returned, and the next best takes the place
BEGIN;
UPDATE serve_rec.items SET in_stock = false WHERE item_id LIKE 'cat%';
SELECT count(*), bool_or(item_id LIKE 'cat%') FROM recsys.get_recommendations('sr', '2', num_results => 10);
SELECT count(*) FROM recsys.get_recommendations('sr', '2', num_results => 40);
ROLLBACK;
-- items that were deleted since the training
BEGIN;
DELETE FROM serve_rec.items WHERE item_id LIKE 'cat%';
SELECT count(*), bool_or(item_id LIKE 'cat%') FROM recsys.get_recommendations('sr', '2', num_results => 10);
-- the last rung: with no candidate left, what the model does not know, newest first
DELETE FROM serve_rec.items;
SELECT count(*) FROM recsys.get_recommendations('sr', '2');
INSERT INTO serve_rec.items (item_id, creation_timestamp, in_stock)
VALUES ('old', '2023-01-01', NULL), ('newer', '2025-01-01', true), ('gone', '2026-01-01', false), ('undated', NULL, true);
SELECT rank, item_id, score, reason FROM recsys.get_recommendations('sr', '2');
ROLLBACK;

-- rows that the caller cannot see are not returned to him
CREATE ROLE regress_serve_rls;
GRANT USAGE ON SCHEMA serve_rec TO regress_serve_rls;
GRANT SELECT ON ALL TABLES IN SCHEMA serve_rec TO regress_serve_rls;
ALTER TABLE serve_rec.items ENABLE ROW LEVEL SECURITY;
CREATE POLICY dogs_only ON serve_rec.items TO regress_serve_rls USING (kind = 'dog');
SELECT count(*) FROM recsys.get_recommendations('sr', '2', num_results => 40) WHERE item_id LIKE 'cat%';
SET ROLE regress_serve_rls;
SELECT count(*), bool_or(item_id LIKE 'cat%') FROM recsys.get_recommendations('sr', '2', num_results => 40);
RESET ROLE;
-- and events that he cannot see do not count for him
ALTER TABLE serve_rec.interactions ENABLE ROW LEVEL SECURITY;
SET ROLE regress_serve_rls;
SELECT string_agg(DISTINCT reason, ',') FROM recsys.get_recommendations('sr', '2');
RESET ROLE;
SELECT string_agg(DISTINCT reason, ',') FROM recsys.get_recommendations('sr', '2');
ALTER TABLE serve_rec.interactions DISABLE ROW LEVEL SECURITY;
ALTER TABLE serve_rec.items DISABLE ROW LEVEL SECURITY;

-- metadata
SELECT count(*), bool_and(metadata->>'KIND' = substr(item_id, 1, 3)), bool_and((metadata->>'price')::int = substr(item_id, 4)::int)
FROM recsys.get_recommendations('sr', '2', metadata_columns => '{KIND,price}');
SELECT count(*) FROM recsys.get_recommendations('sr', '2', metadata_columns => '{colour}');
SELECT count(*) FROM recsys.get_recommendations('sr', '2', metadata_columns => '{NULL}');

SELECT count(*) FROM recsys.get_recommendations('sr', '2', filter => 'f');
SELECT count(*) FROM recsys.get_recommendations('sr', '2', filter_values => '{"a": "1"}');
-- a context, in a group without columns of context
SELECT count(*) FROM recsys.get_recommendations('sr', '2', context => '{"device": "phone"}');

-- the service's limits, when asked for
SELECT count(*) FROM recsys.get_recommendations('sr', '2', num_results => 501);
SET recsys.service_limits = on;
SELECT count(*) FROM recsys.get_recommendations('sr', '2', num_results => 501);
SELECT count(*) FROM recsys.get_recommendations('sr', '2', num_results => 51, metadata_columns => '{price}');
SELECT count(DISTINCT recommendation_id), min(length(recommendation_id)), max(length(recommendation_id))
FROM recsys.get_recommendations('sr', '2');
RESET recsys.service_limits;

-- in a join, once for each row; in a read-only transaction; in a transaction with one snapshot
SELECT count(*), count(DISTINCT r.recommendation_id) FROM (VALUES ('2'), ('3'), ('nobody')) AS u(id),
	recsys.get_recommendations('sr', u.id, num_results => 4) r;
BEGIN TRANSACTION READ ONLY ISOLATION LEVEL SERIALIZABLE;
SELECT count(*) FROM recsys.get_recommendations('sr', '2');
COMMIT;
-- beside a parallel scan, in a session that has nothing cached yet, and in a statement that writes
\c
SET client_min_messages = warning;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
CREATE TEMP TABLE page AS SELECT u.user_id, r.item_id FROM (SELECT DISTINCT user_id FROM serve_rec.interactions) AS u,
	recsys.get_recommendations('sr', u.user_id, num_results => 2) AS r;
SELECT count(*), count(DISTINCT user_id) FROM page;
SELECT recsys.delete_dataset_group('serve_rec', cascade => true);
DROP ROLE regress_serve_rls;
