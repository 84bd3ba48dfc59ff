-- Background work, seen: what waits, runs and has ended, and how far running work has come.

CREATE OR REPLACE FUNCTION recsys_internal.job_rows(
    OUT id bigint, OUT dataset_group text, OUT kind text, OUT name text, OUT resource text, OUT status text, OUT attempts integer,
    OUT priority integer, OUT next_attempt timestamptz, OUT pid integer, OUT created_at timestamptz, OUT started_at timestamptz,
    OUT finished_at timestamptz, OUT sqlstate text, OUT failure_reason text, OUT result jsonb)
RETURNS SETOF record LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 100
AS 'MODULE_PATHNAME', 'recsys_job_rows';
COMMENT ON FUNCTION recsys_internal.job_rows() IS 'the jobs of the dataset groups that the caller may read';

CREATE OR REPLACE VIEW recsys.jobs AS
SELECT id, kind, name, dataset_group, resource, status, attempts, priority, next_attempt, created_at, started_at, finished_at, sqlstate,
    failure_reason, result, pid
FROM recsys_internal.job_rows();
COMMENT ON VIEW recsys.jobs IS
'Background jobs of the dataset groups that the caller may read. status: PENDING (waits for a worker, or until next_attempt after an
attempt that failed), RUNNING, and in the end SUCCEEDED, SKIPPED (there was nothing to do: failure_reason says why), FAILED or STOPPED;
PARKED when the database is a copy or a restored dump of the one the job was made in, until recsys.resume_job. sqlstate and
failure_reason are those of the last attempt; recsys.job_runs shows all attempts. Of the waiting jobs the one with the highest priority
comes first, and among equals the oldest; what happens by itself has priority -10.';
GRANT SELECT ON recsys.jobs TO PUBLIC;

CREATE OR REPLACE FUNCTION recsys_internal.job_run_rows(
    OUT job bigint, OUT attempt integer, OUT dataset_group text, OUT kind text, OUT resource text, OUT status text, OUT pid integer,
    OUT started_at timestamptz, OUT finished_at timestamptz, OUT sqlstate text, OUT reason text)
RETURNS SETOF record LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 100
AS 'MODULE_PATHNAME', 'recsys_job_run_rows';
COMMENT ON FUNCTION recsys_internal.job_run_rows() IS 'the attempts at jobs of the dataset groups that the caller may read';

CREATE OR REPLACE VIEW recsys.job_runs AS
SELECT job, attempt, kind, resource, status, date_trunc('milliseconds', coalesce(finished_at, clock_timestamp()) - started_at) AS took,
    started_at, finished_at, sqlstate, reason, dataset_group, pid
FROM recsys_internal.job_run_rows();
COMMENT ON VIEW recsys.job_runs IS
'The attempts at the jobs of recsys.jobs, one row each, with how it ended: SUCCEEDED, SKIPPED, FAILED, STOPPED, CRASHED (the server
went down) or INTERRUPTED (it was shut down in good order), with sqlstate and reason. Kept for recsys.job_retention.';
GRANT SELECT ON recsys.job_runs TO PUBLIC;

CREATE OR REPLACE FUNCTION recsys.cancel_job(job bigint) RETURNS text
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'recsys_cancel_job';
COMMENT ON FUNCTION recsys.cancel_job(bigint) IS
'Stops a job of recsys.jobs and what it works on. Returns STOPPED for a job that was waiting, and RUNNING for one that runs: its worker
is told when this transaction commits, and the job is STOPPED soon after. Needs the ownership of the group''s schema. Errors: RS001;
55000 when the job has ended.';

CREATE OR REPLACE FUNCTION recsys.resume_job(job bigint) RETURNS text
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'recsys_resume_job';
COMMENT ON FUNCTION recsys.resume_job(bigint) IS
'Lets a waiting job run as soon as a worker is free: one that is PARKED because the database was copied or restored, or one that waits for
its next attempt. Returns PENDING. Needs the ownership of the group''s schema. Errors: RS001; 55000 when the job does not wait.';

CREATE OR REPLACE FUNCTION recsys.set_job_priority(job bigint, priority integer) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'recsys_set_job_priority';
COMMENT ON FUNCTION recsys.set_job_priority(bigint, integer) IS
'Moves a waiting job before or behind others: the highest priority comes first, 0 is usual. Needs the ownership of the group''s schema.
Errors: RS001; 55000 when the job does not wait.';

CREATE OR REPLACE FUNCTION recsys_internal.schedule_rows(
    OUT id bigint, OUT dataset_group text, OUT kind text, OUT resource text, OUT status text, OUT every interval,
    OUT next_due timestamptz, OUT last_run_at timestamptz, OUT last_job bigint, OUT last_status text, OUT last_reason text,
    OUT missed_runs integer, OUT missed_reason text)
RETURNS SETOF record LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 10
AS 'MODULE_PATHNAME', 'recsys_schedule_rows';
COMMENT ON FUNCTION recsys_internal.schedule_rows() IS 'the schedules of the dataset groups that the caller may read';

CREATE OR REPLACE VIEW recsys.schedules AS
SELECT id, kind, dataset_group, resource, status, every, next_due, last_run_at, last_job, last_status, last_reason, missed_runs,
    missed_reason
FROM recsys_internal.schedule_rows();
COMMENT ON VIEW recsys.schedules IS
'What recsys does by itself, for the dataset groups that the caller may read. kind: auto_update (new items come into the deployed model,
see recsys.auto_update_interval) and auto_training (auto_training_interval of a solution). status: ON; PAUSED; OFF while the setting is 0;
PARKED when the database is a copy or a restored dump of the one it was made in, until recsys.resume_schedule. last_status and
last_reason are those of last_job: SKIPPED says why there was nothing to do. Runs that could not take place when they were due are counted
in missed_runs, with the reason of the last; one run at once makes up for all of them.';
GRANT SELECT ON recsys.schedules TO PUBLIC;

CREATE OR REPLACE FUNCTION recsys.pause_schedule(schedule bigint) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'recsys_pause_schedule';
COMMENT ON FUNCTION recsys.pause_schedule(bigint) IS
'Stops a schedule of recsys.schedules until recsys.resume_schedule, for instance because pg_cron takes its place with
recsys.run_automatic_update or recsys.run_automatic_training. Needs the ownership of the group''s schema. Errors: RS001.';

CREATE OR REPLACE FUNCTION recsys.resume_schedule(schedule bigint) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'recsys_resume_schedule';
COMMENT ON FUNCTION recsys.resume_schedule(bigint) IS
'Lets a schedule that is PAUSED or PARKED go on; what came due meanwhile is not made up for. Needs the ownership of the group''s schema.
Errors: RS001.';

CREATE OR REPLACE FUNCTION recsys_internal.running_work(
    OUT pid integer, OUT dataset_group text, OUT kind text, OUT resource text, OUT phase text, OUT done bigint, OUT total bigint,
    OUT loss float8, OUT memory bigint, OUT started_at timestamptz, OUT phase_started_at timestamptz)
RETURNS SETOF record LANGUAGE c VOLATILE PARALLEL RESTRICTED ROWS 2
AS 'MODULE_PATHNAME', 'recsys_running_work';
COMMENT ON FUNCTION recsys_internal.running_work() IS
'long work that runs now in this database for dataset groups that the caller may read, read from shared memory';

CREATE OR REPLACE VIEW recsys.progress AS
SELECT kind, resource, phase,
    '[' || rpad(repeat('#', (20 * share)::integer), 20, '.') || ']' AS bar,
    round((100 * share)::numeric, 1) AS percent,
    done, total,
    round(rate::numeric, 1) AS rate,
    CASE WHEN rate > 0 AND total > 0 THEN date_trunc('second', make_interval(secs => greatest(total - done, 0) / rate)) END AS eta,
    date_trunc('second', clock_timestamp() - started_at) AS elapsed,
    loss,
    pg_size_pretty(memory) AS memory,
    dataset_group, pid
FROM (
    SELECT w.*,
        CASE WHEN total > 0 THEN least(done::float8 / total, 1) END AS share,
        done / nullif(extract(epoch FROM clock_timestamp() - phase_started_at)::float8, 0) AS rate
    FROM recsys_internal.running_work() w
) AS figures;
COMMENT ON VIEW recsys.progress IS
'running trainings, imports, exports and batch work of the dataset groups that the caller may read; done, total, percent, rate (per second) and eta are those of the phase, elapsed is that of the whole work. Made for psql''s \watch. Empty without preloading';
GRANT SELECT ON recsys.progress TO PUBLIC;
