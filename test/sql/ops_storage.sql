-- recsys.storage: models and the group's own tables, of groups that the caller may read.
SELECT recsys.create_dataset_group('ops_storage');
SELECT recsys.create_dataset('ops_storage', 'interactions');
CREATE TABLE ops_storage_products (item_id text, genre text);
INSERT INTO ops_storage_products SELECT 'i' || i, 'g' FROM generate_series(1, 5000) AS i;
SELECT recsys.create_dataset('ops_storage', 'items', source => 'ops_storage_products', columns => '{"genre": "genre"}');
CREATE TABLE ops_storage.notes AS SELECT 1;
INSERT INTO ops_storage.interactions (user_id, item_id, "timestamp") SELECT 'u' || i % 100, 'i' || i % 50, now() FROM generate_series(1, 2000) AS i;
SELECT recsys.create_solution('popular', 'ops_storage', 'popularity-count');
SELECT recsys.create_solution_version('popular', wait => true), recsys.create_solution_version('popular', wait => true);
SELECT recsys.create_campaign('shelf', 'popular/1');
SELECT kind, object, bytes > 1000 AS has_bytes, size = pg_size_pretty(bytes) AS sized, used_by FROM recsys.storage WHERE dataset_group = 'ops_storage' ORDER BY kind, object;
-- a version that goes takes its bytes along
SELECT recsys.delete_solution_version('popular/2');
SELECT object FROM recsys.storage WHERE dataset_group = 'ops_storage' AND kind = 'model';
CREATE ROLE regress_ops_storage;
SET ROLE regress_ops_storage;
SELECT count(*) FROM recsys.storage;
RESET ROLE;
DROP ROLE regress_ops_storage;
DROP TABLE ops_storage.notes;
SELECT recsys.delete_dataset_group('ops_storage', cascade => true);
DROP TABLE ops_storage_products;
