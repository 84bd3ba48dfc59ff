-- Resources and their life cycle. There is no owner column: a resource belongs to the owner of its group's schema.
-- Ids are never reused; deleting a group takes everything of it along.

-- Its row is never changed: a relcache invalidation of this table tells every backend, standbys included, that cached
-- catalog entries are out of date.
CREATE TABLE recsys_internal.epoch (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton)
);

-- Which schema a name means now: "<system identifier>.<oid>", the oid 0 when there is none. It is declared IMMUTABLE for the
-- generated column below alone, which is computed when a group is made and again when a dump is restored (pg_dump carries
-- no generated columns), and never when something else of the group changes.
CREATE OR REPLACE FUNCTION recsys_internal.schema_identity(schema_name text)
RETURNS text LANGUAGE c IMMUTABLE STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'recsys_schema_identity';

CREATE TABLE recsys_internal.dataset_group (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    domain text CHECK (domain IN ('ECOMMERCE', 'VIDEO_ON_DEMAND')),
    schema_name name NOT NULL UNIQUE,
    -- A later schema of the same name is somebody else's, see Group in catalog/catalog.hpp.
    schema_identity text NOT NULL GENERATED ALWAYS AS (recsys_internal.schema_identity(schema_name::text)) STORED,
    schema_made boolean NOT NULL DEFAULT true,      -- by recsys, which drops it with the group if nothing else lies in it
    tags jsonb NOT NULL DEFAULT '{}',
    status text NOT NULL DEFAULT 'ACTIVE',
    failure_reason text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

-- Avro documents belong to no group; each is visible to the role that made it.
CREATE TABLE recsys_internal.schema_document (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner regrole NOT NULL,
    name text NOT NULL,
    domain text CHECK (domain IN ('ECOMMERCE', 'VIDEO_ON_DEMAND')),
    dataset_type text NOT NULL,
    definition jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (owner, name)
);

CREATE TABLE recsys_internal.dataset (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    group_id bigint NOT NULL REFERENCES recsys_internal.dataset_group ON DELETE CASCADE,
    type text NOT NULL CHECK (type IN ('interactions', 'items', 'users', 'actions', 'action_interactions')),
    -- The fields beyond the fixed ones, in column order: [{"name", "type", "role", "nullable"}], see catalog/dataset.hpp.
    fields jsonb NOT NULL DEFAULT '[]',
    mapped boolean NOT NULL DEFAULT false,
    -- Id types by fixed column, such as {"user_id": "bigint", "item_id": "text"}.
    id_types jsonb NOT NULL DEFAULT '{}',
    schema_document_id bigint REFERENCES recsys_internal.schema_document,   -- when made from an Avro document
    table_made boolean NOT NULL DEFAULT true,       -- by recsys, which drops it with the dataset; false: an adopted table
    bulk_imported boolean NOT NULL DEFAULT false,
    status text NOT NULL DEFAULT 'ACTIVE',
    failure_reason text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (group_id, type)
);

-- The relations behind a mapped dataset. `columns` maps fixed columns and fields to a column name,
-- {"column": name, "epoch": "s" | "ms"} or {"constant": value}.
CREATE TABLE recsys_internal.dataset_source (
    dataset_id bigint NOT NULL REFERENCES recsys_internal.dataset ON DELETE CASCADE,
    position integer NOT NULL,
    source regclass NOT NULL,
    columns jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (dataset_id, position)
);

CREATE TABLE recsys_internal.event_tracker (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    group_id bigint NOT NULL UNIQUE REFERENCES recsys_internal.dataset_group ON DELETE CASCADE,
    name text NOT NULL,
    tracking_id uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
    status text NOT NULL DEFAULT 'ACTIVE',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE recsys_internal.solution (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    group_id bigint NOT NULL REFERENCES recsys_internal.dataset_group ON DELETE CASCADE,
    name text NOT NULL,
    recipe text NOT NULL,
    event_type text,
    event_value_threshold float8,
    negative_event_types text[] NOT NULL DEFAULT '{}',
    hyperparameters jsonb NOT NULL DEFAULT '{}',    -- complete: defaults filled in
    config jsonb NOT NULL DEFAULT '{}',             -- the other arguments of create_solution, as given
    keep_versions integer NOT NULL DEFAULT 3,       -- ACTIVE versions that stay when another is trained; 0: all
    last_version integer NOT NULL DEFAULT 0,
    status text NOT NULL DEFAULT 'ACTIVE',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (group_id, name)
);

CREATE TABLE recsys_internal.solution_version (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    solution_id bigint NOT NULL REFERENCES recsys_internal.solution ON DELETE CASCADE,
    number integer NOT NULL,
    status text NOT NULL DEFAULT 'CREATE PENDING' CHECK (status IN ('CREATE PENDING', 'CREATE IN_PROGRESS', 'ACTIVE',
        'CREATE FAILED', 'CREATE STOPPING', 'CREATE STOPPED')),
    failure_reason text,
    training_mode text NOT NULL DEFAULT 'FULL',
    training_type text NOT NULL DEFAULT 'MANUAL',
    updated_from integer,                           -- UPDATE: number of the version whose model was updated
    config jsonb NOT NULL DEFAULT '{}',             -- the solution as it was when this version was asked for
    metrics jsonb,                                  -- [{"metric", "value"}], in order
    tuning jsonb,                                   -- what a search for settings found, see train/tuning.hpp
    members jsonb,                                  -- [{"member", "weight", "ndcg"}] of a blend
    data_mark jsonb,                                -- tells data that came later from those it was trained on
    latest_update jsonb,                            -- of automatic updates: {"revision", "new_items", "updated_at", "data_mark"}
    data_summary jsonb,                             -- counts of what it was trained on
    wall_seconds float8,
    cpu_seconds float8,
    peak_memory bigint,                             -- bytes
    started_at timestamptz,
    finished_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (solution_id, number)
);

CREATE TABLE recsys_internal.campaign (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    group_id bigint NOT NULL REFERENCES recsys_internal.dataset_group ON DELETE CASCADE,
    name text NOT NULL,
    solution_id bigint NOT NULL REFERENCES recsys_internal.solution,
    version_id bigint REFERENCES recsys_internal.solution_version,          -- what serves
    pending_version_id bigint REFERENCES recsys_internal.solution_version,  -- deployed as soon as it is ACTIVE
    sync_with_latest boolean NOT NULL DEFAULT false,
    recommender boolean NOT NULL DEFAULT false,     -- made with its solution, by create_recommender; they share one name space
    config jsonb NOT NULL DEFAULT '{}',
    min_provisioned_tps integer NOT NULL DEFAULT 1,
    status text NOT NULL DEFAULT 'ACTIVE',
    failure_reason text,
    latest_update jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (group_id, name)
);
CREATE INDEX ON recsys_internal.campaign (solution_id);

-- A filter's text is all there is: it is compiled anew by each session that uses it.
CREATE TABLE recsys_internal.filter (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    group_id bigint NOT NULL REFERENCES recsys_internal.dataset_group ON DELETE CASCADE,
    name text NOT NULL,
    expression text NOT NULL,
    status text NOT NULL DEFAULT 'ACTIVE',
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (group_id, name)
);

INSERT INTO recsys_internal.epoch DEFAULT VALUES;

SELECT pg_extension_config_dump('recsys_internal.dataset_group', '');
SELECT pg_extension_config_dump('recsys_internal.dataset_group_id_seq', '');
SELECT pg_extension_config_dump('recsys_internal.schema_document', '');
SELECT pg_extension_config_dump('recsys_internal.schema_document_id_seq', '');
SELECT pg_extension_config_dump('recsys_internal.dataset', '');
SELECT pg_extension_config_dump('recsys_internal.dataset_id_seq', '');
SELECT pg_extension_config_dump('recsys_internal.dataset_source', '');
SELECT pg_extension_config_dump('recsys_internal.event_tracker', '');
SELECT pg_extension_config_dump('recsys_internal.event_tracker_id_seq', '');
SELECT pg_extension_config_dump('recsys_internal.solution', '');
SELECT pg_extension_config_dump('recsys_internal.solution_id_seq', '');
SELECT pg_extension_config_dump('recsys_internal.solution_version', '');
SELECT pg_extension_config_dump('recsys_internal.solution_version_id_seq', '');
SELECT pg_extension_config_dump('recsys_internal.campaign', '');
SELECT pg_extension_config_dump('recsys_internal.campaign_id_seq', '');
SELECT pg_extension_config_dump('recsys_internal.filter', '');
SELECT pg_extension_config_dump('recsys_internal.filter_id_seq', '');
