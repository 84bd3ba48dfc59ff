# Many connections: 200 clients over 10 server connections through PgBouncer's transaction pooling, where a session of PostgreSQL
# serves whoever comes next; and 200 direct connections at once. Every answer is right, and the model lies in memory once.
use strict;
use warnings;

use IPC::Run ();
use PostgreSQL::Test::Utils;
use RecsysNode;
use Test::More;

my ($pgbouncer) = grep { -x } map { "$_/pgbouncer" } split(/:/, $ENV{PATH}), '/usr/sbin', '/usr/local/sbin';
plan skip_all => 'pgbouncer is not installed' unless $pgbouncer;
my $clients = 200;
my $seconds = $ENV{SECONDS_A_ROUND} // 15;

my $node = RecsysNode->new('main');
$node->init;
$node->append_conf('postgresql.conf', 'max_connections = ' . ($clients + 20) . "\nlog_statement = none");
$node->start;
$node->recsys;
$node->safe_psql('postgres', q{
	SELECT recsys.create_dataset_group('shop');
	SELECT recsys.create_dataset('shop', 'interactions');
	SELECT recsys.create_dataset('shop', 'items', '{"kind": "categorical"}');
	INSERT INTO shop.items (item_id) SELECT 'i' || i FROM generate_series(1, 500) AS i;
	INSERT INTO shop.interactions (user_id, item_id, event_type, "timestamp")
		SELECT 'u' || u, 'i' || 1 + (u * 3 + n * n) % 500, 'click', '2024-01-01'::timestamptz + (u * 60 + n) * interval '1 minute'
		FROM generate_series(1, 1000) AS u, generate_series(1, 12) AS n;
	SELECT recsys.create_solution('home', 'shop', 'user-personalization');
	SELECT recsys.create_solution_version('home', wait => true);
	SELECT recsys.create_campaign('home', 'home');
	ANALYZE;});
my $tracker = $node->safe_psql('postgres', q{SELECT recsys.create_event_tracker('web', 'shop')});
my $bytes = $node->safe_psql('postgres', 'SELECT max(model_bytes) FROM recsys.solution_versions');
my $answers = q{md5(string_agg(u || item_id || score || reason, ' ' ORDER BY u, rank)) FROM generate_series(1, 5) AS u,}
	. q{ recsys.get_recommendations('home', 'u' || u, num_results => 20)};
my $expected = $node->safe_psql('postgres', "SELECT $answers");

my $shm = -d '/dev/shm' && $node->safe_psql('postgres', 'SHOW dynamic_shared_memory_type') eq 'posix';
my %other;
sub copies { return scalar grep { $_ >= $bytes && $_ < $bytes + 65536 } map { $other{$_} ? () : -s $_ // 0 } glob('/dev/shm/PostgreSQL.*') }

# A division by zero is a wrong answer: it ends the client, and pgbench's exit status tells.
my $script = $node->basedir . '/request.sql';
sub bench
{
	my ($host, $port, $name, $sql) = @_;
	open my $file, '>', $script or die "cannot write $script: $!";
	print $file $sql;
	close $file;
	$node->restart;
	%other = map { $_ => 1 } glob('/dev/shm/PostgreSQL.*');
	my $offset = -s $node->logfile;
	my $out = '';
	my $run = IPC::Run::start([ 'pgbench', '-n', '-M', 'simple', '-c', $clients, '-j', 2, '-T', $seconds, '-f', $script, '-h', $host, '-p', $port, 'postgres' ],
		'<', \undef, '>&', \$out);
	# The most connections and copies of the model that were seen together.
	my ($sessions, $copies) = (0, 0);
	for (1 .. 10)
	{
		select(undef, undef, undef, $seconds / 15);
		my $n = $node->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()});
		$sessions = $n if $n > $sessions;
		$copies = copies() if $shm && copies() > $copies;
	}
	ok($run->finish, "$name: no client met an error") or diag($out);
	my ($done) = $out =~ /number of transactions actually processed: (\d+)/;
	cmp_ok($done // 0, '>=', $clients, "$name: every client was served");
	note("$name: $1 transactions a second") if $out =~ /^tps = (\d+)/m;
	my @said = slurp_file($node->logfile, $offset) =~ /^.*(?:WARNING|ERROR|FATAL|PANIC): .*$/mg;
	is("@said[0 .. ($#said > 4 ? 4 : $#said)]", '', "$name: nothing to report in the server's log");
	return ($done, $sessions, $copies);
}

# PgBouncer beside the server: its own socket directory, no TCP.
my $dir = PostgreSQL::Test::Utils::tempdir_short();
my $port = $node->port + 1;
my $user = $node->safe_psql('postgres', 'SELECT current_user');
open my $ini, '>', "$dir/pgbouncer.ini" or die "cannot write $dir/pgbouncer.ini: $!";
print $ini <<"INI";
[databases]
postgres = host=@{[$node->host]} port=@{[$node->port]} dbname=postgres user=$user
[pgbouncer]
listen_addr =
listen_port = $port
unix_socket_dir = $dir
auth_type = any
pool_mode = transaction
default_pool_size = 10
max_client_conn = @{[$clients + 20]}
server_check_delay = 0
logfile = $dir/pgbouncer.log
INI
close $ini;
my $log = '';
my $bouncer = IPC::Run::start([ $pgbouncer, '-q', "$dir/pgbouncer.ini" ], '<', \undef, '>&', \$log);
for (1 .. 100) { last if -S "$dir/.s.PGSQL.$port"; select(undef, undef, undef, 0.1) }

# Each transaction: a newcomer's answer, his event, and the answer that knows of it.
my ($events, $servers, $copies) = bench($dir, $port, 'PgBouncer', <<"SQL");
\\set u random(1, 1000000000000)
\\set i random(1, 500)
BEGIN;
SELECT 1 / (bool_and(reason = 'popular'))::integer FROM recsys.get_recommendations('home', 'new-:u', num_results => 5);
SELECT recsys.put_events('$tracker', 'visit-:u', '[{"eventType": "click", "itemId": "i:i", "sentAt": 1710000000}]', user_id => 'new-:u');
SELECT 1 / (bool_or(reason = 'personal'))::integer FROM recsys.get_recommendations('home', 'new-:u', num_results => 5);
COMMIT;
SELECT 1 / (bool_or(reason = 'personal'))::integer FROM recsys.get_recommendations('home', 'new-:u', num_results => 5);
SQL
is($servers, 10, 'PgBouncer: 200 clients over ten server connections');
is($copies, 1, 'PgBouncer: one copy of the model') if $shm;
is($node->safe_psql('postgres', q{SELECT count(*) FROM shop.interactions WHERE user_id LIKE 'new-%'}), $events, 'PgBouncer: every event was stored once');
$bouncer->signal('INT');
$bouncer->finish;

# Without a pooler: 200 sessions at once, the first requests all at the same moment.
$expected = $node->safe_psql('postgres', "SELECT $answers");
(undef, my $sessions, $copies) = bench($node->host, $node->port, 'direct', "SELECT 1 / (md5 = '$expected')::integer FROM (SELECT $answers) AS a;\n");
is($sessions, $clients, 'direct: 200 sessions at once');
is($copies, 1, 'direct: one copy of the model') if $shm;
$node->stop;

done_testing();
