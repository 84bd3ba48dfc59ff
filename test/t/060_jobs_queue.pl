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
$job = $node->job('{"allocate": true}');
$node->wait_status($job, 'FAILED');
is($node->field($job, 'sqlstate, failure_reason'), '53200|out of memory', 'so does a lack of memory');

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
$node->safe_psql('postgres', "SELECT stop_job($third)");
is($node->field($third, 'status, failure_reason'), 'STOPPED|stopped by request', 'a waiting job is stopped at once');
is($node->mark($third), 'stopped by request|t', 'and its resource told');
$node->safe_psql('postgres', "SELECT stop_job($job); SELECT stop_job($second)");
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

# ---- settings
$node->safe_psql('postgres', 'ALTER SYSTEM SET recsys.max_workers = 0');
$node->reload;
$node->poll_query_until('postgres', 'SHOW recsys.max_workers', '0');
like($node->error_of(q{SELECT enqueue('shop', '{"do": []}')}), qr/55000.*HINT:.*wait => true.*shared_preload_libraries/s,
	'without workers a job is refused');
$node->safe_psql('postgres', 'ALTER SYSTEM RESET recsys.max_workers');
$node->reload;
$node->poll_query_until('postgres', 'SHOW recsys.max_workers', '2');
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
