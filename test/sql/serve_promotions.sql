-- Promotions: a share of the places for items that pass a filter of their own.
SET client_min_messages = notice;
SELECT recsys.create_dataset_group('serve_promo');
SELECT recsys.create_dataset('serve_promo', 'interactions');
SELECT recsys.create_dataset('serve_promo', 'items', '{"kind": "categorical", "brand": "categorical", "price": "float"}');
INSERT INTO serve_promo.items (item_id, creation_timestamp, kind, brand, price)
SELECT 'i' || i, '2024-01-01'::timestamptz + i * interval '1 day', CASE WHEN i % 2 = 0 THEN 'even' ELSE 'odd' END,
	CASE WHEN i % 10 = 0 THEN 'own' ELSE 'other' END, i FROM generate_series(10, 69) AS i;
INSERT INTO serve_promo.interactions (user_id, item_id, event_type, "timestamp")
SELECT 'u' || u, 'i' || 10 + (u * 7 + n * (1 + u % 5)) % 60, 'click', '2024-02-01'::timestamptz + u * interval '1 hour' + n * interval '1 minute'
FROM generate_series(1, 150) AS u, generate_series(1, 14) AS n;
SELECT recsys.create_solution('spr', 'serve_promo', 'user-personalization');
SELECT recsys.create_solution_version('spr', wait => true);
SELECT recsys.create_campaign('spr', 'spr');
SELECT recsys.create_filter('spr_even', 'serve_promo', 'INCLUDE ItemID WHERE Items.KIND IN ("even")');
SELECT recsys.create_filter('spr_brand', 'serve_promo', 'INCLUDE ItemID WHERE Items.BRAND IN ($BRAND)');
SELECT recsys.create_filter('spr_young', 'serve_promo', 'INCLUDE ItemID WHERE Items.CREATION_TIMESTAMP >= $SINCE');
SELECT recsys.create_filter('spr_users', 'serve_promo', 'INCLUDE UserID WHERE Interactions.EVENT_TYPE IN ("click")');

-- G23: half of ten places: five carry the name and pass the promotion's filter alone, the others pass the request's; none twice.
CREATE VIEW serve_promo.half AS SELECT r.*, substr(r.item_id, 2)::int AS i
FROM recsys.get_recommendations('spr', 'u1', num_results => 10, filter => 'spr_even',
	promotion => '{"name": "spring", "percent_promoted_items": 50, "filter": "spr_young", "filter_values": {"SINCE": "2024-02-10T00:00:00Z"}}') AS r;
SELECT count(*), count(DISTINCT item_id), count(promotion_name) AS promoted, bool_and(i >= 40) FILTER (WHERE promotion_name = 'spring') AS young,
	bool_or(i % 2 = 1) FILTER (WHERE promotion_name = 'spring') AS also_odd,
	bool_and(i % 2 = 0) FILTER (WHERE promotion_name IS NULL) AS even, string_agg(DISTINCT reason, ',') FILTER (WHERE promotion_name IS NOT NULL) AS reason
FROM serve_promo.half;
-- They are the best of the promoted, then the best of the rest; each list keeps its order.
WITH young AS (SELECT item_id, rank FROM recsys.get_recommendations('spr', 'u1', num_results => 5, filter => 'spr_young', filter_values => '{"SINCE": "2024-02-10T00:00:00Z"}')),
	rest AS (SELECT item_id, rank FROM recsys.get_recommendations('spr', 'u1', num_results => 5, filter => 'spr_even', exclude_items => (SELECT array_agg(item_id) FROM young)))
SELECT (SELECT array_agg(item_id ORDER BY rank) FROM young) = (SELECT array_agg(item_id ORDER BY rank) FROM serve_promo.half WHERE promotion_name IS NOT NULL) AS promoted,
	(SELECT array_agg(item_id ORDER BY rank) FROM rest) = (SELECT array_agg(item_id ORDER BY rank) FROM serve_promo.half WHERE promotion_name IS NULL) AS others;
-- The same request has them at the same places; over many users every place is taken about equally often.
SELECT (SELECT array_agg(h.*::text) FROM serve_promo.half AS h) = (SELECT array_agg(h.*::text) FROM serve_promo.half AS h) AS stable;
SELECT count(*) AS promoted, min(n) BETWEEN 20 AND 45 AND max(n) BETWEEN 45 AND 75 AS spread FROM (
	SELECT rank, count(*) AS n FROM generate_series(1, 150) AS u, recsys.get_recommendations('spr', 'u' || u, num_results => 10,
		promotion => '{"name": "p", "percent_promoted_items": 30, "filter": "spr_even"}') AS r WHERE promotion_name = 'p' GROUP BY rank) AS places;
-- Rounded half up, and at least one.
SELECT percent, n, (SELECT count(promotion_name) FROM recsys.get_recommendations('spr', 'u2', num_results => n,
	promotion => jsonb_build_object('name', 'p', 'percentPromotedItems', percent, 'filterArn', 'spr_even'))) AS promoted
FROM (VALUES (1, 10), (25, 10), (24, 10), (30, 25), (100, 10), (50, 1)) AS v (percent, n);
-- G24: a shortage is filled by others; what is excluded stays out.
SELECT count(*), count(promotion_name) AS promoted, count(DISTINCT item_id) FROM recsys.get_recommendations('spr', 'u3', num_results => 20,
	promotion => '{"name": "p", "percentPromotedItems": 80, "filter": "spr_brand", "filterValues": {"BRAND": ["own"]}}');
SELECT count(*), count(promotion_name) AS promoted FROM recsys.get_recommendations('spr', 'u3', num_results => 20, exclude_items => '{i10,i20}',
	promotion => '{"name": "p", "percent_promoted_items": 80, "filter": "spr_brand", "filter_values": {"BRAND": "own"}}');
SELECT count(*), count(promotion_name) AS promoted FROM recsys.get_recommendations('spr', 'u3', num_results => 20,
	promotion => '{"name": "p", "percent_promoted_items": 80, "filter": "spr_brand", "filter_values": {"BRAND": "absent"}}');
-- A short request list does not make the promotion longer.
SELECT count(*), count(promotion_name) AS promoted FROM recsys.get_recommendations('spr', 'u3', num_results => 20,
	filter => 'spr_brand', filter_values => '{"BRAND": "own"}', promotion => '{"name": "p", "percent_promoted_items": 50, "filter": "spr_even"}');
-- Items that the model does not know yet can be promoted, and rows that came in this transaction.
BEGIN;
INSERT INTO serve_promo.items (item_id, creation_timestamp, kind, brand, price) VALUES ('fresh', '2024-06-01', 'odd', 'fresh', 1);
SELECT item_id, score, reason, promotion_name FROM recsys.get_recommendations('spr', 'u4', num_results => 10,
	promotion => '{"name": "p", "percent_promoted_items": 20, "filter": "spr_brand", "filter_values": {"BRAND": "fresh"}}') WHERE promotion_name IS NOT NULL;
ROLLBACK;

-- Refused.
CREATE FUNCTION pg_temp.refused(promotion jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE detail text;
BEGIN
	RETURN (SELECT count(*) FROM recsys.get_recommendations('spr', 'u1', promotion => promotion));
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RETURN SQLSTATE || ' ' || SQLERRM || CASE WHEN detail <> '' THEN ' (' || detail || ')' ELSE '' END;
END $$;
SELECT pg_temp.refused(p) FROM unnest(ARRAY['[]', '7', '{}', '{"name": "p"}', '{"name": "", "percent_promoted_items": 10, "filter": "spr_even"}',
	'{"name": "p", "percent_promoted_items": 0, "filter": "spr_even"}', '{"name": "p", "percent_promoted_items": 101, "filter": "spr_even"}',
	'{"name": "p", "percent_promoted_items": 12.5, "filter": "spr_even"}', '{"name": "p", "percent_promoted_items": "10", "filter": "spr_even"}',
	'{"name": "p", "percent_promoted_items": 99999999999999999999, "filter": "spr_even"}',
	'{"name": "p", "percent_promoted_items": 10}', '{"name": "p", "percent_promoted_items": 10, "filter": "absent"}',
	'{"name": "p", "percent_promoted_items": 10, "filter": "spr_users"}', '{"name": "p", "percent_promoted_items": 10, "filter": "spr_brand"}',
	'{"name": "p", "percent_promoted_items": 10, "filter": "spr_even", "filter_values": {"X": 1}}',
	'{"name": "p", "percent_promoted_items": 10, "filter": "spr_even", "filter_values": 3}',
	'{"name": "p", "percent_promoted_items": 10, "filter": "spr_even", "filtre": 3}',
	'{"name": "p", "percentPromotedItems": 10, "percent_promoted_items": 10, "filter": "spr_even"}']::jsonb[]) AS p;
SELECT pg_temp.refused(jsonb_build_object('name', repeat('n', 64), 'percent_promoted_items', 10, 'filter', 'spr_even'));
DROP VIEW serve_promo.half;
SELECT recsys.delete_dataset_group('serve_promo', cascade => true);
