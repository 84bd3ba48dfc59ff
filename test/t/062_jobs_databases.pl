# Many databases, hostile owners, and many workers at once.
use strict;
use warnings;

use JobsNode;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = JobsNode->new('databases');
$node->init;
$node->append_conf('postgresql.conf', "recsys.max_workers = 8\nmax_worker_processes = 24");
$node->start;

# ---- databases come and go while the launcher lives
$node->safe_psql('postgres', 'CREATE DATABASE one');
$node->shop('one');
my $job = $node->job('{"seconds": 0}', 'one');
$node->wait_status($job, 'SUCCEEDED', 'a job runs in another database', 'one');
$node->safe_psql('postgres', 'CREATE DATABASE two TEMPLATE one');
pass('a database that has just worked can be copied');
$job = $node->job('{"seconds": 0}', 'two');
$node->wait_status($job, 'SUCCEEDED', 'jobs run in the copy', 'two');
$node->safe_psql('postgres', 'DROP DATABASE two');
pass('a database that has just worked can be dropped');

# ---- what waits in a database does not happen again in its copies
$node->setting('recsys.max_workers', '0');
$node->safe_psql('one', q{INSERT INTO recsys_internal.job (group_id, kind, config, home)
	SELECT g.id, 'test', '{"do": []}', h.id FROM recsys_internal.dataset_group g, recsys_internal.home h;
	SELECT schedule('shop', 7, '1 hour')});
my $waiting = $node->safe_psql('one', q{SELECT id FROM recsys.jobs WHERE status = 'PENDING'});
$node->safe_psql('postgres', 'CREATE DATABASE copy TEMPLATE one');
my $dump = $node->basedir . '/dump';
command_ok([ 'pg_dump', '-Fc', '-f', $dump, $node->connstr('one') ], 'pg_dump');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
command_ok([ 'pg_restore', '-d', $node->connstr('restored'), $dump ], 'pg_restore');
$node->setting('recsys.max_workers', '8');
$node->clock('2h');
$node->wait_status($node->job('{"seconds": 0}', 'one'), 'SUCCEEDED', undef, 'one');
$node->wait_status($waiting, 'SUCCEEDED', 'in the original it runs', 'one');
for my $database ('copy', 'restored')
{
	my $seen = 'PARKED|belongs to the database that this one was copied or restored from';
	is($node->field($waiting, 'status, failure_reason', $database), $seen, "$database: the job is parked, with the reason");
	is($node->safe_psql($database, 'SELECT status, last_reason FROM recsys.schedules'), $seen, "$database: and so is the schedule");
	$node->wait_status($node->job('{"seconds": 0}', $database), 'SUCCEEDED', "$database: new jobs run", $database);
	is($node->field($waiting, 'status', $database), 'PARKED', "$database: the old one still does not");
	is($node->safe_psql($database, 'SELECT status, last_run_at IS NULL FROM recsys.schedules'), 'PARKED|t', "$database: nor does the schedule");
	$node->safe_psql($database, "SELECT recsys.resume_job($waiting); SELECT recsys.resume_schedule(id) FROM recsys.schedules");
	$node->wait_status($waiting, 'SUCCEEDED', "$database: until it is asked for", $database);
	is($node->safe_psql($database, 'SELECT status, last_reason FROM recsys.schedules'), 'ON|', "$database: the same for the schedule");
	$node->safe_psql('postgres', "DROP DATABASE $database");
}
$node->safe_psql('postgres', 'CREATE DATABASE plain; DROP DATABASE plain');

$job = $node->job('{"seconds": 60}', 'one');
$node->wait_status($job, 'RUNNING', undef, 'one');
like($node->error_of('DROP DATABASE one'), qr/55006/, 'a running job is a session like others');
$node->safe_psql('postgres', 'DROP DATABASE one WITH (FORCE)');
pass('FORCE ends it');
$node->wait_until($node->workers, 't', 'its worker is gone');
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'recsys launcher'}), '1',
	'the launcher lives');

# ---- restart: every database is visited, also one that cannot be connected to is no obstacle
$node->shop;
$node->safe_psql('postgres', 'CREATE DATABASE closed ALLOW_CONNECTIONS false');
$job = $node->job('{"seconds": 60}');
$node->wait_status($job, 'RUNNING');
$node->stop('immediate');
$node->start;
$node->wait_until("SELECT attempts >= 1 AND status = 'PENDING' FROM recsys.jobs WHERE id = $job", 't', 'visited after the start');
$node->safe_psql('postgres', "SELECT recsys.cancel_job($job)");

# ---- each job is done once, however many workers there are
$node->safe_psql('postgres', 'CREATE TABLE shop.done (n int); ALTER TABLE shop.done OWNER TO alice');
$node->safe_psql('postgres', q{SELECT enqueue('shop', format('{"do": [{"sql": "INSERT INTO shop.done VALUES (%s)"},
	{"sql": "SELECT pg_sleep(0.02)"}]}', n)::jsonb) FROM generate_series(1, 200) n});
$node->wait_until(q{SELECT count(*) = 0 FROM recsys.jobs WHERE status IN ('PENDING', 'RUNNING')}, 't', 'all jobs end');
is($node->safe_psql('postgres', 'SELECT count(*), count(DISTINCT n) FROM shop.done'), '200|200', 'each was done once');
is($node->safe_psql('postgres', q{SELECT max(attempts), bool_and(status = 'SUCCEEDED') FROM recsys.jobs WHERE result->>'steps' = '2'}),
	'1|t', 'at the first attempt');

# ---- hostile owners: triggers of every sort run with the owner's rights, and cannot get out of them
$node->safe_psql('postgres', <<'SQL');
CREATE TABLE shop.loot (at text, who text, what text);
CREATE TABLE shop.bait (n int);
CREATE FUNCTION shop.steal() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    attempt text;
BEGIN
    FOREACH attempt IN ARRAY ARRAY['ALTER ROLE alice SUPERUSER', 'SET ROLE postgres', 'RESET ROLE', 'SET SESSION AUTHORIZATION postgres',
        'RESET SESSION AUTHORIZATION', 'CREATE ROLE mallory SUPERUSER', 'SELECT set_config(''role'', ''postgres'', false)',
        'UPDATE recsys_internal.job SET status = ''SUCCEEDED''', 'CREATE TEMP TABLE pg_class (oid oid)',
        'PREPARE evil AS SELECT 1', 'SELECT rolpassword FROM pg_authid', 'SET default_transaction_read_only = on',
        'SET lock_timeout = 1', 'SET DateStyle = german']
    LOOP
        BEGIN
            EXECUTE attempt;
            INSERT INTO shop.loot VALUES (TG_NAME, current_user, attempt);
        EXCEPTION WHEN OTHERS THEN
            NULL;
        END;
    END LOOP;
    INSERT INTO shop.loot VALUES (TG_NAME, current_user, 'fired');
    RETURN NULL;
END $$;
CREATE TRIGGER plain AFTER INSERT ON shop.bait FOR EACH ROW EXECUTE FUNCTION shop.steal();
CREATE CONSTRAINT TRIGGER deferred AFTER INSERT ON shop.bait DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION shop.steal();
CREATE FUNCTION shop.now() RETURNS timestamptz LANGUAGE sql AS 'SELECT ''epoch''::timestamptz';
ALTER TABLE shop.loot OWNER TO alice; ALTER TABLE shop.bait OWNER TO alice;
ALTER FUNCTION shop.steal() OWNER TO alice;
ALTER DATABASE postgres SET search_path = shop, pg_catalog, public;
SQL
$job = $node->job(q({"sql": "INSERT INTO shop.bait VALUES (1)"},
	{"sql": "INSERT INTO shop.bait SELECT 2 WHERE now() > ''2020-01-01''"}));
$node->wait_status($job, 'SUCCEEDED');
is($node->safe_psql('postgres', q{SELECT n FROM shop.bait ORDER BY n}), "1\n2", 'no function of a caller-made search_path is met');
is($node->safe_psql('postgres', q{SELECT at, who, what, count(*) FROM shop.loot GROUP BY 1, 2, 3 ORDER BY 1, 2, what COLLATE "C"}),
	join("\n", map { my $at = $_; map { "$at|alice|$_|2" } 'SET DateStyle = german', 'SET default_transaction_read_only = on',
		'SET lock_timeout = 1', 'fired' } 'deferred', 'plain'), 'hostile triggers, deferred ones included, gain nothing');
is($node->safe_psql('postgres', q{SELECT rolsuper FROM pg_roles WHERE rolname = 'alice'}), 'f', 'alice is what she was');
$node->stop;

done_testing();
