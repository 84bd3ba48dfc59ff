# A PostgreSQL::Test::Cluster with recsys: finds the extension in the test installation, preloads it (unless told not to),
# and comes back after a crash, which crash tests need.
#
#   my $node = RecsysNode->new('main');
#   $node->init;                          # or init(preload => 0), and all options of Cluster::init
#   $node->start;
#   $node->recsys('postgres');            # CREATE EXTENSION
package RecsysNode;

use strict;
use warnings;

use parent 'PostgreSQL::Test::Cluster';
use PostgreSQL::Test::Utils ();
# Nothing is imported: a function imported here would be a method, and hide one of Cluster.
use Test::More ();

sub init
{
	my ($self, %params) = @_;
	my $preload = delete $params{preload} // 1;
	# The extension is outside PostgreSQL's installation (see test/tools/tap.sh).
	my $destdir = $ENV{RECSYS_DESTDIR} or die "RECSYS_DESTDIR is not set: run TAP tests by make tap";
	$self->SUPER::init(%params);
	$self->append_conf('postgresql.conf', <<"CONF");
extension_destdir = '$destdir'
dynamic_library_path = '$destdir$ENV{RECSYS_PKGLIBDIR}:\$libdir'
max_worker_processes = 16
restart_after_crash = on
CONF
	$self->append_conf('postgresql.conf', "shared_preload_libraries = 'recsys'") if $preload;
	return;
}

# Creates the extension in a database.
sub recsys
{
	my ($self, $database) = @_;
	$self->safe_psql($database // 'postgres', 'CREATE EXTENSION recsys');
	return;
}

# Waits for a query to return a value; prints the last answer when it never does.
sub wait_until
{
	my ($self, $query, $expected, $what) = @_;
	return Test::More::ok($self->poll_query_until('postgres', $query, $expected // 't'), $what // "becomes true: $query");
}

# The error of a statement that must fail: SQLSTATE and message, as psql prints them with VERBOSITY=verbose.
sub error_of
{
	my ($self, $statement, %params) = @_;
	my ($status, $out, $err) = $self->psql($params{dbname} // 'postgres', $statement,
		extra_params => [ '-v', 'VERBOSITY=verbose', @{ $params{extra_params} // [] } ]);
	return $status == 0 ? '' : $err;
}

# Resident private memory of a backend in kilobytes.
sub private_memory
{
	my ($self, $pid) = @_;
	my $kilobytes = 0;
	open my $file, '<', "/proc/$pid/smaps_rollup" or die "cannot read the memory of $pid: $!";
	while (<$file>) { $kilobytes += $1 if /^Private_(?:Clean|Dirty):\s+(\d+) kB/ }
	close $file;
	return $kilobytes;
}

1;
