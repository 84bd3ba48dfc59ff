-- Metadata in training: roles, languages, filled texts, excluded columns, new items.
\set SHOW_CONTEXT never
\pset format unaligned
\pset tuples_only on
CREATE FUNCTION pg_temp.try(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE d text; h text;
BEGIN
    EXECUTE statement;
    RETURN 'ok';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS d = PG_EXCEPTION_DETAIL, h = PG_EXCEPTION_HINT;
    RETURN concat_ws(' | ', SQLSTATE, SQLERRM, nullif(d, ''), nullif(h, ''));
END $$;

-- a language and a filling belong to a text, and must exist
SELECT recsys.create_dataset_group('train_metadata');
SELECT recsys.create_dataset('train_metadata', 'interactions');
SELECT pg_temp.try($$SELECT recsys.create_dataset('train_metadata', 'items', '{"plot": {"type": "textual", "language": "klingon"}}')$$);
SELECT pg_temp.try($$SELECT recsys.create_dataset('train_metadata', 'items', '{"plot": {"type": "textual", "language": "a.b.c.d"}}')$$);
SELECT pg_temp.try($$SELECT recsys.create_dataset('train_metadata', 'items', '{"plot": {"type": "textual", "language": 3}}')$$);
SELECT pg_temp.try($$SELECT recsys.create_dataset('train_metadata', 'items', '{"kind": {"type": "categorical", "language": "english"}}')$$);
SELECT pg_temp.try($$SELECT recsys.create_dataset('train_metadata', 'items', '{"kind": {"type": "categorical", "text_null_fill": "blank"}}')$$);
SELECT recsys.create_dataset('train_metadata', 'items', '{"kind": "categorical", "size": "float", "edition": {"type": "int", "role": "categorical"},
    "plot": {"type": "textual", "language": "english"}, "note": "string", "sku": "categorical", "one": "float"}');
SELECT f FROM jsonb_array_elements(recsys.describe_dataset('train_metadata', 'items')->'fields') AS f;

-- 120 items of four kinds; every tenth is new. A plot has tags, and words that go with the kind; 18 of 120 have none.
INSERT INTO train_metadata.items (item_id, kind, size, edition, plot, note, sku, one)
SELECT 'i' || i, (ARRAY['war', 'love', 'war|love', 'space'])[i % 4 + 1], CASE i WHEN 5 THEN 'NaN' WHEN 6 THEN 'Infinity' ELSE (i % 7)::float8 END, i % 3,
    CASE WHEN i % 20 >= 3 THEN '<p class="x">' || (ARRAY['Soldiers <b>fighting</b>', 'hearts kissed', 'soldier''s heart', '星際旅行の夢'])[i % 4 + 1] || '</p> &amp; ' || i % 5 END,
    'never learned', 's' || i, 1
FROM generate_series(1, 120) AS i;
INSERT INTO train_metadata.interactions (user_id, item_id, "timestamp")
SELECT 'u' || u, 'i' || i, '2024-01-01'::timestamptz + (n || ' hours')::interval
FROM generate_series(1, 200) AS u, generate_series(1, 10) AS n,
    LATERAL (SELECT (n * 12 + u % 3 * 4 + CASE WHEN (u + n) % 5 = 0 THEN n ELSE u % 4 END) % 120 + 1 AS i) AS x
WHERE i % 10 <> 0;
SELECT recsys.create_solution('all', 'train_metadata', 'user-personalization');
SELECT recsys.create_solution_version('train_metadata.all', wait => true);
SELECT f FROM jsonb_array_elements(recsys.describe_solution_version('train_metadata.all')->'data_summary'->'item_fields') AS f;

-- 85 % filled: learned; one less: not, and the version says so; with a filling: learned again
UPDATE train_metadata.items SET plot = ' ' WHERE item_id = 'i4';
SELECT recsys.create_solution_version('train_metadata.all', wait => true);
SELECT f FROM jsonb_array_elements(recsys.describe_solution_version('train_metadata.all')->'data_summary'->'item_fields') AS f WHERE f->>'field' = 'plot';
SELECT recsys.create_dataset_group('train_metadata_filled');
SELECT recsys.create_dataset('train_metadata_filled', 'interactions', source => 'train_metadata.interactions');
SELECT recsys.create_dataset('train_metadata_filled', 'items', '{"plot": {"type": "textual", "text_null_fill": "blank"}}',
    source => 'train_metadata.items', columns => '{"plot": "plot"}');
SELECT recsys.create_solution('filled', 'train_metadata_filled', 'user-personalization');
SELECT recsys.create_solution_version('filled', wait => true);
SELECT f FROM jsonb_array_elements(recsys.describe_solution_version('filled')->'data_summary'->'item_fields') AS f;

-- excluded columns
SELECT pg_temp.try($$SELECT recsys.create_solution('x', 'train_metadata', 'user-personalization', excluded_columns => '["plot"]')$$);
SELECT pg_temp.try($$SELECT recsys.create_solution('x', 'train_metadata', 'user-personalization', excluded_columns => '{"items": "plot"}')$$);
SELECT pg_temp.try($$SELECT recsys.create_solution('x', 'train_metadata', 'user-personalization', excluded_columns => '{"items": ["no_such"]}')$$);
SELECT pg_temp.try($$SELECT recsys.create_solution('x', 'train_metadata', 'user-personalization', excluded_columns => '{"interactions": ["event_type"]}')$$);
SELECT pg_temp.try($$SELECT recsys.create_solution('x', 'train_metadata', 'user-personalization', excluded_columns => '{"users": ["age"]}')$$);
SELECT pg_temp.try($$SELECT recsys.create_solution('x', 'train_metadata', 'user-personalization', excluded_columns => '{"shelves": ["age"]}')$$);
SELECT recsys.create_solution('part', 'train_metadata', 'user-personalization', excluded_columns => '{"ITEMS": ["PLOT", "sku", "size"]}');
SELECT recsys.describe_solution('train_metadata.part')->'excluded_columns';
SELECT recsys.create_solution_version('train_metadata.part', wait => true);
SELECT f->>'field' FROM jsonb_array_elements(recsys.describe_solution_version('train_metadata.part')->'data_summary'->'item_fields') AS f;
SELECT recsys.describe_solution_version('train_metadata.part')->'config'->'excluded_columns';

-- new items are in the lists, and say so
SELECT recsys.create_campaign('shelf', 'train_metadata.all', exploration_weight => 0);
SELECT DISTINCT reason FROM recsys.get_recommendations('shelf', 'u4', num_results => 120) AS r JOIN train_metadata.items i USING (item_id)
WHERE substr(item_id, 2)::int % 10 = 0;
SELECT bool_or(reason = 'new') FROM recsys.get_recommendations('shelf', 'u4', num_results => 120) WHERE substr(item_id, 2)::int % 10 <> 0;
SELECT count(*), count(*) FILTER (WHERE reason = 'new') FROM recsys.get_recommendations('shelf', 'nobody', num_results => 120);

-- the language of a text can go away
CREATE TEXT SEARCH CONFIGURATION train_metadata.own (COPY = pg_catalog.german);
SELECT recsys.create_dataset_group('train_metadata_own');
SELECT recsys.create_dataset('train_metadata_own', 'interactions', source => 'train_metadata.interactions');
SELECT recsys.create_dataset('train_metadata_own', 'items', '{"plot": {"type": "textual", "language": "train_metadata.own"}}',
    source => 'train_metadata.items', columns => '{"plot": "plot"}');
SELECT recsys.create_solution('own', 'train_metadata_own', 'user-personalization');
SELECT recsys.create_solution_version('own', wait => true);
DROP TEXT SEARCH CONFIGURATION train_metadata.own;
SELECT pg_temp.try($$SELECT recsys.create_solution_version('own', wait => true)$$);

SET client_min_messages = warning;
SELECT recsys.delete_campaign('shelf');
SELECT recsys.delete_dataset_group(g, cascade => true) FROM unnest('{train_metadata_own,train_metadata_filled,train_metadata}'::text[]) AS g;
