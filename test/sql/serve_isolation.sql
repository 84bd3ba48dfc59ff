-- What happens in one dataset group never changes another group's answers, even where they share ids and names.
SET client_min_messages = warning;
CREATE FUNCTION pg_temp.make(g text, shift integer) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM recsys.create_dataset_group(g);
	PERFORM recsys.create_dataset(g, 'interactions');
	PERFORM recsys.create_dataset(g, 'items', '{"kind": "categorical"}');
	EXECUTE format('INSERT INTO %I.items (item_id) SELECT ''i'' || i FROM generate_series(1, 40) AS i', g);
	EXECUTE format('INSERT INTO %I.interactions (user_id, item_id, event_type, "timestamp")
		SELECT ''u'' || u, ''i'' || 1 + (u * %s + n) %% 40, ''click'', ''2024-01-01''::timestamptz + (u * 60 + n) * interval ''1 minute''
		FROM generate_series(1, 100) AS u, generate_series(1, 12) AS n', g, shift);
	PERFORM recsys.create_solution('same', g, 'user-personalization');
	PERFORM recsys.create_solution_version(g || '.same', wait => true);
	PERFORM recsys.create_campaign('same', g || '.same');
END $$;
CREATE FUNCTION pg_temp.answer(campaign text) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(u || ':' || item_id || ':' || score || ':' || reason, ' ' ORDER BY u, rank)
	FROM unnest(ARRAY['u1', 'u2', 'nobody']) AS u, recsys.get_recommendations(campaign, u, num_results => 20) $$;
SELECT pg_temp.make('serve_iso_a', 3), pg_temp.make('serve_iso_b', 7);
CREATE TEMP TABLE before AS SELECT pg_temp.answer('serve_iso_b.same') AS answer;
SELECT pg_temp.answer('serve_iso_a.same') <> answer AS different FROM before;
-- the short name could mean either
SELECT count(*) FROM recsys.get_recommendations('same', 'u1');
-- A changes in every way
INSERT INTO serve_iso_a.interactions (user_id, item_id, event_type, "timestamp") SELECT 'u1', 'i' || i, 'click', now() FROM generate_series(1, 30) AS i;
INSERT INTO serve_iso_a.user_aliases VALUES ('u2', 'u1');
DELETE FROM serve_iso_a.items WHERE item_id < 'i3';
SELECT recsys.create_solution_version('serve_iso_a.same', wait => true);
SELECT recsys.update_campaign('serve_iso_a.same', 'serve_iso_a.same/2');
SELECT pg_temp.answer('serve_iso_b.same') = answer AS unchanged FROM before;
SELECT recsys.delete_dataset_group('serve_iso_a', cascade => true);
SELECT pg_temp.answer('serve_iso_b.same') = answer AS unchanged FROM before;
SELECT pg_temp.answer('same') = answer AS unchanged FROM before;
SELECT recsys.delete_dataset_group('serve_iso_b', cascade => true);
