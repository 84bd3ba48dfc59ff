-- The tour: what the trained versions answer. Ada (customer 42) likes coffee and cycling.
\pset title 'How good is it? Measured on visits that training did not see (goes_with/1 is not personal)'
SELECT metric, round(max(value) FILTER (WHERE version = 'for_you/1')::numeric, 4) AS "for_you/1",
	round(max(value) FILTER (WHERE version = 'goes_with/1')::numeric, 4) AS "goes_with/1"
FROM (VALUES ('for_you/1'), ('goes_with/1')) AS v(version), recsys.get_solution_metrics(version)
GROUP BY metric ORDER BY metric;

\o /dev/null
SELECT recsys.create_campaign('home', 'for_you');
SELECT recsys.create_campaign('product_page', 'goes_with');
SELECT (recsys.describe_event_tracker('web')->>'tracking_id') AS tracker \gset
\o

\pset title 'Ada has looked at …'
SELECT p.department, count(*) AS clicks, mode() WITHIN GROUP (ORDER BY p.maker) AS "mostly by",
	(array_agg(p.name ORDER BY c.at DESC))[1] AS "most recently"
FROM clicks c JOIN products p USING (sku) WHERE customer_no = 42 GROUP BY p.department ORDER BY clicks DESC;

\pset title '… so the shop shows her'
CREATE TEMP TABLE before AS SELECT * FROM recsys.get_recommendations('home', user_id => '42', num_results => 8);
SELECT r.rank, r.item_id, p.name, p.department, p.price, round(r.score::numeric, 4) AS score, r.reason
FROM before r JOIN products p ON p.sku = r.item_id ORDER BY r.rank;

\echo 'Now she looks at three telescopes:'
\echo
\set ECHO queries
\pset title
BEGIN;
SELECT recsys.put_events(:'tracker', 'tonight', user_id => '42', event_list => jsonb_build_array(
	jsonb_build_object('eventType', 'view', 'itemId', 'AST-002', 'sentAt', now() - interval '2 minutes'),
	jsonb_build_object('eventType', 'view', 'itemId', 'AST-012', 'sentAt', now() - interval '1 minute'),
	jsonb_build_object('eventType', 'view', 'itemId', 'AST-022', 'sentAt', now())));
\set ECHO none

\pset title 'The very next request: no training, no waiting'
SELECT r.rank, r.item_id, p.name, p.department, p.price, round(r.score::numeric, 4) AS score,
	CASE WHEN b.rank IS NULL THEN 'new' WHEN b.rank > r.rank THEN 'up from ' || b.rank WHEN b.rank < r.rank THEN 'down from ' || b.rank ELSE '=' END AS change
FROM recsys.get_recommendations('home', user_id => '42', num_results => 8) r
	JOIN products p ON p.sku = r.item_id LEFT JOIN before b USING (item_id) ORDER BY r.rank;

\set ECHO queries
\pset title
ROLLBACK;
\set ECHO none

\pset title 'Events are rows like any other: rolled back, they have not happened'
SELECT count(*) AS "rows", count(*) FILTER (WHERE r.rank = b.rank) AS "as before"
FROM recsys.get_recommendations('home', user_id => '42', num_results => 8) r LEFT JOIN before b USING (item_id);

\pset title 'What goes with the Corvid burr grinder (COF-002)?'
SELECT r.rank, r.item_id, p.name, p.department, p.price, round(r.score::numeric, 4) AS score
FROM recsys.get_recommendations('product_page', item_id => 'COF-002', num_results => 6) r
	JOIN products p ON p.sku = r.item_id ORDER BY r.rank;
