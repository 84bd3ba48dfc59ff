# What recsys trains by itself, by a clock that is put forward: automatic training, automatic updates, campaigns that follow; and the
# same by pg_cron, where it is installed.
use strict;
use warnings;

use lib 'test/t';
use RecsysNode;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = RecsysNode->new('automatic');
$node->init;
my $cron = -e $node->config_data('--sharedir') . '/extension/pg_cron.control';
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'pg_cron, recsys'\ncron.database_name = 'postgres'\ncron.use_background_workers = on")
  if $cron;
$node->start;
$node->recsys;
$node->safe_psql('postgres', <<'SQL');
CREATE ROLE alice NOLOGIN;
GRANT CREATE ON DATABASE postgres TO alice;
SET ROLE alice;
SELECT recsys.create_dataset_group('shop');
SELECT recsys.create_dataset('shop', 'interactions');
SELECT recsys.create_dataset('shop', 'items', '{"genre": "categorical"}');
INSERT INTO shop.items (item_id, genre) SELECT 'i' || n, 'g' || n % 4 FROM generate_series(1, 40) AS n;
INSERT INTO shop.interactions (user_id, item_id, event_type, "timestamp")
SELECT 'u' || n % 50, 'i' || 1 + n * n % 40, 'Click', '2024-01-01'::timestamptz + make_interval(mins => n) FROM generate_series(1, 1000) AS n;
SELECT recsys.create_solution('for_you', 'shop', 'user-personalization', auto_training_interval => '7 days');
SELECT recsys.create_solution('popular', 'shop', 'popularity-count');
SQL

sub sql { return $node->safe_psql('postgres', $_[0]) }
my $hours = 0;
# Puts the clock forward and waits until whatever was due is done.
sub pass
{
	my ($more) = @_;
	$hours += $more;
	sql("ALTER SYSTEM SET recsys.clock_offset = '${hours}h'");
	$node->reload;
	$node->poll_query_until('postgres', "SELECT current_setting('recsys.clock_offset')::interval = '$hours hours'");
	# Nothing is due any more, and nobody is at work.
	$node->poll_query_until('postgres', qq{SELECT (SELECT count(*) FROM recsys.schedules WHERE status = 'ON' AND next_due <= now() + '$hours hours') +
		(SELECT count(*) FROM recsys.jobs WHERE status IN ('PENDING', 'RUNNING')) = 0}) or die 'work is left over';
	return;
}
sub versions { return sql(q{SELECT string_agg(concat_ws(' ', name, status, training_mode, training_type), ', ' ORDER BY number) FROM recsys.solution_versions WHERE solution = 'for_you'}) }
sub last_of { return sql("SELECT last_status, last_reason FROM recsys.schedules WHERE kind = '$_[0]'") }
my $scores = q{SELECT item_id, score FROM recsys.get_recommendations('home', 'u7', num_results => 100)};
# Logits up to a constant, of the items that were there at first.
my $logits = qq{SELECT string_agg(item_id || ' ' || round((ln(score) - m)::numeric, 4), ',' ORDER BY item_id) FROM (SELECT *, max(ln(score)) OVER () AS m
	FROM ($scores) AS s WHERE item_id ~ '^i[0-9]{1,2}\$') AS x};

is(sql('SELECT kind, resource, status, every FROM recsys.schedules ORDER BY kind'), "auto_training|for_you|ON|7 days\nauto_update|for_you|ON|02:00:00",
	'a solution has the schedules that its recipe and its arguments ask for');

# ---- automatic training
pass(1);
is(versions(), 'for_you/1 ACTIVE FULL AUTOMATIC', 'the first automatic training comes within an hour');
pass(1);
is(last_of('auto_update'), 'SKIPPED|no campaign serves solution version "for_you/1", the newest that was trained in full',
	'no update before anything is deployed, and it says so');
sql(q{SELECT recsys.create_campaign('home', 'for_you', exploration_weight => 0, sync_with_latest => true)});
pass(168);
is(last_of('auto_training'), 'SKIPPED|no new interactions since solution version "for_you/1" was trained', 'a week without new data: nothing is trained');
is(last_of('auto_update'), 'SKIPPED|no new interactions or items since solution version "for_you/1" was trained or updated', 'nor updated');

# ---- automatic update
sql(q{INSERT INTO shop.interactions (user_id, item_id, event_type, "timestamp") VALUES ('u8', 'i3', 'Click', '2024-02-02')});
pass(2);
is(last_of('auto_update'), 'SUCCEEDED|', 'events on old items are counted anew');
my $before = sql($logits);
my $hash = sql(q{SELECT content_hash FROM recsys.solution_versions WHERE name = 'for_you/1'});
sql(q{INSERT INTO shop.items (item_id) VALUES ('i'), ('i100'), ('new1'), ('zz')});
sql(q{INSERT INTO shop.interactions (user_id, item_id, event_type, "timestamp") SELECT 'u' || n, 'new1', 'Click', '2024-02-01' FROM generate_series(100, 140) AS n});
sql(q{INSERT INTO shop.interactions (user_id, item_id, event_type, "timestamp") VALUES ('u8', 'i3', 'Click', '2024-02-01')});
is(sql("SELECT count(*) FROM ($scores) AS s WHERE item_id IN ('new1', 'zz')"), '2', 'new items are offered at the end of a short list');
is(sql("SELECT string_agg(DISTINCT reason, ',') FROM recsys.get_recommendations('home', 'u7', num_results => 100) WHERE item_id IN ('new1', 'zz')"), 'new', 'as new ones');
pass(2);
is(sql(q{SELECT last_status FROM recsys.schedules WHERE kind = 'auto_update'}), 'SUCCEEDED', 'two hours later the model is updated');
is(versions(), 'for_you/1 ACTIVE FULL AUTOMATIC', 'without a new version');
is(sql(q{SELECT j.result FROM recsys.schedules AS s JOIN recsys.jobs AS j ON j.id = s.last_job WHERE s.kind = 'auto_update'}),
	'{"new_items": 4, "solution_version": "for_you/1"}', 'the job tells what it brought');
is(sql(q{SELECT d -> 'latest_update' ->> 'new_items', d -> 'latest_update' ->> 'revision' FROM recsys.describe_solution_version('for_you/1') AS d}), '4|3',
	'and so does the version');
isnt(sql(q{SELECT content_hash FROM recsys.solution_versions WHERE name = 'for_you/1'}), $hash, 'its bytes are others');
is(sql($logits), $before, 'the items that were there keep their scores');
is(sql("SELECT count(*) FILTER (WHERE score IS NOT NULL) FROM ($scores) AS s WHERE item_id IN ('new1', 'zz', 'i', 'i100')"), '4', 'new items are known to the model');
is(sql("SELECT s.score > z.score FROM ($scores) AS s, ($scores) AS z WHERE s.item_id = 'new1' AND z.item_id = 'zz'"), 't', 'the one with events before the others');
is(sql("SELECT round(sum(score)::numeric, 6) FROM ($scores) AS s"), '1.000000', 'scores are still shares of the catalogue');
pass(2);
is(last_of('auto_update'), 'SKIPPED|no new interactions or items since solution version "for_you/1" was trained or updated', 'and then nothing is new again');

# ---- UPDATE by hand
sql(q{INSERT INTO shop.items (item_id) VALUES ('new2')});
is(sql(q{SELECT recsys.create_solution_version('for_you', 'UPDATE', wait => true)}), 'for_you/2', 'an update by hand is a version of its own');
is(sql(q{SELECT d ->> 'training_mode', d ->> 'updated_from', d -> 'metrics' = (SELECT b -> 'metrics' FROM recsys.describe_solution_version('for_you/1') AS b)
	FROM recsys.describe_solution_version('for_you/2') AS d}), 'UPDATE|for_you/1|t', 'that tells what it came from');
is(sql(q{SELECT solution_version FROM recsys.campaigns}), 'for_you/2', 'the campaign that follows the solution serves it');
is(sql($logits), $before, 'scores are still the same');
sql(q{SELECT recsys.create_solution_version('for_you', 'UPDATE')});
is(sql(q{SELECT recsys.wait_for('for_you/3')}), 'ACTIVE', 'a worker does the same');
is(sql(q{SELECT count(DISTINCT content_hash) FROM recsys.solution_versions WHERE training_mode = 'UPDATE'}), '1', 'to the byte');
like($node->error_of(q{SELECT recsys.create_solution_version('popular', 'UPDATE')}), qr/22023: recipe "popularity-count" has no training mode UPDATE/,
	'a recipe without updates');
like($node->error_of(q{SELECT recsys.run_automatic_update('popular')}), qr/22023: recipe "popularity-count" has no training mode UPDATE/, 'nor automatic ones');
sql(q{SELECT recsys.create_solution('fresh', 'shop', 'user-personalization')});
like($node->error_of(q{SELECT recsys.create_solution_version('fresh', 'UPDATE')}), qr/55000: solution "fresh" has no version to update.*HINT:.*FULL/s, 'nothing to update');
sql(q{SELECT recsys.delete_solution('fresh')});

# ---- a week later: a new version, and the campaign moves by itself; the old version is updated no longer
pass(168);
is(sql(q{SELECT training_mode, training_type, status FROM recsys.solution_versions WHERE name = 'for_you/4'}), 'FULL|AUTOMATIC|ACTIVE', 'new data: trained again');
is(sql(q{SELECT solution_version, status FROM recsys.campaigns}), 'for_you/4|ACTIVE', 'the campaign has moved on');
sql(q{SELECT recsys.update_campaign('home', 'for_you/1', sync_with_latest => false)});
sql(q{INSERT INTO shop.items (item_id) VALUES ('new3')});
pass(2);
is(last_of('auto_update'), 'SKIPPED|no campaign serves solution version "for_you/4", the newest that was trained in full', 'an older version is not updated');

# ---- settings
sql(q{ALTER SYSTEM SET recsys.auto_update_interval = 0});
$node->reload;
$node->wait_until(q{SELECT status FROM recsys.schedules WHERE kind = 'auto_update'}, 'OFF', 'automatic updates are switched off');
sql(q{SELECT recsys.update_campaign('home', 'for_you/4')});
sql(q{ALTER SYSTEM SET recsys.auto_update_interval = '10min'});
$node->reload;
$node->poll_query_until('postgres', q{SELECT every = '10 min' FROM recsys.schedules WHERE kind = 'auto_update'});
pass(1);
is(sql(q{SELECT last_status FROM recsys.schedules WHERE kind = 'auto_update'}), 'SUCCEEDED', 'and on again');
sql(q{SELECT recsys.update_solution('for_you', '1 day')});
is(sql(q{SELECT every FROM recsys.schedules WHERE kind = 'auto_training'}), '1 day', 'the interval is changed');
sql(q{SELECT recsys.update_solution('for_you', perform_auto_training => false)});
is(sql(q{SELECT count(*) FROM recsys.schedules WHERE kind = 'auto_training'}), '0', 'and automatic training ended');
like($node->error_of(q{SELECT recsys.update_solution('for_you', '-1 day')}), qr/22023: argument "auto_training_interval" must be at least one minute/, 'bad input');

# ---- pg_cron instead of a schedule
SKIP:
{
	skip 'pg_cron is not installed', 5 unless $cron;
	sql('CREATE EXTENSION pg_cron; GRANT USAGE ON SCHEMA cron TO alice');
	sql(q{SELECT recsys.pause_schedule(id) FROM recsys.schedules});
	sql(q{INSERT INTO shop.items (item_id) VALUES ('new4')});
	my $jobs = sql('SELECT max(id) FROM recsys.jobs');
	# pg_cron 1.4 plans by the minute; now is as soon as the first minute is over, so its clock is not waited for twice.
	sql(q{SELECT cron.schedule('update', '* * * * *', $$SELECT recsys.run_automatic_update('for_you')$$),
		cron.schedule('train', '* * * * *', $$SELECT recsys.run_automatic_training('for_you')$$)});
	$node->wait_until("SELECT count(*) >= 2 FROM recsys.jobs WHERE id > $jobs AND status NOT IN ('PENDING', 'RUNNING')", 't', 'pg_cron asks, recsys works');
	sql('SELECT cron.unschedule(jobid) FROM cron.job');
	is(sql(q{SELECT count(*) FROM cron.job_run_details WHERE status <> 'succeeded'}), '0', 'pg_cron is content');
	is(sql("SELECT status FROM recsys.jobs WHERE id > $jobs AND kind = 'auto_update' ORDER BY id LIMIT 1"), 'SUCCEEDED', 'the update was made');
	is(sql("SELECT status, failure_reason FROM recsys.jobs WHERE id > $jobs AND kind = 'auto_training' ORDER BY id LIMIT 1"),
		'SKIPPED|no new interactions since solution version "for_you/4" was trained', 'and the training was not needed');
	is(sql(q{SELECT string_agg(DISTINCT status, ',') FROM recsys.schedules}), 'PAUSED', 'while the own schedule rests');
}
# ---- what a search found serves for 90 days
sql(q{SELECT recsys.create_solution('tuned', 'shop', 'sims', perform_hpo => true, hpo_config => '{"max_training_jobs": 3}', auto_training_interval => '7 days')});
my $searched = q{SELECT string_agg((recsys.describe_solution_version(name) -> 'tuning' <> 'null')::text, ',' ORDER BY number) FROM recsys.solution_versions WHERE solution = 'tuned'};
sub new_event { return sql(q{INSERT INTO shop.interactions (user_id, item_id, event_type, "timestamp") VALUES ('u8', 'i3', 'Click', clock_timestamp())}) }
pass(1);
new_event();
pass(169);
is(sql($searched), 'true,false', 'the next training takes what was found');
is(sql(q{SELECT count(DISTINCT recsys.describe_solution_version(name) -> 'config' -> 'hyperparameters') FROM recsys.solution_versions WHERE solution = 'tuned'}), '1', 'to the value');
new_event();
pass(24 * 90);
is(sql($searched), 'true,false,true', 'after 90 days it searches again');
sql(q{SELECT recsys.delete_solution('tuned')});

$node->stop;
done_testing();
