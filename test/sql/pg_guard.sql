-- The door between C++ exceptions and PostgreSQL's errors, through a test library whose functions fail in every way.
CREATE SCHEMA guard;
SET search_path = guard;
CREATE FUNCTION guard_objects() RETURNS bigint LANGUAGE c AS 'recsys_guard', 'recsys_guard_objects';
CREATE FUNCTION guard_threads() RETURNS bigint LANGUAGE c AS 'recsys_guard', 'recsys_guard_threads';
CREATE FUNCTION guard_fail(how text) RETURNS text LANGUAGE c AS 'recsys_guard', 'recsys_guard_fail';
CREATE FUNCTION guard_survive(how text) RETURNS text LANGUAGE c AS 'recsys_guard', 'recsys_guard_survive';
CREATE FUNCTION guard_compute(threads integer) RETURNS text LANGUAGE c AS 'recsys_guard', 'recsys_guard_compute';
CREATE FUNCTION guard_compute_stopped() RETURNS text LANGUAGE c AS 'recsys_guard', 'recsys_guard_compute_stopped';
CREATE FUNCTION guard_compute_fails(threads integer) RETURNS text LANGUAGE c AS 'recsys_guard', 'recsys_guard_compute_fails';
CREATE FUNCTION guard_compute_sum(threads integer, n bigint) RETURNS bigint LANGUAGE c AS 'recsys_guard', 'recsys_guard_compute_sum';
CREATE TABLE guard_log (line text);

-- PL/pgSQL shows every part of an error, whatever the server's source lines are.
CREATE FUNCTION parts(statement text) RETURNS TABLE (state text, message text, detail text, hint text, context text, objects bigint)
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE statement;
    message := 'no error';
    RETURN NEXT;
EXCEPTION WHEN OTHERS OR query_canceled OR assert_failure THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL,
        hint = PG_EXCEPTION_HINT, context = PG_EXCEPTION_CONTEXT;
    context := regexp_replace(context, '\s*PL/pgSQL function parts.*', '');
    objects := guard_objects();
    RETURN NEXT;
END $$;
\x on
-- from C++ to PostgreSQL
SELECT * FROM parts($$SELECT guard_fail('error')$$);
SELECT * FROM parts($$SELECT guard_fail('bad_alloc')$$);
SELECT * FROM parts($$SELECT guard_fail('exception')$$);
SELECT * FROM parts($$SELECT guard_fail('foreign')$$);
-- from PostgreSQL through C++ to PostgreSQL
SELECT * FROM parts($$SELECT guard_fail('postgres')$$);
SELECT * FROM parts($$SELECT guard_fail('SELECT 1/0')$$);
SELECT * FROM parts($$SELECT guard_fail('SELECT * FROM nowhere')$$);
SELECT * FROM parts($$SELECT guard_fail(NULL)$$);
-- nested: every frame adds its context and loses nothing
SELECT * FROM parts($$SELECT guard.guard_fail($a$SELECT guard.guard_fail('error')$a$)$$);
SELECT * FROM parts($$SELECT guard.guard_fail($a$SELECT guard.guard_fail($b$SELECT guard.guard_fail('postgres')$b$)$a$)$$);
\x off

-- a survived failure: reported in full, its subtransaction undone, the session as usable as before
SELECT guard_survive('error');
SELECT guard_survive('postgres');
SELECT guard_survive('SELECT 1/0');
SELECT guard_survive('foreign');
SELECT guard_survive('SELECT 1');
SELECT * FROM guard_log;
SELECT guard_objects();

-- threads: results, exceptions, stops; none is left
SELECT guard_compute_sum(1, 1000), guard_compute_sum(4, 1000), guard_compute_sum(4, 0), guard_compute_sum(0, 10);
\x on
SELECT * FROM parts($$SELECT guard_compute_fails(1)$$);
SELECT * FROM parts($$SELECT guard_compute_fails(4)$$);
SELECT * FROM parts($$SELECT guard_compute_stopped()$$);
SET statement_timeout = '200ms';
SELECT * FROM parts($$SELECT guard_compute(3)$$);
RESET statement_timeout;
\x off
SELECT guard_objects(), guard_threads();
SET client_min_messages = warning;
DROP SCHEMA guard CASCADE;
