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

# How fast the recurrent network learns (test/bench/network_bench.cpp): `make network-bench`.
build/unit/network-bench: build/unit/test/bench/network_bench.o $(patsubst %.cpp,build/unit/%.o,$(UNIT_SOURCES))
	$(UNIT_CXX) $(UNIT_FLAGS) $^ -o $@
.PHONY: network-bench
network-bench: build/unit/network-bench
	$<
-include build/unit/test/bench/network_bench.d
