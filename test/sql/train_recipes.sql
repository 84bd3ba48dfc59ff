-- The recipe table as SQL sees it.
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
SELECT name, recipe_type, status, required_datasets, optional_datasets, needs_user, needs_item FROM recsys.recipes
WHERE name IN ('popularity-count', 'sims') ORDER BY name;
SELECT h->>'name' AS name, h->>'type' AS type, h->'default' AS "default", h->'minimum' AS minimum, h->'maximum' AS maximum,
    h->>'tunable' AS tunable
FROM recsys.recipes, jsonb_array_elements(hyperparameters) AS h WHERE recipes.name = 'sims' ORDER BY 1;
SELECT capabilities FROM recsys.recipes WHERE name = 'sims';

-- every recipe and every hyperparameter says what it is for, and its default lies in its range
SELECT name FROM recsys.recipes WHERE length(description) < 20 OR NOT 'interactions' = ANY (required_datasets);
SELECT r.name, h->>'name' FROM recsys.recipes AS r, jsonb_array_elements(hyperparameters) AS h
WHERE length(h->>'reason') < 20 OR CASE WHEN h->>'default' = 'automatic' THEN h->>'type' <> 'integer' WHEN h->>'type' IN ('integer', 'float')
    THEN NOT (h->>'default')::float8 BETWEEN (h->>'minimum')::float8 AND (h->>'maximum')::float8
    WHEN h->>'type' = 'categorical' THEN NOT h->'values' ? (h->>'default') ELSE h->>'type' <> 'boolean' END;

-- one recipe as JSON has the view's columns; the prefix does not matter
SELECT r.name FROM recsys.recipes AS r
WHERE recsys.describe_recipe(r.name) <> to_jsonb(r) OR recsys.describe_recipe('aws-' || r.name) <> to_jsonb(r);
SELECT pg_temp.try($$SELECT recsys.describe_recipe('no-such-recipe')$$);
SELECT pg_temp.try($$SELECT recsys.describe_recipe(NULL)$$);
