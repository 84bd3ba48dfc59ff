# The library's accuracy and speed on public data, without a server (test/bench/library_bench.cpp): `make library-bench`.
LIBRARY_BENCH_ARGS ?=

build/unit/library-bench: build/unit/test/bench/library_bench.o $(patsubst %.cpp,build/unit/%.o,$(UNIT_SOURCES))
	$(UNIT_CXX) $(UNIT_FLAGS) $^ -o $@
.PHONY: library-bench
library-bench: build/unit/library-bench
	$< $(LIBRARY_BENCH_ARGS)
-include build/unit/test/bench/library_bench.d

# Called by test/bench/bank.sh.
build/unit/bank-bench: build/unit/test/bench/bank.o $(patsubst %.cpp,build/unit/%.o,$(UNIT_SOURCES))
	$(UNIT_CXX) $(UNIT_FLAGS) $^ -o $@
-include build/unit/test/bench/bank.d
