-- Work to be done by background workers: the tables are the truth, memory only wakes.

-- Which database these tables live in. A copy (CREATE DATABASE … TEMPLATE) finds itself in another one and takes a new id; a
-- dump does not carry the row, so a restored database has an id of its own. Jobs and schedules note the id they belong to;
-- those of another home wait until their owner wants them here too.
CREATE TABLE recsys_internal.home (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    system text NOT NULL,                           -- system identifier: pg_upgrade brings the database, with its oid, to another
    database oid NOT NULL
);
INSERT INTO recsys_internal.home (system, database)
SELECT s.system_identifier, d.oid FROM pg_control_system() AS s, pg_database AS d WHERE d.datname = current_database();

CREATE TABLE recsys_internal.job (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    group_id bigint NOT NULL REFERENCES recsys_internal.dataset_group ON DELETE CASCADE,
    kind text NOT NULL,                             -- 'train', 'import', 'export', …: the name of a handler
    name text,                                      -- the user's name of the job, where it has one
    resource_id bigint,                             -- what it works on: a solution version, a dataset, a solution
    config jsonb NOT NULL DEFAULT '{}',
    priority integer NOT NULL DEFAULT 0,            -- higher first
    home uuid,                                      -- null for work that was done in its session
    status text NOT NULL DEFAULT 'PENDING' CHECK (status IN ('PENDING', 'RUNNING', 'SUCCEEDED', 'SKIPPED', 'FAILED', 'STOPPED')),
    stop_requested boolean NOT NULL DEFAULT false,
    attempts integer NOT NULL DEFAULT 0,
    crashes integer NOT NULL DEFAULT 0,             -- attempts during which the server went down
    not_before timestamptz,                         -- while PENDING: when the next attempt may begin
    pid integer,                                    -- of the worker while RUNNING
    worker_started_at timestamptz,                  -- with pid: identifies the worker process
    told_to_exit boolean NOT NULL DEFAULT false,    -- while RUNNING: its worker was terminated in good order, which is no crash
    sqlstate text,                                  -- of the last attempt
    failure_reason text,
    result jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    finished_at timestamptz
);
CREATE UNIQUE INDEX ON recsys_internal.job (group_id, kind, name) WHERE name IS NOT NULL;
CREATE INDEX ON recsys_internal.job (status) WHERE status IN ('PENDING', 'RUNNING');
CREATE INDEX ON recsys_internal.job (finished_at);

-- The attempts of jobs, one row each.
CREATE TABLE recsys_internal.job_run (
    job_id bigint NOT NULL REFERENCES recsys_internal.job ON DELETE CASCADE,
    attempt integer NOT NULL,
    status text NOT NULL DEFAULT 'RUNNING' CHECK (status IN ('RUNNING', 'SUCCEEDED', 'SKIPPED', 'FAILED', 'STOPPED', 'CRASHED',
        'INTERRUPTED')),
    pid integer NOT NULL,
    sqlstate text,
    reason text,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at timestamptz,
    PRIMARY KEY (job_id, attempt)
);

-- What is done again and again: when it is due, a job of this kind is created for the resource.
CREATE TABLE recsys_internal.schedule (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    group_id bigint NOT NULL REFERENCES recsys_internal.dataset_group ON DELETE CASCADE,
    kind text NOT NULL,                             -- of the jobs
    resource_id bigint NOT NULL,
    every interval,                                 -- null: as the setting of its kind says
    next_due timestamptz NOT NULL,
    paused boolean NOT NULL DEFAULT false,
    home uuid NOT NULL,
    last_run_at timestamptz,
    last_job_id bigint REFERENCES recsys_internal.job ON DELETE SET NULL,
    missed_runs integer NOT NULL DEFAULT 0,
    missed_reason text,                             -- of the last that were missed
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (kind, resource_id)
);
CREATE INDEX ON recsys_internal.schedule (next_due);

SELECT pg_extension_config_dump('recsys_internal.home', 'WHERE false');
SELECT pg_extension_config_dump('recsys_internal.job', '');
SELECT pg_extension_config_dump('recsys_internal.job_id_seq', '');
SELECT pg_extension_config_dump('recsys_internal.job_run', '');
SELECT pg_extension_config_dump('recsys_internal.schedule', '');
SELECT pg_extension_config_dump('recsys_internal.schedule_id_seq', '');
