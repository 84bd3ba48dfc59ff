-- get_personalized_ranking: the given items, by the user's interest.
SET client_min_messages = warning;
SELECT recsys.create_dataset_group('serve_rank');
SELECT recsys.create_dataset('serve_rank', 'interactions');
SELECT recsys.create_dataset('serve_rank', 'items', '{"kind": "categorical", "in_stock": {"type": "boolean", "role": "availability"}}');
INSERT INTO serve_rank.items (item_id, kind) SELECT kind || i, kind FROM unnest(ARRAY['cat', 'dog']) AS kind, generate_series(10, 29) AS i;
INSERT INTO serve_rank.interactions (user_id, item_id, event_type, "timestamp")
SELECT u, CASE WHEN u % 2 = 0 THEN 'cat' ELSE 'dog' END || 10 + (u * 7 + n * (1 + u % 3)) % 20, 'click',
	'2024-02-01'::timestamptz + u * interval '1 hour' + n * interval '1 minute'
FROM generate_series(1, 120) AS u, generate_series(1, 12) AS n;
SELECT recsys.create_solution('rk', 'serve_rank', 'personalized-ranking');
SELECT recsys.create_solution_version('rk', wait => true);
SELECT recsys.create_campaign('rk', 'rk');

-- two tastes: each user sees his own first; the scores of known items sum to 1, unknown items follow as given
SELECT substr(item_id, 1, 3) AS kind, min(rank), max(rank) FROM recsys.get_personalized_ranking('rk', '2', '{dog11,cat11,dog12,cat12}') GROUP BY 1 ORDER BY 2;
SELECT substr(item_id, 1, 3) AS kind, min(rank), max(rank) FROM recsys.get_personalized_ranking('rk', 3, '{dog11,cat11,dog12,cat12}') GROUP BY 1 ORDER BY 2;
SELECT count(*), count(score), round(sum(score)::numeric, 6) FROM recsys.get_personalized_ranking('rk', '2', '{x,dog11,cat11,y,cat12}');
SELECT rank, item_id, score, reason FROM recsys.get_personalized_ranking('rk', '2', '{zz,dog11,aa,zz}') WHERE reason = 'unknown' ORDER BY rank;
-- of an item given twice the first counts
SELECT count(*), count(DISTINCT item_id) FROM recsys.get_personalized_ranking('rk', '2', '{cat11,cat11,dog11,cat11}');
-- nothing to rank, nothing known
SELECT * FROM recsys.get_personalized_ranking('rk', '2', '{}');
SELECT rank, item_id, score, reason FROM recsys.get_personalized_ranking('rk', '2', '{x}');
-- a user nobody knows gets what is popular first
SELECT count(*), string_agg(DISTINCT reason, ',') FROM recsys.get_personalized_ranking('rk', 'nobody', '{cat11,dog11}');
-- an event of this transaction counts
BEGIN;
INSERT INTO serve_rank.interactions (user_id, item_id, event_type, "timestamp") VALUES ('nobody', 'dog12', 'click', now());
SELECT substr(item_id, 1, 3) AS kind, min(rank), max(rank) FROM recsys.get_personalized_ranking('rk', 'nobody', '{cat13,dog13,cat14,dog14}') GROUP BY 1 ORDER BY 2;
ROLLBACK;
BEGIN;
INSERT INTO serve_rank.interactions (user_id, item_id, event_type, "timestamp") VALUES ('nobody', 'cat12', 'click', now());
SELECT substr(item_id, 1, 3) AS kind, min(rank), max(rank) FROM recsys.get_personalized_ranking('rk', 'nobody', '{cat13,dog13,cat14,dog14}') GROUP BY 1 ORDER BY 2;
ROLLBACK;
-- unavailable and deleted items are left out
BEGIN;
UPDATE serve_rank.items SET in_stock = false WHERE item_id = 'cat11';
DELETE FROM serve_rank.items WHERE item_id = 'cat12';
SELECT array_agg(item_id ORDER BY item_id), round(sum(score)::numeric, 6) FROM recsys.get_personalized_ranking('rk', '2', '{cat11,cat12,cat13,dog13}');
ROLLBACK;
SELECT item_id, metadata FROM recsys.get_personalized_ranking('rk', '2', '{cat11,x,dog11}', metadata_columns => '{kind}') ORDER BY item_id;

-- refused
SELECT count(*) FROM recsys.get_recommendations('rk', '2');
SELECT count(*) FROM recsys.get_personalized_ranking('rk', NULL::text, '{cat11}');
SELECT count(*) FROM recsys.get_personalized_ranking('rk', '2', NULL);
SELECT count(*) FROM recsys.get_personalized_ranking('rk', '2', '{cat11,NULL}');
SELECT count(*) FROM recsys.get_personalized_ranking('rk', '2', '{cat11}', filter => 'f');
SELECT count(*) FROM recsys.get_personalized_ranking('rk', '2', (SELECT array_agg('i' || i) FROM generate_series(1, 10000) AS i));
SELECT count(*) FROM recsys.get_personalized_ranking('rk', '2', (SELECT array_agg('i' || i) FROM generate_series(1, 10001) AS i));
SET recsys.service_limits = on;
SELECT count(*) FROM recsys.get_personalized_ranking('rk', '2', (SELECT array_agg('i' || i) FROM generate_series(1, 501) AS i));
SELECT count(*) FROM recsys.get_personalized_ranking('rk', '2', (SELECT array_agg('i' || i) FROM generate_series(1, 51) AS i), metadata_columns => '{kind}');
RESET recsys.service_limits;
SELECT recsys.delete_dataset_group('serve_rank', cascade => true);
