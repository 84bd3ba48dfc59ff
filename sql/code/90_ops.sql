-- What operators ask: is the data fit for recommending, and what is in it.

CREATE OR REPLACE FUNCTION recsys.check(dataset_group text)
RETURNS TABLE (severity text, object text, finding text, evidence text, advice text)
LANGUAGE c STABLE PARALLEL UNSAFE ROWS 30 AS 'MODULE_PATHNAME', 'recsys_check';
COMMENT ON FUNCTION recsys.check(text) IS
'Examines the data of a dataset group: what is broken, what will make recommendations worse, and whether recommending fits the data at
all. Worst first; the same finding has the same words each time, the numbers stand in evidence.

error: training or serving fails, or answers are wrong. warning: answers are worse than they could be. notice: worth knowing.
ok: looked at and well, such as each row of the table of fits.

Looked at: mappings and tables that changed, indexes that serving needs (with the statement that makes them), ids without rows,
timestamps, event types and values that look negative, repeated events, context that is known only after the event, columns that are
empty, constant or have too many values, availability, and the settings of solutions against the events that there are.

Runs as you, with your rights, on standbys too, and can be cancelled. Events are read twice in whole; what needs each value by itself
is asked of the rows of some 300,000 ids at most, and the evidence says so. Nothing is written.
Errors: RS001 for an absent group.';

CREATE OR REPLACE FUNCTION recsys.get_data_insights(dataset_group text)
RETURNS TABLE (dataset text, column_name text, type text, role text, rows bigint, missing bigint, distinct_values bigint,
    minimum text, maximum text, mean float8, median float8, outliers bigint, most_common text[], sample text)
LANGUAGE c STABLE PARALLEL UNSAFE ROWS 50 AS 'MODULE_PATHNAME', 'recsys_get_data_insights';
COMMENT ON FUNCTION recsys.get_data_insights(text) IS
'Statistics of every column of every dataset of a group, as you may see it. rows: those looked at; missing: of them, without a value;
outliers: numbers beyond three interquartile ranges; most_common: up to three values with their number. Of several categories in one
value each counts by itself. Optional columns of a dataset type that have no value at all are left out. sample: NULL when every row was looked at, else which ones were, such as "1 in 84 users".
Errors: RS001 for an absent group; those of reading its tables.';

CREATE OR REPLACE FUNCTION recsys_internal.list_storage()
RETURNS TABLE (dataset_group text, kind text, object text, bytes bigint, used_by text[])
LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 30 AS 'MODULE_PATHNAME', 'recsys_list_storage';
COMMENT ON FUNCTION recsys_internal.list_storage() IS 'Behind the view recsys.storage.';

CREATE OR REPLACE VIEW recsys.storage AS
    SELECT dataset_group, kind, object, bytes, pg_size_pretty(bytes) AS size, used_by FROM recsys_internal.list_storage();
COMMENT ON VIEW recsys.storage IS
'What the groups that you may read occupy on disk: kind "model" is a solution version with its trained model (used_by: the campaigns that serve or await it; recsys.delete_solution_version frees the others), kind "table" a group''s own table with its indexes. The sources of mapped datasets are yours and do not appear.';
GRANT SELECT ON recsys.storage TO PUBLIC;

-- ---- what campaigns are asked

CREATE OR REPLACE FUNCTION recsys_internal.campaign_statistics()
RETURNS TABLE (dataset_group text, campaign text, calls bigint, rows bigint, errors bigint, short_answers bigint, fallbacks bigint, mean_ms float8, p50_ms float8, p95_ms float8,
    p99_ms float8, max_ms float8, total_ms float8, last_call timestamptz, average_tps float8, min_provisioned_tps float8,
    utilization float8, low_utilization boolean, since timestamptz)
LANGUAGE c VOLATILE PARALLEL RESTRICTED ROWS 20 AS 'MODULE_PATHNAME', 'recsys_campaign_statistics';
COMMENT ON FUNCTION recsys_internal.campaign_statistics() IS 'rows of the view recsys.stat_campaigns';

CREATE OR REPLACE VIEW recsys.stat_campaigns AS SELECT * FROM recsys_internal.campaign_statistics();
COMMENT ON VIEW recsys.stat_campaigns IS
'What the campaigns and recommenders of groups that you may read were asked, on this server, "since" a time: "calls" that were answered,
the "rows" of the answers, calls that ended in an error once the campaign was found; "short_answers" had fewer rows than were asked for
(and than the catalogue has), "fallbacks" had nothing to go by, since the user or item is unknown; of the calls that were answered, times in
milliseconds: mean, median, 95th and 99th percentile (to a fifth of their value), longest, and all together. "average_tps": requests per
second in the newest full five minutes; "utilization": the same by "min_provisioned_tps"; "low_utilization": it was below 1 in 9 of the
newest 12 such periods (NULL before there were 12). Counters live in shared memory: they begin anew when the server starts, a standby
has its own, and without shared_preload_libraries the view is empty. Of more than 512 campaigns in all databases those that were called
last have counters.';
GRANT SELECT ON recsys.stat_campaigns TO PUBLIC;

CREATE OR REPLACE FUNCTION recsys_internal.campaign_periods()
RETURNS TABLE (dataset_group text, campaign text, period_start timestamptz, calls bigint, average_tps float8, min_provisioned_tps float8,
    utilization float8, tps_hours float8, mean_top_score float8)
LANGUAGE c VOLATILE PARALLEL RESTRICTED ROWS 1000 AS 'MODULE_PATHNAME', 'recsys_campaign_periods';
COMMENT ON FUNCTION recsys_internal.campaign_periods() IS 'rows of the view recsys.stat_campaign_periods';

CREATE OR REPLACE FUNCTION recsys_internal.kept_periods()
RETURNS TABLE (dataset_group text, campaign text, period_start timestamptz, calls bigint, average_tps float8, min_provisioned_tps float8,
    utilization float8, tps_hours float8, mean_top_score float8)
LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 10000 AS 'MODULE_PATHNAME', 'recsys_kept_periods';
COMMENT ON FUNCTION recsys_internal.kept_periods() IS 'those of a watched group that were written down';

CREATE OR REPLACE VIEW recsys.stat_campaign_periods AS
    SELECT * FROM recsys_internal.campaign_periods()
    UNION ALL
    SELECT k.* FROM recsys_internal.kept_periods() AS k
    WHERE NOT EXISTS (SELECT FROM recsys_internal.campaign_periods() AS p WHERE (p.dataset_group, p.campaign, p.period_start) = (k.dataset_group, k.campaign, k.period_start));
COMMENT ON VIEW recsys.stat_campaign_periods IS
'Requests (failed ones too) by full periods of five minutes, of the last day or since the server started; of groups that recsys.watch
watches those of 15 days, also from before a start of the server. "average_tps" is calls by 300
seconds; "utilization" is that by "min_provisioned_tps"; "tps_hours" is the greater of the two for five minutes, so the sum over any time
is the capacity that the service would charge. "mean_top_score" is the mean score of the best item of an answer: one that changes
without a new model tells that the requests have changed. Periods without a request are listed as well.';
GRANT SELECT ON recsys.stat_campaign_periods TO PUBLIC;

CREATE OR REPLACE FUNCTION recsys_internal.campaign_latency()
RETURNS TABLE (dataset_group text, campaign text, from_ms float8, to_ms float8, calls bigint)
LANGUAGE c VOLATILE PARALLEL RESTRICTED ROWS 200 AS 'MODULE_PATHNAME', 'recsys_campaign_latency';
COMMENT ON FUNCTION recsys_internal.campaign_latency() IS 'rows of the view recsys.stat_campaign_latency';

CREATE OR REPLACE VIEW recsys.stat_campaign_latency AS SELECT * FROM recsys_internal.campaign_latency();
COMMENT ON VIEW recsys.stat_campaign_latency IS
'How long answers took: of each campaign the number of "calls" that took from "from_ms" to less than "to_ms" milliseconds, four buckets to
a doubling; empty buckets are left out, the last holds all that took longer than a minute.';
GRANT SELECT ON recsys.stat_campaign_latency TO PUBLIC;

CREATE OR REPLACE FUNCTION recsys.idle_campaigns(threshold interval DEFAULT '24 hours')
RETURNS TABLE (dataset_group text, campaign text, last_call timestamptz, idle_since timestamptz)
LANGUAGE c VOLATILE PARALLEL RESTRICTED ROWS 5 AS 'MODULE_PATHNAME', 'recsys_idle_campaigns';
COMMENT ON FUNCTION recsys.idle_campaigns(interval) IS
'Campaigns of groups that you may read that nobody asked on this server for the time of the threshold (a month counts 30 days). Those
that were created or changed within it are not idle, and none is before the server has run for so long. last_call is NULL when there
was none since the counters began. Errors: 22023 for a threshold that is not positive.';

CREATE OR REPLACE FUNCTION recsys.reset_campaign_statistics(campaign text) RETURNS void
LANGUAGE c VOLATILE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'recsys_reset_campaign_statistics';
COMMENT ON FUNCTION recsys.reset_campaign_statistics(text) IS
'The counters of a campaign begin anew, on this server. Needs the ownership of the group''s schema. Errors: RS001.';

-- ---- experiments

CREATE OR REPLACE FUNCTION recsys.create_experiment(name text, dataset_group text, arms jsonb, conversion_event_type text,
    exposure_event_type text DEFAULT NULL, measure text DEFAULT 'users', expected_lift float8 DEFAULT 0.1,
    measure_from timestamptz DEFAULT NULL) RETURNS text
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'recsys_create_experiment';
COMMENT ON FUNCTION recsys.create_experiment(text, text, jsonb, text, text, text, float8, timestamptz) IS
'Begins an experiment: users are divided among arms, and what they do is compared. Returns its name.
arms: [{"name": "before", "weight": 50}, {"name": "personal", "weight": 50, "campaign": "home"}], the first is the control. An arm answers
with a "campaign" or recommender of the group, a "source" (a relation with the columns user_id, item_id and rank), a "function" that
takes a user id as text and a number of results as integer and returns item ids, or with nothing: then the page shows what it did before.
Weights are relative (1 when left out); 0 and 100 make a feature flag.
conversion_event_type: the event that counts. exposure_event_type: the event after which a user takes part, such as one that is sent when
the list was shown; NULL: any event. measure: the share of users who convert, conversions ("events") or their summed event_value
("value"), each by user. expected_lift: about what is looked for; the test is quickest there and holds anyway. measure_from: what
happened before is a run-in and does not count; NULL: now.
Needs the ownership of the group''s schema. Errors: RS001, RS006, 42602, 22023, 42P01 and 42883 for a relation or function that does not
exist.';

CREATE OR REPLACE FUNCTION recsys.update_experiment(name text, weights jsonb DEFAULT NULL, measure_from timestamptz DEFAULT NULL) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'recsys_update_experiment';
COMMENT ON FUNCTION recsys.update_experiment(text, jsonb, timestamptz) IS
'Changes an experiment from the commit on: weights, {"before": 0, "personal": 100}, of the arms that are named; measure_from. Who was
exposed already stays in the arm of then in the results. Needs the ownership of the group''s schema. Errors: RS001, 22023, 55000 when it
was stopped.';

CREATE OR REPLACE FUNCTION recsys.stop_experiment(name text) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'recsys_stop_experiment';
COMMENT ON FUNCTION recsys.stop_experiment(text) IS
'Ends the measuring: later events do not count. Users are still divided as before. Needs the ownership of the group''s schema. Errors:
RS001; 55000 when it was stopped already.';

CREATE OR REPLACE FUNCTION recsys.delete_experiment(name text) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'recsys_delete_experiment';
COMMENT ON FUNCTION recsys.delete_experiment(text) IS
'Deletes an experiment with its assignments; events stay. Needs the ownership of the group''s schema. Errors: RS001.';

CREATE OR REPLACE FUNCTION recsys_internal.list_experiments()
RETURNS TABLE (dataset_group text, name text, status text, arms jsonb, conversion_event_type text, exposure_event_type text, measure text,
    expected_lift float8, measure_from timestamptz, created_at timestamptz, stopped_at timestamptz)
LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 10 AS 'MODULE_PATHNAME', 'recsys_list_experiments';
COMMENT ON FUNCTION recsys_internal.list_experiments() IS 'rows of the view recsys.experiments';

CREATE OR REPLACE VIEW recsys.experiments AS SELECT * FROM recsys_internal.list_experiments();
COMMENT ON VIEW recsys.experiments IS
'The experiments of the groups that the current user may read, with the weights of their arms as of now.';
GRANT SELECT ON recsys.experiments TO PUBLIC;

CREATE OR REPLACE FUNCTION recsys.get_experiment_arm(experiment text, user_id text) RETURNS text
LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'recsys_get_experiment_arm';
COMMENT ON FUNCTION recsys.get_experiment_arm(text, text) IS
'The name of the arm that a user is in: the same every time and on every server while the weights stay. Nothing is written. Needs the
rights of recsys.get_recommendations. Errors: RS001.';

CREATE OR REPLACE FUNCTION recsys.put_experiment_assignment(experiment text, user_id text, arm text) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'recsys_put_experiment_assignment';
COMMENT ON FUNCTION recsys.put_experiment_assignment(text, text, text) IS
'Puts a user into an arm that something else has chosen (another tool''s assignments, testers, customers of a contract); it holds
whatever the weights say. Needs the ownership of the group''s schema. Errors: RS001; 22023 for an arm that the experiment does not have.';

CREATE OR REPLACE FUNCTION recsys.get_experiment_recommendations(experiment text, user_id text, num_results integer DEFAULT 25,
    item_id text DEFAULT NULL, filter text DEFAULT NULL, filter_values jsonb DEFAULT '{}')
RETURNS TABLE (arm text, rank integer, item_id text, score float8, reason text, recommendation_id text)
LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 25 AS 'MODULE_PATHNAME', 'recsys_get_experiment_recommendations';
COMMENT ON FUNCTION recsys.get_experiment_recommendations(text, text, integer, text, text, jsonb) IS
'What the user''s arm answers: recommendations of its campaign (item_id, filter and filter_values are handed on to it), the rows of its
relation or function, or no row at all when the arm has nothing. Relations and functions run with the caller''s rights. Nothing is
written: send an event when the list was shown. Needs the rights of recsys.get_recommendations. Errors: RS001, and those of what answers.';

CREATE OR REPLACE FUNCTION recsys.get_experiment_results(experiment text)
RETURNS TABLE (arm text, users bigint, converted bigint, mean float8, lift float8, lift_low float8, lift_high float8, p_value float8,
    verdict text)
LANGUAGE c STABLE PARALLEL UNSAFE ROWS 3 AS 'MODULE_PATHNAME', 'recsys_get_experiment_results';
COMMENT ON FUNCTION recsys.get_experiment_results(text) IS
'How an experiment stands, from the events: of each arm the users who were exposed, how many of them have converted since, and the mean of
the measure. Of arms other than the control the lift, (mean less the control''s) by the control''s, and its confidence interval; interval,
p_value and verdict hold however often you look and whenever you stop, with a probability of 95 % for all arms together. verdict:
"better" or "worse" (p_value at most 0.05: you may stop), "undecided", or "too early" (fewer than 100 users or 10 converted in either arm).
A user counts in the arm that he was in at his first exposure; what was sent under another id of his (user_aliases) counts as his. Reads
the events since measure_from as the current user. Errors: RS001.';

CREATE OR REPLACE FUNCTION recsys.experiment_size(conversion_rate float8, lift float8 DEFAULT 0.1, power float8 DEFAULT 0.8) RETURNS bigint
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'recsys_experiment_size';
COMMENT ON FUNCTION recsys.experiment_size(float8, float8, float8) IS
'Users that each of two arms needs so that a lift on a conversion rate is found with the probability "power" by the time they are there;
most experiments are decided sooner. Errors: 22023 for figures outside their range.';

-- ---- drift

CREATE OR REPLACE FUNCTION recsys.drift(campaign text)
RETURNS TABLE (measure text, value float8, "limit" float8, breached boolean, evidence text)
LANGUAGE c STABLE PARALLEL UNSAFE ROWS 4 AS 'MODULE_PATHNAME', 'recsys_drift';
COMMENT ON FUNCTION recsys.drift(text) IS
'Whether the model that a campaign serves still fits what happens. Above its limit a measure says: train again.
unknown_item_share: of the events since the newest that the model was trained on, those with items that it does not know. popularity_shift:
the population stability index of the items of these events against as many before the training; 0.1 is little, 0.25 much. Both need 1,000
events since the training, and look at the newest 100,000; value is NULL before. coverage: the share of the catalogue that stands in the
lists of the 100 users (items, for related items) with the newest events; concentration: the share of the places in these lists that go to
the 1 % of items listed most, with a limit from 1,000 items on. These lists are not counted in recsys.stat_campaigns.
Runs as you; needs the rights of recsys.get_recommendations. Errors: RS001; RS004 without a model.';

CREATE OR REPLACE FUNCTION recsys_internal.drift_breaches(dataset_group text)
RETURNS TABLE (dataset_group_name text, campaign text, measure text, value float8, "limit" float8, evidence text)
LANGUAGE c STABLE PARALLEL UNSAFE ROWS 2 AS 'MODULE_PATHNAME', 'recsys_drift_breaches';
COMMENT ON FUNCTION recsys_internal.drift_breaches(text) IS 'what recsys.drift finds above its limit, of all campaigns of a group or of all groups';

-- ---- health

CREATE OR REPLACE FUNCTION recsys.health(dataset_group text DEFAULT NULL, max_model_age interval DEFAULT '14 days', max_p99_ms float8 DEFAULT 100,
    max_short_share float8 DEFAULT 0.05, max_fallback_share float8 DEFAULT 0.5)
RETURNS TABLE (severity text, dataset_group text, object text, finding text, evidence text, advice text)
LANGUAGE sql STABLE PARALLEL UNSAFE ROWS 10
BEGIN ATOMIC
    WITH version AS (
        SELECT v.*, max(number) FILTER (WHERE status = 'ACTIVE') OVER (PARTITION BY v.dataset_group, v.solution) AS newest_active,
            max(number) OVER (PARTITION BY v.dataset_group, v.solution) AS newest
        FROM recsys.solution_versions AS v
    ), serving AS (
        SELECT c.*, v.finished_at, v.number, v.newest_active
        FROM recsys.campaigns AS c LEFT JOIN version AS v ON v.dataset_group = c.dataset_group AND v.name = c.solution_version
    ), job AS (
        SELECT j.*, row_number() OVER (PARTITION BY j.dataset_group, j.kind, j.resource ORDER BY j.id DESC) AS from_newest
        FROM recsys.jobs AS j WHERE j.status NOT IN ('PENDING', 'RUNNING')
    ), found AS (
        SELECT 'error' AS severity, c.dataset_group, 'campaign ' || c.name AS object, 'campaign does not serve' AS finding,
            c.status || coalesce(': ' || split_part(c.failure_reason, E'\n', 1), '') AS evidence,
            'Train a version, and name it with recsys.update_campaign.' AS advice
        FROM serving AS c WHERE c.status NOT IN ('ACTIVE', 'INACTIVE')
        UNION ALL
        SELECT 'error', v.dataset_group, 'solution ' || v.solution, 'newest training failed', v.name || ': ' || split_part(v.failure_reason, E'\n', 1),
            'Mend the reason and train again; campaigns go on with the version before.'
        FROM version AS v WHERE v.number = v.newest AND v.status = 'CREATE FAILED'
        UNION ALL
        SELECT 'error', j.dataset_group, 'job ' || j.id, 'newest job of its kind failed', j.kind || coalesce(' of ' || j.resource, '') || ': '
            || split_part(j.failure_reason, E'\n', 1), 'recsys.job_runs shows each attempt.'
        FROM job AS j WHERE j.from_newest = 1 AND j.status = 'FAILED' AND j.kind <> 'train'
        UNION ALL
        SELECT 'warning', c.dataset_group, 'campaign ' || c.name, 'model is old', c.solution_version || ' was trained '
            || date_trunc('minute', clock_timestamp() - c.finished_at) || ' ago', 'Train again, or give the solution an auto_training_interval.'
        FROM serving AS c WHERE c.status = 'ACTIVE' AND c.finished_at < clock_timestamp() - max_model_age
        UNION ALL
        SELECT 'warning', s.dataset_group, 'campaign ' || s.campaign, 'requests fail', s.errors || ' of ' || s.calls + s.errors || ' since ' || s.since,
            'The server''s log has the errors.'
        FROM recsys.stat_campaigns AS s WHERE s.errors > 0.01 * (s.calls + s.errors)
        UNION ALL
        SELECT 'warning', s.dataset_group, 'campaign ' || s.campaign, 'answers are slow', '99th percentile: ' || s.p99_ms || ' ms',
            'recsys.check names missing indexes; recsys.prewarm reads what lies on disk.'
        FROM recsys.stat_campaigns AS s WHERE s.p99_ms > max_p99_ms
        UNION ALL
        SELECT 'warning', s.dataset_group, 'campaign ' || s.campaign, 'lists are short', s.short_answers || ' of ' || s.calls || ' answers since ' || s.since
            || ' had fewer items than were asked for', 'Filters leave too few items; recsys.why_not tells what stands in an item''s way.'
        FROM recsys.stat_campaigns AS s WHERE s.calls >= 100 AND s.short_answers > max_short_share * s.calls
        UNION ALL
        SELECT 'warning', s.dataset_group, 'campaign ' || s.campaign, 'ids are unknown', s.fallbacks || ' of ' || s.calls || ' answers since ' || s.since
            || ' had nothing to go by', 'Compare the ids of requests and of events; send events of visitors who have not signed in under their session''s id.'
        FROM recsys.stat_campaigns AS s WHERE s.calls >= 100 AND s.fallbacks > max_fallback_share * s.calls
        UNION ALL
        SELECT 'warning', p.dataset_group, 'campaign ' || p.campaign, 'scores have shifted', 'mean score of the best item: ' || round(p.now::numeric, 4)
            || ' in the last hour, ' || round(p.before::numeric, 4) || ' before', 'See whether requests, context or filters have changed, and recsys.drift.'
        FROM (SELECT t.dataset_group, t.campaign, sum(t.mean_top_score * t.calls) FILTER (WHERE t.lately) / nullif(sum(t.calls) FILTER (WHERE t.lately), 0) AS now,
                sum(t.mean_top_score * t.calls) FILTER (WHERE NOT t.lately) / nullif(sum(t.calls) FILTER (WHERE NOT t.lately), 0) AS before,
                sum(t.calls) FILTER (WHERE t.lately) AS calls_now, sum(t.calls) FILTER (WHERE NOT t.lately) AS calls_before
              FROM (SELECT x.*, x.period_start >= clock_timestamp() - interval '65 minutes' AS lately FROM recsys_internal.campaign_periods() AS x
                    WHERE x.mean_top_score IS NOT NULL) AS t GROUP BY 1, 2) AS p
        WHERE p.calls_now >= 100 AND p.calls_before >= 100 AND greatest(p.now, p.before) > 2 * least(p.now, p.before)
        UNION ALL
        SELECT 'warning', d.dataset_group_name, 'campaign ' || d.campaign, coalesce('data have drifted: ' || d.measure, 'drift cannot be measured'),
            coalesce(round(d.value::numeric, 3) || ' (limit ' || d."limit" || '): ', '') || d.evidence,
            CASE WHEN d.measure IS NULL THEN 'recsys.check tells what is wrong with the data.' ELSE 'Train again; recsys.watch can do so by itself.' END
        FROM recsys_internal.drift_breaches(health.dataset_group) AS d
        UNION ALL
        SELECT 'warning', s.dataset_group, 'schedule ' || s.id, 'schedule does not run', s.kind || ' of ' || s.resource || ' is ' || s.status,
            'recsys.resume_schedule lets it go on.'
        FROM recsys.schedules AS s WHERE s.status IN ('PAUSED', 'PARKED')
        UNION ALL
        SELECT 'notice', c.dataset_group, 'campaign ' || c.name, 'a newer version is not deployed', c.solution_version || ' serves, '
            || c.solution || '/' || c.newest_active || ' is ACTIVE', 'recsys.update_campaign deploys it; sync_with_latest does so by itself.'
        FROM serving AS c WHERE c.status = 'ACTIVE' AND NOT c.sync_with_latest AND c.number < c.newest_active
        UNION ALL
        SELECT 'notice', s.dataset_group, 'campaign ' || s.campaign, 'floor is not used', s.average_tps || ' requests a second of ' || s.min_provisioned_tps,
            'Lower min_provisioned_tps.'
        FROM recsys.stat_campaigns AS s WHERE s.low_utilization AND s.min_provisioned_tps > 1
        UNION ALL
        SELECT 'notice', i.dataset_group, 'campaign ' || i.campaign, 'nobody asks', 'since ' || i.idle_since, 'Delete it if it is not needed.'
        FROM recsys.idle_campaigns() AS i
    )
    SELECT f.* FROM found AS f WHERE health.dataset_group IS NULL OR f.dataset_group = health.dataset_group
    ORDER BY array_position('{error,warning,notice}'::text[], f.severity), f.dataset_group, f.object, f.finding;
END;
COMMENT ON FUNCTION recsys.health(text, interval, float8, float8, float8) IS
'What an operator should look at, in a group or in all that you may read, worst first; no row: all is well. error: a campaign that does
not serve, a newest training or job that failed. warning: a model older than max_model_age, more than 1 % of a campaign''s requests failing,
a 99th percentile above max_p99_ms, of 100 answers or more a greater share than max_short_share that had fewer items than asked for, or
than max_fallback_share of users or items that are unknown, a mean score of the best items that has doubled or halved in the last hour,
data that have drifted (recsys.drift), a schedule that is paused or parked. notice: a newer version that is not deployed, a floor above 1 that
was not used in 9 of the newest 12 five-minute periods, a campaign that nobody asked for a day. The same finding has the same words
each time. What is counted is of this server since it started. recsys.check looks at the data.';

-- ---- watching

CREATE OR REPLACE FUNCTION recsys.watch(dataset_group text, every interval DEFAULT '5 minutes', retrain_on_drift boolean DEFAULT false,
    delete_idle_after interval DEFAULT NULL, adjust_floor boolean DEFAULT false) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'recsys_watch';
COMMENT ON FUNCTION recsys.watch(text, interval, boolean, interval, boolean) IS
'Has a background worker look at recsys.health of a group again and again, or changes how. What has come and what has gone is told to
whoever listens: NOTIFY recsys_health with {"event": "raised" or "cleared", "dataset_group", "severity", "object", "finding", "evidence"};
recsys.findings shows what stands. The traffic of recsys.stat_campaign_periods is written down and kept for 15 days.
retrain_on_drift: a solution is trained in full when recsys.drift of one of its campaigns finds a breach and its newest version is a day old.
delete_idle_after: campaigns that nobody asked on this server for so long (recsys.idle_campaigns) are deleted, recommenders stopped; not those of experiments.
adjust_floor: while the quietest full hour of 14 days lies below the min_provisioned_tps of a campaign that is older than a day, the floor
sinks by a quarter an hour, down to 1. All three are off unless asked for.
Needs the ownership of the group''s schema. Errors: RS001; 22023 for an interval that is not positive.';

CREATE OR REPLACE FUNCTION recsys.unwatch(dataset_group text) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'recsys_unwatch';
COMMENT ON FUNCTION recsys.unwatch(text) IS
'Ends the watching of a group; its findings and the traffic that was written down are forgotten. Needs the ownership of the group''s
schema. Errors: RS001, also when the group is not watched.';

CREATE OR REPLACE FUNCTION recsys_internal.list_findings()
RETURNS TABLE (dataset_group text, severity text, object text, finding text, evidence text, since timestamptz)
LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 10 AS 'MODULE_PATHNAME', 'recsys_list_findings';
COMMENT ON FUNCTION recsys_internal.list_findings() IS 'rows of the view recsys.findings';

CREATE OR REPLACE VIEW recsys.findings AS SELECT * FROM recsys_internal.list_findings();
COMMENT ON VIEW recsys.findings IS
'What the newest look at the groups that recsys.watch watches has found, and since when, of those that the current user may read.';
GRANT SELECT ON recsys.findings TO PUBLIC;
