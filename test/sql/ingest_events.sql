-- put_events: every rule for the fields of an event, trackers, rights, replays.
SELECT recsys.create_dataset_group('ingest_events');
SELECT recsys.create_dataset('ingest_events', 'interactions',
    '{"device": "categorical", "hour": {"type": "int", "nullable": false}, "number_of_ratings": "long", "ratio": "float", "fresh": "boolean"}');
SELECT recsys.create_event_tracker('ingest_events_tracker', 'ingest_events') AS tracker \gset
SELECT name, dataset_group, tracking_id = :'tracker' AS same, status FROM recsys.event_trackers WHERE dataset_group = 'ingest_events';
SELECT recsys.describe_event_tracker('ingest_events.ingest_events_tracker') - 'created_at' - 'updated_at' - 'tracking_id' AS described;

-- G3: one tracker a group.
SELECT recsys.create_event_tracker('another', 'ingest_events');
SELECT recsys.create_event_tracker('no good', 'ingest_events');
SELECT recsys.create_event_tracker('another', 'no_such_group');

-- The body of the service's own API, and the same in the manner of SQL.
SELECT recsys.put_events(:'tracker', 's1', '[{"eventId": "e1", "eventType": "click", "itemId": "i1", "eventValue": 4.5,
    "sentAt": 1700000000, "properties": "{\"device\":\"phone\",\"hour\":3,\"numberOfRatings\":12}", "recommendationId": "RID-1",
    "impression": ["i1", "i2"], "metricAttribution": {"eventAttributionSource": "home"}}]', 'u1');
SELECT recsys.put_events(tracking_id => :'tracker', session_id => 's2', event_list => '[
    {"event_type": "view", "sent_at": 1700000000.25, "properties": {"itemId": "i2", "eventValue": 1, "hour": 4.0, "device": ["tv", "box"]}},
    {"EVENT_TYPE": "view", "SENT_AT": "2023-11-14 22:13:21+00", "ITEM_ID": 7, "properties": {"HOUR": 5, "NUMBER_OF_RATINGS": 1, "fresh": true, "ratio": 0.5}}]');
SELECT user_id, item_id, event_type, event_value, "timestamp" AT TIME ZONE 'UTC' AS "timestamp", session_id, impression,
    recommendation_id, event_id, event_attribution_source, streamed, anonymous, device, hour, number_of_ratings, ratio, fresh
FROM ingest_events.interactions ORDER BY "timestamp";

-- G15: a known event id is not stored again.
SELECT recsys.put_events(:'tracker', 's1', '[
    {"eventId": "e1", "eventType": "click", "itemId": "i1", "sentAt": 1700000000, "properties": {"hour": 1}},
    {"eventId": "e2", "eventType": "click", "itemId": "i1", "sentAt": 1700000000, "properties": {"hour": 1}},
    {"eventId": "e2", "eventType": "click", "itemId": "i1", "sentAt": 1700000000, "properties": {"hour": 1}}]', 'u1');
SELECT count(*) FROM ingest_events.interactions WHERE event_id = 'e2';
SELECT recsys.put_events(:'tracker', 's1', '[]', 'u1');

-- Wrong input: one error, with the position and the field, and nothing is stored.
CREATE FUNCTION ingest_events_put(event jsonb, session text DEFAULT 's', user_id text DEFAULT 'u', limits boolean DEFAULT false) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    good jsonb := '{"eventType": "t", "itemId": "i", "sentAt": 1700000000, "properties": {"hour": 0}}';
    stored bigint;
    detail text;
BEGIN
    PERFORM set_config('recsys.service_limits', limits::text, true);
    stored := recsys.put_events((SELECT tracking_id FROM recsys.event_trackers WHERE dataset_group = 'ingest_events'), session,
        jsonb_build_array(good, event), user_id);
    RETURN 'stored ' || stored;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN SQLSTATE || ' ' || SQLERRM || coalesce(' / ' || nullif(detail, ''), '');
END $$;
CREATE TABLE ingest_events_cases (n integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY, change jsonb);
INSERT INTO ingest_events_cases (change) VALUES
    ('{"eventType": null}'), ('{"eventType": 5}'), ('{"eventType": ""}'), ('{"event_type": "twice"}'),
    ('{"sentAt": null}'), ('{"sentAt": true}'), ('{"sentAt": "yesterday noon"}'), ('{"sentAt": 1700000000000}'), ('{"sentAt": "infinity"}'),
    ('{"itemId": null}'), ('{"itemId": ""}'), ('{"itemId": {}}'), ('{"itemId": 1.5}'),
    ('{"eventValue": "4"}'), ('{"eventValue": 1e400}'), ('{"eventId": ""}'), ('{"eventId": []}'), ('{"recommendationId": ""}'),
    ('{"impression": "a|b"}'), ('{"impression": [true]}'), ('{"impression": [""]}'), ('{"impression": []}'),
    ('{"metricAttribution": "home"}'), ('{"metricAttribution": {"source": "home"}}'),
    ('{"color": "red"}'), ('{"userId": "u2"}'),
    ('{"properties": null}'), ('{"properties": 5}'), ('{"properties": "{broken"}'), ('{"properties": "[1]"}'), ('{"properties": {}}'),
    ('{"properties": {"hour": null}}'), ('{"properties": {"hour": 1.5}}'), ('{"properties": {"hour": 3000000000}}'),
    ('{"properties": {"hour": 1, "numberOfRatings": 18446744073709551615}}'), ('{"properties": {"hour": 1, "ratio": 1e300}}'),
    ('{"properties": {"hour": 1, "fresh": "true"}}'), ('{"properties": {"hour": 1, "device": 5}}'),
    ('{"properties": {"hour": 1, "device": ["a|b"]}}'), ('{"properties": {"hour": 1, "itemId": "again"}}'),
    ('{"properties": {"hour": 1, "color": "red"}}'), ('{"properties": {"hour": 1, "HOUR": 2}}');
INSERT INTO ingest_events_cases (change)
SELECT jsonb_build_object('properties', jsonb_build_object('hour', 1, forbidden, 'x'))
FROM unnest(ARRAY['userId', 'sessionId', 'eventType', 'timestamp', 'recommendationId', 'impression', 'eventId', 'streamed']) AS forbidden;
SELECT n, left(change::text, 80) AS change, ingest_events_put('{"eventType": "t", "itemId": "i", "sentAt": 1700000000, "properties": {"hour": 0}}'::jsonb || change) AS outcome
FROM ingest_events_cases ORDER BY n;
SELECT ingest_events_put('"text"') AS not_an_object;
SELECT recsys.put_events(:'tracker', 's', '{}', 'u');
SELECT recsys.put_events(:'tracker', NULL, '[]', 'u');
SELECT recsys.put_events(NULL, 's', '[]', 'u');
SELECT recsys.put_events(:'tracker', 's', '[]', user_id => 42);
SELECT count(*) FROM ingest_events.interactions WHERE user_id = 'u' AND event_type <> 't';
DELETE FROM ingest_events.interactions WHERE user_id = 'u';

-- Lengths.
\set event '''{"eventType": "t", "itemId": "i", "sentAt": 1700000000, "properties": {"hour": 0}}''::jsonb'
SELECT what, left(ingest_events_put(:event || change, session, who, limits), 120) AS outcome
FROM (VALUES
    (1, 'string of 1000', '{}'::jsonb || jsonb_build_object('properties', jsonb_build_object('hour', 1, 'device', repeat('é', 1000))), 's', 'u', false),
    (2, 'string of 1001', jsonb_build_object('properties', jsonb_build_object('hour', 1, 'device', repeat('é', 1001))), 's', 'u', false),
    (3, 'item id of 1025', jsonb_build_object('itemId', repeat('é', 1025)), 's', 'u', false),
    (4, 'empty session', '{}', '', 'u', false),
    (5, 'empty user', '{}', 's', '', false),
    (6, 'item id of 257', jsonb_build_object('itemId', repeat('é', 257)), 's', 'u', false),
    (7, 'limits: item id of 256', jsonb_build_object('itemId', repeat('é', 256)), 's', 'u', true),
    (8, 'limits: item id of 257', jsonb_build_object('itemId', repeat('é', 257)), 's', 'u', true),
    (9, 'limits: session of 257', '{}', repeat('é', 257), 'u', true),
    (10, 'limits: user of 257', '{}', 's', repeat('é', 257), true),
    (11, 'limits: event type of 257', jsonb_build_object('eventType', repeat('é', 257)), 's', 'u', true),
    (12, 'limits: event id of 257', jsonb_build_object('eventId', repeat('é', 257)), 's', 'u', true),
    (13, 'limits: recommendation id of 41', jsonb_build_object('recommendationId', repeat('x', 41)), 's', 'u', true),
    (14, 'limits: impression of 25', jsonb_build_object('impression', to_jsonb(array_fill('i'::text, ARRAY[25]))), 's', 'u', true),
    (15, 'limits: impression of 26', jsonb_build_object('impression', to_jsonb(array_fill('i'::text, ARRAY[26]))), 's', 'u', true),
    (16, 'impression of 26', jsonb_build_object('impression', to_jsonb(array_fill('i'::text, ARRAY[26]))), 's', 'u', false),
    (17, 'limits: properties of 1025', jsonb_build_object('properties', '{"hour": 1' || repeat(' ', 1014) || '}'), 's', 'u', true),
    (18, 'properties of 1025', jsonb_build_object('properties', '{"hour": 1' || repeat(' ', 1014) || '}'), 's', 'u', false),
    (19, 'limits: 10 KB', jsonb_build_object('impression', to_jsonb(array_fill(repeat('i', 200), ARRAY[25])), 'itemId', repeat('i', 6000)), 's', 'u', true)
) AS c (n, what, change, session, who, limits) ORDER BY n;
-- G16: ten events a call.
SET recsys.service_limits = on;
SELECT recsys.put_events(:'tracker', 's', jsonb_agg(:event), 'u') FROM generate_series(1, 10);
SELECT recsys.put_events(:'tracker', 's', jsonb_agg(:event), 'u') FROM generate_series(1, 11);
SELECT recsys.put_events(:'tracker', 's', '[]', 'u');
RESET recsys.service_limits;
SELECT recsys.put_events(:'tracker', 's', jsonb_agg(:event), 'u') FROM generate_series(1, 11);

-- F6, F7: anonymous events are stored under the session; a rollback takes them back.
BEGIN;
SELECT recsys.put_events(:'tracker', 'visitor', jsonb_build_array(:event));
SELECT user_id, session_id, anonymous FROM ingest_events.interactions WHERE session_id = 'visitor';
ROLLBACK;
SELECT count(*) FROM ingest_events.interactions WHERE session_id = 'visitor';

-- Rights: INSERT on the table is what it takes, and a forbidden tracker looks like an absent one.
CREATE ROLE regress_ingest_writer;
CREATE ROLE regress_ingest_stranger;
GRANT USAGE ON SCHEMA ingest_events TO regress_ingest_writer;
GRANT INSERT ON ingest_events.interactions TO regress_ingest_writer;
SET ROLE regress_ingest_writer;
SELECT recsys.put_events(:'tracker', 'w', jsonb_build_array(:event || '{"eventId": "w1"}'));
SELECT recsys.put_events(:'tracker', 'w', jsonb_build_array(:event || '{"eventId": "w1"}'));
SELECT recsys.delete_event_tracker('ingest_events_tracker');
SET ROLE regress_ingest_stranger;
SELECT count(*) FROM recsys.event_trackers WHERE dataset_group = 'ingest_events';
SELECT set_config('ingest_events.tracker', :'tracker', false) IS NOT NULL AS set;
SELECT recsys.put_events('00000000-0000-0000-0000-000000000000', 's', '[]');
DO $$ BEGIN
    PERFORM recsys.put_events(current_setting('ingest_events.tracker')::uuid, 's', '[]');
EXCEPTION WHEN OTHERS THEN
    RAISE NOTICE '% %', SQLSTATE, replace(SQLERRM, current_setting('ingest_events.tracker'), '<tracker>');
END $$;
RESET ROLE;

-- Native ids: an id that cannot be of the type is an error, and without a user the session's id must be one.
SELECT recsys.create_dataset_group('ingest_native');
SELECT recsys.create_dataset('ingest_native', 'interactions', '{"user_id": "long"}');
SELECT recsys.create_event_tracker('ingest_native_tracker', 'ingest_native') AS native \gset
\set VERBOSITY default
SELECT recsys.put_events(:'native', 's', '[{"eventType": "view", "itemId": "i", "sentAt": 1}]', '007');
SELECT recsys.put_events(:'native', 's', '[{"eventType": "view", "itemId": "i", "sentAt": 1}]', 'seven');
SELECT recsys.put_events(:'native', 's', '[{"eventType": "view", "itemId": "i", "sentAt": 1}]');
SELECT recsys.put_events(:'native', '8', '[{"eventType": "view", "itemId": "i", "sentAt": 1}]');
SELECT user_id, session_id, anonymous FROM ingest_native.interactions ORDER BY user_id;
SELECT recsys.delete_dataset_group('ingest_native', cascade => true);

-- Nesting without end is refused before it can do harm.
SELECT recsys.put_events(:'tracker', 's', jsonb_build_array(:event || jsonb_build_object('properties',
    '{"hour": 1, "device": ' || repeat('[', 1000000) || repeat(']', 1000000) || '}')), 'u');
SELECT recsys.put_events(:'tracker', 's', (repeat('[', 1000) || repeat(']', 1000))::jsonb, 'u');

-- A deleted tracker takes nothing more; its events stay.
SELECT count(*) > 0 AS before FROM ingest_events.interactions;
SELECT recsys.delete_event_tracker('ingest_events_tracker');
DO $$ BEGIN
    PERFORM recsys.put_events(current_setting('ingest_events.tracker')::uuid, 's', '[]');
EXCEPTION WHEN OTHERS THEN
    RAISE NOTICE '% %', SQLSTATE, replace(SQLERRM, current_setting('ingest_events.tracker'), '<tracker>');
END $$;
SELECT count(*) > 0 AS after FROM ingest_events.interactions;
SELECT recsys.describe_event_tracker('ingest_events_tracker');

DROP FUNCTION ingest_events_put;
DROP TABLE ingest_events_cases;
REVOKE ALL ON ingest_events.interactions FROM regress_ingest_writer;
REVOKE ALL ON SCHEMA ingest_events FROM regress_ingest_writer;
DROP ROLE regress_ingest_writer, regress_ingest_stranger;
SELECT recsys.delete_dataset_group('ingest_events', cascade => true);
