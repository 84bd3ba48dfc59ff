-- Imports: CSV in every spelling, wrong input by line and column, FULL and INCREMENTAL, relations, rights, history.
SELECT recsys.create_dataset_group('ingest_import');
SELECT recsys.create_dataset('ingest_import', 'interactions', '{"device": "categorical", "item_id": "long"}');
SELECT recsys.create_dataset('ingest_import', 'items',
    '{"item_id": "long", "genres": "categorical", "price": {"type": "float", "nullable": false}, "plot": "textual", "year": "int", "fresh": "boolean"}');
SELECT recsys.create_dataset('ingest_import', 'users', '{"age": "int"}');
SELECT current_setting('data_directory') || '/ingest_import' AS folder \gset
SELECT set_config('ingest_import.folder', :'folder', false) IS NOT NULL AS set;
\setenv FOLDER :folder
\! mkdir -p "$FOLDER"

-- Writes the lines to a file and imports it; the outcome as text.
CREATE FUNCTION ingest_import_lines(dataset text, lines text[], mode text DEFAULT 'FULL', file text DEFAULT 'rows.csv') RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    folder text := current_setting('ingest_import.folder');
    detail text;
    object oid;
    job text := 'job' || nextval('ingest_import_jobs');
BEGIN
    object := lo_from_bytea(0, convert_to(array_to_string(lines, E'\n', ''), 'UTF8'));
    PERFORM lo_export(object, folder || '/' || file), lo_unlink(object);
    PERFORM recsys.create_dataset_import_job(job, 'ingest_import', dataset, folder || '/' || file, mode, wait => true);
    RETURN (SELECT result::text FROM recsys.jobs WHERE name = job AND dataset_group = 'ingest_import');
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN replace(SQLSTATE || ' ' || SQLERRM || coalesce(' / ' || nullif(detail, ''), ''), folder, '');
END $$;
CREATE SEQUENCE ingest_import_jobs;

-- The service's own example, with both ways of writing a quote; line ends, a byte order mark, empty lines.
SELECT ingest_import_lines('items', ARRAY[
    E'\uFEFFITEM_ID,GENRES,PRICE,CREATION_TIMESTAMP,PLOT\r',
    E'1,Action|Comedy,3.5,1699000000,"A ""quoted"" or \\"escaped\\" text, \\\\ and \\n, in',
    E'two lines"\r',
    '', E'\r',
    E'"2","","4.",,""',
    E' 3 ,, 5 ,2023-11-03 08:26:40+00, unquoted \\ "text" ']);
SELECT item_id, genres, price, creation_timestamp AT TIME ZONE 'UTC' AS created, plot, streamed FROM ingest_import.items ORDER BY item_id;
-- Any order and spelling of names, 34.0 for 34, true and false; the last row of an id counts.
SELECT ingest_import_lines('items', ARRAY['year,fresh,itemId,Price', '2000.0,true,7,1', '1999,False,8,1e2', ',,7,2']);
SELECT item_id, price, year, fresh FROM ingest_import.items ORDER BY item_id;
SELECT ingest_import_lines('users', ARRAY['USER_ID', 'u1', 'u2']);

-- Wrong input: nothing changes.
CREATE TABLE ingest_import_cases (n integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY, lines text[]);
INSERT INTO ingest_import_cases (lines) VALUES
    (ARRAY['ITEM_ID,GENRES', '1,a']), (ARRAY['GENRES', 'a']), (ARRAY['ITEM_ID,PRICE,COLOR', '1,1,red']),
    (ARRAY['ITEM_ID,PRICE,item_id', '1,1,1']), (ARRAY['ITEM_ID,PRICE,STREAMED', '1,1,true']), (ARRAY['ITEM_ID,PRICE', '1,1', '2']),
    (ARRAY['ITEM_ID,PRICE', '1,1', '2,1,1']), (ARRAY['ITEM_ID,PRICE', '1,1', ',1']), (ARRAY['ITEM_ID,PRICE', '1,1', '', 'x,1']),
    (ARRAY['ITEM_ID,PRICE', '1,']), (ARRAY['ITEM_ID,PRICE', '1,one']), (ARRAY['ITEM_ID,PRICE', '1,inf']), (ARRAY['ITEM_ID,PRICE', '1,1e39']),
    (ARRAY['ITEM_ID,PRICE,YEAR', '1,1,1.5']), (ARRAY['ITEM_ID,PRICE,YEAR', '1,1,99999999999']), (ARRAY['ITEM_ID,PRICE,FRESH', '1,1,yes']),
    (ARRAY['ITEM_ID,PRICE,CREATION_TIMESTAMP', '1,1,soon']), (ARRAY['ITEM_ID,PRICE,CREATION_TIMESTAMP', '1,1,1700000000000']),
    (ARRAY['ITEM_ID,PRICE,PLOT', '1,1,"never', 'ends']), (ARRAY['ITEM_ID,PRICE,PLOT', '1,1,"two', 'lines"', '2,1,"a"b']),
    (ARRAY['ITEM_ID,PRICE,GENRES', '1,1,' || repeat('x', 1001)]), (ARRAY[]::text[]);
SELECT n, left(ingest_import_lines('items', lines), 160) AS outcome FROM ingest_import_cases ORDER BY n;
SELECT item_id, price FROM ingest_import.items ORDER BY item_id;
\! printf 'ITEM_ID,PRICE,PLOT\n1,1,caf\351\n' > "$FOLDER/latin1.csv"
DO $$ BEGIN
    PERFORM recsys.create_dataset_import_job('latin1', 'ingest_import', 'items', current_setting('ingest_import.folder') || '/latin1.csv', wait => true);
EXCEPTION WHEN OTHERS THEN RAISE NOTICE '% %', SQLSTATE, replace(SQLERRM, current_setting('ingest_import.folder'), '');
END $$;
-- G10: a text of 20,001 characters is cut.
SELECT ingest_import_lines('items', ARRAY['ITEM_ID,PRICE,PLOT', '1,1,' || repeat('é', 20001), '2,1,' || repeat('é', 20001)]);
SELECT item_id, length(plot) FROM ingest_import.items ORDER BY item_id;

-- G1: a FULL import leaves what was put, and INCREMENTAL needs a FULL import before it.
SELECT recsys.create_event_tracker('ingest_import_tracker', 'ingest_import') AS tracker \gset
SELECT recsys.put_events(:'tracker', 's', '[{"eventType": "view", "itemId": 1, "sentAt": 1}]', 'streamed');
SELECT ingest_import_lines('interactions', ARRAY['USER_ID,ITEM_ID,TIMESTAMP', 'u,1,1700000000'], 'INCREMENTAL');
SELECT ingest_import_lines('interactions', ARRAY['USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE,EVENT_VALUE,IMPRESSION,DEVICE,EVENT_ID',
    'u,1,1700000000,Watch,0.8,9|3|7,phone,', 'u,2,1700000000.5,,,,,e1', 'u,2,1700000001,,,,,e1', 'u,1,1700000000,Watch,0.8,9|3|7,phone,']);
SELECT user_id, item_id, event_type, event_value, "timestamp" AT TIME ZONE 'UTC' AS "timestamp", impression, device, streamed, anonymous
FROM ingest_import.interactions ORDER BY streamed, "timestamp";
SELECT ingest_import_lines('interactions', ARRAY['USER_ID,ITEM_ID,TIMESTAMP', 'v,1,1700000000'], 'full');
SELECT ingest_import_lines('interactions', ARRAY['USER_ID,ITEM_ID,TIMESTAMP', 'w,1,1700000000'], 'Incremental');
SELECT user_id, streamed FROM ingest_import.interactions ORDER BY user_id;
SELECT recsys.put_items('ingest_import', '[{"itemId": 50, "properties": {"price": 50}}, {"itemId": 51, "properties": {"price": 51}}]');
SELECT ingest_import_lines('items', ARRAY['ITEM_ID,PRICE', '51,1', '52,1']);
SELECT ingest_import_lines('items', ARRAY['ITEM_ID,PRICE', '52,2', '53,2'], 'INCREMENTAL');
SELECT item_id, price, streamed FROM ingest_import.items ORDER BY item_id;
SELECT ingest_import_lines('items', ARRAY['ITEM_ID,PRICE', '52,2'], 'PARTIAL');

-- A folder: the CSV files of its first level.
SELECT ingest_import_lines('items', ARRAY['ITEM_ID,PRICE', 'never,read'], file => 'notes.txt');
\! cd "$FOLDER" && rm -f *.csv && mkdir deep.csv && printf 'PRICE,ITEM_ID\n1,101\n' > a.csv && printf 'ITEM_ID,PRICE,YEAR\n102,2,2000' > B.CSV
SELECT recsys.create_dataset_import_job('folder', 'ingest_import', 'items', :'folder', wait => true);
SELECT item_id, price, year, streamed FROM ingest_import.items ORDER BY item_id;
DO $$ BEGIN
    PERFORM recsys.create_dataset_import_job('nofile', 'ingest_import', 'items', current_setting('ingest_import.folder') || '/absent.csv', wait => true);
EXCEPTION WHEN OTHERS THEN RAISE NOTICE '% %', SQLSTATE, replace(SQLERRM, current_setting('ingest_import.folder'), '');
END $$;
DO $$ BEGIN
    PERFORM recsys.create_dataset_import_job('nofile', 'ingest_import', 'items', current_setting('ingest_import.folder') || '/deep.csv', wait => true);
EXCEPTION WHEN OTHERS THEN RAISE NOTICE '% %', SQLSTATE, replace(SQLERRM, current_setting('ingest_import.folder'), '');
END $$;
-- A pipe, which would wait for its writer.
\! mkfifo "$FOLDER/pipe.csv"
DO $$ BEGIN
    PERFORM recsys.create_dataset_import_job('nofile', 'ingest_import', 'items', current_setting('ingest_import.folder') || '/pipe.csv', wait => true);
EXCEPTION WHEN OTHERS THEN RAISE NOTICE '% %', SQLSTATE, replace(SQLERRM, current_setting('ingest_import.folder'), '');
END $$;

-- Relations: native types, and the caller's search path at creation.
CREATE TABLE ingest_import_rows AS SELECT 'r' || i AS user_id, i AS item_id, to_timestamp(1700000000 + i) AS "timestamp",
    ARRAY['1', i::text] AS impression, NULL::text AS device FROM generate_series(1, 1500) AS i;
SELECT recsys.create_dataset_import_job('relation', 'ingest_import', 'interactions', 'ingest_import_rows', wait => true);
SELECT count(*), min("timestamp") AT TIME ZONE 'UTC' AS first, max(impression) AS impression FROM ingest_import.interactions WHERE NOT streamed;
SELECT recsys.create_dataset_import_job('relation2', 'ingest_import', 'users', 'ingest_import_rows', wait => true);
SELECT recsys.create_dataset_import_job('relation2', 'ingest_import', 'users', 'no_such_relation', wait => true);
UPDATE ingest_import_rows SET user_id = '' WHERE item_id = 700;
SELECT recsys.create_dataset_import_job('relation2', 'ingest_import', 'interactions', 'ingest_import_rows', wait => true);

-- Names are unique, also after a failure that left nothing; 1,000 interactions under the service's limits.
SELECT recsys.create_dataset_import_job('relation', 'ingest_import', 'interactions', 'ingest_import_rows', wait => true);
SELECT recsys.create_dataset_import_job('a name', 'ingest_import', 'interactions', 'ingest_import_rows', wait => true);
DELETE FROM ingest_import_rows WHERE item_id BETWEEN 700 AND 1200;
SET recsys.service_limits = on;
SELECT recsys.create_dataset_import_job('few', 'ingest_import', 'interactions', 'ingest_import_rows', wait => true);
RESET recsys.service_limits;
SELECT name, dataset_type, regexp_replace(source, '^/.*/', '') AS source, import_mode, status, failure_reason, rows
FROM recsys.dataset_import_jobs WHERE dataset_group = 'ingest_import' AND name !~ '^job' ORDER BY created_at;
SELECT recsys.describe_dataset_import_job('ingest_import.relation') - 'created_at' - 'updated_at' AS described;
SELECT recsys.describe_dataset_import_job('ingest_import.absent');

-- statement_timeout stops an import, and the old rows stay.
SET statement_timeout = '30ms';
CREATE VIEW ingest_import_many AS SELECT 'u' || i AS user_id, i AS item_id, i AS "timestamp" FROM generate_series(1, 3000000) AS i;
SELECT recsys.create_dataset_import_job('slow', 'ingest_import', 'interactions', 'ingest_import_many', wait => true);
RESET statement_timeout;
SELECT count(*) FROM ingest_import.interactions;

-- Rights: the group's owner imports; files need pg_read_server_files.
CREATE ROLE regress_ingest_owner;
CREATE ROLE regress_ingest_reader;
ALTER SCHEMA ingest_import OWNER TO regress_ingest_owner;
ALTER TABLE ingest_import.users OWNER TO regress_ingest_owner;
GRANT USAGE ON SCHEMA ingest_import TO regress_ingest_reader;
SET ROLE regress_ingest_owner;
SELECT recsys.create_dataset_import_job('by_owner', 'ingest_import', 'users', '/any/file.csv');
SELECT recsys.create_dataset_import_job('by_owner', 'ingest_import', 'interactions', 'ingest_import_rows', wait => true);
SET ROLE regress_ingest_reader;
SELECT recsys.create_dataset_import_job('by_reader', 'ingest_import', 'users', 'ingest_import_rows', wait => true);
SELECT count(*) FROM recsys.dataset_import_jobs;
RESET ROLE;
GRANT pg_read_server_files TO regress_ingest_owner;
SELECT ingest_import_lines('users', ARRAY['USER_ID,AGE', 'o1,1']);
SET ROLE regress_ingest_owner;
SELECT recsys.create_dataset_import_job('by_owner', 'ingest_import', 'users', :'folder' || '/rows.csv', wait => true);
RESET ROLE;
SELECT * FROM ingest_import.users;

\! rm -r "$FOLDER"
DROP FUNCTION ingest_import_lines;
DROP SEQUENCE ingest_import_jobs;
DROP TABLE ingest_import_cases, ingest_import_rows;
DROP VIEW ingest_import_many;
SELECT recsys.delete_dataset_group('ingest_import', cascade => true);
DROP OWNED BY regress_ingest_owner, regress_ingest_reader;
DROP ROLE regress_ingest_owner, regress_ingest_reader;
