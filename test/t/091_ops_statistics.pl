# What campaigns are asked: counters, percentiles, periods and idle campaigns, under a known load; a standby's own; and every query of the
# dashboard and of the exporter.
use strict;
use warnings;

use lib 'test/t';
use JSON::PP;
use RecsysNode;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = RecsysNode->new('primary');
$node->init(allows_streaming => 1);
$node->start;
$node->recsys;
sub sql { return $node->safe_psql('postgres', $_[0]) }
sql(<<'SQL');
CREATE ROLE alice NOLOGIN;
CREATE ROLE bob NOLOGIN;
GRANT CREATE ON DATABASE postgres TO alice;
SET ROLE alice;
SELECT recsys.create_dataset_group('shop');
SELECT recsys.create_dataset('shop', 'interactions');
SELECT recsys.create_dataset('shop', 'items');
INSERT INTO shop.items (item_id) SELECT 'i' || n FROM generate_series(1, 40) AS n;
INSERT INTO shop.interactions (user_id, item_id, event_type, "timestamp")
SELECT 'u' || n % 50, 'i' || 1 + n * n % 40, 'Click', '2024-01-01'::timestamptz + make_interval(mins => n) FROM generate_series(1, 1000) AS n;
SELECT recsys.create_solution('popular', 'shop', 'popularity-count');
SELECT recsys.create_solution('ranked', 'shop', 'personalized-ranking');
SELECT recsys.create_solution_version(name, wait => true) FROM unnest('{popular,ranked}'::text[]) AS name;
SELECT recsys.create_campaign('home', 'popular', min_provisioned_tps => 2);
SELECT recsys.create_campaign('search', 'ranked');
SELECT recsys.create_campaign('unused', 'popular');
SQL

# ---- counters under a known load
is(sql('SELECT campaign, calls, rows, errors, mean_ms, p99_ms, last_call FROM recsys.stat_campaigns ORDER BY 1'),
	"home|0|0|0|||\nsearch|0|0|0|||\nunused|0|0|0|||", 'campaigns that nobody asked are there');
sql(q{SELECT count(*) FROM generate_series(1, 100) AS n, LATERAL recsys.get_recommendations('home', 'u' || n, num_results => 7) AS r});
sql(q{SELECT count(*) FROM generate_series(1, 10) AS n, LATERAL recsys.get_personalized_ranking('search', 'u' || n, '{i1,i2,i3}') AS r});
sql(q{SELECT count(*) FROM recsys.recommend_where('home', 'u1', 'item_id > ''i3''', num_results => 5)});
for my $bad (q{num_results => 5, filter => 'nothing'}, q{metadata_columns => '{nothing}'})
{
	isnt($node->error_of("SELECT * FROM recsys.get_recommendations('home', 'u1', $bad)"), '', 'a request fails');
}
isnt($node->error_of("SELECT * FROM recsys.get_recommendations('search', 'u1')"), '', 'a campaign that ranks only');
isnt($node->error_of("SELECT * FROM recsys.get_recommendations('absent', 'u1')"), '', 'a campaign that does not exist');
is(sql('SELECT campaign, calls, rows, errors FROM recsys.stat_campaigns ORDER BY 1'), "home|101|705|2\nsearch|10|30|1\nunused|0|0|0", 'calls, rows and errors are exact');
is(sql(q{SELECT 0 < mean_ms AND 0 < p50_ms AND p50_ms <= p95_ms AND p95_ms <= p99_ms AND p99_ms <= max_ms AND abs(total_ms - mean_ms * calls) < 1
	AND last_call > now() - interval '1 minute' AND since < last_call FROM recsys.stat_campaigns WHERE campaign = 'home'}), 't', 'times are in order');
is(sql(q{SELECT sum(calls), bool_and(from_ms < to_ms) FROM recsys.stat_campaign_latency WHERE campaign = 'home'}), '101|t', 'each answer is in one bucket');
is(sql(q{SELECT abs(sum(calls * (from_ms + to_ms) / 2) / 101 - (SELECT mean_ms FROM recsys.stat_campaigns WHERE campaign = 'home')) /
	(SELECT mean_ms FROM recsys.stat_campaigns WHERE campaign = 'home') < 0.25 FROM recsys.stat_campaign_latency WHERE campaign = 'home'}), 't', 'of about its time');

# ---- health sees what is counted
is(sql(q{SELECT severity, object, finding FROM recsys.health('shop') ORDER BY 2}), "warning|campaign home|requests fail\nwarning|campaign search|requests fail", 'requests that fail');
is(sql(q{SELECT count(*) FROM recsys.health(max_p99_ms => 0) WHERE finding = 'answers are slow'}), '2', 'and that are slow');

# ---- concurrently
my @clients = map { IPC::Run::start([ 'psql', '-X', '-q', '-d', $node->connstr('postgres'), '-c',
	q{SELECT count(*) FROM generate_series(1, 200) AS n, LATERAL recsys.get_recommendations('home', 'u' || n) AS r} ], '>', '/dev/null') } 1 .. 4;
$_->finish for @clients;
is(sql(q{SELECT calls FROM recsys.stat_campaigns WHERE campaign = 'home'}), '901', 'no call is lost between sessions');

# ---- rights
is(sql('SET ROLE bob; SELECT count(*) FROM recsys.stat_campaigns'), '0', 'who may not read a group does not see its campaigns');
like($node->error_of(q{SET ROLE bob; SELECT recsys.reset_campaign_statistics('home')}), qr/RS001/, 'nor reset them');
sql(q{SELECT recsys.reset_campaign_statistics('home')});
is(sql(q{SELECT calls, errors, mean_ms, last_call FROM recsys.stat_campaigns WHERE campaign = 'home'}), '0|0||', 'reset');

# ---- idle
is(sql(q{SELECT count(*) FROM recsys.idle_campaigns()}), '0', 'nothing is idle before the server has run for a day');
sql(q{SELECT pg_sleep(0.3)});
sql(q{SELECT count(*) FROM recsys.get_recommendations('home', 'u1')});
is(sql(q{SELECT string_agg(campaign, ',' ORDER BY campaign) FROM recsys.idle_campaigns('0.2 seconds')}), 'search,unused', 'idle is what nobody asked');
like($node->error_of(q{SELECT * FROM recsys.idle_campaigns('0')}), qr/22023: argument "threshold" must be positive/, 'bad input');

# ---- memory before the first request
is(sql(q{SELECT string_agg(DISTINCT kind, ',' ORDER BY kind) FROM recsys.prewarm('home')}), 'model,relation', 'prewarm');
is(sql(q{SELECT bytes > 0 FROM recsys.prewarm('home') WHERE object = 'shop.interactions'}), 't', 'reads the table');
is(sql(q{SELECT count(*) FROM recsys.prewarm('home') WHERE object IN ('shop.interactions_user_item', 'shop.items_pkey')}), '2', 'and indexes');
like($node->error_of(q{SELECT * FROM recsys.prewarm('absent')}), qr/RS001/, 'prewarm of nothing');

# ---- the dashboard and the exporter: each query runs, and gives the columns that it promises
my $role = 'SET ROLE alice; ';
my $dashboard = decode_json(slurp_file('contrib/grafana-dashboard.json'));
for my $panel (@{ $dashboard->{panels} })
{
	my ($status, $out, $err) = $node->psql('postgres', $role . $panel->{targets}[0]{rawSql});
	is($status, 0, "dashboard: $panel->{title}") or diag $err;
}
my ($name, %columns, %query);
for (split /\n/, slurp_file('contrib/postgres_exporter.yml'))
{
	if (/^(\w+):$/) { $name = $1 }
	elsif (/^    - (\w+): \{usage: "(?:LABEL|COUNTER|GAUGE)", description: "[^"]+"\}$/) { push @{ $columns{$name} }, $1 }
	elsif (/^    (.+)$/) { $query{$name} .= "$1\n" }
	else { ok(/^$|^#|^  query: \|$|^  metrics:$/, "exporter: understood: $_") }
}
for my $metric (sort keys %query)
{
	my $out = $node->safe_psql('postgres', "${role}SELECT string_agg(DISTINCT k, ',') FROM ($query{$metric}) AS q, LATERAL json_object_keys(row_to_json(q)) AS k");
	next if $out eq '';    # no jobs yet
	is(join(',', sort split /,/, $out), join(',', sort @{ $columns{$metric} }), "exporter: $metric");
}

# ---- a standby counts its own, and can be warmed
$node->backup('base');
my $standby = RecsysNode->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
is($standby->safe_psql('postgres', q{SELECT count(*) > 1 FROM recsys.prewarm('home')}), 't', 'a standby is warmed');
$standby->safe_psql('postgres', q{SELECT count(*) FROM generate_series(1, 3) AS n, LATERAL recsys.get_recommendations('home', 'u' || n) AS r});
is($standby->safe_psql('postgres', q{SELECT calls FROM recsys.stat_campaigns WHERE campaign = 'home'}), '3', 'a standby has its own counters');
is(sql(q{SELECT calls FROM recsys.stat_campaigns WHERE campaign = 'home'}), '1', 'and the primary its own');
$standby->stop;
$node->restart;
is(sql(q{SELECT calls, since > now() - interval '1 minute' FROM recsys.stat_campaigns WHERE campaign = 'home'}), '0|t', 'after a start they begin anew');
$node->stop;

# ---- without preloading nothing is counted, and all else works
my $plain = RecsysNode->new('plain');
$plain->init(preload => 0);
$plain->start;
$plain->recsys;
is($plain->safe_psql('postgres', 'SELECT count(*) FROM recsys.stat_campaigns'), '0', 'without preloading the view is empty');
$plain->stop;
done_testing();
