-- Work to be done by background workers: the table is the truth, memory only wakes. Finished jobs stay as history.
CREATE TABLE recsys_internal.job (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    group_id bigint NOT NULL REFERENCES recsys_internal.dataset_group ON DELETE CASCADE,
    kind text NOT NULL,                             -- 'train', 'import', 'export', …: the name of a handler
    name text,                                      -- the user's name of the job, where it has one
    resource_id bigint,                             -- what it works on: a solution version, a dataset
    config jsonb NOT NULL DEFAULT '{}',
    status text NOT NULL DEFAULT 'PENDING' CHECK (status IN ('PENDING', 'RUNNING', 'SUCCEEDED', 'FAILED', 'STOPPED')),
    stop_requested boolean NOT NULL DEFAULT false,
    attempts integer NOT NULL DEFAULT 0,
    pid integer,                                    -- of the worker while RUNNING
    worker_started_at timestamptz,                  -- with pid: identifies the worker process
    sqlstate text,
    failure_reason text,
    result jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    finished_at timestamptz
);
CREATE UNIQUE INDEX ON recsys_internal.job (group_id, kind, name) WHERE name IS NOT NULL;
CREATE INDEX ON recsys_internal.job (status) WHERE status IN ('PENDING', 'RUNNING');

SELECT pg_extension_config_dump('recsys_internal.job', '');
SELECT pg_extension_config_dump('recsys_internal.job_id_seq', '');
