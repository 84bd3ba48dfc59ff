-- Evaluation at a past moment: confidence intervals, the baseline beside every figure, two versions pair by pair.
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
SELECT recsys.create_dataset_group('train_evaluate');
SELECT recsys.create_dataset('train_evaluate', 'interactions');
SELECT recsys.create_dataset('train_evaluate', 'items');
-- 300 users, each with one of six tastes; every day an item of it, now and then another. Days 1 to 20; on day 16 item "new" appears
INSERT INTO train_evaluate.interactions (user_id, item_id, event_type, "timestamp")
SELECT 'u' || u, CASE WHEN day >= 16 AND u % 10 = day % 10 THEN 'new' WHEN hashint4(u * 100 + day) % 5 = 0 THEN 'i' || abs(hashint4(day * 1000 + u)) % 60
    ELSE 'i' || u % 6 * 10 + abs(hashint4(u * 31 + day)) % 10 END, 'Click', '2024-01-01'::timestamptz + make_interval(days => day, mins => u)
FROM generate_series(1, 300) AS u, generate_series(1, 20) AS day;
INSERT INTO train_evaluate.items (item_id, creation_timestamp) SELECT DISTINCT item_id, '2023-01-01'::timestamptz FROM train_evaluate.interactions WHERE item_id <> 'new';
INSERT INTO train_evaluate.items VALUES ('new', '2024-01-17'), ('unborn', '2024-06-01');
SELECT recsys.create_solution('popular', 'train_evaluate', 'popularity-count');
SELECT recsys.create_solution('related', 'train_evaluate', 'sims');
SELECT recsys.create_solution('for_you', 'train_evaluate', 'user-personalization');
SELECT recsys.create_solution_version(name, wait => true) FROM unnest('{popular,related,for_you}'::text[]) AS name;

-- offline metrics have intervals that hold the value; coverage has none
SELECT metric, low <= value AND value <= high AND high - low BETWEEN 0.001 AND 0.6 FROM recsys.get_solution_metrics('for_you');

-- personal lists beat popular ones on what came after day 15, and the test says so
CREATE TEMP TABLE personal AS SELECT * FROM recsys.evaluate('for_you/1', '2024-01-16');
SELECT metric, value BETWEEN 0 AND 1, low <= value AND value <= high, baseline = compared, round((value - compared - difference)::numeric, 9), users FROM personal;
SELECT metric, value > baseline AS better, difference_low > 0 AS surely, p_value < 0.001 AS significant FROM personal WHERE metric ~ 'ndcg|gain_at_25|precision_at_5';
-- popularity is its own baseline
SELECT metric, value = baseline, difference, p_value FROM recsys.evaluate('popular', '2024-01-16');
-- pair by pair: the other way round the difference changes its sign and nothing else
CREATE TEMP TABLE ab AS SELECT * FROM recsys.evaluate('for_you', '2024-01-16', compare_with => 'popular');
CREATE TEMP TABLE ba AS SELECT * FROM recsys.evaluate('popular', '2024-01-16', compare_with => 'for_you');
SELECT ab.metric, ab.value = ba.compared, ab.compared = ba.value, ab.difference = -ba.difference, ab.difference_low = -ba.difference_high, ab.p_value = ba.p_value
FROM ab JOIN ba USING (metric) ORDER BY 1;
SELECT count(*) FROM ab JOIN personal USING (metric) WHERE ab.value = personal.value AND ab.difference IS NOT DISTINCT FROM personal.difference;
-- related items are asked for with the newest item
SELECT metric, value > baseline FROM recsys.evaluate('related', '2024-01-16') WHERE metric = 'mean_reciprocal_rank_at_25';

-- by hand: popularity over what was there before, against what came after within two days
WITH popular AS (SELECT item_id, row_number() OVER (ORDER BY count(DISTINCT user_id) DESC, item_id) AS rank FROM train_evaluate.interactions
    WHERE "timestamp" < '2024-01-16' GROUP BY 1),
truth AS (SELECT DISTINCT user_id, item_id FROM train_evaluate.interactions WHERE "timestamp" >= '2024-01-16' AND "timestamp" < '2024-01-18'),
hits AS (SELECT user_id, count(p.rank) FILTER (WHERE p.rank <= 25) AS n FROM truth LEFT JOIN popular AS p USING (item_id) GROUP BY 1)
SELECT abs(avg(n) / 25 - e.value) < 0.002, e.users = count(*) FROM hits, recsys.evaluate('popular', '2024-01-16', horizon => '2 days') AS e
WHERE e.metric = 'precision_at_25' GROUP BY e.value, e.users;
-- users who came later are asked for as they stood: without a history
INSERT INTO train_evaluate.interactions (user_id, item_id, event_type, "timestamp") SELECT 'late' || n, 'i1', 'Click', '2024-01-20' FROM generate_series(1, 30) AS n;
SELECT users FROM recsys.evaluate('for_you', '2024-01-16') WHERE metric = 'precision_at_5';
SELECT users FROM recsys.evaluate('related', '2024-01-16') WHERE metric = 'precision_at_5';
-- nothing was stored
SELECT count(*) FROM recsys.solution_versions WHERE dataset_group = 'train_evaluate';
-- the same every time
SELECT count(*) FROM (SELECT * FROM recsys.evaluate('for_you', '2024-01-16') EXCEPT SELECT * FROM recsys.evaluate('for_you', '2024-01-16')) AS x;

-- refused
SELECT pg_temp.try($$SELECT * FROM recsys.evaluate('for_you', '2030-01-01')$$);
SELECT pg_temp.try($$SELECT * FROM recsys.evaluate('for_you', '2000-01-01')$$);
SELECT pg_temp.try($$SELECT * FROM recsys.evaluate('for_you', 'infinity')$$);
SELECT pg_temp.try($$SELECT * FROM recsys.evaluate('for_you', NULL)$$);
SELECT pg_temp.try($$SELECT * FROM recsys.evaluate('for_you', '2024-01-16', horizon => '-1 day')$$);
SELECT pg_temp.try($$SELECT * FROM recsys.evaluate('for_you/9', '2024-01-16')$$);
SELECT pg_temp.try($$SELECT * FROM recsys.evaluate('for_you', '2024-01-16', 'nothing')$$);
SELECT recsys.create_solution('trend', 'train_evaluate', 'trending-now');
SELECT recsys.create_solution_version('trend', wait => true);
SELECT pg_temp.try($$SELECT * FROM recsys.evaluate('trend', '2024-01-16')$$);
SELECT recsys.create_dataset_group('train_evaluate_b');
SELECT recsys.create_dataset('train_evaluate_b', 'interactions');
INSERT INTO train_evaluate_b.interactions (user_id, item_id, "timestamp") SELECT 'u' || n % 9, 'i' || n % 5, '2024-01-01' FROM generate_series(1, 50) AS n;
SELECT recsys.create_solution('other', 'train_evaluate_b', 'popularity-count');
SELECT recsys.create_solution_version('other', wait => true);
SELECT pg_temp.try($$SELECT * FROM recsys.evaluate('for_you', '2024-01-16', 'other')$$);
SELECT recsys.delete_dataset_group('train_evaluate', cascade => true);
SELECT recsys.delete_dataset_group('train_evaluate_b', cascade => true);
