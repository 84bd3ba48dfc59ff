# A RecsysNode whose library also knows the job kind "test" (test/modules/jobs), with one dataset group and short hands.
package JobsNode;

use strict;
use warnings;

use parent 'RecsysNode';
use File::Copy qw(copy);
use PostgreSQL::Test::RecursiveCopy;
use PostgreSQL::Test::Utils;
use Test::More;

sub init
{
	my ($self, %params) = @_;
	my $inst = PostgreSQL::Test::Utils::tempdir_short() . '/inst';
	PostgreSQL::Test::RecursiveCopy::copypath($ENV{RECSYS_DESTDIR}, $inst);
	my $lib = "$inst$ENV{RECSYS_PKGLIBDIR}";
	copy("$lib/recsys_jobs.so", "$lib/recsys.so") or die "recsys_jobs.so: $!";
	local $ENV{RECSYS_DESTDIR} = $inst;
	$self->SUPER::init(%params);
	return;
}

# The extension, the test functions, and the dataset group "shop", owned by alice, who may not even connect.
sub shop
{
	my ($self, $database) = @_;
	$database //= 'postgres';
	$self->recsys($database);
	$self->safe_psql($database, <<'SQL');
CREATE TABLE recsys_internal.test_mark (job bigint, reason text, stopped boolean);
CREATE FUNCTION public.enqueue(dataset_group text, config jsonb, name text DEFAULT NULL) RETURNS bigint
    LANGUAGE c AS '$libdir/recsys', 'recsys_test_enqueue';
CREATE FUNCTION public.schedule(dataset_group text, resource bigint, every text DEFAULT NULL) RETURNS void
    LANGUAGE c AS '$libdir/recsys', 'recsys_test_schedule';
CREATE FUNCTION public.stop_job(job bigint) RETURNS void LANGUAGE c AS '$libdir/recsys', 'recsys_test_stop';
DO $$ BEGIN
    IF to_regrole('alice') IS NULL THEN CREATE ROLE alice NOLOGIN; END IF;
    EXECUTE format('REVOKE CONNECT ON DATABASE %I FROM PUBLIC', current_database());
END $$;
CREATE SCHEMA shop AUTHORIZATION alice;
INSERT INTO recsys_internal.dataset_group (name, schema_name) VALUES ('shop', 'shop');
SQL
	return;
}

# Adds a job with these steps (JSON); returns its id.
sub job
{
	my ($self, $steps, $database) = @_;
	return $self->safe_psql($database // 'postgres', qq{SELECT enqueue('shop', '{"do": [$steps]}')});
}

# Waits until a job has a status.
sub wait_status
{
	my ($self, $job, $status, $what, $database) = @_;
	my $ok = $self->poll_query_until($database // 'postgres', "SELECT status FROM recsys.jobs WHERE id = $job", $status);
	diag($self->safe_psql($database // 'postgres', "SELECT * FROM recsys.jobs WHERE id = $job")) unless $ok;
	return ok($ok, $what // "job is $status");
}

sub field
{
	my ($self, $job, $fields, $database) = @_;
	return $self->safe_psql($database // 'postgres', "SELECT $fields FROM recsys.jobs WHERE id = $job");
}

# What the handler was told about jobs that did not succeed.
sub mark
{
	my ($self, $job) = @_;
	return $self->safe_psql('postgres', "SELECT reason, stopped FROM recsys_internal.test_mark WHERE job = $job");
}

# All attempts at a job.
sub runs
{
	my ($self, $job, $database) = @_;
	return $self->safe_psql($database // 'postgres', "SELECT string_agg(status || coalesce(' ' || sqlstate, ''), ', ' ORDER BY attempt) FROM recsys.job_runs WHERE job = $job");
}

# Puts the clock of schedules and retries forward; waits until nothing is due any more.
sub clock
{
	my ($self, $offset) = @_;
	$self->setting('recsys.clock_offset', $offset);
	return;
}

sub setting
{
	my ($self, $name, $value) = @_;
	$self->safe_psql('postgres', "ALTER SYSTEM SET $name = '$value'");
	$self->reload;
	$self->poll_query_until('postgres', "SELECT current_setting('$name')::interval = '$value'::interval OR current_setting('$name') = '$value'")
	  or die "$name was not set";
	return;
}

sub workers
{
	return q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'recsys worker'};
}

1;
