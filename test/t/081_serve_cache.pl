# The shared model cache under pressure: three models by turns where only two fit, and many sessions that open the same model at
# the same moment. The answers never change, no session falls back to a private copy, and a model lies in memory once.
use strict;
use warnings;

use IPC::Run ();
use PostgreSQL::Test::Utils;
use RecsysNode;
use Test::More;

my $node = RecsysNode->new('cache');
$node->init;
$node->append_conf('postgresql.conf', 'recsys.train_threads = 1');
$node->start;
$node->recsys;
$node->safe_psql('postgres', q{
	SELECT recsys.create_dataset_group('shop');
	SELECT recsys.create_dataset('shop', 'interactions');
	INSERT INTO shop.interactions (user_id, item_id, event_type, "timestamp")
		SELECT 'u' || u, repeat('i', 240) || 1 + (u * (3 + m) + n * n) % 1500, 'm' || m, '2024-01-01'::timestamptz + (u * 60 + n) * interval '1 minute'
		FROM generate_series(1, 1500) AS u, generate_series(1, 8) AS n, generate_series(1, 3) AS m;
	SELECT recsys.create_solution('m' || m, 'shop', 'sims', event_type => 'm' || m) FROM generate_series(1, 3) AS m;
	SELECT recsys.create_solution_version('m' || m, wait => true) FROM generate_series(1, 3) AS m;
	SELECT recsys.create_campaign('m' || m, 'm' || m) FROM generate_series(1, 3) AS m;});

sub answer
{
	my ($m) = @_;
	return "SELECT md5(string_agg(i || item_id || coalesce(score::text, '-') || reason, ' ' ORDER BY i, rank)) FROM generate_series(1, 40) AS i,"
		. " recsys.get_recommendations('m$m', item_id => repeat('i', 240) || i * 11, num_results => 20);";
}
my @expected = map { $node->safe_psql('postgres', answer($_)) } 1 .. 3;
my %distinct = map { $_ => 1 } @expected;
is(scalar keys %distinct, 3, 'three models, three answers');

# The limit is in megabytes; the ids are so long that two models fit into one, and three do not.
my ($smallest, $bytes) = split /\|/, $node->safe_psql('postgres', 'SELECT min(model_bytes), max(model_bytes) FROM recsys.solution_versions');
ok(2 * $bytes < 0.9 * 1048576 && 3 * $smallest > 1048576, "two of three models of $smallest to $bytes bytes fit one megabyte");
$node->append_conf('postgresql.conf', 'recsys.model_cache_limit = 1');
$node->restart;

# Segments that hold a model. Other servers of this machine have segments too, but not new ones of just this size.
my $shm = -d '/dev/shm' && $node->safe_psql('postgres', 'SHOW dynamic_shared_memory_type') eq 'posix';
my %other = map { $_ => 1 } glob('/dev/shm/PostgreSQL.*');
sub segments
{
	my @sizes = map { $other{$_} ? () : -s $_ // 0 } glob('/dev/shm/PostgreSQL.*');
	return scalar grep { $_ >= $smallest && $_ < $bytes + 65536 } @sizes;
}

# One session by turns: each request may evict what the session itself still has open.
my ($out, $err);
my @turns = map { 1 + $_ % 3 } 0 .. 23;
$node->psql('postgres', join("\n", map { answer($_) } @turns), stdout => \$out, stderr => \$err);
is($out, join("\n", map { $expected[ $_ - 1 ] } @turns), 'one session asks three models by turns');
is($err, '', 'without a word');

# Two sessions side by side, each with a turn of its own: what one uses, the other evicts.
my @sessions = map { $node->background_psql('postgres', on_error_stop => 1) } 1 .. 2;
my $right = 0;
for my $i (0 .. 11)
{
	my @asked = (1 + $i % 3, 1 + (2 * $i + 1) % 3);
	for (0 .. 1) { $right++ if $sessions[$_]->query_safe(answer($asked[$_])) eq $expected[ $asked[$_] - 1 ] }
}
is($right, 24, 'two sessions evict each other\'s models and answer right');
SKIP:
{
	skip 'dynamic shared memory is not in /dev/shm', 1 unless $shm;
	# A session holds what it used last until its next request, so what was just evicted may still be mapped.
	cmp_ok(segments(), '<=', 3, 'evicted models left the memory');
}
$_->quit for @sessions;
$node->wait_until(q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()}, 't', 'the sessions ended');
SKIP:
{
	skip 'dynamic shared memory is not in /dev/shm', 1 unless $shm;
	cmp_ok(segments(), '<=', 2, 'two models fit the limit');
}
is(() = slurp_file($node->logfile) =~ /is copied into this session's memory/g, 0, 'nobody took a private copy');

# Many sessions open the same model at the same moment, in a server where nobody had it: an exclusive lock holds all of them back.
$node->restart;
my $offset = -s $node->logfile;
%other = map { $_ => 1 } glob('/dev/shm/PostgreSQL.*');
$node->safe_psql('postgres', 'CREATE TABLE IF NOT EXISTS barrier ()');
my $holder = $node->background_psql('postgres', on_error_stop => 1);
$holder->query_safe('BEGIN; LOCK barrier');
my @racers = map {
	my %racer = (out => '', err => '');
	$racer{handle} = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', 'SELECT count(*) FROM barrier', '-c', answer(1) ],
		'<', \undef, '>', \$racer{out}, '2>', \$racer{err});
	\%racer
} 1 .. 12;
$node->wait_until(q{SELECT count(*) = 12 FROM pg_locks WHERE relation = 'barrier'::regclass AND NOT granted}, 't', 'twelve sessions wait');
is(segments(), 0, 'nobody has the model') if $shm;
$holder->query_safe('COMMIT');
$_->{handle}->finish for @racers;
is(scalar(grep { $_->{out} eq "0\n$expected[0]\n" && $_->{err} eq '' } @racers), 12, 'twelve sessions open one model at once: all right, no warning');
SKIP:
{
	skip 'dynamic shared memory is not in /dev/shm', 1 unless $shm;
	is(segments(), 1, 'one segment');
}
$holder->quit;
is(() = slurp_file($node->logfile, $offset) =~ /is copied into this session's memory/g, 0, 'no private copy');
$node->stop;
is(segments(), 0, 'the server leaves nothing behind') if $shm;

done_testing();
