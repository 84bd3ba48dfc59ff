# What trends on a hot standby: the same answer from replayed events, a session's counts kept no longer than they may be, and the
# index on time used instead of a scan.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use RecsysNode;
use Test::More;

my $primary = RecsysNode->new('primary');
$primary->init(allows_streaming => 1);
$primary->append_conf('postgresql.conf', 'recsys.trending_cache = 2');
$primary->start;
$primary->recsys;
$primary->safe_psql('postgres', <<'SQL');
SELECT recsys.create_dataset_group('shop');
SELECT recsys.create_dataset('shop', 'interactions');
INSERT INTO shop.interactions (user_id, item_id, "timestamp")
SELECT 'u' || i, 'i' || i % 50, now() - interval '30 days' + i * interval '25 seconds' FROM generate_series(1, 100000) AS i;
ANALYZE shop.interactions;
SELECT recsys.create_solution('now', 'shop', 'trending-now');
SELECT recsys.create_solution_version('now', wait => true);
SELECT recsys.create_campaign('now', 'now');
SQL
$primary->backup('base');
my $standby = RecsysNode->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

my $first = "SELECT item_id || ' ' || reason FROM recsys.get_recommendations('now', num_results => 1)";
my $all = "SELECT md5(string_agg(rank || item_id || reason, ',' ORDER BY rank)) FROM recsys.get_recommendations('now', num_results => 50)";
$primary->wait_for_catchup($standby);
is($standby->safe_psql('postgres', $all), $primary->safe_psql('postgres', $all), 'equal answers on both');

# A session of the standby keeps its counts for two seconds, then sees what came.
my $session = $standby->background_psql('postgres');
isnt($session->query_safe($first), 'hit trending', 'nothing trends yet');
$primary->safe_psql('postgres', q{INSERT INTO shop.interactions (user_id, item_id, "timestamp")
	SELECT 'n' || i, 'hit', now() - i * interval '1 second' FROM generate_series(1, 40) AS i});
$primary->wait_for_catchup($standby);
is($standby->safe_psql('postgres', $first), 'hit trending', 'a new session of the standby sees the new item');
my $seen = '';
for (1 .. 100)
{
	$seen = $session->query_safe($first);
	last if $seen eq 'hit trending';
	select undef, undef, undef, 0.1;
}
is($seen, 'hit trending', 'the old session sees it when its counts are too old');
$session->quit;

# A transaction with a fixed snapshot stays with what it saw, also when the session asked before or after.
$session = $primary->background_psql('postgres');
$session->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ');
is($session->query_safe($first), 'hit trending', 'the snapshot is taken');
$primary->safe_psql('postgres', q{INSERT INTO shop.interactions (user_id, item_id, "timestamp")
	SELECT 'm' || i, 'bigger', now() - i * interval '1 second' FROM generate_series(1, 80) AS i});
is($session->query_safe("SET LOCAL recsys.trending_cache = 0; $first"), 'hit trending', 'it holds, counted anew');
$session->query_safe('COMMIT');
is($session->query_safe($first), 'bigger trending', 'and what it counted is not kept for later');
$session->quit;

# 100,000 events, of which the two intervals hold some two hundred: through the index few pages are read.
my $read = $primary->safe_psql('postgres', <<"SQL");
SET recsys.trending_cache = 0;
$first;
SELECT pg_stat_force_next_flush();
SELECT coalesce(seq_scan, 0) FROM pg_stat_user_tables WHERE relname = 'interactions';
SQL
my $scans = (split /\n/, $read)[-1];
$primary->safe_psql('postgres', "SET recsys.trending_cache = 0; $first; $first; $first");
is($primary->safe_psql('postgres', "SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'interactions'"), $scans, 'no scan of the table');

# A recommender in the background: it waits for its model, answers then, and what is trained later takes over.
$primary->safe_psql('postgres', q{SELECT recsys.create_dataset_group('video', 'VIDEO_ON_DEMAND');
	SELECT recsys.create_dataset('video', 'interactions');
	INSERT INTO video.interactions (user_id, item_id, event_type, "timestamp")
		SELECT 'u' || i % 100, 'film' || i % 30, 'watch', now() - i * interval '1 minute' FROM generate_series(1, 3000) AS i});
is($primary->safe_psql('postgres', q{BEGIN; SELECT recsys.create_recommender('most', 'video', 'aws-vod-most-popular');
	SELECT status FROM recsys.recommenders WHERE name = 'most'; COMMIT}), "most\nCREATE PENDING", 'it waits');
$primary->wait_until(q{SELECT status FROM recsys.recommenders WHERE name = 'most'}, 'ACTIVE', 'and becomes ACTIVE');
is($primary->safe_psql('postgres', q{SELECT count(*) FROM recsys.get_recommendations('most', 'u1')}), '25', 'it answers');
$primary->safe_psql('postgres', q{SELECT recsys.create_solution_version('most')});
$primary->wait_until(q{SELECT solution_version FROM recsys.recommenders WHERE name = 'most'}, 'most/2', 'the newer version takes over');

done_testing();
