-- Campaigns as resources: creation, change, deletion, rights.
SET client_min_messages = warning;
SELECT recsys.create_dataset_group('serve_campaigns');
SELECT recsys.create_dataset('serve_campaigns', 'interactions');
SELECT recsys.create_dataset('serve_campaigns', 'items', '{"genre": "categorical"}');
INSERT INTO serve_campaigns.items (item_id, genre) SELECT 'i' || i, 'g' || i % 3 FROM generate_series(1, 40) AS i;
INSERT INTO serve_campaigns.interactions (user_id, item_id, event_type, "timestamp")
SELECT 'u' || i % 50, 'i' || 1 + (i * 7 + i / 50) % (1 + i % 40), 'click', '2024-02-01'::timestamptz + i * interval '1 minute'
FROM generate_series(1, 2000) AS i;
SELECT recsys.create_solution('sc_first', 'serve_campaigns', 'popularity-count');
SELECT recsys.create_solution('sc_other', 'serve_campaigns', 'popularity-count');
SELECT recsys.create_campaign('sc', 'sc_first');
SELECT recsys.create_solution_version('sc_first', wait => true);
SELECT recsys.create_solution_version('sc_first', wait => true);
SELECT recsys.create_solution_version('sc_other', wait => true);

-- a version, or a solution's newest
SELECT recsys.create_campaign('sc', 'sc_first/1');
SELECT recsys.create_campaign('sc_newest', 'serve_campaigns.sc_first', sync_with_latest => true);
SELECT name, dataset_group, solution, recipe, solution_version, pending_solution_version, min_provisioned_tps, sync_with_latest, status,
	failure_reason, latest_update FROM recsys.campaigns WHERE dataset_group = 'serve_campaigns' ORDER BY name;
SELECT recsys.describe_campaign('sc') - 'created_at' - 'updated_at';
SELECT count(*) FROM recsys.get_recommendations('sc', 'u1');
SELECT count(*) FROM recsys.get_recommendations('sc');
SET recsys.service_limits = on;
SELECT count(*) FROM recsys.get_recommendations('sc');
RESET recsys.service_limits;

-- refused
SELECT recsys.create_campaign('sc', 'sc_first/1');
SELECT recsys.create_campaign('a campaign', 'sc_first/1');
SELECT recsys.create_campaign('sc2', 'sc_first/9');
SELECT recsys.create_campaign('sc2', 'absent');
SELECT recsys.create_campaign('sc2', NULL);
SELECT recsys.create_campaign('sc2', 'sc_first/1', min_provisioned_tps => 0);
SELECT recsys.create_campaign('sc2', 'sc_first/1', exploration_weight => 0.5);
SELECT recsys.create_campaign('sc2', 'sc_first/1', exploration_item_age_cut_off => 7);
SELECT recsys.create_campaign('sc2', 'sc_first/1', exploration_weight => 2);
SELECT recsys.create_campaign('sc2', 'sc_first/1', sync_with_latest => true);

-- update: within the solution, and what is not named stays
SELECT recsys.update_campaign('sc', min_provisioned_tps => 3);
SELECT recsys.update_campaign('sc', 'sc_first');
SELECT solution_version, min_provisioned_tps, latest_update - 'created_at' - 'updated_at' AS latest_update
FROM recsys.campaigns WHERE name = 'sc';
SELECT recsys.update_campaign('sc');
SELECT recsys.update_campaign('sc', 'sc_other/1');
SELECT recsys.update_campaign('sc', 'sc_first/7');
SELECT recsys.update_campaign('absent', 'sc_first/1');
SELECT solution_version FROM recsys.campaigns WHERE name = 'sc';
-- a change that is rolled back never served
BEGIN;
SELECT recsys.update_campaign('sc', 'sc_first/1');
SELECT recsys.describe_campaign('sc')->>'solution_version';
ROLLBACK;
SELECT recsys.describe_campaign('sc')->>'solution_version';
-- sync: a newer version takes over
SELECT recsys.create_solution_version('sc_first', wait => true);
SELECT name, solution_version FROM recsys.campaigns WHERE dataset_group = 'serve_campaigns' ORDER BY name;

-- a version in training: the campaign waits for it. (The status is set by hand, as a worker would.)
UPDATE recsys_internal.solution_version v SET status = 'CREATE IN_PROGRESS'
FROM recsys_internal.solution s WHERE s.id = v.solution_id AND s.name = 'sc_other';
SELECT recsys.create_campaign('sc_waiting', 'sc_other/1');
SELECT solution_version, pending_solution_version, status FROM recsys.campaigns WHERE name = 'sc_waiting';
SELECT count(*) FROM recsys.get_recommendations('sc_waiting', 'u1');
SELECT recsys.update_campaign('sc_waiting', min_provisioned_tps => 2);
UPDATE recsys_internal.solution_version v SET status = 'CREATE FAILED', failure_reason = 'no luck'
FROM recsys_internal.solution s WHERE s.id = v.solution_id AND s.name = 'sc_other';
SET client_min_messages = notice;
SELECT recsys.wait_for('sc_other/1');
SET client_min_messages = warning;
SELECT recsys.create_campaign('sc2', 'sc_other/1');
SELECT recsys.create_campaign('sc2', 'sc_other');
SELECT recsys.delete_campaign('sc_waiting');

-- rights: a reader is served and sees the campaign, a stranger sees nothing, and neither can change it
CREATE ROLE regress_serve_reader;
CREATE ROLE regress_serve_stranger;
GRANT USAGE ON SCHEMA serve_campaigns TO regress_serve_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA serve_campaigns TO regress_serve_reader;
SET ROLE regress_serve_reader;
SELECT count(*) FROM recsys.get_recommendations('sc', 'u1');
SELECT count(*) FROM recsys.campaigns WHERE dataset_group = 'serve_campaigns';
SELECT recsys.update_campaign('sc', 'sc_first/1');
SELECT recsys.delete_campaign('sc');
SET ROLE regress_serve_stranger;
SELECT count(*) FROM recsys.get_recommendations('sc', 'u1');
SELECT count(*) FROM recsys.get_recommendations('absent', 'u1');
SELECT recsys.describe_campaign('sc');
SELECT count(*) FROM recsys.campaigns WHERE dataset_group = 'serve_campaigns';
RESET ROLE;
-- what was granted can be taken back, with effect at once, in a session that has served
SET ROLE regress_serve_reader;
SELECT count(*) FROM recsys.get_recommendations('sc', 'u1');
RESET ROLE;
REVOKE SELECT ON serve_campaigns.items FROM regress_serve_reader;
SET ROLE regress_serve_reader;
SELECT count(*) FROM recsys.get_recommendations('sc', 'u1');
RESET ROLE;

SELECT recsys.delete_campaign('sc');
SELECT recsys.delete_campaign('sc');
SELECT recsys.get_recommendations('sc', 'u1');
SELECT count(*) FROM recsys.get_recommendations('sc_newest', 'u1');
SELECT recsys.delete_dataset_group('serve_campaigns', cascade => true);
DROP ROLE regress_serve_reader, regress_serve_stranger;
