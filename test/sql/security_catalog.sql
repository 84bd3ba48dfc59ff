-- What keeps the extension's own objects safe, beyond module_catalog. Each query lists offenders, so each answer is empty.
CREATE TEMP VIEW member AS
SELECT classid, objid FROM pg_depend
WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e' AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'recsys');
CREATE TEMP VIEW relation AS
SELECT c.*, c.oid::regclass AS name FROM pg_class c JOIN member m ON m.classid = 'pg_class'::regclass AND m.objid = c.oid;

-- everything belongs to the owner of the extension
SELECT name FROM relation WHERE relowner <> (SELECT extowner FROM pg_extension WHERE extname = 'recsys') ORDER BY 1;
SELECT p.oid::regprocedure FROM pg_proc p JOIN member m ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid
WHERE proowner <> (SELECT extowner FROM pg_extension WHERE extname = 'recsys') ORDER BY 1;
-- the rights of functions are checked inside: no role is named in a grant, and everyone may do no more than call, look and use
SELECT p.oid::regprocedure, proacl FROM pg_proc p JOIN member m ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid,
aclexplode(proacl) a WHERE a.grantee NOT IN (0, proowner) ORDER BY 1;
SELECT name, a.privilege_type FROM relation, aclexplode(relacl) a
WHERE a.grantee <> relowner AND NOT (relkind = 'v' AND relnamespace = 'recsys'::regnamespace AND a.privilege_type = 'SELECT') ORDER BY 1, 2;
SELECT nspname, a.privilege_type FROM pg_namespace, aclexplode(nspacl) a
WHERE nspname IN ('recsys', 'recsys_internal') AND a.grantee <> nspowner AND NOT (nspname = 'recsys' AND a.privilege_type = 'USAGE') ORDER BY 1, 2;
-- a view would read the internal tables with its owner's rights: none does; they stand over functions that check the caller
SELECT DISTINCT v.name AS view, t.oid::regclass AS reads FROM relation v JOIN pg_rewrite r ON r.ev_class = v.oid
JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND d.refclassid = 'pg_class'::regclass
JOIN pg_class t ON t.oid = d.refobjid AND t.relkind IN ('r', 'p', 'm')
WHERE v.relkind = 'v' AND v.relnamespace = 'recsys'::regnamespace ORDER BY 1, 2;
-- no SQL body does either
SELECT p.oid::regprocedure, t.oid::regclass AS reads FROM pg_proc p JOIN member m ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid
JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.refclassid = 'pg_class'::regclass
JOIN pg_class t ON t.oid = d.refobjid AND t.relkind IN ('r', 'p', 'm') ORDER BY 1, 2;
-- pg_upgrade keeps these types and refuses the other reg* types
SELECT name, attname, atttypid::regtype FROM relation JOIN pg_attribute ON attrelid = oid
WHERE attnum > 0 AND atttypid::regtype::text LIKE 'reg%' AND atttypid::regtype::text NOT IN ('regclass', 'regrole', 'regtype') AND relkind = 'r' ORDER BY 1, 2;
-- no triggers, rules or event triggers that run in other people's statements, and no objects of other kinds
SELECT t.tgname, tgrelid::regclass FROM pg_trigger t JOIN relation r ON r.oid = t.tgrelid WHERE NOT tgisinternal ORDER BY 1;
SELECT classid::regclass, count(*) FROM member
WHERE classid NOT IN ('pg_class'::regclass, 'pg_proc'::regclass, 'pg_namespace'::regclass, 'pg_type'::regclass) GROUP BY 1 ORDER BY 1::text;
-- internal tables refer to one another so that deleting a group leaves nothing behind
SELECT name FROM relation WHERE relkind = 'r' AND name NOT IN ('recsys_internal.epoch'::regclass, 'recsys_internal.dataset_group'::regclass,
    'recsys_internal.schema_document'::regclass, 'recsys_internal.secret'::regclass, 'recsys_internal.home'::regclass)
  AND NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = relation.oid AND contype = 'f' AND confdeltype = 'c') ORDER BY 1;
