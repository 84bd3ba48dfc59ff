-- recsys.check: every fault that is sown is found, with its numbers, and nothing else; sound data get their verdicts.
\pset format unaligned
\pset fieldsep ' | '
SET TIME ZONE 'UTC';
SET lc_messages = 'C';
CREATE FUNCTION ops_check_numbers(n integer, step interval DEFAULT '10 minutes') RETURNS TABLE (i integer, at timestamptz) LANGUAGE sql STABLE AS $$
    SELECT i, date_trunc('hour', now()) - (n - i) * step FROM generate_series(1, n) AS i $$;

-- ---- sound data: 60 users, 60 items, 3,000 events up to now
SELECT recsys.create_dataset_group('ops_check_sound');
SELECT recsys.create_dataset('ops_check_sound', 'interactions', '{"device": "categorical"}');
SELECT recsys.create_dataset('ops_check_sound', 'items', '{"genre": "categorical", "price": "float", "plot": "textual", "in_stock": "availability"}');
SELECT recsys.create_dataset('ops_check_sound', 'users', '{"age": "int"}');
INSERT INTO ops_check_sound.interactions (user_id, item_id, event_type, "timestamp", device)
SELECT 'u' || i * 7 % 60, 'i' || (i * i + i / 60) % 60, CASE i % 5 WHEN 0 THEN 'Purchase' ELSE 'View' END, at, CASE i % 2 WHEN 0 THEN 'phone' ELSE 'desktop' END FROM ops_check_numbers(3000) AS n;
INSERT INTO ops_check_sound.items (item_id, creation_timestamp, genre, price, plot, in_stock) SELECT 'i' || i, now(), 'g' || i % 6, i, 'a plot of its own: ' || i, i > 5 FROM generate_series(0, 59) AS i;
INSERT INTO ops_check_sound.users SELECT 'u' || i, false, 20 + i % 40 FROM generate_series(0, 59) AS i;
SELECT severity, object, finding, regexp_replace(evidence, '\d{4}-\d\d-\d\d', 'DATE') AS evidence, advice FROM recsys.check('ops_check_sound') WHERE object <> 'recipes';
SELECT severity, finding, 'popularity-count' = ANY (string_to_array(evidence, ', ')) AS named FROM recsys.check('ops_check_sound') WHERE object = 'recipes' LIMIT 1;
SELECT dataset, column_name, type, role, rows, missing, distinct_values, mean, median, outliers, most_common, sample
FROM recsys.get_data_insights('ops_check_sound') WHERE column_name NOT LIKE '%timestamp' ORDER BY dataset, column_name;

-- ---- faults in events
SELECT recsys.create_dataset_group('ops_check_events');
SELECT recsys.create_dataset('ops_check_events', 'interactions', '{"device": "categorical", "quantity": "int", "basket_discount": "float", "coupon": "categorical", "note": "string"}');
SELECT recsys.create_dataset('ops_check_events', 'items', '{"genre": "categorical"}');
SELECT recsys.create_dataset('ops_check_events', 'users', '{"age": "int"}');
CREATE PROCEDURE pg_temp.sow(what text) LANGUAGE plpgsql AS $$
BEGIN
    TRUNCATE ops_check_events.interactions, ops_check_events.items, ops_check_events.users;
    INSERT INTO ops_check_events.interactions (user_id, item_id, event_type, "timestamp", device)
    SELECT 'u' || i % 60, 'i' || (i + i / 60) % 60, 'View', at, CASE i % 2 WHEN 0 THEN 'a' ELSE 'b' END FROM ops_check_numbers(3000) AS n;
    INSERT INTO ops_check_events.items SELECT 'i' || i, NULL, false, CASE i % 2 WHEN 0 THEN 'x' ELSE 'y' END FROM generate_series(0, 59) AS i;
    INSERT INTO ops_check_events.users SELECT 'u' || i, false, i FROM generate_series(0, 59) AS i;
    EXECUTE what;
END $$;
-- What a fault adds to, or changes in, the findings over the data without it.
CREATE TEMP TABLE base AS SELECT * FROM recsys.check('ops_check_sound') LIMIT 0;
CALL pg_temp.sow('SELECT 1');
INSERT INTO base SELECT * FROM recsys.check('ops_check_events');
SELECT severity, object, finding, evidence, advice FROM base WHERE severity <> 'ok';
CREATE FUNCTION pg_temp.found(what text) RETURNS TABLE (severity text, object text, finding text, evidence text) LANGUAGE plpgsql AS $$
BEGIN
    CALL pg_temp.sow(what);
    RETURN QUERY SELECT c.severity, c.object, c.finding, regexp_replace(c.evidence, '20\d\d-\d\d-\d\d', 'DATE') FROM recsys.check('ops_check_events') AS c
        WHERE NOT EXISTS (SELECT FROM base b WHERE (b.severity, b.object, b.finding) = (c.severity, c.object, c.finding));
END $$;
SELECT * FROM pg_temp.found($$INSERT INTO ops_check_events.interactions (user_id, item_id, "timestamp") VALUES ('u1', 'i1', '9999-01-01'), ('u1', 'i1', now() + interval '2 days'), ('u1', 'i1', now() + interval '2 hours')$$);
SELECT * FROM pg_temp.found($$INSERT INTO ops_check_events.interactions (user_id, item_id, "timestamp") VALUES ('u1', 'i1', '0001-01-01'), ('u1', 'i2', '1970-01-20')$$);
SELECT * FROM pg_temp.found($$INSERT INTO ops_check_events.interactions (user_id, item_id, "timestamp") VALUES ('u1', 'i1', 'infinity')$$);
SELECT * FROM pg_temp.found($$UPDATE ops_check_events.interactions SET "timestamp" = date_trunc('hour', now())$$);
SELECT * FROM pg_temp.found($$UPDATE ops_check_events.interactions SET "timestamp" = "timestamp" - interval '60 days'$$);
SELECT * FROM pg_temp.found($$INSERT INTO ops_check_events.interactions SELECT * FROM ops_check_events.interactions LIMIT 1000$$);
SELECT * FROM pg_temp.found($$INSERT INTO ops_check_events.interactions SELECT * FROM ops_check_events.interactions LIMIT 100$$);
SELECT * FROM pg_temp.found($$UPDATE ops_check_events.interactions SET event_type = 'Item_Returned' WHERE user_id = 'u1'$$);
SELECT * FROM pg_temp.found($$UPDATE ops_check_events.interactions SET event_type = 'view' WHERE user_id = 'u1'$$);
SELECT * FROM pg_temp.found($$UPDATE ops_check_events.interactions SET event_type = 'type ' || substr(user_id, 2)::int % 11$$);
SELECT * FROM pg_temp.found($$UPDATE ops_check_events.interactions SET event_type = 'type ' || substr(user_id, 2)::int % 10$$);
SELECT * FROM pg_temp.found($$UPDATE ops_check_events.interactions SET event_type = NULL$$);
SELECT * FROM pg_temp.found($$UPDATE ops_check_events.interactions SET event_type = 'Rating', event_value = 1 + substr(item_id, 2)::int % 5$$);
SELECT * FROM pg_temp.found($$UPDATE ops_check_events.interactions SET event_type = 'Purchase', event_value = CASE WHEN user_id = 'u5' THEN 5 ELSE 1 END$$); -- a quantity
SELECT * FROM pg_temp.found($$UPDATE ops_check_events.interactions SET event_value = CASE WHEN user_id = 'u5' THEN -20 ELSE 10 END$$);
SELECT * FROM pg_temp.found($$UPDATE ops_check_events.interactions SET event_value = 'NaN'$$);
SELECT * FROM pg_temp.found($$DELETE FROM ops_check_events.items WHERE item_id IN ('i7', 'i8')$$);
SELECT * FROM pg_temp.found($$UPDATE ops_check_events.items SET item_id = upper(item_id)$$);
SELECT * FROM pg_temp.found($$DELETE FROM ops_check_events.users WHERE user_id = 'u7'$$);
SELECT * FROM pg_temp.found($$DELETE FROM ops_check_events.interactions WHERE user_id = 'u7' OR item_id = 'i7'$$);
SELECT * FROM pg_temp.found($$INSERT INTO ops_check_events.interactions (user_id, item_id, "timestamp", anonymous) VALUES ('a-session', 'i1', now(), true)$$);
SELECT * FROM pg_temp.found($$UPDATE ops_check_events.interactions SET quantity = 2, basket_discount = 0.5$$);
SELECT * FROM pg_temp.found($$UPDATE ops_check_events.interactions SET event_type = 'Purchase', coupon = 'c' || substr(item_id, 2)::int % 3 WHERE user_id IN ('u5', 'u6')$$);
SELECT * FROM pg_temp.found($$TRUNCATE ops_check_events.interactions$$);
SELECT * FROM pg_temp.found($$TRUNCATE ops_check_events.interactions, ops_check_events.items, ops_check_events.users$$);

-- ---- faults in columns of items
SELECT recsys.create_dataset_group('ops_check_columns');
SELECT recsys.create_dataset('ops_check_columns', 'interactions');
SELECT recsys.create_dataset('ops_check_columns', 'items', '{"full_text": "textual", "tags": "categorical", "maker": "categorical", "isbn": "categorical", "country": "categorical", "half": "float", "void": "float", "weight": "float", "on_shelf": "availability"}');
INSERT INTO ops_check_columns.items (item_id, full_text, tags, maker, isbn, country, half, weight, on_shelf)
SELECT 'i' || i, CASE WHEN i > 16 THEN 'text' || i END, 't' || i || '|t' || i + 1000, 'm' || i % 20, 'isbn' || i, 'FI', CASE i % 2 WHEN 0 THEN i END, CASE i WHEN 7 THEN 99999 ELSE i % 10 END, CASE WHEN i % 4 = 0 THEN true WHEN i > 5 THEN false END FROM generate_series(1, 100) AS i;
SELECT severity, object, finding, evidence, advice FROM recsys.check('ops_check_columns') WHERE object LIKE 'items.%';
-- the boundary of text; 1,000 categories
UPDATE ops_check_columns.items SET full_text = 'text' WHERE item_id IN ('i1');
SELECT finding, evidence FROM recsys.check('ops_check_columns') WHERE object = 'items.full_text';
INSERT INTO ops_check_columns.items (item_id, tags) SELECT 'more' || i, 'a' || i FROM generate_series(1, 800) AS i;
SELECT finding, evidence FROM recsys.check('ops_check_columns') WHERE object = 'items.tags';
INSERT INTO ops_check_columns.items (item_id, tags) VALUES ('last', 'a801'), ('again', 'a801');
SELECT finding, evidence FROM recsys.check('ops_check_columns') WHERE object = 'items.tags';
UPDATE ops_check_columns.items SET on_shelf = false;
SELECT severity, finding, evidence FROM recsys.check('ops_check_columns') WHERE object = 'items.on_shelf';
UPDATE ops_check_columns.items SET on_shelf = true;
SELECT severity, finding, evidence FROM recsys.check('ops_check_columns') WHERE object = 'items.on_shelf';
-- a column that the owner added himself
ALTER TABLE ops_check_columns.items ADD COLUMN colour text;
SELECT severity, object, finding, evidence, advice FROM recsys.check('ops_check_columns') WHERE finding LIKE 'columns that%';
SELECT recsys.update_dataset('ops_check_columns', 'items', '{"colour": "float"}');
SELECT recsys.update_dataset('ops_check_columns', 'items', '{"colour": "categorical"}');
SELECT severity, object, finding, evidence FROM recsys.check('ops_check_columns') WHERE finding LIKE 'columns that%';
ALTER TABLE ops_check_columns.items ALTER COLUMN weight TYPE text;
SELECT severity, object, finding, evidence, advice FROM recsys.check('ops_check_columns') WHERE severity = 'error';
ALTER TABLE ops_check_columns.items DROP COLUMN colour;
SELECT severity, object, finding, evidence, advice FROM recsys.check('ops_check_columns') WHERE severity = 'error';
SELECT recsys.describe_dataset('ops_check_columns', 'items') -> 'problems' AS problems;
DROP TABLE ops_check_columns.items;
SELECT severity, object, finding, evidence, advice FROM recsys.check('ops_check_columns') WHERE severity = 'error';

-- ---- the table of fits, at its thresholds
SELECT recsys.create_dataset_group('ops_check_fit');
SELECT recsys.create_dataset('ops_check_fit', 'interactions');
SELECT recsys.create_dataset('ops_check_fit', 'items', '{"genre": "categorical"}');
CREATE FUNCTION pg_temp.verdicts(users int, items int, events int, step interval, offered int DEFAULT 10000, extra int DEFAULT 0) RETURNS TABLE (severity text, finding text, evidence text)
LANGUAGE plpgsql AS $$
BEGIN
    TRUNCATE ops_check_fit.interactions, ops_check_fit.items;
    INSERT INTO ops_check_fit.interactions (user_id, item_id, "timestamp") SELECT 'u' || i % users, 'i' || i % items, at FROM ops_check_numbers(events, step);
    INSERT INTO ops_check_fit.items SELECT 'i' || i FROM generate_series(0, least(items, offered) - 1) AS i UNION ALL SELECT 'x' || i FROM generate_series(1, extra) AS i;
    RETURN QUERY SELECT c.severity, c.finding, regexp_replace(c.evidence, '20\d\d-\d\d-\d\d', 'DATE') FROM recsys.check('ops_check_fit') AS c WHERE c.object = 'fit';
END $$;
SELECT * FROM pg_temp.verdicts(50, 50, 1000, '1 hour');
SELECT * FROM pg_temp.verdicts(49, 49, 999, '1 hour') WHERE severity <> 'ok';
SELECT * FROM pg_temp.verdicts(1000, 50, 1024, '1 hour') WHERE severity <> 'ok'; -- 24 users with two events
SELECT * FROM pg_temp.verdicts(1000, 50, 1025, '1 hour') WHERE severity <> 'ok';
SELECT * FROM pg_temp.verdicts(50, 600, 3000, '1 hour', 59) WHERE severity <> 'ok'; -- 59 of 600 are offered
SELECT * FROM pg_temp.verdicts(50, 600, 3000, '1 hour', 60) WHERE finding LIKE '%history';
SELECT * FROM pg_temp.verdicts(50, 50, 3000, '1 hour', extra => 451) WHERE severity <> 'ok'; -- 50 of 501 have a history
SELECT * FROM pg_temp.verdicts(50, 50, 3000, '1 hour', extra => 450) WHERE severity <> 'ok';
-- each item is used for a day: i % items follows the clock
TRUNCATE ops_check_fit.interactions;
INSERT INTO ops_check_fit.interactions (user_id, item_id, "timestamp") SELECT 'u' || i % 60, 'i' || i / 24, at FROM ops_check_numbers(3000, '1 hour');
SELECT severity, finding, evidence FROM recsys.check('ops_check_fit') WHERE finding LIKE '%long enough';
SET recsys.service_limits = on;
SELECT * FROM pg_temp.verdicts(24, 50, 999, '1 hour') WHERE severity <> 'ok';
RESET recsys.service_limits;
-- what solutions ask for
SELECT recsys.create_solution('typed', 'ops_check_sound', 'popularity-count', event_type => 'purchase', negative_event_types => '{Dislike}');
SELECT recsys.create_solution('few', 'ops_check_sound', 'popularity-count', event_type => 'Purchase', event_value_threshold => 3);
SELECT severity, object, finding, evidence, advice FROM recsys.check('ops_check_sound') WHERE object LIKE 'solution%';

SELECT recsys.delete_dataset_group(name, cascade => true) FROM recsys.dataset_groups WHERE name LIKE 'ops\_check\_%' ORDER BY name;
DROP FUNCTION ops_check_numbers;
