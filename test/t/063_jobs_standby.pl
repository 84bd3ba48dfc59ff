# Jobs and standbys: only a primary runs jobs; after a promotion the queue goes on. And who may see what.
use strict;
use warnings;

use JobsNode;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = JobsNode->new('primary');
$primary->init(allows_streaming => 1);
$primary->append_conf('postgresql.conf', "recsys.max_workers = 1\nmax_prepared_transactions = 2");
$primary->start;
$primary->shop;
$primary->backup('base');
my $standby = JobsNode->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

my $job = $primary->job('{"seconds": 120}');
my $next = $primary->job('{"seconds": 0}');
$primary->poll_query_until('postgres', 'SELECT count(*) = 1 FROM recsys.progress') or die 'the job did not begin';

# ---- rights
$primary->safe_psql('postgres', 'CREATE ROLE bob');
for (['bob', '0|0'], ['alice', '2|1'])
{
	my ($role, $sees) = @$_;
	is($primary->safe_psql('postgres', "SET ROLE $role; SELECT (SELECT count(*) FROM recsys.jobs), (SELECT count(*) FROM recsys.progress)"),
		$sees, "$role sees the jobs of groups that $role may read");
}
like($primary->error_of('SET ROLE bob; SELECT * FROM recsys_internal.job'), qr/42501/, 'the table itself is closed');
like($primary->error_of('SET ROLE bob; SELECT * FROM recsys_internal.job_rows()'), qr/42501/, 'and the functions behind the views');

# ---- two-phase commit
like($primary->error_of(q{BEGIN; SELECT enqueue('shop', '{"do": []}'); PREPARE TRANSACTION 'x'}), qr/0A000/,
	'a transaction with a job cannot be prepared');

# ---- the standby
$primary->wait_for_catchup($standby);
is($standby->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'recsys%'}), '0',
	'a standby has neither launcher nor workers');
is($standby->safe_psql('postgres', 'SELECT status FROM recsys.jobs ORDER BY id'), "RUNNING\nPENDING", 'it shows the queue');
is($standby->safe_psql('postgres', 'SELECT count(*) FROM recsys.progress'), '0', 'progress is that of this server');
like($standby->error_of(q{SELECT enqueue('shop', '{"do": []}')}), qr/25006/, 'and takes no jobs');
is($standby->safe_psql('postgres', q{SELECT finding FROM recsys.check('shop') WHERE severity = 'error'}),
	$primary->safe_psql('postgres', q{SELECT finding FROM recsys.check('shop') WHERE severity = 'error'}), 'its data can be checked');
isnt($standby->safe_psql('postgres', q{SELECT count(*) FROM recsys.check('shop')}), '0', 'with findings');

# ---- promotion
$primary->stop('immediate');
$standby->promote;
$standby->wait_until("SELECT attempts FROM recsys.jobs WHERE id = $job AND status = 'PENDING'", '1', 'promoted: what ran on the old primary will be tried again');
is($standby->field($job, 'sqlstate, failure_reason'), '57P02|the server went down while the job was running', 'with the reason');
$standby->wait_status($next, 'SUCCEEDED', 'what waited runs');
$standby->safe_psql('postgres', "SELECT recsys.resume_job($job)");
$standby->wait_status($job, 'RUNNING', 'and then the job that was cut off');
is($standby->field($job, 'attempts'), '2', 'for the second time');
$standby->stop;

done_testing();
