# Whatever ends a worker, no job stays RUNNING, the reason is recorded, and the queue goes on. What was running when the server
# went down is tried again once.
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
my $crashed = qr/^the server went down while the job was running/;

# What is to be seen of a job that waits for its next attempt; then nobody waits.
sub waits_again
{
	my ($job, $sqlstate, $reason) = @_;
	$node->wait_until("SELECT attempts FROM recsys.jobs WHERE id = $job AND status = 'PENDING'", '1', 'it will be tried again');
	is($node->field($job, 'sqlstate, pid IS NULL, next_attempt > started_at'), "$sqlstate|t|t", 'after a while');
	like($node->field($job, 'failure_reason'), $reason, 'the reason is recorded');
	like($node->mark($job), qr/^again: /, 'the resource is told');
	$node->safe_psql('postgres', "SELECT recsys.resume_job($job)");
	$node->wait_status($job, 'RUNNING', 'its second attempt');
	$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM recsys.progress WHERE phase <> 'starting'}) or die;
	return;
}

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
	$node->wait_status($next, 'SUCCEEDED', 'the waiting job runs after the restart');
	waits_again($job, '57P02', $crashed);

	# ---- and again: it may be what brings the server down
	kill 9, $node->field($job, 'pid');
	ok(back(), 'server came back');
	$node->wait_status($job, 'FAILED', 'it is not started a third time');
	is($node->field($job, 'sqlstate, failure_reason'),
		'57P02|the server went down while the job was running for the second time; it is not started again', 'and says so');
	is($node->runs($job), 'CRASHED 57P02, CRASHED 57P02', 'both crashes are on record');
	like($node->safe_psql('postgres', "SELECT reason FROM recsys_internal.test_mark WHERE job = $job AND reason NOT LIKE 'again%'"), $crashed,
		'the resource is told once');
}

# ---- kill -9 of the postmaster: its children see it and leave in good order
my ($job, $next, $pid) = long_job('{"seconds": 60}');
my ($postmaster) = slurp_file($node->data_dir . '/postmaster.pid') =~ /^(\d+)/;
$node->kill9;
for (1 .. 300) # it and its children need a moment to go
{
	last if !kill(0, $postmaster) && $node->start(fail_ok => 1);
	select undef, undef, undef, 0.1;
}
$node->wait_until("SELECT string_agg(status, ' ' ORDER BY attempt) FROM recsys.job_runs WHERE job = $job", 'INTERRUPTED RUNNING', 'the job goes on after a new start');
is($node->field($next, 'status'), 'PENDING', 'only one runs');
$node->safe_psql('postgres', "SELECT recsys.cancel_job($job)");
$node->wait_status($job, 'STOPPED', 'it can be cancelled');
$node->wait_status($next, 'SUCCEEDED', 'the waiting job runs');

# ---- a shutdown in good order counts for nothing, however often
($job) = long_job('{"seconds": 60}');
for my $restart (1 .. 3)
{
	$node->restart;
	$node->poll_query_until('postgres', qq{SELECT attempts = $restart + 1 AND status = 'RUNNING' FROM recsys.jobs WHERE id = $job})
	  or die 'the job did not go on';
}
is($node->runs($job), 'INTERRUPTED 57P01, INTERRUPTED 57P01, INTERRUPTED 57P01, RUNNING', 'a job goes on after restarts of the server');
is($node->safe_psql('postgres', "SELECT crashes FROM recsys_internal.job WHERE id = $job"), '0', 'they are no crashes');
$node->stop('immediate');
$node->start;
$node->wait_until("SELECT status FROM recsys.job_runs WHERE job = $job AND attempt = 4", 'CRASHED', 'an immediate shutdown is one');
$node->safe_psql('postgres', "SELECT recsys.cancel_job($job)");

# ---- work that was completed by a worker that could not say so
$job = $node->safe_psql('postgres', q{INSERT INTO recsys_internal.job (group_id, kind, status, attempts, result, home, worker_started_at)
	SELECT g.id, 'test', 'RUNNING', 1, '{"steps": 7}', h.id, now() FROM recsys_internal.dataset_group g, recsys_internal.home h RETURNING id});
$node->wait_status($node->job('{"seconds": 0}'), 'SUCCEEDED');
is($node->field($job, 'status, attempts, result'), 'SUCCEEDED|1|{"steps": 7}', 'is not done twice');

# ---- the launcher is ended: the running job goes on, and a new launcher takes over
($job, $next) = long_job('{"seconds": 4}');
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
$node->safe_psql('postgres', 'DROP FUNCTION IF EXISTS enqueue(text, jsonb, text), stop_job(bigint), schedule(text, bigint, text)');
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
