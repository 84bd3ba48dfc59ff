# Imports and exports as background jobs: whose rights, the life cycle, and that nothing is left of those that fail.
use strict;
use warnings;

use RecsysNode;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = RecsysNode->new('ingest');
$node->init;
$node->start;
$node->recsys;
my $folder = PostgreSQL::Test::Utils::tempdir();
chmod 0777, $folder;

# An owner who may not log in; a loader who may do what the owner may, and read and write files.
$node->safe_psql('postgres', <<'SQL');
CREATE ROLE alice NOLOGIN;
CREATE ROLE loader LOGIN;
GRANT alice, pg_read_server_files, pg_write_server_files TO loader;
GRANT CREATE ON DATABASE postgres TO alice;
SET ROLE alice;
SELECT recsys.create_dataset_group('shop');
SELECT recsys.create_dataset('shop', 'interactions');
INSERT INTO shop.interactions (user_id, item_id, "timestamp") SELECT 'old', 'i' || i, now() FROM generate_series(1, 10) AS i;
SQL

sub write_rows
{
	my ($file, @lines) = @_;
	append_to_file("$folder/$file", join("\n", 'USER_ID,ITEM_ID,TIMESTAMP', @lines) . "\n");
	return "$folder/$file";
}

sub import_job
{
	my ($job, $source) = @_;
	return "SELECT recsys.create_dataset_import_job('$job', 'shop', 'interactions', '$source')";
}

sub as_loader { return $node->safe_psql('postgres', $_[0], extra_params => [ '-U', 'loader' ]) }
sub job { return $node->safe_psql('postgres', "SELECT $_[1] FROM recsys.dataset_import_jobs WHERE name = '$_[0]'") }
sub wait_job { return $node->wait_until("SELECT status FROM recsys.dataset_import_jobs WHERE name = '$_[0]'", $_[1], "$_[0]: $_[1]") }
my $users = 'SELECT user_id, count(*) FROM shop.interactions GROUP BY 1 ORDER BY 1';
my $leftovers = q{SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE c.relkind = 'r' AND (n.nspname = 'recsys_internal' OR n.nspname = 'shop')};
my $tables = $node->safe_psql('postgres', $leftovers);

# ---- a good one
my $good = write_rows('good.csv', map { "new,i$_,$_" } 1 .. 1500);
as_loader(import_job('good', $good));
wait_job('good', 'ACTIVE');
is(job('good', 'rows, failure_reason IS NULL, import_mode, dataset_type'), '1500|t|FULL|interactions', 'its row tells what was done');
is($node->safe_psql('postgres', $users), 'new|1500', 'the old rows are replaced');

# ---- a bad line
as_loader(import_job('bad', write_rows('bad.csv', 'u,i,1', 'u,i,never')));
wait_job('bad', 'CREATE FAILED');
is(job('bad', 'failure_reason'),
	qq{line 3 of "$folder/bad.csv": "TIMESTAMP" must be Unix seconds or a date and time\nDETAIL:  The value is "never".},
	'the reason names the line and the column');
is($node->safe_psql('postgres', $users), 'new|1500', 'nothing changed');

# ---- rights are those at the time of the work
as_loader(import_job('absent', "$folder/absent.csv"));
wait_job('absent', 'CREATE FAILED');
like(job('absent', 'failure_reason'), qr/could not open file/, 'a file that is not there');
$node->safe_psql('postgres', "BEGIN; SET SESSION AUTHORIZATION loader; " . import_job('revoked', $good)
	  . "; RESET SESSION AUTHORIZATION; REVOKE pg_read_server_files FROM loader; COMMIT");
wait_job('revoked', 'CREATE FAILED');
like(job('revoked', 'failure_reason'), qr/permission denied to import from a file of the server/, 'the privilege is checked again');
like($node->error_of(import_job('refused', $good), extra_params => [ '-U', 'loader' ]), qr/42501: permission denied/, 'and at creation');
$node->safe_psql('postgres', 'GRANT pg_read_server_files TO loader; CREATE TABLE secret (user_id text, item_id text, "timestamp" bigint)');
as_loader(import_job('secret', 'secret'));
wait_job('secret', 'CREATE FAILED');
is(job('secret', 'failure_reason'), 'permission denied for table secret', 'a relation is read as the owner of the group');

# ---- triggers run as the owner, who cannot get away from it; slow enough for what follows
$node->safe_psql('postgres', <<'SQL');
SET ROLE alice;
CREATE TABLE shop.seen (who name);
CREATE FUNCTION shop.slow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.item_id = 'i1' THEN INSERT INTO shop.seen VALUES (current_user); END IF;
	IF NEW.user_id = 'slow' THEN PERFORM pg_sleep(0.05); END IF;
	BEGIN EXECUTE 'RESET SESSION AUTHORIZATION'; RAISE 'got away'; EXCEPTION WHEN insufficient_privilege THEN NULL; END;
	RETURN NEW;
END $$;
CREATE TRIGGER slow BEFORE INSERT ON shop.interactions FOR EACH ROW EXECUTE FUNCTION shop.slow();
SQL
as_loader(import_job('hostile', $good));
$node->wait_until(q{SELECT status IN ('ACTIVE', 'CREATE FAILED') FROM recsys.dataset_import_jobs WHERE name = 'hostile'}, 't', 'a trigger that tries to escape');
is(job('hostile', q{status, coalesce(failure_reason, '')}), 'ACTIVE|', 'gets nowhere');
is($node->safe_psql('postgres', 'SELECT DISTINCT who FROM shop.seen'), 'alice', 'it ran as the owner');

# ---- cancelled, terminated, killed: the old rows stay, and nothing else does
my $slow = write_rows('slow.csv', map { "slow,i$_,$_" } 1 .. 1500);
$tables++;
for my $end ('cancel', 'terminate', 'kill')
{
	as_loader(import_job($end, $slow));
	$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM recsys.progress WHERE resource = '$end' AND phase = 'writing rows'")
	  or die 'the import did not begin to write';
	is(job($end, 'status'), 'CREATE IN_PROGRESS', "$end: in progress");
	my $pid = $node->safe_psql('postgres', "SELECT pid FROM recsys.progress WHERE resource = '$end'");
	is($node->safe_psql('postgres', $users), 'new|1500', 'readers see the old rows');
	if ($end eq 'kill')
	{
		kill 9, $pid;
		$node->poll_query_until('postgres', 'SELECT true');
		wait_job($end, 'CREATE PENDING'); # it would be tried again
		like(job($end, 'failure_reason'), qr/server went down/, 'with a reason');
		$node->safe_psql('postgres', "SELECT recsys.cancel_job(id) FROM recsys.jobs WHERE name = '$end'");
	}
	else { $node->safe_psql('postgres', "SELECT pg_${end}_backend($pid)") }
	wait_job($end, 'CREATE FAILED');
	isnt(job($end, 'failure_reason'), '', 'with a reason');
	is($node->safe_psql('postgres', $users), 'new|1500', 'the old rows are there');
	is($node->safe_psql('postgres', $leftovers), $tables, 'no table is left behind');
}

# ---- an export, and what its failure leaves
my $export = q{SELECT recsys.create_dataset_export_job('%s', 'shop', 'interactions', '%s', 'ALL')};
my $status = q{SELECT status FROM recsys.dataset_export_jobs WHERE name = '%s'};
as_loader(sprintf($export, 'file', "$folder/export.csv"));
$node->wait_until(sprintf($status, 'file'), 'ACTIVE', 'an export');
my @lines = split /\n/, slurp_file("$folder/export.csv");
is(scalar @lines, 1501, 'header and rows');
like($lines[1], qr/^new,i1,,,1,/, 'in the form of imports');
as_loader(sprintf($export, 'table', 'shop.exported'));
$node->wait_until(sprintf($status, 'table'), 'ACTIVE', 'an export into a table');
is($node->safe_psql('postgres', q{SELECT count(*), min(tableowner) FROM shop.exported, pg_tables WHERE tablename = 'exported'}),
	'1500|alice', 'which belongs to the owner of the group');
as_loader(sprintf($export, 'nowhere', "$folder/nowhere/export.csv"));
$node->wait_until(sprintf($status, 'nowhere'), 'CREATE FAILED', 'an export into a folder that does not exist');
is(join(' ', sort map { s{.*/}{}r } glob "$folder/*"), 'bad.csv export.csv good.csv slow.csv', 'no file is left behind');

# ---- a deletion, with a list that only its owner can read
$node->safe_psql('postgres', <<'SQL');
SET ROLE alice;
DROP TRIGGER slow ON shop.interactions;
TRUNCATE shop.interactions;
INSERT INTO shop.interactions (user_id, item_id, "timestamp") VALUES ('ann', 'i', now()), ('bob', 'i', now());
CREATE TABLE shop.forget AS SELECT 'ann' AS user_id;
SELECT recsys.create_data_deletion_job('forget', 'shop', 'shop.forget');
SQL
my $deletion = q{SELECT status FROM recsys.data_deletion_jobs WHERE name = 'forget'};
$node->wait_until($deletion, 'COMPLETED', 'the users are erased in the background');
is($node->safe_psql('postgres', $users), 'bob|1', 'and nobody else');
is($node->safe_psql('postgres', q{SELECT num_deleted FROM recsys.data_deletion_jobs WHERE name = 'forget'}), '1', 'with the number of rows');
$node->safe_psql('postgres', q{CREATE TABLE hidden AS SELECT 'bob' AS user_id; SET ROLE alice; SELECT recsys.create_data_deletion_job('hidden', 'shop', 'public.hidden')});
$node->wait_until(q{SELECT status FROM recsys.data_deletion_jobs WHERE name = 'hidden'}, 'FAILED', 'the list is read as the owner of the group');
is($node->safe_psql('postgres', $users), 'bob|1', 'and nothing is deleted without it');

# ---- without workers
$node->adjust_conf('postgresql.conf', 'shared_preload_libraries', "''");
$node->restart;
like($node->error_of(import_job('later', $good)), qr/55000: recsys is not preloaded/, 'without preloading there is no background');
is($node->safe_psql('postgres', "SELECT recsys.create_dataset_import_job('now', 'shop', 'interactions', '$good', wait => true)"), 'now',
	'but wait => true works');
$node->stop;
done_testing();
