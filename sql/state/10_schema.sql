-- The two schemas: recsys is the interface, recsys_internal holds the extension's own tables and grants nothing to anyone.
CREATE SCHEMA recsys;
CREATE SCHEMA recsys_internal;
REVOKE ALL ON SCHEMA recsys_internal FROM PUBLIC;
GRANT USAGE ON SCHEMA recsys TO PUBLIC;
COMMENT ON SCHEMA recsys IS 'recommender system: functions and views for applications, analysts and administrators';
COMMENT ON SCHEMA recsys_internal IS 'recsys: internal tables, reached through the functions of schema recsys only';
