# A group holds to its schema, wherever the database goes: a dump that is restored, a copy of the database, a standby that is
# promoted, and pg_upgrade, which gives schemas new oids.
use strict;
use warnings;

use lib 'test/t';
use RecsysNode;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = RecsysNode->new('old');
$node->init(allows_streaming => 1);
$node->start;
$node->safe_psql('postgres', 'CREATE DATABASE one');
$node->recsys('one');
$node->safe_psql('one', <<'SQL');
CREATE ROLE alice;
CREATE ROLE mallory;
GRANT CREATE ON DATABASE one TO alice, mallory;
SET ROLE alice;
SELECT recsys.create_dataset_group('shop');
SELECT recsys.create_dataset('shop', 'interactions');
INSERT INTO shop.interactions (user_id, item_id, "timestamp") VALUES ('u', 'secret', '2024-01-01'), ('v', 'secret', '2024-01-02');
SELECT recsys.create_solution('popular', 'shop', 'popularity-count'), recsys.create_solution_version('popular', wait => true),
	recsys.create_campaign('home', 'popular'), recsys.create_solution('for_you', 'shop', 'user-personalization');
SQL
my $answer = q{SELECT item_id FROM recsys.get_recommendations('home', 'u')};

# Schedules go on where the database itself went, and wait where it was doubled.
sub schedule_is
{
	my ($at, $database, $status, $what) = @_;
	return is($at->safe_psql($database, 'SELECT status FROM recsys.schedules'), $status, "$what: its schedule is $status");
}

# The group works, and a schema that mallory makes under its name is not its own.
sub holds
{
	my ($at, $database, $what) = @_;
	is($at->safe_psql($database, "SET ROLE alice; $answer; SELECT recsys.tag_resource('shop', '{}')"), "secret\n", "$what: it serves and changes");
	my $take = 'SET client_min_messages = warning; BEGIN; DROP SCHEMA shop CASCADE; SET ROLE mallory; CREATE SCHEMA shop; '
		. 'CREATE TABLE shop.interactions (user_id text, item_id text, event_type text, event_value float8, "timestamp" timestamptz)';
	$at->safe_psql($database, "GRANT CREATE ON DATABASE $database TO mallory");
	like($at->error_of("$take; $answer", dbname => $database), qr/RS001: campaign "home" does not exist/, "$what: no takeover");
	return;
}

holds($node, 'one', 'where it was made');
schedule_is($node, 'one', 'ON', 'where it was made');
$node->safe_psql('postgres', 'CREATE DATABASE copy TEMPLATE one');
holds($node, 'copy', 'a copy');
schedule_is($node, 'copy', 'PARKED', 'a copy');
my $dump = $node->basedir . '/dump';
$node->command_ok([ 'pg_dump', '-Fc', '-f', $dump, $node->connstr('one') ], 'pg_dump');
# Objects made first, so that the restored schema has another oid.
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->safe_psql('restored', 'CREATE TABLE shift ()');
$node->command_ok([ 'pg_restore', '-d', $node->connstr('restored'), $dump ], 'pg_restore');
isnt($node->safe_psql('one', q{SELECT 'shop'::regnamespace::oid}), $node->safe_psql('restored', q{SELECT 'shop'::regnamespace::oid}),
	'the restored schema has another oid');
holds($node, 'restored', 'a restored dump');
schedule_is($node, 'restored', 'PARKED', 'a restored dump');

$node->backup('base');
my $standby = RecsysNode->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby, 'replay');
is($standby->safe_psql('one', $answer), 'secret', 'a standby serves it');
$standby->promote;
holds($standby, 'one', 'a promoted standby');
schedule_is($standby, 'one', 'ON', 'a promoted standby');
$standby->stop;

# ---- pg_upgrade, from this release to itself
$node->stop;
my $new = RecsysNode->new('new');
$new->init;
my $bindir = $node->config_data('--bindir');
chdir $new->basedir;
command_ok([ 'pg_upgrade', '--no-sync', '-b', $bindir, '-B', $bindir, '-d', $node->data_dir, '-D', $new->data_dir, '-s', $new->host,
	'-p', $node->port, '-P', $new->port ], 'pg_upgrade');
$new->start;
ok($new->poll_query_until('one', q{SELECT schema_identity = recsys_internal.schema_identity(schema_name::text) FROM recsys_internal.dataset_group}),
	'the first worker records the schemas anew');
holds($new, 'one', 'after pg_upgrade');
schedule_is($new, 'one', 'ON', 'after pg_upgrade');
schedule_is($new, 'copy', 'PARKED', 'its copy after pg_upgrade');
$new->stop;
done_testing();
