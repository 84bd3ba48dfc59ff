# Sourced by the benchmarks. A benchmark speaks SQL to a server of its own, prints what it measures and whether that passes,
# and appends it to build/bench-results.tsv.
#
#   bench_open NAME FILE…   starts the server; skips the benchmark when one of the data files is absent
#   load FILE TABLE         copies a CSV file (.gz or not) with a header into a table
#   sql …                   psql in the benchmark's database
#   measured WHAT VALUE [>=|<= LIMIT]
#   stopwatch               sets $seconds to the time since the last call
source "$(dirname "${BASH_SOURCE[0]}")/../tools/scratch.sh"
data=${RECSYS_DATA:-$root/../shared/data}
results=$root/build/bench-results.tsv
failed=0

sql() { as_user psql -Xq -v ON_ERROR_STOP=1 -d postgres "$@"; }
value() { sql -At "$@"; }

bench_open() {
	bench=$1 && shift
	for file in "$@"; do
		if [ ! -r "$data/$file" ]; then
			echo "bench-$bench: skipped, $file is not in $data (set RECSYS_DATA)"
			exit 0
		fi
	done
	mkdir -p "$root/build"
	scratch_open bench
	scratch_start "shared_buffers = 512MB" "max_wal_size = 4GB" "max_parallel_maintenance_workers = $(nproc)" \
		"recsys.train_threads = $(nproc)"
	sql -c 'CREATE EXTENSION recsys'
	last=$(date +%s%N)
}

load() {
	zcat -f "$data/$1" | sql -c "COPY $2 FROM STDIN (FORMAT csv, HEADER)"
}

stopwatch() {
	local now
	now=$(date +%s%N)
	seconds=$(awk -v a="$last" -v b="$now" 'BEGIN { printf "%.2f", (b - a) / 1e9 }')
	last=$now
}

measured() {
	local verdict=''
	if (($# > 2)); then
		verdict=$(awk -v v="$2" -v op="$3" -v limit="$4" 'BEGIN { print (op == ">=" ? v >= limit : v <= limit) ? "pass" : "FAIL" }')
		[ "$verdict" = pass ] || failed=1
	fi
	printf '%-12s %-44s %10s  %-12s %s\n' "$bench" "$1" "$2" "${3:+$3 $4}" "$verdict"
	printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$(date -u +%FT%TZ)" "$bench" "$1" "$2" "${3:-} ${4:-}" "$verdict" >>"$results"
}

# The version's own account of itself.
version_figures() {
	measured "$1: training, seconds" "$(value -c "SELECT round((recsys.describe_solution_version('$1')->>'wall_seconds')::numeric, 2)")"
}
