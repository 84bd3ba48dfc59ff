# Schedules by a clock that is put forward: what is due happens once, what was missed is told, and settings are followed.
use strict;
use warnings;

use JobsNode;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = JobsNode->new('schedules');
$node->init;
$node->append_conf('postgresql.conf', 'recsys.max_workers = 1');
$node->start;
$node->shop;

sub sql { return $node->safe_psql('postgres', $_[0]) }
sub schedule { return sql("SELECT $_[0] FROM recsys.schedules ORDER BY id LIMIT 1") }
# Waits until the schedule has run so often and nothing is left to do.
sub ran
{
	my ($times, $what) = @_;
	return $node->wait_until(q{SELECT count(*) || CASE WHEN bool_or(status IN ('PENDING', 'RUNNING')) THEN ' busy' ELSE '' END FROM recsys.jobs WHERE kind = 'often'},
		$times, $what);
}

# ---- two hours, four hours
sql(q{SELECT schedule('shop', 1, '2 hours')});
is(schedule(q{kind, status, every, last_run_at IS NULL, missed_runs, round(extract(epoch FROM next_due - now()) / 3600)}), 'often|ON|02:00:00|t|0|2',
	'a schedule is seen before it runs');
$node->clock('1h');
is(sql(q{SELECT count(*) FROM recsys.jobs}), '0', 'after one hour nothing is due');
$node->clock('121min');
ran(1, 'after two hours it runs');
is(schedule(q{last_status, last_job, missed_runs, next_due - last_run_at}), 'SUCCEEDED|1|0|02:00:00', 'its last run is told');
is(sql('SELECT priority FROM recsys.jobs'), '-10', 'what happens by itself waits for what is asked for');
$node->clock('242min');
ran(2, 'after four hours again');
is($node->safe_psql('postgres', $node->workers), 't', 'and in between there is no worker');

# ---- a missed night
$node->stop;
$node->append_conf('postgresql.conf', "recsys.clock_offset = '21h'");
unlink $node->data_dir . '/postgresql.auto.conf';
$node->start;
ran(3, 'what was missed while the server was down is made up for once');
is(schedule('missed_runs'), '7', 'the others are counted');
like(schedule('missed_reason'), qr/^the server was not running, or had no worker to spare, when they were due; one run was made up for them$/,
	'with the reason');

# ---- a run that takes longer than the interval
my $long = $node->job('{"seconds": 60}');
$node->wait_status($long, 'RUNNING');
sql(q{UPDATE recsys_internal.schedule SET last_job_id = } . $long);
$node->setting('recsys.max_workers', '2');
$node->clock('24h');
$node->wait_until('SELECT missed_runs FROM recsys.schedules', '8', 'while the run before goes on, the next is left out');
is(schedule('missed_reason'), "job $long, the run before, had not ended", 'with the reason');
sql("SELECT recsys.cancel_job($long)");

# ---- paused and resumed
sql('SELECT recsys.pause_schedule(id) FROM recsys.schedules');
is(schedule('status'), 'PAUSED', 'paused');
$node->clock('30h');
$node->wait_status($node->job('{"seconds": 0}'), 'SUCCEEDED');
ran(3, 'it does not run');
sql('SELECT recsys.resume_schedule(id) FROM recsys.schedules');
$node->clock('31h');
$node->wait_status($node->job('{"seconds": 0}'), 'SUCCEEDED');
ran(3, 'resumed, it does not make up for what was paused');
$node->clock('33h');
ran(4, 'and goes on');
like($node->error_of('SELECT recsys.pause_schedule(99)'), qr/RS001: schedule 99 does not exist/, 'an unknown schedule');
sql('CREATE ROLE bob');
like($node->error_of('SET ROLE bob; SELECT recsys.pause_schedule(1)'), qr/RS001: schedule 1 does not exist/, "a stranger's");
is(sql('SET ROLE bob; SELECT count(*) FROM recsys.schedules'), '0', 'which he does not see');

# ---- a week in no time: every run is on record
$node->clock('34h');
$node->clock(34 + $_ * 24 . 'h'), ran(4 + $_, "day $_") for 1 .. 7;
is(schedule('missed_runs'), 8 + 7 * 11, 'of each day the others are counted as missed');
$node->stop;
done_testing();
