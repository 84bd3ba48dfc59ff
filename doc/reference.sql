-- Prints the reference manual (doc/reference.md) from the extension's own catalog entries: psql -XAtq -f doc/reference.sql
\pset pager off
SELECT E'# Reference\n\nGenerated from the comments in the database by `make reference`; `\\df+ recsys.*` shows the same in psql.\n';

CREATE TEMP TABLE function AS
SELECT p.proname, p.oid::regprocedure::text AS signature, obj_description(p.oid, 'pg_proc') AS comment,
	regexp_replace(pg_get_function_arguments(p.oid), '::[a-z ]+(\[\])?', '', 'g') AS arguments, pg_get_function_result(p.oid) AS result, p.prokind,
	CASE p.provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END AS volatility
FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
	JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND e.extname = 'recsys'
WHERE p.pronamespace = 'recsys'::regnamespace;

SELECT E'## Functions\n';
SELECT string_agg(format('[%s](#%s)', proname, proname), ' · ' ORDER BY proname COLLATE "C") || E'\n'
FROM (SELECT DISTINCT proname FROM function) AS names;
SELECT E'### ' || proname || E'\n\n' || string_agg(
	E'```sql\nrecsys.' || proname || '(' ||
	CASE WHEN length(arguments) > 90 THEN E'\n    ' || regexp_replace(arguments, ', (?=(?:OUT |VARIADIC )?[a-z_]+ [a-z])', E',\n    ', 'g') || E'\n' ELSE arguments END ||
	E')\n' || CASE WHEN prokind = 'p' THEN '' ELSE '→ ' || result || E'\n' END || E'```\n\n' ||
	regexp_replace(replace(comment, '*', '\*'), E'([^\n])\n(?=  \\S|[a-z_, ]{1,60}: |Errors: )', E'\\1  \n', 'g') || ' *(' || volatility || ')*', E'\n\n' ORDER BY length(signature), signature COLLATE "C") || E'\n'
FROM function GROUP BY proname ORDER BY proname COLLATE "C";

SELECT E'## Views\n';
SELECT E'### ' || c.relname || E'\n\n' || obj_description(c.oid, 'pg_class') || E'\n\n| column | type |\n|---|---|\n' ||
	(SELECT string_agg('| `' || attname || '` | ' || format_type(atttypid, atttypmod) || ' |', E'\n' ORDER BY attnum)
		FROM pg_attribute a WHERE a.attrelid = c.oid AND attnum > 0 AND NOT attisdropped) || E'\n'
FROM pg_class c JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
	JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND e.extname = 'recsys'
WHERE c.relnamespace = 'recsys'::regnamespace AND c.relkind IN ('v', 'r') ORDER BY c.relname COLLATE "C";

SELECT E'## Settings\n\n| setting | default | who may change it | meaning |\n|---|---|---|---|';
SELECT string_agg(format('| `%s` | %s%s | %s | %s%s |', name, boot_val, coalesce(' ' || unit, ''),
	CASE context WHEN 'user' THEN 'anybody' WHEN 'superuser' THEN 'superusers' WHEN 'sighup' THEN 'configuration, reload'
		WHEN 'postmaster' THEN 'configuration, restart' ELSE context END,
	short_desc, coalesce(' ' || extra_desc, '')), E'\n' ORDER BY name COLLATE "C")
FROM pg_settings WHERE name LIKE 'recsys.%';
