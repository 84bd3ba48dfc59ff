-- Context and user features: what is known of the moment and of the user moves the list.
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

-- Four kinds of items; a kind is chosen by the taste of the user and by the device. Gold members choose the first of a kind.
SELECT recsys.create_dataset_group('serve_context');
SELECT recsys.create_dataset('serve_context', 'interactions', '{"DEVICE": "categorical", "temperature": "float", "late": {"type": "boolean", "role": "categorical"}, "note": "string"}');
SELECT recsys.create_dataset('serve_context', 'users', '{"membership": "categorical", "age": "int", "nick": "string"}');
INSERT INTO serve_context.interactions (user_id, item_id, "timestamp", device, temperature, late, note)
SELECT 'u' || u, 'i' || 100 + (u % 2) * 40 + d * 20 + CASE WHEN u % 4 < 2 THEN abs(hashtext(n || '-' || u)) % 5 ELSE 5 + abs(hashtext(n || '-' || u)) % 15 END,
    '2024-01-01'::timestamptz + (n || ' days')::interval, (ARRAY['phone', 'desktop'])[d + 1], 20 + d * 10 + u % 3, d = 1, 'never'
FROM generate_series(1, 1000) AS u, generate_series(1, 12) AS n, LATERAL (SELECT abs(hashtext(u || '/' || n)) % 2 AS d) AS x;
INSERT INTO serve_context.users (user_id, membership, age, nick)
SELECT 'u' || u, CASE WHEN u % 4 < 2 THEN 'gold' ELSE 'basic' END, 20 + u % 4 * 10, 'n' || u FROM generate_series(1, 1000) AS u;
SELECT recsys.create_solution('taste', 'serve_context', 'user-personalization');
SELECT recsys.create_solution_version('taste', wait => true);
SELECT m->>'member' FROM jsonb_array_elements(recsys.describe_solution_version('taste')->'members') AS m
WHERE m->>'member' IN ('context', 'user_features') AND (m->>'weight')::float8 > 0 ORDER BY 1;
SELECT f FROM jsonb_array_elements(recsys.describe_solution_version('taste')->'data_summary'->'context_fields') AS f;
SELECT f->>'field', f->>'used' FROM jsonb_array_elements(recsys.describe_solution_version('taste')->'data_summary'->'user_fields') AS f;
SELECT recsys.create_campaign('home', 'taste', exploration_weight => 0);

-- what of a list is of each device
CREATE FUNCTION pg_temp.devices(who text, what jsonb) RETURNS text LANGUAGE sql AS $$
SELECT count(*) FILTER (WHERE (substr(item_id, 2)::int - 100) / 20 % 2 = 0) || ' for phones, '
    || count(*) FILTER (WHERE (substr(item_id, 2)::int - 100) / 20 % 2 = 1) || ' for desktops, ' || string_agg(DISTINCT reason, ',' ORDER BY reason)
FROM recsys.get_recommendations('home', user_id => who, num_results => 5, context => what) $$;
SELECT pg_temp.devices('nobody', '{"DEVICE": "phone"}');
SELECT pg_temp.devices('nobody', '{"device": "desktop"}');
SELECT pg_temp.devices('nobody', '{"Temperature": 30, "late": true}');
SELECT pg_temp.devices('nobody', '{"temperature": "20"}');
SELECT pg_temp.devices('u5', '{"device": "phone"}');
SELECT pg_temp.devices('u5', '{"device": "desktop"}');

-- the taste still counts, and the context changes only this answer
SELECT count(*) FROM recsys.get_recommendations('home', user_id => 'u5', num_results => 5, context => '{"device": "phone"}') WHERE substr(item_id, 2)::int >= 140;
WITH a AS (SELECT rank, item_id, score FROM recsys.get_recommendations('home', user_id => 'u5')),
    b AS (SELECT rank, item_id, score FROM recsys.get_recommendations('home', user_id => 'u5', context => '{}'))
SELECT count(*) FROM (TABLE a EXCEPT TABLE b) AS d;

-- scores are still a softmax over the catalogue
SELECT round(sum(score)::numeric, 4) FROM recsys.get_recommendations('home', user_id => 'u5', num_results => 80, context => '{"device": "phone"}');

-- a ranking follows it as well
SELECT string_agg(item_id, ' ' ORDER BY rank) FROM recsys.get_personalized_ranking('home', 'nobody', '{i101,i121}', context => '{"device": "phone"}');
SELECT string_agg(item_id, ' ' ORDER BY rank) FROM recsys.get_personalized_ranking('home', 'nobody', '{i101,i121}', context => '{"device": "desktop"}');

-- what is not known does not count, and says so
SELECT count(*) FROM recsys.get_recommendations('home', 'u5', context => '{"browser": "lynx", "device": "fridge", "temperature": "warm", "note": "x", "late": null}');
SELECT pg_temp.try($$SELECT recsys.get_recommendations('home', 'u5', context => '["phone"]')$$);
SELECT pg_temp.try($$SELECT recsys.get_recommendations('home', 'u5', context => '"phone"')$$);
SELECT pg_temp.try($$SELECT recsys.get_recommendations('home', 'u5', context => '{"device": ["phone"]}')$$);
SELECT pg_temp.try($$SELECT recsys.get_personalized_ranking('home', 'u5', '{i101}', context => '{"device": {"is": "phone"}}')$$);
SET recsys.service_limits = on;
SELECT pg_temp.try(format($$SELECT recsys.get_recommendations('home', 'u5', context => '{"device": "%s"}')$$, repeat('x', 1001)));
RESET recsys.service_limits;

-- the users dataset is read at the request: a row that is new or has changed acts at once, and a rollback takes it back
CREATE FUNCTION pg_temp.first_of_kind(who text) RETURNS bigint LANGUAGE sql AS $$
SELECT count(*) FILTER (WHERE (substr(item_id, 2)::int - 100) % 20 < 5) FROM recsys.get_recommendations('home', user_id => who, num_results => 10) $$;
BEGIN;
INSERT INTO serve_context.users (user_id, membership) VALUES ('newcomer', 'gold');
SELECT pg_temp.first_of_kind('newcomer');
UPDATE serve_context.users SET membership = 'basic' WHERE user_id = 'newcomer';
SELECT pg_temp.first_of_kind('newcomer');
SELECT DISTINCT reason FROM recsys.get_recommendations('home', user_id => 'newcomer', num_results => 10);
ROLLBACK;
SELECT pg_temp.first_of_kind('newcomer') = pg_temp.first_of_kind('nobody');
-- also under an alias
BEGIN;
INSERT INTO serve_context.users (user_id, membership) VALUES ('newcomer', 'gold');
INSERT INTO serve_context.user_aliases VALUES ('visit', 'newcomer');
SELECT pg_temp.first_of_kind('visit') = pg_temp.first_of_kind('newcomer');
ROLLBACK;

-- who may not read users is served without them, and row-level security holds
CREATE ROLE regress_context_reader;
GRANT USAGE ON SCHEMA serve_context TO regress_context_reader;
GRANT SELECT ON serve_context.interactions, serve_context.user_aliases TO regress_context_reader;
INSERT INTO serve_context.users (user_id, membership) VALUES ('plain', 'basic');
SELECT pg_temp.first_of_kind('plain') < pg_temp.first_of_kind('nobody');
SET ROLE regress_context_reader;
SELECT pg_temp.first_of_kind('plain') = pg_temp.first_of_kind('nobody');
RESET ROLE;
GRANT SELECT ON serve_context.users TO regress_context_reader;
SET ROLE regress_context_reader;
SELECT pg_temp.first_of_kind('plain') < pg_temp.first_of_kind('nobody');
RESET ROLE;
ALTER TABLE serve_context.users ENABLE ROW LEVEL SECURITY;
SET ROLE regress_context_reader;
SELECT pg_temp.first_of_kind('plain') = pg_temp.first_of_kind('nobody');
RESET ROLE;

-- fields that go do not break a campaign; without the dataset nothing is known
ALTER TABLE serve_context.interactions DROP COLUMN note;
SELECT pg_temp.devices('nobody', '{"DEVICE": "phone"}');

-- excluded columns are not learned from; other recipes say that they do not look
SELECT recsys.create_solution('part', 'serve_context', 'user-personalization', excluded_columns => '{"interactions": ["device", "late", "temperature"], "users": ["age"]}');
SELECT recsys.create_solution_version('part', wait => true);
SELECT recsys.describe_solution_version('part')->'data_summary'->'context_fields', f->>'field'
FROM jsonb_array_elements(recsys.describe_solution_version('part')->'data_summary'->'user_fields') AS f;
SELECT recsys.create_solution('related', 'serve_context', 'sims');
SELECT recsys.create_solution_version('related', wait => true);
SELECT recsys.create_campaign('page', 'related');
SELECT count(*) FROM recsys.get_recommendations('page', item_id => 'i101', num_results => 3, context => '{"device": "phone"}');

-- an update keeps what was learnt
INSERT INTO serve_context.interactions (user_id, item_id, "timestamp", device) SELECT 'u' || u, 'i999', '2024-02-01', 'phone' FROM generate_series(1, 9) AS u;
SELECT recsys.create_solution_version('taste', 'UPDATE', wait => true);
SELECT recsys.update_campaign('home', 'taste/2');
SELECT pg_temp.devices('nobody', '{"DEVICE": "phone"}');

-- headers
SELECT recsys.context_from_headers('{"CloudFront-Is-Mobile-Viewer": "true", "CloudFront-Is-Desktop-Viewer": "false", "CloudFront-Viewer-Country": "NL",
    "CloudFront-Viewer-Country-Region": "NH", "CloudFront-Viewer-City": "Amsterdam", "Accept-Language": "nl-NL,nl;q=0.9,en;q=0.8"}');
SELECT recsys.context_from_headers('{"user_agent": ["Mozilla/5.0 (iPad; CPU OS 16_5 like Mac OS X) AppleWebKit/605.1.15"], "cf_ipcountry": "DE"}');
SELECT h->>'device' FROM unnest(ARRAY['{"User-Agent": "Mozilla/5.0 (X11; Linux x86_64)"}', '{"User-Agent": "Mozilla/5.0 (Linux; Android 13; Pixel 7) Mobile"}',
    '{"User-Agent": "Mozilla/5.0 (Linux; Android 13; SM-X700)"}', '{"User-Agent": "HbbTV/1.5.1"}', '{"Sec-CH-UA-Mobile": "?1"}', '{"CF-Device-Type": "tablet"}',
    '{"User-Agent": ""}', '{"User-Agent": 5}']::jsonb[]) AS a, recsys.context_from_headers(a) AS h;
SELECT h->>'hour' = extract(hour FROM now() AT TIME ZONE 'Asia/Tokyo')::text, h->>'weekday' = trim(to_char(now() AT TIME ZONE 'Asia/Tokyo', 'Day'))
FROM recsys.context_from_headers('{"CloudFront-Viewer-Time-Zone": "Asia/Tokyo"}') AS h;
SELECT recsys.context_from_headers('{"CloudFront-Viewer-Time-Zone": "Moon/Base", "CloudFront-Viewer-Country": ""}');
SELECT recsys.context_from_headers('{"CloudFront-Is-Tablet-Viewer": "true", "CloudFront-Viewer-Country": "NL"}', '{DEVICE,hour,shoe_size}');
SELECT pg_temp.try($$SELECT recsys.context_from_headers('[]')$$);
SELECT pg_temp.try($$SELECT recsys.context_from_headers(NULL)$$);
SELECT pg_temp.devices('nobody', recsys.context_from_headers('{"CloudFront-Is-Desktop-Viewer": "true"}', '{device}'));

-- a column of the hour or the weekday is filled in from now
SELECT recsys.create_dataset_group('serve_context_time');
SELECT recsys.create_dataset('serve_context_time', 'interactions', '{"weekday": "categorical", "hour": {"type": "int", "role": "categorical"}}');
INSERT INTO serve_context_time.interactions (user_id, item_id, "timestamp", weekday, hour)
SELECT 'u' || u, CASE WHEN n % 2 = 0 THEN 'now' ELSE 'else' END || (u + n) % 5, '2024-01-01',
    CASE WHEN n % 2 = 0 THEN trim(to_char(now(), 'Dy')) ELSE 'Doomsday' END, CASE WHEN n % 2 = 0 THEN extract(hour FROM now()) ELSE 99 END
FROM generate_series(1, 200) AS u, generate_series(1, 6) AS n;
SELECT recsys.create_solution('clock', 'serve_context_time', 'user-personalization');
SELECT recsys.create_solution_version('clock', wait => true);
SELECT recsys.create_campaign('clock', 'clock');
SELECT DISTINCT substr(item_id, 1, 3) FROM recsys.get_recommendations('clock', 'nobody', num_results => 5);
SELECT DISTINCT substr(item_id, 1, 3) FROM recsys.get_recommendations('clock', 'nobody', num_results => 5, context => '{"weekday": "Doomsday", "HOUR": 99}');

SET client_min_messages = warning;
SELECT recsys.delete_campaign(c) FROM unnest('{home,page,clock}'::text[]) AS c;
SELECT recsys.delete_dataset_group(g, cascade => true) FROM unnest('{serve_context,serve_context_time}'::text[]) AS g;
DROP OWNED BY regress_context_reader;
DROP ROLE regress_context_reader;
