# The library's unit tests, without a server. Included by the top Makefile; alone: make -f test/unit/unit.mk unit
#
#   unit       all tests, as the library is shipped
#   unit-asan  the same under AddressSanitizer and UndefinedBehaviorSanitizer
#   unit-tsan  the same under ThreadSanitizer
#   fuzz       every fuzzer of test/fuzz for FUZZ_SECONDS, with the dictionary beside it

UNIT_ROOMS   := base math data artifact metrics recipe filter
# Of the rooms behind the wall, what knows nothing of PostgreSQL.
UNIT_PLAIN   := src/serve/batch_line.cpp
UNIT_SOURCES := $(sort $(foreach room,$(UNIT_ROOMS),$(wildcard src/$(room)/*.cpp)) $(UNIT_PLAIN))
UNIT_TESTS   := $(sort $(wildcard test/unit/*.cpp) $(foreach room,$(UNIT_ROOMS) serve,$(wildcard test/unit/$(room)/*.cpp)))
UNIT_CXX     ?= g++
UNIT_FLAGS   := -std=c++20 -O2 -Wall -Wextra -Wshadow -ffp-contract=off -pthread -MMD -MP \
	-Isrc -Itest -isystem /usr/include/eigen3
UNIT_ARGS    ?=
FUZZ_CXX     ?= clang++
FUZZ_SECONDS ?= 30
FUZZERS      := $(patsubst test/fuzz/%.cpp,%,$(wildcard test/fuzz/*.cpp))

comma := ,

# unit_variant(name, extra flags): objects under build/<name>, one binary, one target that runs it
define unit_variant
build/$(1)/%.o: %.cpp
	@mkdir -p $$(@D)
	$$(UNIT_CXX) $$(UNIT_FLAGS) $(2) $$(KERNEL_VARIANT) -c $$< -o $$@
OBJECT_ROOT := build/$(1)/
include src/math/variants.mk
build/$(1)/unit: $$(patsubst %.cpp,build/$(1)/%.o,$$(UNIT_SOURCES) $$(UNIT_TESTS))
	$$(UNIT_CXX) $$(UNIT_FLAGS) $(2) $$^ -o $$@
.PHONY: $(1)
$(1): build/$(1)/unit
	build/$(1)/unit $$(UNIT_ARGS)
-include $$(patsubst %.cpp,build/$(1)/%.d,$$(UNIT_SOURCES) $$(UNIT_TESTS))
endef
$(eval $(call unit_variant,unit,))
$(eval $(call unit_variant,unit-asan,-g -fsanitize=address$(comma)undefined -fno-sanitize-recover=all))
$(eval $(call unit_variant,unit-tsan,-g -fsanitize=thread))

build/fuzz/%.o: %.cpp
	@mkdir -p $(@D)
	$(FUZZ_CXX) $(UNIT_FLAGS) -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all $(KERNEL_VARIANT) -c $< -o $@
OBJECT_ROOT := build/fuzz/
include src/math/variants.mk
build/fuzz/%: build/fuzz/test/fuzz/%.o $(patsubst %.cpp,build/fuzz/%.o,$(UNIT_SOURCES))
	$(FUZZ_CXX) $(UNIT_FLAGS) -fsanitize=fuzzer,address,undefined $^ -o $@
.PHONY: fuzz
fuzz: $(addprefix build/fuzz/,$(FUZZERS))
	for f in $(FUZZERS); do \
		mkdir -p build/fuzz/corpus/$$f && \
		build/fuzz/$$f -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 -artifact_prefix=build/fuzz/$$f- \
			$$([ ! -f test/fuzz/$$f.dict ] || echo -dict=test/fuzz/$$f.dict) build/fuzz/corpus/$$f || exit 1; \
	done
.PRECIOUS: build/fuzz/%.o

# Time and memory of the library alone; see test/bench/library.cpp.
build/unit/library: build/unit/test/bench/library.o $(patsubst %.cpp,build/unit/%.o,$(UNIT_SOURCES))
	$(UNIT_CXX) $(UNIT_FLAGS) $^ -o $@
-include build/unit/test/bench/library.d
-include test/bench/library.mk
