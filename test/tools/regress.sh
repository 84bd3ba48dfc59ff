#!/bin/bash
# regress.sh regress|isolation [TEST…]: runs pg_regress or isolation tests in a throw-away cluster. All of them, in the order
# of their names, unless some are named. Differences are printed, and kept in results/ or output_iso/.
set -euo pipefail
source "$(dirname "$0")/scratch.sh"
part=$1 && shift

cd "$root"
if [ "$part" = regress ]; then
	pattern='test/sql/*.sql' runner=$pgxs_test/regress/pg_regress output=results
	options=(--inputdir=test --outputdir=. --load-extension=recsys)
else
	pattern='test/isolation/specs/*.spec' runner=$pgxs_test/isolation/pg_isolation_regress output=output_iso
	options=(--inputdir=test/isolation --outputdir=output_iso --load-extension=recsys)
fi
tests=("$@")
if ((${#tests[@]} == 0)); then
	for file in $(compgen -G "$pattern" | LC_ALL=C sort); do
		file=${file##*/}
		tests+=("${file%.*}")
	done
fi
((${#tests[@]})) || { tally "$part" 0 0 && exit 0; }

scratch_open "$part"
cp -r test demo "$scratch"
[ ! -d expected ] || cp -r expected "$scratch"
mkdir -p "$scratch/$output"
# pg_regress gives up at a test without an expected file: let it fail against an empty one instead.
expected=expected
[ "$part" = regress ] || expected=test/isolation/expected
mkdir -p "$scratch/$expected"
for test in "${tests[@]}"; do touch "$scratch/$expected/$test.out"; done
((EUID != 0)) || chown -R postgres: "$scratch"
scratch_start
status=0
as_user "$runner" --bindir="$bindir" --host="$PGHOST" --port="$PGPORT" --user=postgres "${options[@]}" "${tests[@]}" \
	>"$scratch/out" 2>&1 || status=$?
cat "$scratch/out"

rm -rf "$output" regression.diffs
cp -r --no-preserve=ownership "$scratch/$output" .
cp --no-preserve=ownership "$scratch/log" "$output/server.log"
diffs=$scratch/regression.diffs
[ "$part" = regress ] || diffs=$scratch/$output/regression.diffs
if ((status)) && [ -s "$diffs" ]; then
	head -c 60000 "$diffs"
	[ "$part" != regress ] || cp --no-preserve=ownership "$diffs" .
fi
failed=$(grep -c '\.\.\. FAILED' "$scratch/out" || true)
passed=$(grep -c '\.\.\. ok' "$scratch/out" || true)
((status == 0 || failed)) || failed=$((${#tests[@]} - passed)) # it ended before the tests did
if grep -q 'terminated by signal' "$scratch/log"; then
	echo "the server crashed:" && grep -B2 -A3 'terminated by signal' "$scratch/log"
	failed=$((failed + 1))
fi
tally "$part" "$passed" "$failed"
((failed == 0))
