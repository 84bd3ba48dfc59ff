-- Keys that sign what the extension hands out. Made anew by every CREATE EXTENSION and not dumped: who can read a dump should
-- not be able to forge, and a recommendation id older than a restore is simply not recognized.
CREATE TABLE recsys_internal.secret (
    purpose text PRIMARY KEY,
    key bytea NOT NULL
);
INSERT INTO recsys_internal.secret
VALUES ('recommendation_id', sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())));

SELECT pg_extension_config_dump('recsys_internal.secret', 'WHERE false');
