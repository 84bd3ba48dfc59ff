-- Related items under filters, and in long lists: beyond the neighbours that the model has listed, the answer is still that of
-- counting everything.
SET client_min_messages = warning;
SELECT recsys.create_dataset_group('serve_related');
SELECT recsys.create_dataset('serve_related', 'interactions');
SELECT recsys.create_dataset('serve_related', 'items', '{"share": "int", "kind": "categorical"}');
INSERT INTO serve_related.interactions (user_id, item_id, event_type, "timestamp")
SELECT 'u' || u, 'i' || 100 + (n * n * 3 + u * (1 + n % 7) * 11 + (u % 13) * n) % (50 + n * 23), 'View', '2024-02-01'::timestamptz + u * interval '1 hour' + n * interval '1 minute'
FROM generate_series(1, 400) AS u, generate_series(1, 30) AS n;
INSERT INTO serve_related.items (item_id, creation_timestamp, share, kind)
SELECT item_id, '2024-01-01', i * 37 % 100, (ARRAY['a', 'b', 'c'])[1 + i % 3] FROM (SELECT DISTINCT item_id, substr(item_id, 2)::int AS i FROM serve_related.interactions) AS s;
SELECT recsys.create_solution('related', 'serve_related', 'sims', hyperparameters => '{"min_cointeraction_count": 2, "min_user_history_length_percentile": 0,
	"max_user_history_length_percentile": 1, "min_item_interaction_count_percentile": 0, "max_item_interaction_count_percentile": 1}');
SELECT recsys.create_solution_version('related', wait => true), recsys.create_campaign('related', 'related');
SELECT recsys.create_filter('share', 'serve_related', 'INCLUDE ItemID WHERE Items.SHARE < $N'), recsys.create_filter('kind', 'serve_related', 'EXCLUDE ItemID WHERE Items.KIND IN ($KIND)'),
	recsys.create_filter('seen', 'serve_related', 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("View")');

-- Brute force: co(a, b) / n_b ^ 0.5 where two users or more have both, then what is left by popularity, for every item that passes.
CREATE TEMP TABLE chosen AS SELECT DISTINCT user_id, item_id FROM serve_related.interactions;
CREATE TEMP TABLE popularity AS SELECT item_id, count(*) AS n FROM chosen GROUP BY 1;
CREATE TEMP TABLE query AS SELECT item_id AS q FROM (SELECT item_id, row_number() OVER (ORDER BY n DESC, item_id) AS place FROM popularity) AS p WHERE place IN (1, 2, 5, 20, 60, 200);
CREATE TEMP TABLE scored AS SELECT *, row_number() OVER (PARTITION BY q ORDER BY similarity DESC NULLS LAST, CASE WHEN similarity IS NULL THEN n END DESC, item_id COLLATE "C") AS place
FROM (SELECT q, p.item_id, CASE WHEN co >= 2 THEN (co * power(p.n::float8, -0.5))::float4 END AS similarity, n
FROM query CROSS JOIN popularity AS p LEFT JOIN (SELECT a.item_id AS of, b.item_id, count(*) AS co FROM chosen AS a JOIN chosen AS b USING (user_id) GROUP BY 1, 2) AS c
	ON c.of = q AND c.item_id = p.item_id
WHERE p.item_id <> q) AS s;
SELECT count(*) FILTER (WHERE neighbours > 200) AS long, min(neighbours), max(neighbours) FROM (SELECT count(similarity) AS neighbours FROM scored GROUP BY q) AS s;
CREATE TEMP TABLE request (n int, filter text, given jsonb, condition text, excluded text[]);
INSERT INTO request VALUES
	(25, NULL, '{}', 'true', NULL), (300, NULL, '{}', 'true', NULL), (1000, NULL, '{}', 'true', NULL),
	(25, 'share', '{"N": 3}', 'share < 3', NULL), (25, 'share', '{"N": 10}', 'share < 10', NULL), (25, 'share', '{"N": 50}', 'share < 50', NULL), (500, 'share', '{"N": 90}', 'share < 90', NULL),
	(150, 'kind', '{"KIND": ["a", "b"]}', $$kind = 'c'$$, NULL), (25, 'seen', '{}', $$item_id NOT IN (SELECT item_id FROM chosen WHERE user_id = 'u7')$$, NULL),
	(30, 'share', '{"N": 10}', $$share < 10 AND item_id NOT IN ('i180', 'i205', 'i250')$$, '{i180,i205,i250}');
CREATE FUNCTION pg_temp.expected(query text, request request) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
	answer text[];
BEGIN
	EXECUTE format('SELECT array_agg(item_id) FROM (SELECT item_id FROM scored JOIN serve_related.items USING (item_id) WHERE q = %L AND %s
		ORDER BY place LIMIT %s) AS s', query, request.condition, request.n) INTO answer;
	RETURN answer;
END $$;
CREATE FUNCTION pg_temp.answer(query text, request request, plan text) RETURNS text[] LANGUAGE sql VOLATILE AS $$
	SELECT set_config('recsys.filter_plan', plan, true);
	SELECT array_agg(item_id ORDER BY rank) FROM recsys.get_recommendations('related', 'u7', query, request.n, filter => request.filter, filter_values => request.given, exclude_items => request.excluded);
$$;
SELECT request.n, filter, given, count(*) AS answers, sum(cardinality(pg_temp.answer(q, request, plan))) AS items,
	count(*) FILTER (WHERE pg_temp.answer(q, request, plan) IS DISTINCT FROM pg_temp.expected(q, request)) AS wrong
FROM request, query, unnest('{auto,post,pre}'::text[]) AS plan GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
-- What lies beyond the lists is related, too; a promotion finds it as well.
SELECT reason, count(*) FROM query, LATERAL recsys.get_recommendations('related', item_id => q, num_results => 10, filter => 'share', filter_values => '{"N": 5}') GROUP BY 1;
SELECT promotion_name, bool_and(share < 3) AS passes, count(*), count(DISTINCT item_id) FROM (SELECT q FROM query ORDER BY q LIMIT 1) AS first,
	LATERAL recsys.get_recommendations('related', item_id => q, num_results => 20, promotion => '{"name": "few", "percent_promoted_items": 50, "filter": "share", "filter_values": {"N": 3}}')
	JOIN serve_related.items USING (item_id) GROUP BY 1 ORDER BY 1;
-- why_not counts what stands before an item beyond the lists.
SELECT q, s.item_id, detail FROM scored AS s, LATERAL recsys.why_not('related', NULL::text, s.item_id, related_to => q)
WHERE place = 231 AND similarity IS NOT NULL ORDER BY 1 LIMIT 2;
SELECT recsys.delete_dataset_group('serve_related', cascade => true);
