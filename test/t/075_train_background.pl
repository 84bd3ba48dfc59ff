# Trainings that last: their life cycle in the background, stops, kills, cancels, and what other sessions see meanwhile.
# "slow" reads for minutes (its source sleeps), "heavy" computes for seconds.
use strict;
use warnings;

use lib 'test/t';
use RecsysNode;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $node = RecsysNode->new('train');
$node->init;
$node->start;
$node->recsys;
$node->safe_psql('postgres', <<'SQL');
CREATE ROLE alice NOLOGIN;
GRANT CREATE ON DATABASE postgres TO alice;
SET ROLE alice;
SELECT recsys.create_dataset_group('shop');
SELECT recsys.create_dataset('shop', 'interactions');
INSERT INTO shop.interactions (user_id, item_id, event_type, "timestamp")
SELECT 'u' || n % 50, 'i' || n * n % 41, 'Click', '2024-01-01'::timestamptz + make_interval(mins => n) FROM generate_series(1, 1000) AS n;
SELECT recsys.create_solution('popular', 'shop', 'popularity-count');
SELECT recsys.create_solution('buys', 'shop', 'popularity-count', event_type => 'Buy');

SELECT recsys.create_dataset_group('slow_shop');
CREATE VIEW slow_shop.source AS SELECT 'u' || n AS user_id, 'i' || n AS item_id, now() AS "timestamp"
    FROM generate_series(1, 30000) AS n, LATERAL (SELECT pg_sleep(0.01) WHERE n > 0) AS s;
SELECT recsys.create_dataset('slow_shop', 'interactions', source => 'slow_shop.source');
SELECT recsys.create_solution('slow', 'slow_shop', 'popularity-count');

SELECT recsys.create_dataset_group('heavy_shop');
CREATE UNLOGGED TABLE heavy_shop.source AS SELECT u AS user_id, u * i % 30011 AS item_id, to_timestamp(u * i) AS "timestamp"
    FROM generate_series(1, 4000) AS u, generate_series(1, 500) AS i;
SELECT recsys.create_dataset('heavy_shop', 'interactions', source => 'heavy_shop.source');
SELECT recsys.create_solution('heavy', 'heavy_shop', 'sims', hyperparameters => '{"max_user_history_length_percentile": 1,
    "min_cointeraction_count": 0, "min_item_interaction_count_percentile": 0, "max_item_interaction_count_percentile": 1}');
SQL

sub sql { return $node->safe_psql('postgres', $_[0]) }
sub version { return sql("SELECT $_[1] FROM recsys.solution_versions WHERE name = '$_[0]'") }
sub training { return sql(q{SELECT count(*) FROM recsys.progress}) }

# ---- life cycle
is(sql(q{SELECT recsys.create_solution_version('popular')}), 'popular/1', 'a version is named at once');
is(sql(q{SELECT recsys.wait_for('popular/1', '1 minute')}), 'ACTIVE', 'a worker trains it');
is(version('popular/1', q{failure_reason IS NULL, created_at <= started_at, started_at < finished_at, wall_seconds > 0,
	training_hours >= 0, peak_memory > 0, model_bytes > 0}), 't|t|t|t|t|t|t', 'it tells what it took');
is(sql(q{SELECT recsys.create_solution_version('popular', wait => true)}), 'popular/2', 'the same here');
is(sql(q{SELECT count(DISTINCT content_hash) FROM recsys.solution_versions WHERE solution = 'popular'}), '1',
	'both make the same model');
is(sql(q{SELECT status FROM recsys_internal.job}), 'SUCCEEDED', 'the job is done');

# ---- a failure has a reason and harms nothing
sql(q{SELECT recsys.create_solution_version('buys')});
is(sql(q{SELECT recsys.wait_for('buys/1')}), 'CREATE FAILED', 'a training on nothing fails');
like(version('buys/1', 'failure_reason'), qr/^dataset has no usable interactions after filtering by event type: Buy\n/, 'with its reason');
is(version('buys/1', 'wall_seconds > 0, training_hours >= 0, peak_memory > 0, finished_at IS NOT NULL, content_hash IS NULL'),
	't|t|t|t|t', 'what it took is recorded');
like($node->error_of(q{SELECT * FROM recsys.get_solution_metrics('buys/1')}), qr/RS004: .*has no metrics/, 'it has no metrics');
is(version('popular/1', 'status'), 'ACTIVE', 'other versions stay');

# ---- commit and rollback
sql(q{BEGIN; SELECT recsys.create_solution_version('popular'); ROLLBACK});
is(sql(q{SELECT count(*) FROM recsys.solution_versions WHERE name = 'popular/3'}), '0', 'a rollback leaves no version');
is(sql(q{BEGIN; SELECT recsys.create_solution_version('popular'); SELECT recsys.stop_solution_version_creation('popular/3'); COMMIT}),
	"popular/3\nCREATE STOPPED", 'a version that waits is stopped at once');
like($node->error_of(q{BEGIN; SELECT recsys.create_solution_version('popular'); SELECT recsys.wait_for('popular/4')}),
	qr/55000: cannot wait for a solution version of this transaction/, 'waiting for an uncommitted version is refused');

# ---- a running training: seen, protected, awaited, stopped
sql(q{SELECT recsys.create_solution_version('slow')});
$node->wait_until(q{SELECT phase = 'reading interactions' FROM recsys.progress}, 't', 'progress shows it');
is(version('slow/1', 'status, started_at IS NOT NULL'), 'CREATE IN_PROGRESS|t', 'it is in progress');
is(sql(q{SELECT recsys.wait_for('slow/1', '200 ms')}), 'CREATE IN_PROGRESS', 'waiting ends with the timeout');
like($node->error_of(q{BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT recsys.wait_for('slow/1')}), qr/55000: cannot wait/,
	'a transaction with one snapshot cannot wait');
like($node->error_of(q{SET statement_timeout = '300 ms'; SELECT recsys.wait_for('slow/1')}), qr/57014/, 'waiting can be cancelled');
like($node->error_of(q{SELECT recsys.delete_solution('slow')}), qr/RS002: .*is in use.*slow\/1.*in training/s, 'its solution stays');
like($node->error_of(q{SELECT recsys.delete_solution_version('slow/1')}), qr/RS002: .*is in training/, 'and so does it');
like($node->error_of(q{SELECT * FROM recsys.get_solution_metrics('slow/1')}), qr/RS002: .*is in training/, 'metrics come later');
sql(q{INSERT INTO recsys_internal.campaign (group_id, name, solution_id, pending_version_id, status)
	SELECT s.group_id, 'waits', s.id, v.id, 'CREATE PENDING' FROM recsys_internal.solution AS s
	JOIN recsys_internal.solution_version AS v ON v.solution_id = s.id WHERE s.name = 'slow'});
is(sql(q{SELECT recsys.stop_solution_version_creation('slow/1')}), 'CREATE STOPPING', 'a stop is asked for');
my $start = time;
is(sql(q{SELECT recsys.wait_for('slow/1')}), 'CREATE STOPPED', 'and happens');
cmp_ok(time - $start, '<', 1.5, 'at once');
is(version('slow/1', 'failure_reason IS NULL, wall_seconds > 0, training_hours >= 0, content_hash IS NULL'), 't|t|t|t',
	'what it took is recorded');
is(sql(q{SELECT status, failure_reason, pending_version_id IS NULL FROM recsys_internal.campaign}),
	'CREATE FAILED|training of the solution version was stopped|t', 'the campaign that waited for it failed');
like($node->error_of(q{SELECT * FROM recsys.get_recommendations('waits', 'u')}),
	qr/is not active.*CREATE FAILED: training of the solution version was stopped\.\n.*recsys\.update_campaign/s, 'and says so, and what to do');
sql('DELETE FROM recsys_internal.campaign');

# ---- without a transaction while it computes
sql(q{SELECT recsys.create_solution_version('heavy')});
$node->wait_until(q{SELECT phase NOT LIKE 'reading%' AND phase <> 'starting' FROM recsys.progress}, 't', 'a training computes');
is(sql(q{SELECT backend_xmin IS NULL AND backend_xid IS NULL AND xact_start IS NULL FROM pg_stat_activity
	WHERE backend_type = 'recsys worker' AND query LIKE 'recsys: job%'}), 't', 'nothing holds back VACUUM meanwhile');
sql(q{SELECT recsys.stop_solution_version_creation('heavy/1')});
$start = time;
is(sql(q{SELECT recsys.wait_for('heavy/1')}), 'CREATE STOPPED', 'a computation is stopped');
cmp_ok(time - $start, '<', 1.5, 'at once');

# ---- wait => true: cancelled, timed out, stopped by others; nothing is left
for my $solution ('slow', 'heavy')
{
	$start = time;
	like($node->error_of("SET statement_timeout = '700 ms'; SELECT recsys.create_solution_version('$solution', wait => true)"),
		qr/57014: canceling statement due to statement timeout/, "$solution: statement_timeout");
	cmp_ok(time - $start, '<', 1.7, 'within a second of it');
	for my $how (q{pg_cancel_backend(pid)}, q{pg_terminate_backend(pid)}, qq{recsys.stop_solution_version_creation('$solution/2')})
	{
		my $session = $node->background_psql('postgres', on_error_stop => 0);
		$session->query_until(qr/go/, "\\echo go\nSELECT recsys.create_solution_version('$solution', wait => true);\n");
		$node->wait_until(q{SELECT count(*) = 1 FROM recsys.progress WHERE phase <> 'starting'}, 't', "$solution: trains here");
		$start = time;
		sql("SELECT $how FROM recsys.progress");
		$node->wait_until(q{SELECT count(*) = 0 FROM recsys.progress}, 't', "$solution: ended by $how");
		cmp_ok(time - $start, '<', 1.5, 'at once');
		eval { $session->quit };
	}
	is(sql("SELECT count(*) FROM recsys.solution_versions WHERE solution = '$solution'"), '1', "$solution: no version is left");
}

# ---- workers that are terminated or killed
sql(q{SELECT recsys.create_solution_version('slow')});
$node->wait_until(q{SELECT phase = 'reading interactions' FROM recsys.progress});
sql(q{SELECT pg_terminate_backend(pid) FROM recsys.progress});
is(sql(q{SELECT recsys.wait_for('slow/2')}), 'CREATE FAILED', 'a terminated training fails');
like(version('slow/2', 'failure_reason'), qr/terminated by an administrator/, 'with its reason');
is(version('slow/2', 'wall_seconds > 0'), 't', 'and its time');
sql(q{SELECT recsys.create_solution_version('slow')});
$node->wait_until(q{SELECT phase = 'reading interactions' FROM recsys.progress});
kill 'KILL', sql(q{SELECT pid FROM recsys.progress});
$node->wait_until(q{SELECT status FROM recsys.solution_versions WHERE name = 'slow/3'}, 'CREATE PENDING', 'a killed one will be tried again');
like(sql(q{SELECT status || ': ' || failure_reason FROM recsys.jobs ORDER BY id DESC LIMIT 1}), qr/^PENDING: the server went down/, 'with its reason');
sql(q{SELECT recsys.resume_job(max(id)) FROM recsys.jobs});
$node->wait_until(q{SELECT phase = 'reading interactions' FROM recsys.progress}, 't', 'it begins again');
kill 'KILL', sql(q{SELECT pid FROM recsys.progress});
$node->wait_until(q{SELECT status FROM recsys.solution_versions WHERE name = 'slow/3'}, 'CREATE FAILED', 'killed twice, it fails');
like(version('slow/3', 'failure_reason'), qr/server went down .* for the second time/, 'with its reason');
sql(q{SELECT recsys.create_solution_version('popular')});
is(sql(q{SELECT recsys.wait_for('popular/4')}), 'ACTIVE', 'afterwards trainings go on');
is(sql(q{SELECT count(*) FROM recsys_internal.model_chunk AS c WHERE NOT EXISTS (SELECT FROM recsys_internal.model_revision AS r,
	jsonb_array_elements(r.sections) AS s WHERE r.version_id = c.version_id AND s->>'hash' = c.section_hash)}), '0', 'nothing is left over');

# ---- without workers
$node->append_conf('postgresql.conf', 'recsys.max_workers = 0');
$node->reload;
$node->poll_query_until('postgres', 'SHOW recsys.max_workers', '0');
like($node->error_of(q{SELECT recsys.create_solution_version('popular')}), qr/55000.*wait => true/s, 'without workers it is refused');
is(sql(q{SELECT count(*) FROM recsys.solution_versions WHERE solution = 'popular'}), '4', 'and no version is left');
is(sql(q{SELECT recsys.create_solution_version('popular', wait => true)}), 'popular/5', 'here it works');
$node->stop;
done_testing();
