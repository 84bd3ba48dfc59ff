# Batch jobs in the background: whose rights, what cuts them off, and that they go on where they were.
use strict;
use warnings;

use RecsysNode;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = RecsysNode->new('batch');
$node->init;
$node->start;
$node->recsys;
my $folder = PostgreSQL::Test::Utils::tempdir();
chmod 0777, $folder;
mkdir "$folder/$_", 0777 for qw(in out);

# An owner who may not log in; somebody who may do what the owner may, and read and write files.
$node->safe_psql('postgres', <<'SQL');
CREATE ROLE alice NOLOGIN;
CREATE ROLE mailer LOGIN;
GRANT alice, pg_read_server_files, pg_write_server_files TO mailer;
GRANT CREATE ON DATABASE postgres TO alice;
GRANT CREATE ON SCHEMA public TO alice;
SET ROLE alice;
SELECT recsys.create_dataset_group('shop');
SELECT recsys.create_dataset('shop', 'interactions');
INSERT INTO shop.interactions (user_id, item_id, event_type, "timestamp")
SELECT 'u' || u, 'i' || (u * 7 + n * n) % 300, 'view', '2024-01-01'::timestamptz + (u * 50 + n) * interval '1 minute'
FROM generate_series(1, 300) AS u, generate_series(1, 15) AS n;
SELECT recsys.create_solution('next', 'shop', 'user-personalization');
SELECT recsys.create_solution_version('next', wait => true);
SQL
my $lines = 15_000;
append_to_file("$folder/in/people.json", join('', map { $_ % 1000 ? qq({"userId":"u@{[ $_ % 350 ]}"}\n) : "broken $_\n" } 1 .. $lines));

sub batch_job
{
	my ($job, $input, $output) = @_;
	return $node->safe_psql('postgres', "SELECT recsys.create_batch_inference_job('$job', 'next', '$input', '$output', num_results => 10)",
		extra_params => [ '-U', 'mailer' ]);
}
sub job { return $node->safe_psql('postgres', "SELECT $_[1] FROM recsys.batch_inference_jobs WHERE name = '$_[0]'") }
sub wait_job { return $node->wait_until("SELECT status FROM recsys.batch_inference_jobs WHERE name = '$_[0]'", $_[1], "$_[0]: $_[1]") }
sub answered { return $node->safe_psql('postgres', 'SELECT count(*) FROM recsys_internal.batch_part WHERE output IS NOT NULL') }
sub resume { return $node->safe_psql('postgres', "SELECT recsys.resume_job(id) FROM recsys.jobs WHERE name = '$_[0]'") }
# Waits until a third of the lines is answered; returns the worker.
sub half_way
{
	my ($job) = @_;
	$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM recsys.progress WHERE resource = '$job' AND phase = 'answering lines' AND done > total / 3")
	  or die "$job did not begin to answer";
	return $node->safe_psql('postgres', "SELECT pid FROM recsys.progress WHERE resource = '$job'");
}

# ---- undisturbed: the answers that the others must give
batch_job('calm', "$folder/in", "$folder/out");
$node->poll_query_until('postgres', q{SELECT status = 'IN PROGRESS' FROM recsys.batch_inference_jobs WHERE name = 'calm'});
half_way('calm');
is($node->safe_psql('postgres', q{SELECT rate > 0 AND eta IS NOT NULL AND total = 15000 FROM recsys.progress}), 't', 'progress with rate and time left');
is(join(' ', glob "$folder/out/*"), '', 'no output before the end');
wait_job('calm', 'ACTIVE');
is(job('calm', 'lines, failed_lines'), "$lines|15", 'all lines are answered');
my $calm = slurp_file("$folder/out/people.json.out");
is(scalar(() = $calm =~ /\n/g), $lines, 'each with one');
unlink "$folder/out/people.json.out";

# ---- kill -9 in the middle: it goes on with what is left
batch_job('killed', "$folder/in/people.json", "$folder/out");
kill 9, half_way('killed');
$node->poll_query_until('postgres', 'SELECT true');
wait_job('killed', 'PENDING');
like(job('killed', 'failure_reason'), qr/server went down/, 'with a reason');
my $before = answered();
cmp_ok($before, '>=', 9, 'what was answered is kept');
cmp_ok($before, '<', 30, 'and something is left to do');
unlink "$folder/in/people.json"; # the lines are kept as well
resume('killed');
my $total = 0;
$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM recsys.progress WHERE resource = 'killed' AND phase = 'answering lines' AND total > 0})
  and $total = $node->safe_psql('postgres', q{SELECT max(total) FROM recsys.progress});
wait_job('killed', 'ACTIVE');
ok(!$total || $total <= $lines - 500 * $before, 'it did not begin again');
is(job('killed', 'lines, failed_lines'), "$lines|15", 'it says what it did');
ok(slurp_file("$folder/out/people.json.out") eq $calm, 'its output is that of an undisturbed run');
is($node->safe_psql('postgres', 'SELECT count(*) FROM recsys_internal.batch_part'), '0', 'nothing is kept');

# ---- the same from a table into a table
$node->safe_psql('postgres', q{SET ROLE alice; CREATE TABLE shop.people AS SELECT 'u' || n % 350 AS user_id FROM generate_series(1, 15000) AS n});
batch_job('table_calm', 'shop.people', 'shop.calm');
wait_job('table_calm', 'ACTIVE');
batch_job('table_killed', 'shop.people', 'shop.killed');
kill 9, half_way('table_killed');
$node->poll_query_until('postgres', 'SELECT true');
wait_job('table_killed', 'PENDING');
is($node->safe_psql('postgres', q{SELECT to_regclass('shop.killed') IS NULL}), 't', 'no table before the end');
$node->safe_psql('postgres', 'TRUNCATE shop.people');
resume('table_killed');
wait_job('table_killed', 'ACTIVE');
is($node->safe_psql('postgres', 'SELECT count(*) FROM (TABLE shop.calm EXCEPT ALL TABLE shop.killed) AS d'), '0', 'the same rows');
is($node->safe_psql('postgres', q{SELECT count(*), min(tableowner) FROM shop.killed, pg_tables WHERE tablename = 'killed'}), '15000|alice', 'each once; the table is the owner of the group\'s');

# ---- cancelled, terminated: no output
$node->safe_psql('postgres', q{INSERT INTO shop.people SELECT 'u' || n % 350 FROM generate_series(1, 15000) AS n});
for my $end ('recsys.cancel_job(id)', 'pg_cancel_backend(pid)', 'pg_terminate_backend(pid)')
{
	my ($job) = $end =~ /(\w+)\(/;
	batch_job($job, 'shop.people', "shop.$job");
	half_way($job);
	$node->safe_psql('postgres', "SELECT $end FROM recsys.jobs WHERE name = '$job'");
	wait_job($job, 'CREATE FAILED');
	isnt(job($job, 'failure_reason'), '', 'with a reason');
	is($node->safe_psql('postgres', "SELECT to_regclass('shop.$job') IS NULL AND NOT EXISTS (SELECT FROM recsys_internal.batch_part)"), 't', 'and nothing left');
}

# ---- a full disk: tried again when there is room
batch_job('full', 'shop.people', "$folder/out");
half_way('full');
symlink '/dev/full', "$folder/out/full.out.partial" or die;
$node->wait_until(q{SELECT sqlstate FROM recsys.jobs WHERE name = 'full' AND status = 'PENDING'}, '53100', 'no space left');
is(-e "$folder/out/full.out" ? 1 : 0, 0, 'no file');
is(answered(), '30', 'the answers are kept');
resume('full');
wait_job('full', 'ACTIVE');
is(scalar(() = slurp_file("$folder/out/full.out") =~ /\n/g), $lines, 'and written then');

# ---- rights are those at the time of the work
$node->safe_psql('postgres', q{CREATE TABLE secret (user_id text)});
$node->safe_psql('postgres', q{SELECT recsys.create_batch_inference_job('secret', 'next', 'public.secret', 'public.secret_out')});
wait_job('secret', 'CREATE FAILED');
is(job('secret', 'failure_reason'), 'permission denied for table secret', 'a relation is read as the owner of the group');
$node->safe_psql('postgres', q{CREATE TABLE closed (line bigint, input jsonb, output jsonb, error text)});
$node->safe_psql('postgres', q{SELECT recsys.create_batch_inference_job('closed', 'next', 'shop.people', 'public.closed')});
wait_job('closed', 'CREATE FAILED');
is(job('closed', 'failure_reason'), 'permission denied for table closed', 'and written so');
append_to_file("$folder/in/few.json", qq({"userId":"u1"}\n));
my $few = "SELECT recsys.create_batch_inference_job('%s', 'next', '$folder/in', '$folder/out')";
$node->safe_psql('postgres', 'BEGIN; SET SESSION AUTHORIZATION mailer; ' . sprintf($few, 'revoked')
	  . '; RESET SESSION AUTHORIZATION; REVOKE pg_write_server_files FROM mailer; COMMIT');
wait_job('revoked', 'CREATE FAILED');
like(job('revoked', 'failure_reason'), qr/permission denied to write batch output/, 'the privilege is checked again');
like($node->error_of(sprintf($few, 'refused'), extra_params => [ '-U', 'mailer' ]), qr/42501: permission denied/, 'and at creation');

# ---- without workers
$node->adjust_conf('postgresql.conf', 'shared_preload_libraries', "''");
$node->restart;
like($node->error_of(sprintf($few, 'later')), qr/55000: recsys is not preloaded/, 'without preloading there is no background');
is($node->safe_psql('postgres', sprintf($few, 'now') =~ s/\)$/, wait => true)/r), 'now', 'but wait => true works');
$node->stop;
done_testing();
