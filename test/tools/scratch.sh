# Sourced by the scripts that need a throw-away PostgreSQL server: a directory under /tmp that belongs to an unprivileged
# user, with a copy of the extension (from `make install DESTDIR=tmp_install`), a cluster without TCP, and its socket.
# PostgreSQL refuses to run as root and that user may be unable to read this checkout, hence the copy.
#
#   scratch_open NAME       makes $scratch; removes it, and the server in it, when the shell exits
#   scratch_start [LINE…]   initdb and start; the lines are added to postgresql.conf
#   as_user COMMAND…        runs a command as the server's user, in $scratch
#   tally PART PASSED FAILED   adds to the total that `make check` prints

PG_CONFIG=${PG_CONFIG:-pg_config}
bindir=$("$PG_CONFIG" --bindir)
pgxs_test=$(dirname "$("$PG_CONFIG" --pgxs)")/../test
pkglibdir=$("$PG_CONFIG" --pkglibdir)
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

as_user() {
	if ((EUID == 0)); then
		(cd "$scratch" && runuser -u postgres -- env HOME="$scratch" "$@")
	else
		(cd "$scratch" && "$@")
	fi
}

scratch_settings() {
	cat <<-CONF
		extension_destdir = '$scratch/inst'
		dynamic_library_path = '$scratch/inst$pkglibdir:\$libdir'
	CONF
}

scratch_close() {
	if [ -f "$scratch/data/postmaster.pid" ]; then
		as_user "$bindir/pg_ctl" -s -D "$scratch/data" -m immediate stop || true
	fi
	rm -rf "$scratch"
}

# Copies the extension into $scratch and makes its user the owner; nobody else can enter.
scratch_install() {
	[ -d "$root/tmp_install" ] || { echo "run this through make: tmp_install is missing" >&2 && return 1; }
	cp -r "$root/tmp_install" "$scratch/inst"
	cp "$root"/build/modules/*.so "$scratch/inst$pkglibdir" 2>/dev/null || true # libraries for tests
	((EUID != 0)) || chown -R postgres: "$scratch"
}

scratch_open() {
	scratch=$(mktemp -d "/tmp/recsys-$1-XXXXXX") # short: it holds sockets
	trap scratch_close EXIT
	trap 'exit 130' INT TERM HUP
	scratch_install
}

scratch_start() {
	as_user "$bindir/initdb" -D "$scratch/data" -A trust -U postgres --no-sync --locale=C -E UTF8 >/dev/null
	{
		scratch_settings
		cat <<-CONF
			shared_preload_libraries = 'recsys'
			listen_addresses = ''
			unix_socket_directories = '$scratch'
			fsync = off
			max_worker_processes = 16
			log_line_prefix = '%m [%p] %q%a '
		CONF
		printf '%s\n' "$@"
	} >>"$scratch/data/postgresql.conf"
	if ! as_user "$bindir/pg_ctl" -s -w -D "$scratch/data" -l "$scratch/log" start; then
		tail -30 "$scratch/log" >&2
		return 1
	fi
	export PGHOST=$scratch PGUSER=postgres PGPORT=5432
}

tally() {
	echo "$1: $2 passed, $3 failed"
	[ -z "${RECSYS_TALLY:-}" ] || echo "$1 $2 $3" >>"$RECSYS_TALLY"
}
