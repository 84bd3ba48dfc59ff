-- why_not: each thing that keeps an item out of a list.
SET client_min_messages = notice;
SET timezone = 'UTC';
SELECT recsys.create_dataset_group('serve_why');
SELECT recsys.create_dataset('serve_why', 'interactions');
SELECT recsys.create_dataset('serve_why', 'items', '{"kind": "categorical", "price": "float", "in_stock": {"type": "boolean", "role": "availability"}}');
INSERT INTO serve_why.items (item_id, kind, price) SELECT 'i' || i, CASE WHEN i % 2 = 0 THEN 'even' ELSE 'odd' END, i FROM generate_series(10, 69) AS i;
INSERT INTO serve_why.interactions (user_id, item_id, event_type, "timestamp")
SELECT 'u' || u, 'i' || 10 + (u * 7 + n * (1 + u % 5)) % 61, 'view', '2024-02-01'::timestamptz + u * interval '1 hour' + n * interval '1 minute'
FROM generate_series(1, 150) AS u, generate_series(1, 14) AS n;
INSERT INTO serve_why.interactions (user_id, item_id, event_type, "timestamp") VALUES ('u1', 'i12', 'Purchase', '2024-03-01'), ('u1', 'i12', 'Purchase', '2024-03-02'), ('u1', 'i13', 'hide', '2024-03-03');
SELECT recsys.create_solution('sy', 'serve_why', 'user-personalization', negative_event_types => '{hide}');
SELECT recsys.create_solution_version('sy', wait => true);
SELECT recsys.create_campaign('sy', 'sy');
SELECT recsys.create_filter('sy_new', 'serve_why', 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("Purchase") | EXCLUDE ItemID WHERE Items.PRICE > $MAX | INCLUDE ItemID WHERE Items.KIND IN ("even") | INCLUDE ItemID WHERE Items.PRICE < 12');
SELECT recsys.create_solution('sy_like', 'serve_why', 'sims', hyperparameters => '{"min_cointeraction_count": 0}');
SELECT recsys.create_solution_version('sy_like', wait => true);
SELECT recsys.create_campaign('sy_like', 'sy_like');

-- What is in the list has no obstacle, and whatever has none is in it.
SELECT count(*) FILTER (WHERE listed) AS listed, bool_and(listed = (obstacles = 0)) AS agree FROM (
	SELECT i.item_id IN (SELECT item_id FROM recsys.get_recommendations('sy', 'u1', num_results => 8, filter => 'sy_new', filter_values => '{"MAX": 40}')) AS listed,
		(SELECT count(*) FROM recsys.why_not('sy', 'u1', i.item_id, 'sy_new', '{"MAX": 40}', 8)) AS obstacles
	FROM serve_why.items AS i) AS r;
-- Each part of a filter that stands in the way, with the events it is about.
SELECT * FROM recsys.why_not('sy', 'u1', 'i12', 'sy_new', '{"MAX": "11"}', 60);
SELECT * FROM recsys.why_not('sy', 'u1', 'i15', 'sy_new', '{"MAX": "20"}', 60);
-- A part without its value stands in nobody's way, and is told.
SELECT * FROM recsys.why_not('sy', 'u1', 'i60', 'sy_new', num_results => 60);
-- The rank, among those that qualify.
SELECT w.obstacle, w.detail = format('Rank %s among those that qualify, of which the best 5 are returned.', r.rank) AS rank_told
FROM recsys.get_recommendations('sy', 'u1', num_results => 60, filter => 'sy_new', filter_values => '{"MAX": 40}') AS r, recsys.why_not('sy', 'u1', r.item_id, 'sy_new', '{"MAX": 40}', 5) AS w
WHERE r.rank = 9;
SELECT count(*) AS told FROM recsys.get_recommendations('sy', 'u1', num_results => 60) AS r, recsys.why_not('sy', 'u1', r.item_id) AS w WHERE w.obstacle = 'below the cut';
-- Negative events, rows, availability, and items that came later; here item 70 has events and no row.
SELECT * FROM recsys.why_not('sy', 'u1', 'i13', num_results => 100);
SELECT * FROM recsys.why_not('sy', 'u1', 'i70', num_results => 100);
BEGIN;
INSERT INTO serve_why.items (item_id, kind) VALUES ('late', 'even');
DELETE FROM serve_why.items WHERE item_id = 'i20';
UPDATE serve_why.items SET in_stock = false WHERE item_id IN ('i21', 'late');
SELECT * FROM recsys.why_not('sy', 'u1', 'late');
SELECT * FROM recsys.why_not('sy', 'u1', 'i20', num_results => 100);
SELECT * FROM recsys.why_not('sy', 'u1', 'i21', num_results => 100);
ROLLBACK;
SELECT * FROM recsys.why_not('sy', 'u1', 'nothing');
SELECT * FROM recsys.why_not('sy', 'nobody', 'i12', 'sy_new', '{"MAX": 50}', 100);
-- Related items.
SELECT * FROM recsys.why_not('sy_like', NULL, 'i12', related_to => 'i12');
SELECT * FROM recsys.why_not('sy_like', NULL, 'i12', 'sy_new', '{"MAX": 11}', 100, 'i14');
-- Refused as the request would be.
SELECT * FROM recsys.why_not('sy', NULL::text, 'i12');
SELECT * FROM recsys.why_not('sy_like', 'u1', 'i12');
SELECT * FROM recsys.why_not('sy', 'u1', NULL);
SELECT * FROM recsys.why_not('sy', 'u1', 'i12', num_results => -1);
SELECT * FROM recsys.why_not('sy', 'u1', 'i12', filter => 'absent');
SELECT * FROM recsys.why_not('sy', 1, 'i12', 'sy_new', '{"MAX": "much"}');
SELECT recsys.delete_dataset_group('serve_why', cascade => true);
