# Whatever ends a worker, no job stays RUNNING, the reason is recorded, and the queue goes on.
use strict;
use warnings;

use JobsNode;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = JobsNode->new('crash');
$node->init;
$node->append_conf('postgresql.conf', 'recsys.max_workers = 1');
$node->start;
$node->shop;

# Starts a long job (and one that waits behind it); returns both ids and the worker's pid, once the work has begun.
sub long_job
{
	my ($step) = @_;
	my $job = $node->job($step);
	my $next = $node->job('{"seconds": 0}');
	$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM recsys.progress WHERE phase <> 'starting'")
	  or die 'the job did not begin';
	return ($job, $next, $node->field($job, 'pid'));
}

sub back { return $node->poll_query_until('postgres', 'SELECT true') }
my $started = 'SELECT pg_postmaster_start_time()';
my $crashed = qr/server restarted while the job was running/;

for my $step ('{"seconds": 60}', '{"compute": 60}')
{
	# ---- an administrator ends the worker
	my ($job, $next, $pid) = long_job($step);
	is($node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)"), 't', "$step: worker terminated");
	$node->wait_status($job, 'FAILED');
	is($node->field($job, 'sqlstate, failure_reason, pid IS NULL, finished_at IS NOT NULL'),
		q{57P01|the job's worker process was terminated by an administrator|t|t}, 'the reason is recorded');
	is($node->mark($job), q{the job's worker process was terminated by an administrator|f}, 'the resource is told');
	$node->wait_status($next, 'SUCCEEDED', 'the next job runs');
	is($node->safe_psql('postgres', 'SELECT count(*) FROM recsys.progress'), '0', 'no progress is left');

	# ---- an administrator cancels it
	($job, $next, $pid) = long_job($step);
	$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
	$node->wait_status($job, 'FAILED');
	is($node->field($job, 'sqlstate'), '57014', 'a cancelled job says so');
	$node->wait_status($next, 'SUCCEEDED', 'the next job runs');

	# ---- kill -9: the server restarts
	($job, $next, $pid) = long_job($step);
	kill 9, $pid;
	ok(back(), 'server came back');
	$node->wait_status($job, 'FAILED');
	is($node->field($job, 'sqlstate'), '57P02', 'a killed worker leaves a failed job');
	like($node->field($job, 'failure_reason'), $crashed, 'the reason is recorded');
	like($node->mark($job), $crashed, 'the resource is told');
	is($node->safe_psql('postgres', "SELECT count(*) FROM recsys_internal.test_mark WHERE job = $job"), '1', 'once');
	$node->wait_status($next, 'SUCCEEDED', 'the waiting job runs after the restart');
}

# ---- immediate shutdown and restart; then a fast one
for my $mode ('immediate', 'fast')
{
	my ($job, $next) = long_job('{"seconds": 60}');
	$node->stop($mode);
	$node->start;
	$node->wait_status($job, 'FAILED', "$mode shutdown: the job failed");
	like($node->field($job, 'failure_reason'), $crashed, 'the reason is recorded');
	$node->wait_status($next, 'SUCCEEDED', 'the waiting job runs after the start');
}

# ---- the launcher is ended: the running job goes on, and a new launcher takes over
my ($job, $next) = long_job('{"seconds": 8}');
my $launcher = q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'recsys launcher'};
my $old = $node->safe_psql('postgres', $launcher);
$node->safe_psql('postgres', "SELECT pg_terminate_backend($old)");
$node->wait_status($job, 'SUCCEEDED', 'a job survives its launcher');
$node->wait_status($next, 'SUCCEEDED', 'a new launcher takes over');
isnt($node->safe_psql('postgres', $launcher), $old, 'it is another process');

# ---- a stop that was asked for just before the worker died
($job) = long_job('{"seconds": 60}');
$node->safe_psql('postgres', "UPDATE recsys_internal.job SET stop_requested = true WHERE id = $job");
$node->safe_psql('postgres', "SELECT pg_terminate_backend(pid) FROM recsys.jobs WHERE id = $job");
$node->wait_status($job, 'STOPPED', 'counts as stopped');

# ---- the extension goes away under a running job
($job, $next) = long_job('{"seconds": 3}');
$node->safe_psql('postgres', 'DROP EXTENSION recsys CASCADE; DROP SCHEMA IF EXISTS recsys_internal CASCADE; DROP SCHEMA shop CASCADE');
$node->wait_until($node->workers, 't', 'its worker leaves');
$node->safe_psql('postgres', 'DROP FUNCTION IF EXISTS enqueue(text, jsonb, text), stop_job(bigint)');
$node->shop;
$node->wait_status($node->job('{"seconds": 0}'), 'SUCCEEDED', 'and a new extension starts afresh');

# ---- no worker slot is free
$node->append_conf('postgresql.conf', "max_worker_processes = 3\nrecsys.max_workers = 2\nlog_min_messages = log");
$node->restart; # one for logical replication, one for the launcher, one for us
my $log = -s $node->logfile;
$job = $node->job('{"seconds": 4}');
$next = $node->job('{"seconds": 0}');
$node->wait_status($job, 'RUNNING', 'the last slot is used');
$node->wait_status($next, 'SUCCEEDED', 'the second job waits for it');
is($node->field($job, 'status'), 'SUCCEEDED', 'and the first ended well');
my $told = () = slurp_file($node->logfile, $log) =~ /could not start a background worker/g;
is($told, 1, 'the log says so once');

$node->stop;
done_testing();
