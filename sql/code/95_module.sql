CREATE OR REPLACE FUNCTION recsys.version()
RETURNS text LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'recsys_version';
COMMENT ON FUNCTION recsys.version() IS
'version of the loaded library; when it is newer than pg_extension.extversion, run ALTER EXTENSION recsys UPDATE';
