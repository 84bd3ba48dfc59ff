-- Exports: which rows, their form, the way back by import, relations, rights, history.
SELECT recsys.create_dataset_group('ingest_export');
SELECT recsys.create_dataset('ingest_export', 'interactions', '{"device": "categorical"}');
SELECT recsys.create_dataset('ingest_export', 'items', '{"genres": "categorical", "price": "double", "plot": "textual", "fresh": "boolean"}');
SELECT recsys.create_event_tracker('ingest_export_tracker', 'ingest_export') AS tracker \gset
SELECT current_setting('data_directory') || '/ingest_export.csv' AS file \gset
\setenv FILE :file

INSERT INTO ingest_export.interactions (user_id, item_id, "timestamp") VALUES ('bulk', 'i', to_timestamp(1700000000.25)), ('bulk', 'i', to_timestamp(1700000000.25));
SELECT recsys.put_events(:'tracker', 's', '[{"eventType": "a, b", "itemId": "put", "sentAt": 1700000000, "impression": ["x", "y"],
    "eventValue": 0.1, "properties": {"device": "a \"quoted\" \\ phone"}}]');
INSERT INTO ingest_export.items (item_id, creation_timestamp, genres, price, plot, fresh) VALUES
    ('1', to_timestamp(1699000000), 'Action|Comedy', 3.5, E'two\nlines, a \\" b \\\\ c "d"', true),
    ('2', NULL, '', 1e300, E'ends in \\', false), (E'\\', NULL, NULL, NULL, E'\\"', NULL), ('é,', NULL, 'é', 0.1, ' padded ', NULL);
SELECT recsys.put_items('ingest_export', '[{"itemId": "9", "properties": {"price": 9}}]');

-- G2: without a mode, what was put; equal rows once.
SELECT recsys.create_dataset_export_job('put', 'ingest_export', 'interactions', :'file', wait => true);
\! cat "$FILE"
SELECT recsys.create_dataset_export_job('bulk', 'ingest_export', 'interactions', :'file', 'BULK', wait => true);
\! cat "$FILE"
SELECT recsys.create_dataset_export_job('all', 'ingest_export', 'Interactions', :'file', 'all', wait => true);
\! wc -l < "$FILE"; ls "$FILE".* 2> /dev/null | wc -l
SELECT recsys.create_dataset_export_job('items', 'ingest_export', 'items', :'file', 'ALL', wait => true);
\! cat "$FILE"

-- There and back again: every value survives the file.
CREATE TABLE ingest_export_before AS SELECT * FROM ingest_export.items;
TRUNCATE ingest_export.items;
SELECT recsys.create_dataset_import_job('back', 'ingest_export', 'items', :'file', wait => true);
SELECT item_id, genres, price, plot, fresh, creation_timestamp FROM ingest_export_before WHERE genres IS DISTINCT FROM ''
EXCEPT SELECT item_id, genres, price, plot, fresh, creation_timestamp FROM ingest_export.items;
SELECT count(*) FROM ingest_export.items;
CREATE TABLE ingest_export_events AS SELECT DISTINCT * FROM ingest_export.interactions;
SELECT recsys.create_dataset_export_job('all_events', 'ingest_export', 'interactions', :'file', 'ALL', wait => true);
TRUNCATE ingest_export.interactions;
SELECT recsys.create_dataset_import_job('back_events', 'ingest_export', 'interactions', :'file', wait => true);
SELECT to_jsonb(e) - 'streamed' FROM ingest_export_events e EXCEPT SELECT to_jsonb(i) - 'streamed' FROM ingest_export.interactions i;

-- Relations: made when there is none, added to when there is one.
SELECT recsys.create_dataset_export_job('relation', 'ingest_export', 'interactions', 'ingest_export_rows', 'ALL', wait => true);
SELECT recsys.create_dataset_export_job('relation_again', 'ingest_export', 'interactions', 'ingest_export_rows', 'ALL', wait => true);
SELECT count(*), count(DISTINCT r) FROM ingest_export_rows r;
SELECT recsys.create_dataset_import_job('from_relation', 'ingest_export', 'interactions', 'ingest_export_rows', wait => true);
SELECT recsys.create_dataset_export_job('relation_bad', 'ingest_export', 'interactions', 'a.b.c.d', wait => true);

-- A mapped dataset: its relation's rows are bulk, what was put lies in a table of recsys and hides the row of the same id.
CREATE TABLE ingest_export_products (sku bigint PRIMARY KEY, unit_price float8, genres text[]);
INSERT INTO ingest_export_products VALUES (1, 1.5, ARRAY['a', 'b']), (2, 2.5, NULL);
SELECT recsys.create_dataset_group('ingest_export_mapped');
SELECT recsys.create_dataset('ingest_export_mapped', 'items', source => 'ingest_export_products', columns => '{"item_id": "sku", "price": "unit_price", "genres": "genres"}');
SELECT recsys.put_items('ingest_export_mapped', '[{"itemId": 2, "properties": {"price": 9}}, {"itemId": 3, "properties": {"genres": ["c", "d"]}}]');
SELECT recsys.put_items('ingest_export_mapped', '[{"itemId": "x"}]');
SELECT count(*) FROM ingest_export_products;
SELECT recsys.create_dataset_export_job('mapped_put', 'ingest_export_mapped', 'items', :'file', wait => true);
\! cat "$FILE"
SELECT recsys.create_dataset_export_job('mapped_all', 'ingest_export_mapped', 'items', :'file', 'ALL', wait => true);
\! cat "$FILE"
SELECT recsys.create_dataset_export_job('mapped_bulk', 'ingest_export_mapped', 'items', :'file', 'BULK', wait => true);
\! cat "$FILE"
SELECT recsys.delete_dataset_group('ingest_export_mapped', cascade => true);
DROP TABLE ingest_export_products;

-- Wrong arguments.
SELECT recsys.create_dataset_export_job('put', 'ingest_export', 'interactions', :'file', wait => true);
SELECT recsys.create_dataset_export_job('new', 'ingest_export', 'interactions', :'file', 'SOME', wait => true);
SELECT recsys.create_dataset_export_job('new', 'ingest_export', 'users', :'file', wait => true);
SELECT recsys.create_dataset_export_job('new', 'ingest_export', 'interactions', '/no/such/folder/file.csv', wait => true);

SELECT name, dataset_type, regexp_replace(output, '^/.*/', '') AS output, ingestion_mode, status, rows FROM recsys.dataset_export_jobs
WHERE dataset_group = 'ingest_export' ORDER BY created_at;
SELECT recsys.describe_dataset_export_job('ingest_export.relation') - 'created_at' - 'updated_at' AS described;

-- Files need pg_write_server_files, tables CREATE on a schema.
CREATE ROLE regress_ingest_exporter;
ALTER SCHEMA ingest_export OWNER TO regress_ingest_exporter;
ALTER TABLE ingest_export.interactions OWNER TO regress_ingest_exporter;
SET ROLE regress_ingest_exporter;
SELECT recsys.create_dataset_export_job('file', 'ingest_export', 'interactions', :'file', wait => true);
SELECT recsys.create_dataset_export_job('table', 'ingest_export', 'interactions', 'ingest_export.exported', 'ALL', wait => true);
RESET ROLE;
GRANT pg_write_server_files TO regress_ingest_exporter;
SET ROLE regress_ingest_exporter;
SELECT recsys.create_dataset_export_job('file', 'ingest_export', 'interactions', :'file', wait => true);
RESET ROLE;

\! rm "$FILE"
DROP TABLE ingest_export_before, ingest_export_events, ingest_export_rows, ingest_export.exported;
SELECT recsys.delete_dataset_group('ingest_export', cascade => true);
DROP OWNED BY regress_ingest_exporter;
DROP ROLE regress_ingest_exporter;
