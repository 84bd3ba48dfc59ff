-- Experiments. Who is in which arm is computed, not stored: from a hash of the user, and the weights that held when the user was first
-- exposed. Only assignments that come from elsewhere are rows.
CREATE TABLE recsys_internal.experiment (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    group_id bigint NOT NULL REFERENCES recsys_internal.dataset_group ON DELETE CASCADE,
    name text NOT NULL,
    arms jsonb NOT NULL,                            -- [{"name", "campaign" | "source" | "function" | nothing}]; the first is the control
    conversion_event_type text NOT NULL,
    exposure_event_type text,                       -- null: any event
    measure text NOT NULL CHECK (measure IN ('users', 'events', 'value')),
    expected_lift float8 NOT NULL,
    measure_from timestamptz NOT NULL,              -- what was before is the run-in
    status text NOT NULL DEFAULT 'ACTIVE' CHECK (status IN ('ACTIVE', 'STOPPED')),
    stopped_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (group_id, name)
);

CREATE TABLE recsys_internal.experiment_weights (
    experiment_id bigint NOT NULL REFERENCES recsys_internal.experiment ON DELETE CASCADE,
    since timestamptz NOT NULL,
    weights jsonb NOT NULL,                         -- {arm: weight}
    PRIMARY KEY (experiment_id, since)
);

CREATE TABLE recsys_internal.experiment_assignment (
    experiment_id bigint NOT NULL REFERENCES recsys_internal.experiment ON DELETE CASCADE,
    user_id text NOT NULL,
    arm text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (experiment_id, user_id)
);

-- Metric attribution: which figures are kept by the source of events. The figures themselves are computed from the events when asked for.
CREATE TABLE recsys_internal.metric_attribution (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    group_id bigint NOT NULL UNIQUE REFERENCES recsys_internal.dataset_group ON DELETE CASCADE,
    name text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE recsys_internal.attributed_metric (
    attribution_id bigint NOT NULL REFERENCES recsys_internal.metric_attribution ON DELETE CASCADE,
    name text NOT NULL,
    event_type text NOT NULL,
    math_function text NOT NULL CHECK (math_function IN ('SUM', 'SAMPLECOUNT')),
    dataset text CHECK (dataset IN ('interactions', 'items')),
    column_name text,                               -- of the dataset; both are null for SAMPLECOUNT
    created_at timestamptz NOT NULL DEFAULT now(),  -- events before do not count
    PRIMARY KEY (attribution_id, name),
    CHECK ((dataset IS NULL) = (math_function = 'SAMPLECOUNT') AND (dataset IS NULL) = (column_name IS NULL))
);

SELECT pg_extension_config_dump('recsys_internal.metric_attribution', '');
SELECT pg_extension_config_dump('recsys_internal.metric_attribution_id_seq', '');
SELECT pg_extension_config_dump('recsys_internal.attributed_metric', '');
-- Groups that are watched: what recsys.health finds, since when; and the traffic of their campaigns beyond what memory keeps.
CREATE TABLE recsys_internal.watch (
    group_id bigint PRIMARY KEY REFERENCES recsys_internal.dataset_group ON DELETE CASCADE,
    retrain_on_drift boolean NOT NULL,
    delete_idle_after interval,                     -- null: never
    adjust_floor boolean NOT NULL
);

CREATE TABLE recsys_internal.finding (
    group_id bigint NOT NULL REFERENCES recsys_internal.dataset_group ON DELETE CASCADE,
    object text NOT NULL,
    finding text NOT NULL,
    severity text NOT NULL,
    evidence text,
    since timestamptz NOT NULL,
    PRIMARY KEY (group_id, object, finding)
);

CREATE TABLE recsys_internal.campaign_period (
    campaign_id bigint NOT NULL REFERENCES recsys_internal.campaign ON DELETE CASCADE,
    period_start timestamptz NOT NULL,
    calls bigint NOT NULL,
    floor float8 NOT NULL,                          -- min_provisioned_tps at the time
    PRIMARY KEY (campaign_id, period_start)
);

SELECT pg_extension_config_dump('recsys_internal.watch', '');
SELECT pg_extension_config_dump('recsys_internal.finding', '');
SELECT pg_extension_config_dump('recsys_internal.campaign_period', '');
SELECT pg_extension_config_dump('recsys_internal.experiment', '');
SELECT pg_extension_config_dump('recsys_internal.experiment_id_seq', '');
SELECT pg_extension_config_dump('recsys_internal.experiment_weights', '');
SELECT pg_extension_config_dump('recsys_internal.experiment_assignment', '');
