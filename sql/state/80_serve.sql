-- Keys that sign what the extension hands out. Made anew by every CREATE EXTENSION and not dumped: who can read a dump should
-- not be able to forge, and a recommendation id older than a restore is simply not recognized.
CREATE TABLE recsys_internal.secret (
    purpose text PRIMARY KEY,
    key bytea NOT NULL
);
INSERT INTO recsys_internal.secret
VALUES ('recommendation_id', sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())));

-- What a batch job works on: its lines as they were when it began, and what was answered so far. A part is answered in one
-- transaction, so a job goes on where it was cut off; the output is written at the end, from all parts, in one more.
CREATE TABLE recsys_internal.batch_part (
    job_id bigint NOT NULL REFERENCES recsys_internal.job ON DELETE CASCADE,
    part integer NOT NULL,
    source text NOT NULL,                           -- the name of a file; '' of a relation
    lines integer NOT NULL,                         -- how many it asks
    input bytea NOT NULL,                           -- text; emptied when it is answered
    output bytea,                                   -- as many lines; null until then
    failed integer NOT NULL DEFAULT 0,              -- how many of them are errors
    PRIMARY KEY (job_id, part)
);

SELECT pg_extension_config_dump('recsys_internal.secret', 'WHERE false');
SELECT pg_extension_config_dump('recsys_internal.batch_part', '');
