#!/bin/bash
# tap.sh FILE…: runs TAP tests (PostgreSQL::Test::Cluster, each with its own clusters) as an unprivileged user.
# Logs of failed tests are kept in tmp_check/.
set -euo pipefail
source "$(dirname "$0")/scratch.sh"
(($#)) || { tally tap 0 0 && exit 0; }

cd "$root"
scratch_open tap
cp -r test demo contrib README.md "$scratch"
mkdir -p "$scratch/tmp_check" "$scratch/bin"
((EUID != 0)) || chown -R postgres: "$scratch"
status=0
as_user env PATH="$bindir:$PATH" TESTDIR="$scratch" RECSYS_DESTDIR="$scratch/inst" RECSYS_PKGLIBDIR="$pkglibdir" \
	PG_REGRESS="$pgxs_test/regress/pg_regress" PERL5LIB="$pgxs_test/perl:$scratch/test/t" PGPORT=65432 \
	prove --timer -j "${TAP_JOBS:-2}" "$@" >"$scratch/out" 2>&1 || status=$?
cat "$scratch/out"

rm -rf tmp_check
failed=$(grep -cE '^\S+\.pl +\(Wstat' "$scratch/out" || true)
((status == 0 || failed)) || failed=$#
if ((status)); then
	cp -r --no-preserve=ownership "$scratch/tmp_check" . 2>/dev/null || true
	rm -rf tmp_check/t_*_data
	sed -nE 's/^(\S+)\.pl +\(Wstat.*/\1/p' "$scratch/out" | while read -r test; do
		echo "--- the end of the log of $test.pl"
		tail -40 "tmp_check/log/regress_log_${test##*/}"
	done
fi
tally tap $(($# - failed)) "$failed"
((status == 0))
