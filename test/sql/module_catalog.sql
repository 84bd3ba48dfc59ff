-- What every object of the extension must satisfy. Each query lists offenders, so each answer is empty.
CREATE TEMP VIEW member AS
SELECT classid, objid FROM pg_depend
WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e' AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'recsys');
CREATE TEMP VIEW function AS
SELECT p.*, p.oid::regprocedure AS signature, l.lanname, n.nspname FROM pg_proc p JOIN member m ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid
JOIN pg_language l ON l.oid = p.prolang JOIN pg_namespace n ON n.oid = p.pronamespace;
CREATE TEMP VIEW relation AS
SELECT c.*, c.oid::regclass AS name FROM pg_class c JOIN member m ON m.classid = 'pg_class'::regclass AND m.objid = c.oid;

-- nothing runs with the rights of its creator
SELECT signature FROM function WHERE prosecdef ORDER BY 1;
-- SQL functions are parsed at creation: no search_path can change their meaning; other languages are not used
SELECT signature, lanname FROM function WHERE lanname NOT IN ('c', 'sql') OR (lanname = 'sql' AND prosqlbody IS NULL) ORDER BY 1;
-- C functions come from one library, under the name of the function
SELECT signature, probin, prosrc FROM function
WHERE lanname = 'c' AND (probin <> '$libdir/recsys' OR prosrc NOT LIKE 'recsys\_%') ORDER BY 1;
-- the internal schema is closed, and no table grants anything to everyone
SELECT nspname, nspacl FROM pg_namespace WHERE nspname = 'recsys_internal' AND nspacl::text ~ '[{,]=';
SELECT name, relacl FROM relation WHERE relnamespace = 'recsys_internal'::regnamespace AND relacl::text ~ '[{,]=' ORDER BY 1;
-- members live in the two schemas only
SELECT name FROM relation WHERE relnamespace NOT IN ('recsys'::regnamespace, 'recsys_internal'::regnamespace) ORDER BY 1;
SELECT signature FROM function WHERE nspname NOT IN ('recsys', 'recsys_internal') ORDER BY 1;
-- pg_dump carries every table and identity sequence; the epoch table has no data of its own
SELECT name FROM relation
WHERE relkind IN ('r', 'S') AND relpersistence = 'p' AND name <> 'recsys_internal.epoch'::regclass
  AND oid <> ALL ((SELECT extconfig FROM pg_extension WHERE extname = 'recsys')::oid[]) ORDER BY 1;
-- everything a user meets is documented
SELECT signature FROM function WHERE nspname = 'recsys' AND obj_description(oid, 'pg_proc') IS NULL ORDER BY 1;
SELECT name FROM relation
WHERE relnamespace = 'recsys'::regnamespace AND obj_description(oid, 'pg_class') IS NULL ORDER BY 1;
-- nothing that writes claims to be safe in a parallel worker
SELECT signature FROM function WHERE provolatile = 'v' AND proparallel = 's' ORDER BY 1;
-- serving is STABLE and stays with the leader
SELECT signature, provolatile, proparallel FROM function
WHERE proname IN ('get_recommendations', 'get_personalized_ranking', 'get_action_recommendations')
  AND (provolatile <> 's' OR proparallel <> 'r') ORDER BY 1;
-- set-returning C functions tell the planner how much to expect
SELECT signature FROM function WHERE proretset AND prorows = 0 ORDER BY 1;
