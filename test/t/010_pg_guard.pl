# What pg_regress cannot see of the door between C++ and PostgreSQL: memory over many calls, and what happens when a session
# is cancelled or terminated while its threads compute.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use RecsysNode;
use Test::More;
use Time::HiRes qw(time);

my $node = RecsysNode->new('main');
$node->init;
$node->start;
$node->safe_psql('postgres', <<'SQL');
CREATE FUNCTION guard_fail(how text) RETURNS text LANGUAGE c AS 'recsys_guard', 'recsys_guard_fail';
CREATE FUNCTION guard_succeed() RETURNS bigint LANGUAGE c AS 'recsys_guard', 'recsys_guard_succeed';
CREATE FUNCTION guard_compute(threads integer) RETURNS text LANGUAGE c AS 'recsys_guard', 'recsys_guard_compute';
CREATE FUNCTION guard_objects() RETURNS bigint LANGUAGE c AS 'recsys_guard', 'recsys_guard_objects';
-- private memory of this backend, in kB
CREATE FUNCTION memory() RETURNS text LANGUAGE sql AS $$
    SELECT 'memory ' || sum(m[1]::bigint) FROM regexp_matches(pg_read_file('/proc/self/smaps_rollup'), 'Private_\w+: +(\d+) kB', 'g') AS m
$$;
SQL

# 20,000 calls of a kind in one session; each failing call leaves 12 kB behind if its destructors are skipped.
my @kinds = (
	[ 'errors of C++', "SELECT guard_fail('error');" ],
	[ 'errors of PostgreSQL', "SELECT guard_fail('postgres');" ],
	[ 'errors within a statement', "SELECT guard_fail('SELECT 1/0');" ],
	[ 'successes', 'SELECT guard_succeed();' ]);
my $script = "\\set QUIET on\n\\o /dev/null\n";
for my $kind (@kinds)
{
	$script .= ("$kind->[1]\n" x 2000) . "\\o\nSELECT memory();\n\\o /dev/null\n" . ("$kind->[1]\n" x 20000)
	  . "\\o\nSELECT memory();\n\\o /dev/null\n";
}
$script .= "\\o\nSELECT 'objects ' || guard_objects();\n";
my ($out, $err) = ('', '');
IPC::Run::run([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-v', 'VERBOSITY=terse', '-f', '-' ],
	'<', \$script, '>', \$out, '2>', \$err);
my @memory = $out =~ /^memory (\d+)$/mg;
is(scalar @memory, 2 * @kinds, 'the session lived through all calls');
is(scalar(() = $err =~ /ERROR/g), 3 * 22000, 'every failing call failed');
for my $i (0 .. $#kinds)
{
	my $growth = $memory[ 2 * $i + 1 ] - $memory[ 2 * $i ];
	cmp_ok($growth, '<', 2048, "20,000 $kinds[$i][0]: private memory grew by $growth kB");
}
like($out, qr/^objects 0$/m, 'no object is left');

# cancel and terminate while threads compute
for my $how ('cancel', 'terminate')
{
	my $compute = IPC::Run::start([ 'psql', '-Xq', '-d', $node->connstr('postgres'), '-c', 'SELECT guard_compute(4)' ],
		'>', \$out, '2>', \$err);
	ok($node->poll_query_until('postgres',
			q{SELECT count(*) = 1 FROM pg_stat_activity WHERE query LIKE 'SELECT guard_compute%' AND state = 'active'}),
		"computing, to $how");
	my $began = time;
	$node->safe_psql('postgres',
		qq{SELECT pg_${how}_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT guard_compute%'});
	$compute->finish;
	cmp_ok(time - $began, '<', 1, "$how is served within a second");
	like($err, $how eq 'cancel' ? qr/canceling statement due to user request/ : qr/terminating connection/, "$how: the reason");
}
unlike(slurp_file($node->logfile), qr/terminated by signal/, 'no process crashed');
$node->stop;
done_testing();
