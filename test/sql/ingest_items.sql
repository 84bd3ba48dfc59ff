-- put_items, put_users, put_actions, put_action_interactions: whole records, by the rules for values.
SELECT recsys.create_dataset_group('ingest_items');
SELECT recsys.create_dataset('ingest_items', 'interactions', '{"item_id": "long"}');
SELECT recsys.create_dataset('ingest_items', 'items',
    '{"item_id": "long", "genres": "categorical", "price": {"type": "float", "nullable": false}, "plot": "textual", "release_year": "int", "seen_at": "timestamp", "note": "string"}');
SELECT recsys.create_dataset('ingest_items', 'users', '{"age": "int", "membership": "categorical"}');
SELECT recsys.create_dataset('ingest_items', 'actions', '{"type": "string"}');
SELECT recsys.create_dataset('ingest_items', 'action_interactions', '{"channel": "string"}');

-- Properties as JSON text and as an object; names in both spellings.
SELECT recsys.put_items('ingest_items', '[
    {"itemId": "1", "properties": "{\"price\":3.5,\"genres\":\"Action|Comedy\",\"releaseYear\":1999,\"creationTimestamp\":1699000000}"},
    {"item_id": 2, "properties": {"price": 2, "genres": ["Drama", "War"], "release_year": 2000.0, "seenAt": "2020-01-01 00:00+00", "note": "a, \"b\""}},
    {"itemId": "007", "properties": {"price": 0}}]');
-- The same id replaces the whole record; of two in one call the last counts.
SELECT recsys.put_items('ingest_items', '[{"itemId": "1", "properties": {"price": 9, "note": "first"}}, {"itemId": "1", "properties": {"price": 4}}]');
SELECT item_id, creation_timestamp AT TIME ZONE 'UTC' AS created, genres, price, plot, release_year, seen_at AT TIME ZONE 'UTC' AS seen, note, streamed
FROM ingest_items.items ORDER BY item_id;
SELECT recsys.put_items('ingest_items', '[]');

CREATE FUNCTION ingest_items_put(kind text, record jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    detail text;
    good jsonb := CASE kind WHEN 'items' THEN '{"itemId": 99, "properties": {"price": 1}}' WHEN 'users' THEN '{"userId": "good"}'
        WHEN 'actions' THEN '{"actionId": "good"}'
        ELSE '{"actionId": "a", "sessionId": "s", "timestamp": 1, "eventType": "Viewed"}' END;
    stored bigint;
BEGIN
    EXECUTE format('SELECT recsys.put_%s($1, $2)', kind) INTO stored USING 'ingest_items', jsonb_build_array(good, record);
    RETURN 'stored ' || stored;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN SQLSTATE || ' ' || SQLERRM || coalesce(' / ' || nullif(detail, ''), '');
END $$;
SELECT record, ingest_items_put('items', record) AS outcome FROM unnest(ARRAY[
    '5', '{}', '{"itemId": null}', '{"itemId": ""}', '{"itemId": "x1", "properties": {"price": 1}}', '{"itemId": 9223372036854775808, "properties": {"price": 1}}',
    '{"itemId": 5}', '{"itemId": 5, "properties": null}', '{"itemId": 5, "properties": []}', '{"itemId": 5, "properties": "{"}',
    '{"itemId": 5, "properties": {"price": null}}', '{"itemId": 5, "properties": {"price": "1"}}', '{"itemId": 5, "properties": {"price": 1e39}}',
    '{"itemId": 5, "properties": {"price": 1, "releaseYear": 1.5}}', '{"itemId": 5, "properties": {"price": 1, "color": "red"}}',
    '{"itemId": 5, "properties": {"price": 1, "itemId": 6}}', '{"itemId": 5, "properties": {"price": 1, "streamed": true}}',
    '{"itemId": 5, "properties": {"price": 1, "creationTimestamp": "soon"}}', '{"itemId": 5, "properties": {"price": 1, "note": ["a"]}}',
    '{"itemId": 5, "color": "red"}', '{"itemId": 5, "properties": "{\"price\": 1, \"note\": \"\\u0000\"}"}']::jsonb[])
    WITH ORDINALITY AS c (record, n) ORDER BY n;
SELECT count(*) AS nothing_stored FROM ingest_items.items WHERE item_id IN (5, 99);

-- G10: strings have at most 1,000 characters; a text of 20,001 is cut, and says so.
SELECT left(ingest_items_put('items', jsonb_build_object('itemId', 5, 'properties', jsonb_build_object('price', 1, name, repeat('ü', n)))), 80) AS outcome, name, n
FROM (VALUES ('genres', 1000), ('genres', 1001), ('note', 1001), ('plot', 20001)) AS c (name, n);
SELECT item_id, length(genres) AS genres, length(plot) AS plot FROM ingest_items.items WHERE item_id = 5;

SELECT recsys.put_users('ingest_items', '[{"userId": "u1", "properties": {"age": 34, "membership": "Gold"}}, {"userId": "u2"}]');
SELECT * FROM ingest_items.users ORDER BY user_id;
SELECT record, ingest_items_put('users', record) AS outcome FROM unnest(ARRAY['{"itemId": 1}', '{"userId": "u", "properties": {"age": "old"}}']::jsonb[])
    WITH ORDINALITY AS c (record, n) ORDER BY n;

SELECT recsys.put_actions('ingest_items', '[{"actionId": "a1", "properties": {"value": 7, "type": "email", "creationTimestamp": 1699000000,
    "actionExpirationTimestamp": 1800000000, "repeatFrequency": 14}}]');
SELECT action_id, value, creation_timestamp AT TIME ZONE 'UTC' AS created, expiration_timestamp AT TIME ZONE 'UTC' AS expires, repeat_frequency, type
FROM ingest_items.actions;
SELECT record, ingest_items_put('actions', record) AS outcome FROM unnest(ARRAY['{"actionId": "a", "properties": {"value": 0}}',
    '{"actionId": "a", "properties": {"value": 11}}', '{"actionId": "a", "properties": {"repeatFrequency": 31}}']::jsonb[])
    WITH ORDINALITY AS c (record, n) ORDER BY n;

SELECT recsys.put_action_interactions('ingest_items', '[
    {"actionId": "a1", "userId": "u1", "sessionId": "s1", "timestamp": 1700000000, "eventType": "NOT_TAKEN", "properties": {"channel": "mail"}},
    {"actionId": "a1", "sessionId": "s2", "timestamp": 1700000001, "eventType": "taken", "eventId": "e1"},
    {"actionId": "a1", "sessionId": "s2", "timestamp": 1700000002, "eventType": "taken", "eventId": "e1"}]');
SELECT user_id, action_id, event_type, "timestamp" AT TIME ZONE 'UTC' AS "timestamp", session_id, event_id, streamed, anonymous, channel
FROM ingest_items.action_interactions ORDER BY "timestamp";
SELECT change, ingest_items_put('action_interactions', '{"actionId": "a", "sessionId": "s", "timestamp": 1, "eventType": "Viewed"}'::jsonb || change) AS outcome
FROM unnest(ARRAY['{"eventType": "Clicked"}', '{"sessionId": null}', '{"timestamp": null}', '{"actionId": 1.5}', '{"sentAt": 1}',
    '{"properties": {"userId": "u"}}']::jsonb[]) WITH ORDINALITY AS c (change, n) ORDER BY n;

-- F9, F10: ten records a call under the service's limits.
SET recsys.service_limits = on;
SELECT recsys.put_users('ingest_items', jsonb_agg(jsonb_build_object('userId', 'l' || i))) FROM generate_series(1, 10) AS i;
SELECT recsys.put_users('ingest_items', jsonb_agg(jsonb_build_object('userId', 'l' || i))) FROM generate_series(1, 11) AS i;
RESET recsys.service_limits;
SELECT recsys.put_items('no_such_group', '[]');
SELECT recsys.put_items('ingest_items', '{"itemId": 1}');

-- Rights are those of the table.
CREATE ROLE regress_ingest_items;
GRANT USAGE ON SCHEMA ingest_items TO regress_ingest_items;
GRANT INSERT ON ingest_items.users TO regress_ingest_items;
SET ROLE regress_ingest_items;
SELECT recsys.put_users('ingest_items', '[{"userId": "u3"}]');
SELECT recsys.put_items('ingest_items', '[{"itemId": 3, "properties": {"price": 1}}]');
RESET ROLE;
GRANT UPDATE, SELECT ON ingest_items.users TO regress_ingest_items;
SET ROLE regress_ingest_items;
SELECT recsys.put_users('ingest_items', '[{"userId": "u3"}]');
RESET ROLE;

DROP FUNCTION ingest_items_put;
DROP OWNED BY regress_ingest_items;
DROP ROLE regress_ingest_items;
SELECT recsys.delete_dataset_group('ingest_items', cascade => true);
