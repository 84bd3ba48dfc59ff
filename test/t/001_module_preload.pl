# The extension with and without shared_preload_libraries, and its removal.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use RecsysNode;
use Test::More;

for my $preload (0, 1)
{
	my $how = $preload ? 'preloaded' : 'not preloaded';
	my $node = RecsysNode->new("preload$preload");
	$node->init(preload => $preload);
	$node->start;
	$node->recsys;
	is($node->safe_psql('postgres', q{SELECT extversion <> '' FROM pg_extension WHERE extname = 'recsys'}), 't',
		"$how: created");
	is($node->safe_psql('postgres', 'LOAD \'recsys\'; SHOW recsys.service_limits'), 'off', "$how: settings are there");
	$node->safe_psql('postgres', 'DROP EXTENSION recsys');
	is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'recsys%'}), '0',
		"$how: dropping leaves nothing");
	$node->recsys;
	$node->stop;
}

done_testing();
