#!/bin/bash
# The demo: a throw-away cluster in $DEMO_DIR with the sample shop, a training that can be watched, and a tour of the answers.
#
#   demo.sh start     (re)creates everything and leaves the server running
#   demo.sh stop      stops the server and removes every trace of it
set -euo pipefail
cd "$(dirname "$0")"
source ../test/tools/scratch.sh
scratch=${DEMO_DIR:-/tmp/recsys-demo}

stop() {
	[ -e "$scratch" ] || return 0
	# In a shared /tmp somebody else may have made a folder of this name.
	local owner
	owner=$(stat -c %U "$scratch")
	if [ ! -f "$scratch/.recsys-demo" ] || [ "$owner" != "$(as_owner)" ]; then
		echo "$scratch belongs to somebody or something else: choose another folder with DEMO_DIR=…" >&2
		exit 1
	fi
	scratch_close
}
as_owner() { if ((EUID == 0)); then echo postgres; else id -un; fi; }

heading() { printf '\n\033[1m%s\033[0m\n' "$1"; }
sql() { as_user psql -Xq -v ON_ERROR_STOP=1 -P footer=off -P null=- -d shop "$@"; }

# A line of progress a second, as long as the training runs.
watch_training() {
	local version=$1 status line last=''
	while :; do
		status=$(sql -At -c "SELECT recsys.describe_solution_version('$version')->>'status'")
		case $status in CREATE*) ;; *) break ;; esac
		[ "$status" != "CREATE FAILED" ] || break
		line=$(sql -At -F ' ' -c "SELECT coalesce(bar, '[' || repeat('.', 20) || ']'), lpad(coalesce(round(percent)::text, ''), 3) || '%', rpad(phase, 40), elapsed FROM recsys.progress WHERE resource = '$version'")
		if [ -n "$line" ] && [ "$line" != "$last" ]; then printf '  %s  %s\n' "$version" "$line" && last=$line; fi
		sleep 0.5
	done
	if [ "$status" != ACTIVE ]; then
		sql -At -c "SELECT recsys.describe_solution_version('$version')->>'failure_reason'" >&2
		echo "$version: $status" >&2
		exit 1
	fi
}

start() {
	stop
	mkdir -m 700 "$scratch"
	touch "$scratch/.recsys-demo"
	scratch_install
	cp ./*.sql "$scratch"
	((EUID != 0)) || chown -R postgres: "$scratch"
	trap 'status=$?; ((status == 0)) || { tail -5 "$scratch/log" 2>/dev/null; echo "the demo failed" >&2; scratch_close; }' EXIT
	scratch_start "max_parallel_maintenance_workers = $(nproc)"
	as_user psql -Xq -d postgres -c 'CREATE DATABASE shop'

	heading "A shop with three tables: products, customers, clicks"
	sql -f shop.sql
	sql -f tables.sql
	heading "The tables become a recommender: mapped, not copied"
	sql -f recommender.sql
	heading "Training runs in the background; any session can watch it (SELECT * FROM recsys.progress)"
	watch_training "for_you/1"
	watch_training "goes_with/1"
	sql -f tour.sql

	local psql="psql -h $scratch -U postgres shop"
	[ -z "${SUDO_USER:-}" ] || psql="sudo $psql"
	heading "The server keeps running. Explore further:"
	printf '    %s\n    make demo-stop      removes it\n\n' "$psql"
}

case "${1:-}" in
start) start ;;
stop) stop && echo "the demo is gone" ;;
*) echo "usage: $0 start|stop" >&2 && exit 2 ;;
esac
