-- Background work, seen: what waits, runs and has ended, and how far running work has come.

CREATE OR REPLACE FUNCTION recsys_internal.job_rows(
    OUT id bigint, OUT dataset_group text, OUT kind text, OUT name text, OUT resource text, OUT status text, OUT attempts integer,
    OUT pid integer, OUT created_at timestamptz, OUT started_at timestamptz, OUT finished_at timestamptz, OUT sqlstate text,
    OUT failure_reason text, OUT result jsonb)
RETURNS SETOF record LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 100
AS 'MODULE_PATHNAME', 'recsys_job_rows';
COMMENT ON FUNCTION recsys_internal.job_rows() IS 'the jobs of the dataset groups that the caller may read';

CREATE OR REPLACE VIEW recsys.jobs AS
SELECT id, kind, name, dataset_group, resource, status, attempts, created_at, started_at, finished_at, sqlstate, failure_reason,
    result, pid
FROM recsys_internal.job_rows();
COMMENT ON VIEW recsys.jobs IS
'background jobs of the dataset groups that the caller may read: waiting (PENDING), RUNNING, and ended (SUCCEEDED, FAILED with sqlstate and failure_reason, STOPPED)';
GRANT SELECT ON recsys.jobs TO PUBLIC;

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
'running trainings, imports and exports of the dataset groups that the caller may read; done, total, percent, rate (per second) and eta are those of the phase, elapsed is that of the whole work. Made for psql''s \watch. Empty without preloading';
GRANT SELECT ON recsys.progress TO PUBLIC;
