-- Health: nothing when all is well, and each fault by its words. What is said of counted requests is tested with them (test/t/091).
\set SHOW_CONTEXT never
\pset format unaligned
\pset tuples_only on
SELECT recsys.create_dataset_group('ops_health');
SELECT recsys.create_dataset('ops_health', 'interactions');
INSERT INTO ops_health.interactions (user_id, item_id, "timestamp") SELECT 'u' || n % 20, 'i' || n % 7, '2024-01-01' FROM generate_series(1, 200) AS n;
SELECT recsys.create_solution('popular', 'ops_health', 'popularity-count');
SELECT recsys.create_solution_version('popular', wait => true);
SELECT recsys.create_campaign('home', 'popular');
SELECT count(*) FROM recsys.health('ops_health');
SELECT recsys.create_solution_version('popular', wait => true);
SELECT * FROM recsys.health('ops_health');
SELECT severity, object, finding, evidence ~ 'ago$' FROM recsys.health('ops_health', max_model_age => '0');
UPDATE recsys_internal.solution_version AS v SET status = 'CREATE FAILED', failure_reason = E'out of memory\nmore' FROM recsys_internal.solution AS s
WHERE s.id = v.solution_id AND s.name = 'popular' AND number = 2;
INSERT INTO recsys_internal.job (group_id, kind, resource_id, status, failure_reason, attempts, finished_at)
SELECT s.group_id, 'auto_update', s.id, j.status, j.reason, 1, now() FROM recsys_internal.solution AS s, (VALUES ('FAILED', 'first'), ('SUCCEEDED', NULL)) AS j(status, reason) WHERE s.name = 'popular';
SELECT * FROM recsys.health('ops_health');
UPDATE recsys_internal.job SET status = 'FAILED', failure_reason = 'second' WHERE id = (SELECT max(id) FROM recsys_internal.job);
UPDATE recsys_internal.campaign SET status = 'CREATE FAILED', version_id = NULL, failure_reason = 'no model' WHERE name = 'home';
SELECT severity, dataset_group, regexp_replace(object, '\d+', 'N'), finding, evidence FROM recsys.health('ops_health');
SELECT count(*) FROM recsys.health() WHERE dataset_group = 'ops_health';
SELECT count(*) FROM recsys.health('nothing');
CREATE ROLE regress_ops_health NOLOGIN;
SET ROLE regress_ops_health;
SELECT count(*) FROM recsys.health();
RESET ROLE;
DROP ROLE regress_ops_health;
SELECT recsys.delete_dataset_group('ops_health', cascade => true);
