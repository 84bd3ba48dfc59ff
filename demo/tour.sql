-- The tour: what the trained versions answer. Ada (customer 42) likes coffee, and one maker more than others.
\pset title 'How good is it? Measured on events that training did not see'
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
	(array_agg(p.name ORDER BY c.at DESC))[1] AS "most recently", date_trunc('second', now() - max(c.at)) AS ago
FROM clicks c JOIN products p USING (sku) WHERE customer_no = 42 GROUP BY p.department ORDER BY ago;

-- What a shop would show: things that are new to her.
SELECT array_agg(DISTINCT sku) AS seen FROM clicks WHERE customer_no = 42 \gset
CREATE FUNCTION pg_temp.for_ada(seen text[]) RETURNS TABLE (rank integer, item_id text, name text, department text, price numeric, score numeric, reason text)
LANGUAGE sql AS $$
	SELECT r.rank, r.item_id, p.name, p.department, p.price, round(r.score::numeric, 4), r.reason
	FROM recsys.get_recommendations('home', user_id => 42, num_results => 8,
		exclude_items => seen || '{VIN-002,VIN-012,VIN-022}') r JOIN products p ON p.sku = r.item_id
	ORDER BY r.rank
$$;

\pset title '… so the shop shows her, of the things that she has not seen yet'
CREATE TEMP TABLE before AS SELECT * FROM pg_temp.for_ada(:'seen');
SELECT * FROM before ORDER BY rank;

\echo 'Now she looks at a turntable, a cartridge and a preamp:'
\echo
\set ECHO queries
\pset title
BEGIN;
SELECT recsys.put_events(:'tracker', 'tonight', user_id => '42', event_list => jsonb_build_array(
	jsonb_build_object('eventType', 'view', 'itemId', 'VIN-002', 'sentAt', now() - interval '2 minutes'),
	jsonb_build_object('eventType', 'view', 'itemId', 'VIN-012', 'sentAt', now() - interval '1 minute'),
	jsonb_build_object('eventType', 'view', 'itemId', 'VIN-022', 'sentAt', now())));
\set ECHO none

\pset title 'The very next request: no training, no waiting'
SELECT a.rank, a.item_id, a.name, a.department, a.price, a.score, CASE WHEN b.rank IS NULL THEN 'new'
	WHEN b.rank > a.rank THEN 'up from ' || b.rank WHEN b.rank < a.rank THEN 'down from ' || b.rank ELSE '' END AS change
FROM pg_temp.for_ada(:'seen') a LEFT JOIN before b USING (item_id) ORDER BY a.rank;

\set ECHO queries
\pset title
ROLLBACK;
\set ECHO none

\pset title 'Events are rows like any other: rolled back, they have not happened'
SELECT count(*) AS recommendations, count(*) FILTER (WHERE a.rank = b.rank AND a.score = b.score) AS "as before"
FROM pg_temp.for_ada(:'seen') a LEFT JOIN before b USING (item_id);

\pset title 'What goes with the Corvid two-person tent (CAM-002)?'
SELECT r.rank, r.item_id, p.name, p.department, p.price, r.reason
FROM recsys.get_recommendations('product_page', item_id => 'CAM-002', num_results => 6) r
	JOIN products p ON p.sku = r.item_id ORDER BY r.rank;
