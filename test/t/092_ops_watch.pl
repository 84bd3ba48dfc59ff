# Drift, and groups that are watched: what comes and goes is told, traffic is kept over a restart, and what was asked to happen by itself does.
use strict;
use warnings;

use lib 'test/t';
use JSON::PP;
use RecsysNode;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = RecsysNode->new('watch');
$node->init;
$node->start;
$node->recsys;
sub sql { return $node->safe_psql('postgres', $_[0]) }
sub as_alice { return sql("SET ROLE alice; $_[0]") }
sub when_is { my ($query, $expected, $what) = @_; return ok($node->poll_query_until('postgres', $query, $expected), $what) }
# The watch runs once more, and has ended.
sub watched
{
	my $runs = sql(q{SELECT count(*) FROM recsys.jobs WHERE kind = 'watch'});
	sql(q{UPDATE recsys_internal.schedule SET next_due = now() WHERE kind = 'watch'});
	as_alice(q{SELECT recsys.update_solution('popular', '30 days')});    # wakes the launcher
	return when_is(qq{SELECT count(*) > $runs AND bool_and(status NOT IN ('PENDING', 'RUNNING')) FROM recsys.jobs WHERE kind = 'watch'}, 't', 'the watch runs');
}
sql(<<'SQL');
CREATE ROLE alice NOLOGIN;
CREATE ROLE bob NOLOGIN;
GRANT CREATE ON DATABASE postgres TO alice;
SET ROLE alice;
SELECT recsys.create_dataset_group('shop');
SELECT recsys.create_dataset('shop', 'interactions');
INSERT INTO shop.interactions (user_id, item_id, event_type, "timestamp")
SELECT 'u' || n % 100, 'i' || 1 + (n * n + n / 7) % 60, 'Click', '2024-01-01'::timestamptz + make_interval(mins => n) FROM generate_series(1, 3000) AS n;
SELECT recsys.create_solution('popular', 'shop', 'popularity-count');
SELECT recsys.create_solution('related', 'shop', 'sims');
SELECT recsys.create_solution_version(name, wait => true) FROM unnest('{popular,related}'::text[]) AS name;
SELECT recsys.create_campaign('home', 'popular', min_provisioned_tps => 8);
SELECT recsys.create_campaign('product', 'related');
SQL

# ---- drift
is(as_alice(q{SELECT measure, value, breached FROM recsys.drift('home')}), "unknown_item_share||f\npopularity_shift||f", 'nothing is said before there are events');
is(as_alice(q{SELECT measure, value > 0, breached FROM recsys.drift('product') OFFSET 2}), "coverage|t|f\nconcentration|t|f", 'lists are looked at');
is(as_alice(q{SELECT sum(calls) FROM recsys.stat_campaigns}), '0', 'which is not counted');
my $more = q{INSERT INTO shop.interactions (user_id, item_id, event_type, "timestamp")
SELECT 'u' || n %% 100, %s, 'Click', %s + make_interval(mins => n) FROM generate_series(1, 2000) AS n};
as_alice(sprintf $more, q{'i' || 1 + (n * n + n / 7) % 60}, q{'2024-03-01'::timestamptz});
is(as_alice(q{SELECT bool_or(breached), max(value) FILTER (WHERE measure = 'popularity_shift') < 0.1 FROM recsys.drift('home')}), 'f|t', 'more of the same is no drift');
is(as_alice(q{SELECT count(*) FROM recsys.health('shop')}), '0', 'all is well');
as_alice(sprintf $more, q{CASE WHEN n % 3 = 0 THEN 'new' || n % 10 ELSE 'i' || 1 + n % 6 END}, q{'2024-04-01'::timestamptz});
is(as_alice(q{SELECT measure, round(value::numeric, 3) FROM recsys.drift('home') WHERE breached ORDER BY 1 DESC}),
	"unknown_item_share|0.167\npopularity_shift|" . as_alice(q{SELECT round(value::numeric, 3) FROM recsys.drift('home') WHERE measure = 'popularity_shift'}), 'drift is found');
like($node->error_of(q{SET ROLE bob; SELECT * FROM recsys.drift('home')}), qr/RS001/, 'not for strangers');
is(as_alice(q{SELECT DISTINCT finding FROM recsys.health('shop') ORDER BY 1}), "data have drifted: popularity_shift\ndata have drifted: unknown_item_share", 'and stands in health');

# ---- watching
like($node->error_of(q{SET ROLE bob; SELECT recsys.watch('shop')}), qr/RS001/, 'nobody watches what is not his');
like($node->error_of(q{SET ROLE alice; SELECT recsys.watch('shop', every => '-1 s')}), qr/22023: argument "every" must be positive/, 'bad interval');
like($node->error_of(q{SET ROLE alice; SELECT recsys.unwatch('shop')}), qr/RS001: dataset group "shop" is not watched/, 'not watched');
my $heard = '';
my $listener = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', 'LISTEN recsys_health', '-c', 'SELECT pg_sleep(100)', '-c', 'SELECT 1' ], '>', \$heard, '2>', '/dev/null');
when_is(q{SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()}, '1', 'somebody listens');
as_alice(q{SELECT recsys.watch('shop', every => '1 hour')});
when_is(q{SELECT count(*) FROM recsys.findings}, '4', 'what is found is kept');
is(as_alice(q{SELECT severity, object, finding, since > now() - interval '1 minute' FROM recsys.findings LIMIT 1}), 'warning|campaign home|data have drifted: popularity_shift|t', 'to be read');
is(sql(q{SET ROLE bob; SELECT count(*) FROM recsys.findings}), '0', 'not by strangers');
watched();
is(as_alice(q{SELECT result FROM recsys.jobs WHERE kind = 'watch' ORDER BY id DESC LIMIT 1}), '{"raised": 0, "cleared": 0, "findings": 4}', 'what stands is not told again');

# ---- trained again
as_alice(q{SELECT recsys.watch('shop', every => '1 hour', retrain_on_drift => true)});
watched();
is(sql(q{SELECT count(*) FROM recsys.solution_versions}), '2', 'a version that is younger than a day is not replaced');
sql(q{UPDATE recsys_internal.solution_version SET created_at = now() - interval '2 days'});
watched();
when_is(q{SELECT count(*) FROM recsys.solution_versions WHERE status = 'ACTIVE'}, '4', 'models that have drifted are trained again');
as_alice(q{SELECT recsys.update_campaign('home', 'popular/2'), recsys.update_campaign('product', 'related/2')});
watched();
is(sql(q{SELECT count(*) FROM recsys.findings}), '0', 'with them the findings go');
sql(q{SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()});
$listener->finish;
my @told = map { decode_json($_) } $heard =~ /payload "(.*)" received/g;
is(scalar(grep { $_->{event} eq 'raised' } @told), 4, 'each finding was told once');
is(scalar(grep { $_->{event} eq 'cleared' } @told), 4, 'and when it went');
is_deeply([ sort keys %{ $told[0] } ], [qw(dataset_group event evidence finding object severity)], 'with all that is to be known');

# ---- traffic over a restart, and the floor
sql(q{UPDATE recsys_internal.campaign SET created_at = now() - interval '3 days', updated_at = now() - interval '2 hours' WHERE name = 'home'});
sql(q{INSERT INTO recsys_internal.campaign_period SELECT c.id, date_trunc('day', now()) - interval '1 day' + make_interval(mins => 5 * n), 30000, 8
	FROM recsys_internal.campaign AS c, generate_series(0, 23) AS n WHERE c.name = 'home'});
$node->restart;
is(as_alice(q{SELECT count(*), sum(calls), round(sum(tps_hours)) FROM recsys.stat_campaign_periods WHERE calls > 0}), '24|720000|200', 'traffic that was written down is there after a restart');
as_alice(q{SELECT recsys.watch('shop', every => '1 hour', adjust_floor => true)});
watched();
is(as_alice(q{SELECT min_provisioned_tps FROM recsys.campaigns WHERE name = 'home'}), '8', 'a floor that is used stays');
sql(q{UPDATE recsys_internal.campaign_period SET calls = 300 WHERE period_start < date_trunc('day', now()) - interval '23 hours'});
watched();
is(as_alice(q{SELECT min_provisioned_tps FROM recsys.campaigns WHERE name = 'home'}), '6', 'one that is not sinks by a quarter');
watched();
is(as_alice(q{SELECT min_provisioned_tps FROM recsys.campaigns WHERE name = 'home'}), '6', 'not twice an hour');
is(as_alice(q{SELECT min_provisioned_tps FROM recsys.campaigns WHERE name = 'product'}), '1', 'and not below 1');

# ---- idle campaigns
as_alice(q{SELECT recsys.create_experiment('test', 'shop', '[{"name": "a"}, {"name": "b", "campaign": "product"}]', 'Click')});
sql(q{SELECT pg_sleep(0.2)});
as_alice(q{SELECT recsys.watch('shop', every => '1 hour', delete_idle_after => '0.1 s')});
watched();
is(as_alice(q{SELECT string_agg(name, ',') FROM recsys.campaigns}), 'product', 'a campaign that nobody asks goes, one of an experiment stays');
like(as_alice(q{SELECT result FROM recsys.jobs WHERE kind = 'watch' ORDER BY id DESC LIMIT 1}), qr/"removed": \["shop.home"\]/, 'and the job tells');
as_alice(q{SELECT recsys.unwatch('shop')});
is(sql(q{SELECT count(*) FROM recsys.schedules WHERE kind = 'watch'}), '0', 'no longer watched');

# ---- a campaign that cannot be looked at does not hide the others
as_alice(q{ALTER TABLE shop.interactions RENAME COLUMN item_id TO product});
is(as_alice(q{SELECT object, finding FROM recsys.health('shop') WHERE finding LIKE '%drift%'}), 'campaign product|drift cannot be measured', 'a broken table is told');
$node->stop;
done_testing();
