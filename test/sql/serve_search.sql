-- Personalised search: full-text search finds, get_personalized_ranking knows the user, one statement blends the two.
SET client_min_messages = warning;
SELECT recsys.create_dataset_group('serve_search');
SELECT recsys.create_dataset('serve_search', 'interactions');
SELECT recsys.create_dataset('serve_search', 'items', '{"kind": "categorical", "title": "textual"}');
INSERT INTO serve_search.items (item_id, kind, title)
SELECT kind || i, kind, format('A %s story, part %s', kind, i) FROM unnest(ARRAY['cat', 'dog']) AS kind, generate_series(10, 29) AS i;
CREATE INDEX ON serve_search.items USING gin (to_tsvector('english', title));
INSERT INTO serve_search.interactions (user_id, item_id, event_type, "timestamp")
SELECT u, CASE WHEN u % 2 = 0 THEN 'cat' ELSE 'dog' END || 10 + (u * 7 + n * (1 + u % 3)) % 20, 'click',
	'2024-02-01'::timestamptz + u * interval '1 hour' + n * interval '1 minute'
FROM generate_series(1, 120) AS u, generate_series(1, 12) AS n;
SELECT recsys.create_solution('search', 'serve_search', 'personalized-ranking');
SELECT recsys.create_solution_version('search', wait => true);
SELECT recsys.create_campaign('search', 'search');
-- an item that is newer than the model
INSERT INTO serve_search.items (item_id, kind, title) VALUES ('cat99', 'cat', 'A story about a story: the untold story');

CREATE FUNCTION pg_temp.search(who text, words text, weight float8) RETURNS TABLE (place bigint, item_id text, known boolean)
LANGUAGE sql AS $$
	WITH found AS MATERIALIZED (
		SELECT i.item_id, ts_rank(to_tsvector('english', i.title), query) AS text_rank
		FROM serve_search.items i, websearch_to_tsquery('english', words) AS query
		WHERE to_tsvector('english', i.title) @@ query
		ORDER BY text_rank DESC LIMIT 10000)
	SELECT row_number() OVER (ORDER BY relevance DESC, b.item_id), b.item_id, b.known
	FROM (SELECT f.item_id, r.score IS NOT NULL AS known,
			(1 - weight) * f.text_rank / max(f.text_rank) OVER () + weight * coalesce(r.score / max(r.score) OVER (), 0) AS relevance
		FROM found f JOIN recsys.get_personalized_ranking('search', who, (SELECT array_agg(found.item_id) FROM found)) r USING (item_id)
	) AS b $$;
-- every user finds the same 41 stories, in an order of his own; the unknown one is kept
SELECT count(*), count(*) FILTER (WHERE NOT known) FROM pg_temp.search('2', 'story', 0.7);
SELECT who, string_agg(DISTINCT substr(item_id, 1, 3), ',') AS first_five
FROM unnest(ARRAY['2', '3']) AS who, pg_temp.search(who, 'story', 0.95) WHERE place <= 5 GROUP BY who ORDER BY who;
-- text alone puts the item first that repeats the word
SELECT item_id, known FROM pg_temp.search('2', 'story', 0) WHERE place = 1;
SELECT count(*) FROM pg_temp.search('2', 'story dog', 0.5);
SELECT count(*) FROM pg_temp.search('2', 'elephant', 0.5);
SELECT recsys.delete_dataset_group('serve_search', cascade => true);
