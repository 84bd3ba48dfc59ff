-- Trained models. A revision is a list of sections; sections are stored by hash, so that a later revision of the same version
-- writes only the sections that changed.
CREATE TABLE recsys_internal.model_revision (
    version_id bigint NOT NULL REFERENCES recsys_internal.solution_version ON DELETE CASCADE,
    revision integer NOT NULL,
    content_hash text NOT NULL,                     -- of the whole artifact, 32 hexadecimal digits
    recipe text NOT NULL,
    sections jsonb NOT NULL,                        -- [{"name", "hash", "size"}], in order
    bytes bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (version_id, revision)
);

CREATE TABLE recsys_internal.model_chunk (
    version_id bigint NOT NULL REFERENCES recsys_internal.solution_version ON DELETE CASCADE,
    section_hash text NOT NULL,
    chunk integer NOT NULL,
    data bytea NOT NULL,                            -- at most 1 MB
    PRIMARY KEY (version_id, section_hash, chunk)
);
ALTER TABLE recsys_internal.model_chunk ALTER COLUMN data SET STORAGE EXTERNAL;

SELECT pg_extension_config_dump('recsys_internal.model_revision', '');
SELECT pg_extension_config_dump('recsys_internal.model_chunk', '');
