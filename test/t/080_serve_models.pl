# Where an answer's model comes from: shared by all sessions, copied where it cannot be shared, on a standby, after a restart,
# after dump and restore; the answers are the same everywhere.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use RecsysNode;
use Test::More;

my $answers = q{SELECT string_agg(u || ':' || item_id || ':' || score || ':' || reason, ' ' ORDER BY u, rank)
	FROM unnest(ARRAY['u1', 'u2', 'nobody']) AS u, recsys.get_recommendations('home', u, num_results => 20)};

sub make_shop
{
	my ($node) = @_;
	$node->recsys;
	$node->safe_psql('postgres', q{
		SELECT recsys.create_dataset_group('shop');
		SELECT recsys.create_dataset('shop', 'interactions');
		SELECT recsys.create_dataset('shop', 'items', '{"kind": "categorical"}');
		INSERT INTO shop.items (item_id) SELECT 'i' || i FROM generate_series(1, 60) AS i;
		INSERT INTO shop.interactions (user_id, item_id, event_type, "timestamp")
			SELECT 'u' || u, 'i' || 1 + (u * 3 + n) % 60, 'click', '2024-01-01'::timestamptz + (u * 60 + n) * interval '1 minute'
			FROM generate_series(1, 150) AS u, generate_series(1, 12) AS n;
		SELECT recsys.create_solution('home', 'shop', 'user-personalization');
		SELECT recsys.create_solution_version('home', wait => true);
		SELECT recsys.create_campaign('home', 'home');});
	return;
}

my $primary = RecsysNode->new('primary');
$primary->init(allows_streaming => 1);
$primary->append_conf('postgresql.conf', 'max_prepared_transactions = 0');
$primary->start;
make_shop($primary);
my $expected = $primary->safe_psql('postgres', $answers);
like($expected, qr/u1:i\d+:\S+:personal/, 'an answer');
$primary->restart;
is($primary->safe_psql('postgres', $answers), $expected, 'the same after a restart');

# many sessions, one segment
sub segments { return scalar(grep { -s $_ > 8192 } glob('/dev/shm/PostgreSQL.*')) }
SKIP:
{
	skip 'dynamic shared memory is not in /dev/shm', 1 unless -d '/dev/shm' && segments();
	my $before = segments();
	$primary->safe_psql('postgres', $answers) for 1 .. 5;
	is(segments(), $before, 'further sessions attach to the same segment');
}

# a model that was never committed is not served to anyone
my ($out, $err);
$primary->psql('postgres', qq{BEGIN; SELECT recsys.create_solution_version('home', wait => true);
	SELECT recsys.update_campaign('home', 'home/2'); $answers; ROLLBACK; $answers;}, stdout => \$out);
is((split /\n/, $out)[-1], $expected, 'after a rollback the old version serves');

# a hot standby
$primary->backup('b');
my $standby = RecsysNode->new('standby');
$standby->init_from_backup($primary, 'b', has_streaming => 1);
$standby->start;
is($standby->safe_psql('postgres', $answers), $expected, 'the same on a standby');
$primary->safe_psql('postgres', q{INSERT INTO shop.interactions (user_id, item_id, event_type, "timestamp") VALUES ('nobody', 'i7', 'click', now())});
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('write'));
my $new = $primary->safe_psql('postgres', $answers);
isnt($new, $expected, 'an event changes the answers');
is($standby->safe_psql('postgres', $answers), $new, 'on the standby too');
$primary->safe_psql('postgres', q{SELECT recsys.delete_campaign('home')});
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('write'));
like($standby->error_of($answers), qr/RS001: campaign "home" does not exist/, 'a deleted campaign is gone on the standby');
$primary->safe_psql('postgres', q{SELECT recsys.create_campaign('home', 'home')});
$standby->stop;

# dump and restore
$primary->safe_psql('postgres', 'CREATE DATABASE copy');
my $dump = $primary->basedir . '/dump.sql';
command_ok([ 'pg_dump', '-d', $primary->connstr('postgres'), '-f', $dump ], 'dump');
command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $primary->connstr('copy'), '-f', $dump ], 'restore');
is($primary->safe_psql('copy', $answers), $new, 'the same after dump and restore');

# no room in the shared cache: a private copy, and one warning in a session however often it asks
$primary->append_conf('postgresql.conf', 'recsys.model_cache_limit = 0');
$primary->restart;
$primary->psql('postgres', "$answers; $answers; $answers;", stdout => \$out, stderr => \$err);
is((split /\n/, $out)[-1], $new, 'the same from a private copy');
is(() = $err =~ /WARNING:  model of "home" is copied into this session's memory/g, 1, 'one warning');
like($err, qr/recsys\.model_cache_limit/, 'the warning tells why');
like($primary->error_of("SET recsys.private_model_limit = 0; $answers"), qr/RS003: model of "home" is too large for a private copy/,
	'a private copy has its limit');
$primary->stop;

# not preloaded
my $plain = RecsysNode->new('plain');
$plain->init(preload => 0);
$plain->start;
make_shop($plain);
$plain->psql('postgres', "$answers; $answers;", stdout => \$out, stderr => \$err);
is((split /\n/, $out)[-1], $expected, 'the same without preloading');
is(() = $err =~ /WARNING:  model of "home" is copied/g, 1, 'one warning without preloading');
like($err, qr/recsys is not preloaded/, 'it tells why');
$plain->stop;

done_testing();
