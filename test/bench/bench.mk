# Benchmarks: every figure that the documentation quotes. Each row has a script test/bench/ROW.sh, a server of its own, and a line
# that says pass or FAIL; all lines are also appended to build/bench-results.tsv. The data sets are found through RECSYS_DATA;
# a row whose data is absent says so and is skipped.
#
#   make bench           all rows
#   make bench-ml-100k   CSV files to first answer
#   make bench-ml-1m     next film: quality, and the time of everything
#   make bench-cold_items  new films: quality by their fields, and what each field brings
#   make bench-gowalla   places: quality
#   make bench-bank      will a client say yes: quality, calibration
#   make bench-affinity  segments of users: quality, time for a million users
#   make bench-check     examining 25 million events
#   make bench-sims      time to train related items
#   make bench-similar   related items by behaviour and content, on places and orders that were held out
#   make bench-online-retail  own tables, mapped, beside a copy: equal answers, cost
#   make bench-recommend_all  lists for everyone, users a second
#   make bench-filter    filters: exact, and what they take
#   make bench-trending  what a count of ten million events costs, and a replayed stream
#   make bench-serve     latency and throughput of answers

export RECSYS_DATA ?= $(CURDIR)/../shared/data
BENCH_ROWS := $(sort $(patsubst test/bench/%.sh,%,$(filter-out %/bench.sh,$(wildcard test/bench/*.sh))))

.PHONY: bench bench-serve $(addprefix bench-,$(BENCH_ROWS))
bench:
	@status=0; for row in $(BENCH_ROWS); do $(MAKE) --no-print-directory bench-$$row || status=1; done; exit $$status

$(addprefix bench-,$(BENCH_ROWS)): bench-%: tmp-install
	@PG_CONFIG="$(PG_CONFIG)" test/bench/$*.sh

ifneq ($(wildcard test/bench/serve_speed.sh),)
bench-serve: bench-serve_speed
endif
