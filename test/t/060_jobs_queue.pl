# The queue as its users see it: commits and rollbacks, rights, stops, and who runs what.
use strict;
use warnings;

use JobsNode;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = JobsNode->new('queue');
$node->init;
$node->start;
$node->shop;
my $launcher = $node->safe_psql('postgres', q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'recsys launcher'});
like($launcher, qr/^\d+$/, 'one launcher runs');

# ---- commit and rollback
my $job = $node->job('{"seconds": 0.1}');
$node->wait_status($job, 'SUCCEEDED', 'a job runs after commit');
is($node->field($job, q{kind, attempts, sqlstate IS NULL, failure_reason IS NULL, result, pid IS NULL,
	created_at <= started_at AND started_at < finished_at}), 'test|1|t|t|{"steps": 1}|t|t', 'its row tells the whole story');
$node->safe_psql('postgres', <<'SQL');
BEGIN; SELECT enqueue('shop', '{"do": [{"sql": "CREATE TABLE shop.rolled_back ()"}]}'); ROLLBACK;
BEGIN; SELECT enqueue('shop', '{"do": [{"sql": "CREATE TABLE shop.kept ()"}]}');
SAVEPOINT s; SELECT enqueue('shop', '{"do": [{"sql": "CREATE TABLE shop.released ()"}]}'); ROLLBACK TO s; COMMIT;
SQL
$node->wait_until(q{SELECT to_regclass('shop.kept') IS NOT NULL}, 't', 'a job of a transaction with a savepoint runs');
$node->wait_until($node->workers, 't', 'workers go home');
is($node->safe_psql('postgres', q{SELECT to_regclass('shop.rolled_back'), to_regclass('shop.released')}), '|',
	'jobs that were rolled back do not');
is($node->safe_psql('postgres', q{SELECT relowner::regrole FROM pg_class WHERE oid = 'shop.kept'::regclass}), 'alice',
	'the work is done as the owner of the group, who is NOLOGIN and lacks CONNECT');

# ---- failures keep their code, detail and hint
$job = $node->job('{"error": "22023"}');
$node->wait_status($job, 'FAILED');
is($node->field($job, 'sqlstate, failure_reason'),
	"22023|told to fail\nDETAIL:  This is the detail.\nHINT:  This is the hint.", 'an error of C++ keeps all its parts');
is($node->mark($job), "told to fail\nDETAIL:  This is the detail.\nHINT:  This is the hint.|f", 'the resource is told');
$job = $node->job('{"sql": "SELECT 1/0"}');
$node->wait_status($job, 'FAILED');
is($node->field($job, 'sqlstate, failure_reason'), '22012|division by zero', 'an error of SQL keeps its code');
is($node->runs($job), 'FAILED 22012', 'what cannot pass is not tried again');

# ---- failures that can pass: tried again, later and later, five times
$job = $node->job('{"allocate": true}');
$node->wait_until("SELECT attempts FROM recsys.jobs WHERE id = $job AND status = 'PENDING'", '1', 'a lack of memory can pass');
is($node->field($job, q{sqlstate, failure_reason, date_trunc('second', next_attempt - started_at)}), '53200|out of memory|00:00:10',
	'so the job waits, with the reason, for its next attempt');
is($node->mark($job), 'again: out of memory|f', 'the resource is told');
$node->clock('1h');
$node->wait_until("SELECT attempts FROM recsys.jobs WHERE id = $job AND status = 'PENDING'", '2', 'the clock is put forward: tried again');
is($node->field($job, q{round(extract(epoch FROM next_attempt - started_at - '1 h') / 10)}), '4', 'it waits four times as long');
is($node->safe_psql('postgres', "SELECT recsys.resume_job($job)"), 'PENDING', 'nobody has to wait');
$node->wait_until("SELECT attempts FROM recsys.jobs WHERE id = $job AND status = 'PENDING'", '3', 'resumed: tried again');
$node->clock('2h');
$node->wait_until("SELECT attempts FROM recsys.jobs WHERE id = $job AND status = 'PENDING'", '4');
$node->clock('3h');
$node->wait_status($job, 'FAILED', 'the fifth attempt is the last');
is($node->field($job, 'sqlstate, failure_reason'), '53200|out of memory', 'the reason stays');
is($node->runs($job), join(', ', ('FAILED 53200') x 5), 'every attempt is on record');
$job = $node->job('{"error": "40P01", "until": 2}');
$node->wait_until("SELECT attempts FROM recsys.jobs WHERE id = $job AND status = 'PENDING'", '1');
$node->safe_psql('postgres', "SELECT recsys.resume_job($job)");
$node->wait_status($job, 'SUCCEEDED', 'what failed once succeeds');
is($node->runs($job) . '|' . $node->field($job, 'sqlstate IS NULL, failure_reason IS NULL'), 'FAILED 40P01, SUCCEEDED|t|t', 'and bears no trace');
$job = $node->job('{"skip": "nothing is new"}');
$node->wait_status($job, 'SKIPPED', 'a job may have nothing to do');
is($node->field($job, 'failure_reason'), 'nothing is new', 'and says why');

# ---- a job that takes too long
$node->setting('recsys.job_time_limit', '1s');
for my $step ('{"compute": 60}', '{"sql": "SELECT pg_sleep(60)"}')
{
	$job = $node->job($step);
	$node->wait_status($job, 'FAILED', "$step exceeds the limit");
	is($node->field($job, q{sqlstate, failure_reason, attempts, finished_at - started_at < '5 s'}),
		'57014|job ran longer than "recsys.job_time_limit" allows (1 s)|1|t', 'it says so');
}
$node->setting('recsys.job_time_limit', '1d');

# ---- names
$node->safe_psql('postgres', q{SELECT enqueue('shop', '{"do": []}', 'nightly')});
like($node->error_of(q{SELECT enqueue('shop', '{"do": []}', 'nightly')}),
	qr/RS006: job "nightly" already exists in dataset group "shop"/, 'a name is used once');

# ---- two at a time, and several for one database
$job = $node->job('{"seconds": 60}');
my $second = $node->job('{"seconds": 60}');
my $third = $node->job('{"seconds": 60}');
$node->wait_status($job, 'RUNNING');
$node->wait_status($second, 'RUNNING', 'a second worker takes the second job');
is($node->field($third, 'status'), 'PENDING', 'recsys.max_workers is kept');
is($node->safe_psql('postgres', q{SELECT count(DISTINCT pid) FROM recsys.jobs WHERE status = 'RUNNING'}), '2',
	'each has its own worker');
like($node->safe_psql('postgres', q{SELECT kind, phase, bar, total, eta IS NOT NULL, pid FROM recsys.progress ORDER BY pid}),
	qr/^test\|waiting\|\[#*\.+\]\|600\|t\|\d+\ntest/, 'progress shows both');
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'recsys worker'
	AND application_name = 'recsys worker' AND query LIKE 'recsys: job %'}), '2', 'pg_stat_activity tells what they do');

# ---- stops
$node->safe_psql('postgres', "BEGIN; SELECT stop_job($job); SELECT stop_job($third); ROLLBACK");
is($node->field($job, 'status') . $node->field($third, 'status'), 'RUNNINGPENDING', 'a stop that is rolled back is none');
$node->safe_psql('postgres', "BEGIN; SAVEPOINT s; SELECT stop_job($job); SAVEPOINT t; SELECT stop_job($third); RELEASE t; ROLLBACK TO s; COMMIT");
sleep 1;
is($node->field($job, 'status') . $node->field($third, 'status'), 'RUNNINGPENDING', 'neither is one that is rolled back to a savepoint');
$node->safe_psql('postgres', 'CREATE ROLE bob; GRANT USAGE ON SCHEMA shop TO bob');
like($node->error_of("SET ROLE bob; SELECT recsys.cancel_job($third)"), qr/RS001: job $third does not exist/, 'a stranger knows no job');
like($node->error_of('SELECT recsys.cancel_job(999)'), qr/RS001: job 999 does not exist.*recsys\.jobs/s, 'nor does anybody know this one');
is($node->safe_psql('postgres', "SET ROLE alice; SELECT recsys.cancel_job($third)"), 'STOPPED', 'its owner may cancel a job');
like($node->error_of("SELECT recsys.cancel_job($third)"), qr/55000: job $third has ended.*STOPPED/s, 'once');
is($node->field($third, 'status, failure_reason'), 'STOPPED|stopped by request', 'a waiting job is stopped at once');
is($node->mark($third), 'stopped by request|t', 'and its resource told');
$node->safe_psql('postgres', "SELECT recsys.cancel_job($job); SELECT recsys.cancel_job($second)");
$node->wait_status($_, 'STOPPED', 'a running job is stopped') for $job, $second;
is($node->mark($second), 'stopped by request|t', 'and its resource told');
for my $step ('{"compute": 60}', '{"sql": "SELECT pg_sleep(60)"}')
{
	$job = $node->job($step);
	$node->wait_status($job, 'RUNNING');
	$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM recsys.progress});
	$node->safe_psql('postgres', "SELECT stop_job($job)");
	$node->wait_status($job, 'STOPPED', "$step is stopped");
	is($node->field($job, q{finished_at - started_at < '20 s'}), 't', 'at once');
}
$node->wait_until($node->workers, 't', 'workers go home');

# ---- priorities
$node->setting('recsys.max_workers', '1');
$job = $node->job('{"seconds": 60}');
$node->wait_status($job, 'RUNNING');
my @order = map { $node->job('{"seconds": 0}') } 1 .. 3;
$node->safe_psql('postgres', "SELECT recsys.set_job_priority($order[2], 5), recsys.set_job_priority($order[0], -1)");
like($node->error_of("SELECT recsys.set_job_priority($job, 5)"), qr/55000: job $job does not wait.*RUNNING/s, 'a running job has its worker');
$node->safe_psql('postgres', "SELECT recsys.cancel_job($job)");
$node->wait_status($order[0], 'SUCCEEDED');
is($node->safe_psql('postgres', "SELECT string_agg(id::text, ' ' ORDER BY started_at) FROM recsys.jobs WHERE id >= $order[0]"),
	"$order[2] $order[1] $order[0]", 'the highest priority comes first');

# ---- ended jobs are forgotten, those with a name not
$node->clock('800h');
$node->wait_status($node->job(''), 'SUCCEEDED');
is($node->safe_psql('postgres', "SELECT count(*) FILTER (WHERE name IS NULL), count(*) FILTER (WHERE name = 'nightly') FROM recsys.jobs"), '1|1',
	'after 30 days only the new one and the one with a name are left');
is($node->safe_psql('postgres', 'SELECT count(*) FROM recsys.job_runs'), '1', 'runs go with them');

# ---- settings
$node->safe_psql('postgres', 'ALTER SYSTEM SET recsys.max_workers = 0');
$node->reload;
$node->poll_query_until('postgres', 'SHOW recsys.max_workers', '0');
like($node->error_of(q{SELECT enqueue('shop', '{"do": []}')}), qr/55000.*HINT:.*wait => true.*shared_preload_libraries/s,
	'without workers a job is refused');
$node->setting('recsys.max_workers', '2');
$node->wait_status($node->job(''), 'SUCCEEDED', 'with workers again it runs');

# ---- other settings of the database do not reach jobs
$node->safe_psql('postgres', q{ALTER DATABASE postgres SET default_transaction_read_only = on;
	ALTER DATABASE postgres SET default_transaction_isolation = 'serializable'});
$job = $node->safe_psql('postgres', q{BEGIN READ WRITE; SELECT enqueue('shop', '{"do": []}'); COMMIT});
$node->wait_status($job, 'SUCCEEDED', 'a read-only default does not stop jobs');

is($node->safe_psql('postgres', q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'recsys launcher'}), $launcher,
	'the launcher never restarted');
$node->stop;

# ---- without preload
my $bare = JobsNode->new('bare');
$bare->init(preload => 0);
$bare->start;
$bare->shop;
like($bare->error_of(q{SELECT enqueue('shop', '{"do": []}')}), qr/55000.*HINT:.*shared_preload_libraries.*wait => true/s,
	'without preload a job is refused');
is($bare->safe_psql('postgres', 'SELECT count(*) FROM recsys.progress'), '0', 'progress is empty');
$bare->stop;

done_testing();
