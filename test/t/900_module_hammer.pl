# Everything at once: sessions that serve, write, train, deploy, delete, roll back, vacuum and kill one another's workers. Only
# errors that tell of the race may come, nothing may crash or deadlock, and at the end nothing is in progress or left over.
# RECSYS_HAMMER_SECONDS makes it longer (make check-long).
use strict;
use warnings;

use lib 'test/t';
use RecsysNode;
use IPC::Run ();
use PostgreSQL::Test::Utils;
use Test::More;

my $seconds = $ENV{RECSYS_HAMMER_SECONDS} // 10;
my $sessions = 8;
srand($ENV{RECSYS_HAMMER_SEED} // 1);

my $node = RecsysNode->new('hammer');
$node->init;
$node->append_conf('postgresql.conf', "recsys.max_workers = 3\nfsync = off\nmax_prepared_transactions = 4\nautovacuum_naptime = 1");
$node->start;
$node->recsys;
$node->safe_psql('postgres', <<'SQL');
CREATE ROLE alice;
GRANT CREATE ON DATABASE postgres TO alice;
SET ROLE alice;
SELECT recsys.create_dataset_group('shop');
SELECT recsys.create_dataset('shop', 'interactions');
SELECT recsys.create_dataset('shop', 'items', '{"price": "float"}');
INSERT INTO shop.interactions (user_id, item_id, event_type, "timestamp")
SELECT 'u' || n % 50, 'i' || n * n % 41, 'Click', '2024-01-01'::timestamptz + make_interval(mins => n) FROM generate_series(1, 1000) AS n;
INSERT INTO shop.items (item_id, price) SELECT 'i' || n, n FROM generate_series(0, 40) AS n;
CREATE TABLE shop.tracker AS SELECT recsys.create_event_tracker('clicks', 'shop') AS id;
SELECT recsys.create_solution('popular', 'shop', 'popularity-count'), recsys.create_solution('personal', 'shop', 'user-personalization'),
	recsys.create_solution('related', 'shop', 'sims');
SELECT recsys.create_solution_version(s, wait => true) FROM unnest('{popular,personal,related}'::text[]) AS s;
SELECT recsys.create_campaign('home', 'popular'), recsys.create_campaign('you', 'personal'), recsys.create_campaign('like', 'related');
SQL

# ---- what sessions do, by weight; @ is a number that the session draws
my @deeds = (
	([ 8, q{SELECT count(*) FROM recsys.get_recommendations('you', 'u@', metadata_columns => '{price}')} ]),
	([ 4, q{SELECT count(*) FROM recsys.get_recommendations('home', 'u@')} ]),
	([ 4, q{SELECT count(*) FROM recsys.get_recommendations('like', item_id => 'i@')} ]),
	([ 4, q{SELECT count(*) FROM recsys.get_personalized_ranking('you', 'u@', '{i1,i2,i3,none}')} ]),
	([ 3, q{SELECT count(*) FROM recsys.get_recommendations('c@', 'u1')} ]),
	([ 6, q{SELECT recsys.put_events((SELECT id FROM shop.tracker), 's', '[{"eventType": "Click", "sentAt": 1750000000, "itemId": "i@"}]', 'u@')} ]),
	([ 2, q{SELECT recsys.put_items('shop', '[{"itemId": "i@", "properties": "{\"price\": @}"}]')} ]),
	([ 3, q{SELECT recsys.create_campaign('c@', 'popular')} ]),
	([ 3, q{SELECT recsys.delete_campaign('c@')} ]),
	([ 2, q{SELECT recsys.update_campaign('home', 'popular')} ]),
	([ 2, q{SELECT recsys.update_campaign('you', 'personal', sync_with_latest => true)} ]),
	([ 2, q{SELECT recsys.create_solution_version('popular', wait => true)} ]),
	([ 1, q{SELECT recsys.create_solution_version('personal', wait => true)} ]),
	([ 2, q{SELECT recsys.create_solution_version('popular')} ]),
	([ 1, q{SELECT recsys.create_solution_version('related')} ]),
	([ 2, q{SELECT recsys.stop_solution_version_creation(name) FROM recsys.solution_versions WHERE status LIKE 'CREATE %' AND status NOT LIKE '%ED'} ]),
	([ 2, q{SELECT recsys.delete_solution_version('popular/@')} ]),
	([ 1, q{SELECT recsys.wait_for('popular', '1 second')} ]),
	([ 2, q{SELECT recsys.create_solution('s@', 'shop', 'popularity-count')} ]),
	([ 2, q{SELECT recsys.delete_solution('s@')} ]),
	([ 1, q{SELECT recsys.create_dataset_group('g@')} ]),
	([ 1, q{SELECT recsys.create_dataset('g@', 'interactions')} ]),
	([ 1, q{SELECT recsys.delete_dataset_group('g@', true)} ]),
	([ 1, q{SELECT recsys.create_dataset_import_job('j' || gen_random_uuid(), 'shop', 'items', 'shop.items', import_mode => 'FULL')} ]),
	([ 1, q{BEGIN; SELECT recsys.create_solution_version('popular', wait => true); SAVEPOINT s; SELECT recsys.update_campaign('home', 'popular'); SELECT count(*) FROM recsys.get_recommendations('home', 'u1'); ROLLBACK TO s; SELECT count(*) FROM recsys.get_recommendations('home', 'u1'); ROLLBACK} ]),
	([ 1, q{BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM recsys.campaigns; SELECT count(*) FROM recsys.get_recommendations('home', 'u@'); SELECT count(*) FROM recsys.get_recommendations('you', 'u@'); COMMIT} ]),
	([ 1, q{BEGIN; DECLARE c CURSOR FOR SELECT * FROM recsys.get_recommendations('you', 'u@'); FETCH 3 FROM c; SELECT recsys.delete_campaign('you'); FETCH 3 FROM c; ROLLBACK} ]),
	([ 1, q{DO $$BEGIN PERFORM recsys.create_campaign('c@', 'popular'); PERFORM 1/0; EXCEPTION WHEN OTHERS THEN PERFORM recsys.get_recommendations('home', 'u1'); END$$} ]),
	([ 1, q{SET statement_timeout = '@ms'; SELECT recsys.create_solution_version('personal', wait => true); RESET statement_timeout} ]),
	([ 1, q{RESET ROLE; SET recsys.service_limits = on; SELECT count(*) FROM recsys.get_recommendations('you', 'u@'); RESET recsys.service_limits; SET ROLE alice} ]),
	([ 2, q{SELECT (SELECT count(*) FROM recsys.jobs), (SELECT count(*) FROM recsys.progress), (SELECT count(*) FROM recsys.datasets), (SELECT count(*) FROM recsys.solution_versions)} ]),
	([ 1, q{DELETE FROM shop.interactions WHERE streamed AND item_id = 'i@'} ]),
	([ 1, q{VACUUM ANALYZE shop.interactions} ]),
	([ 1, q{RESET ROLE; SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'recsys worker' AND pid % 7 = 0; VACUUM recsys_internal.job, recsys_internal.model_chunk, recsys_internal.campaign; SET ROLE alice} ]),
);
my @chosen = map { ($_->[1]) x $_->[0] } @deeds;

my (@runs, @errors);
for my $session (1 .. $sessions)
{
	my $script = "SELECT clock_timestamp() + '$seconds seconds' AS until \\gset\nSET ROLE alice;\n";
	for my $n (1 .. 200 * $seconds)
	{
		my $number = int(rand(12));
		(my $deed = $chosen[ int(rand(@chosen)) ]) =~ s/\@/$number/g;
		$script .= "$deed;\n";
		$script .= "SELECT clock_timestamp() > :'until' AS over \\gset\n\\if :over\n\\q\n\\endif\n" if $n % 5 == 0;
	}
	$errors[$session] = '';
	push @runs, IPC::Run::start([ 'psql', '-XqAt', '-v', 'VERBOSITY=verbose', '-d', $node->connstr('postgres') ], '<', \$script, '>', \my $out, '2>',
		\$errors[$session]);
}
$_->finish for @runs;

# ---- what came
my %seen;
for my $errors (@errors[ 1 .. $sessions ])
{
	while ($errors =~ /ERROR:  (\w{5}): ([^\n]*)/g)
	{
		my ($state, $message) = ($1, $2);
		$message =~ s/"[^"]*\d+"/"..."/g;
		++$seen{"$state $message"};
	}
	++$seen{"?? $1"} while $errors =~ /^([^\n]*(?:server closed|connection to server|FATAL|PANIC)[^\n]*)/mg;
}
my $expected = qr/^(?:RS001|RS002|RS004|RS006|22012|25P02|42P06|40001|57014|55000) /;
my @unexpected = map { "$seen{$_} x $_" } grep { !/$expected/ } sort keys %seen;
note("$seen{$_} x $_") for sort keys %seen;
is(join("\n", @unexpected), '', 'only errors that tell of the race');
cmp_ok(scalar(grep { /^RS00/ } keys %seen), '>', 3, 'and those have come');
unlike(slurp_file($node->logfile), qr/PANIC|terminated by signal|TRAP:|deadlock detected|leak:|could not record the end/, 'nothing crashed, blocked or leaked');

# ---- what is left
$node->wait_until(q{SELECT count(*) = 0 FROM recsys.jobs WHERE status IN ('PENDING', 'RUNNING')}, 't', 'all jobs end');
is($node->safe_psql('postgres', q{SELECT count(*) FROM recsys.solution_versions WHERE status IN ('CREATE PENDING', 'CREATE IN_PROGRESS', 'CREATE STOPPING')}),
	'0', 'no version is in training');
is($node->safe_psql('postgres', q{SELECT count(*) FROM recsys.campaigns WHERE status NOT IN ('ACTIVE', 'CREATE FAILED')}), '0',
	'no campaign waits');
is($node->safe_psql('postgres', 'SELECT count(*) FROM recsys.progress'), '0', 'nothing claims to run');
is($node->safe_psql('postgres', q{SELECT count(*) FROM recsys_internal.model_chunk AS c WHERE NOT EXISTS (SELECT FROM recsys_internal.model_revision AS r,
	jsonb_array_elements(r.sections) AS s WHERE r.version_id = c.version_id AND s->>'hash' = c.section_hash)}), '0', 'no chunk is left over');
is($node->safe_psql('postgres', q{SELECT count(*) > 0 FROM recsys.get_recommendations('you', 'u1')}), 't', 'it serves');

# ---- a session that serves for long does not grow
my $session = $node->background_psql('postgres');
my $serve = q{DO $$BEGIN FOR i IN 1..5000 LOOP
	PERFORM recsys.get_recommendations('you', 'u' || i % 60, num_results => 10, metadata_columns => '{price}');
	BEGIN PERFORM recsys.get_recommendations('nobody' || i, 'u1'); EXCEPTION WHEN OTHERS THEN NULL; END;
END LOOP; END$$};
my $pid = $session->query('SELECT pg_backend_pid()');
$session->query($serve);
my $before = $node->private_memory($pid);
$session->query($serve) for 1 .. 3;
cmp_ok($node->private_memory($pid) - $before, '<', 2000, 'after 20,000 answers and as many errors it has the memory it had after 5,000');
$session->quit;
$node->stop;
done_testing();
