-- A session remembers where the rows of items lie. Whatever happens to the table meanwhile, the next answer is as exact as the first.
SET client_min_messages = warning;
SELECT recsys.create_dataset_group('serve_places');
SELECT recsys.create_dataset('serve_places', 'interactions');
SELECT recsys.create_dataset('serve_places', 'items', '{"kind": "categorical"}');
INSERT INTO serve_places.items (item_id, kind) SELECT 'item' || i, repeat('k', 100) FROM generate_series(10, 29) AS i;
INSERT INTO serve_places.interactions (user_id, item_id, event_type, "timestamp")
SELECT u, 'item' || 10 + (u * 7 + n * (1 + u % 3)) % 20, 'click', '2024-02-01'::timestamptz + u * interval '1 hour' + n * interval '1 minute'
FROM generate_series(1, 60) AS u, generate_series(1, 12) AS n;
SELECT recsys.create_solution('places', 'serve_places', 'user-personalization');
SELECT recsys.create_solution_version('places', wait => true);
SELECT recsys.create_campaign('places', 'places');
CREATE FUNCTION pg_temp.answer() RETURNS SETOF text LANGUAGE sql AS $$
	SELECT item_id FROM recsys.get_recommendations('places', '2', num_results => 20) ORDER BY rank $$;
CREATE TEMP TABLE first AS SELECT ordinality AS rank, item_id FROM pg_temp.answer() WITH ORDINALITY AS a(item_id);
-- by their first ranks: what is missing now, and whether the others still come in the same order
CREATE FUNCTION pg_temp.missing() RETURNS text LANGUAGE sql AS $$
	SELECT format('%s missing, same order: %s', coalesce(string_agg(f.rank::text, ' ' ORDER BY f.rank) FILTER (WHERE a.item_id IS NULL), 'none'),
		array_agg(f.item_id ORDER BY f.rank) FILTER (WHERE a.item_id IS NOT NULL)
			= array_agg(f.item_id ORDER BY a.n) FILTER (WHERE a.item_id IS NOT NULL))
	FROM first AS f LEFT JOIN pg_temp.answer() WITH ORDINALITY AS a(item_id, n) USING (item_id) $$;
CREATE FUNCTION pg_temp.ranked(n int) RETURNS text LANGUAGE sql AS $$ SELECT item_id FROM first WHERE rank = n $$;
SELECT count(*) FROM first;
SELECT pg_temp.missing();

-- deleted, and back
BEGIN;
DELETE FROM serve_places.items WHERE item_id IN (pg_temp.ranked(1), pg_temp.ranked(5));
SELECT pg_temp.missing();
ROLLBACK;
SELECT pg_temp.missing();
-- new versions lie elsewhere
UPDATE serve_places.items SET kind = 'new';
SELECT pg_temp.missing();
VACUUM serve_places.items;
SELECT pg_temp.missing();
-- an id that changes is another item's row
UPDATE serve_places.items SET item_id = 'renamed' WHERE item_id = pg_temp.ranked(2);
SELECT pg_temp.missing();
UPDATE serve_places.items SET item_id = pg_temp.ranked(2) WHERE item_id = 'renamed';
SELECT pg_temp.missing();
-- every row at the place of another, one of them gone
CREATE TEMP TABLE rows AS SELECT * FROM serve_places.items;
DELETE FROM serve_places.items;
VACUUM serve_places.items;
INSERT INTO serve_places.items SELECT * FROM rows WHERE item_id <> pg_temp.ranked(3) ORDER BY item_id DESC;
SELECT pg_temp.missing();
VACUUM FULL serve_places.items;
SELECT pg_temp.missing();
-- no page is left to look at
TRUNCATE serve_places.items;
INSERT INTO serve_places.items SELECT * FROM rows WHERE item_id = pg_temp.ranked(4);
SELECT pg_temp.missing();
TRUNCATE serve_places.items;
INSERT INTO serve_places.items (item_id) VALUES ('stranger');
SELECT array_agg(a) FROM pg_temp.answer() AS a;
TRUNCATE serve_places.items;
INSERT INTO serve_places.items SELECT * FROM rows;
SELECT pg_temp.missing();
-- another table of the name
BEGIN;
ALTER TABLE serve_places.items RENAME TO items_before;
CREATE TABLE serve_places.items (LIKE serve_places.items_before INCLUDING ALL);
INSERT INTO serve_places.items SELECT * FROM rows WHERE item_id <> pg_temp.ranked(6);
SELECT pg_temp.missing();
ROLLBACK;
SELECT pg_temp.missing();
-- who may not see a row is not given it, although the session knows where it lies
CREATE ROLE regress_serve_places;
GRANT USAGE ON SCHEMA serve_places TO regress_serve_places;
GRANT SELECT ON ALL TABLES IN SCHEMA serve_places TO regress_serve_places;
GRANT SELECT ON first TO regress_serve_places;
ALTER TABLE serve_places.items ENABLE ROW LEVEL SECURITY;
DO $$ BEGIN EXECUTE format('CREATE POLICY others ON serve_places.items TO regress_serve_places USING (item_id <> %L)', pg_temp.ranked(7)); END $$;
SET ROLE regress_serve_places;
SELECT pg_temp.missing();
RESET ROLE;
SELECT pg_temp.missing();
ALTER TABLE serve_places.items DISABLE ROW LEVEL SECURITY;
SET ROLE regress_serve_places;
SELECT pg_temp.missing();
RESET ROLE;
SELECT recsys.delete_dataset_group('serve_places', cascade => true);
DROP OWNED BY regress_serve_places;
DROP ROLE regress_serve_places;
