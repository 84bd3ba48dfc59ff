# The five steps of the README work, as written, on the sample shop; and what they promise about events holds.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use RecsysNode;
use Test::More;

my $node = RecsysNode->new('main');
$node->init;
$node->start;
$node->command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres'), '-f', 'demo/shop.sql' ],
	'the sample shop');

my $readme = slurp_file('README.md');
my ($steps) = $readme =~ /^## Five steps.*?^```sql\n(.*?)^```/ms;
my ($before, $events) = $steps =~ /^(.*^SELECT recsys\.create_event_tracker[^\n]*\n)(.*)$/ms;
ok(defined $events, 'the README has the five steps') or BAIL_OUT('README.md has changed');

my $out = $node->safe_psql('postgres', $before);
like($out, qr/^ACTIVE$/m, 'the version is trained');
like($out, qr/^normalized_discounted_cumulative_gain_at_10\|0\.\d+\|/m, 'its metrics are given');
is(scalar(() = $out =~ /\|(?:personal|similar|popular|new)$/mg), 10, 'ten recommendations with a reason');

my $tracker = $node->safe_psql('postgres', q{SELECT recsys.describe_event_tracker('web')->>'tracking_id'});
$events =~ s/…tracking id…/$tracker/;
is($node->safe_psql('postgres', $events), '1', 'an event is stored');
is($node->safe_psql('postgres', q{SELECT count(*) FROM shop.interactions WHERE item_id = 'COF-002'}), '1',
	'beside the mapped table, which is left alone');

# A visitor nobody knows, before, during and after a transaction that is rolled back.
my $ask = q{SELECT string_agg(item_id, ' ' ORDER BY rank) FROM recsys.get_recommendations('home', user_id => '9999999')};
my @answers = split /\n/, $node->safe_psql('postgres', <<"SQL");
$ask;
INSERT INTO customers VALUES (9999999, 'New', 'Cork', 30, false);
BEGIN;
INSERT INTO clicks SELECT 9999999, sku, 'view', NULL, now() - interval '5 minutes', 'V-new' FROM products WHERE sku IN ('VIN-002', 'VIN-012', 'VIN-022');
$ask;
ROLLBACK;
$ask;
SQL
isnt($answers[1], $answers[0], 'three clicks of this transaction change the answer');
like($answers[1], qr/VIN-/, 'towards what was clicked');
is($answers[2], $answers[0], 'a rollback takes them back');
$node->stop;
done_testing();
