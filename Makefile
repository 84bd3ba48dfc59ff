# recsys: PGXS build, tests, demo.
#
#   make / make install          build and install the extension (PG_CONFIG chooses the server)
#   make demo / make demo-stop   from a fresh Debian 12: install packages, build, run the sample shop; remove it
#   make check                   everything: unit tests, lints, pg_regress, isolation, TAP, in throw-away clusters
#   make check-long              tests that take longer than CI allows
#   make bench / make bench-ROW  the figures of the README (data through RECSYS_DATA)
#   make unit / lint / regress / isolation / tap      the parts of check
#
# `make OPTFLAGS=-march=native` builds for this machine only; the default runs on every x86-64.

SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -ec

MODULE_big := recsys
EXTENSION  := recsys
EXTVERSION := $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" recsys.control)

ROOMS := base math data artifact recipe metrics filter pg stats catalog store jobs ingest train serve ops module
OBJS  := $(patsubst %.cpp,%.o,$(sort $(wildcard $(foreach r,$(ROOMS),src/$(r)/*.cpp))))

OPTFLAGS ?=
PG_CXXFLAGS = -std=c++20 -O2 $(OPTFLAGS) -fvisibility=hidden -fvisibility-inlines-hidden \
	-Wall -Wextra -Wshadow -Wno-register -Wno-unused-parameter -Wno-clobbered -Wno-volatile -g1 -ffp-contract=off -MMD -MP $(COPT) $(PROFILE)
PG_CPPFLAGS = -Isrc -isystem /usr/include/eigen3 -DEIGEN_DONT_PARALLELIZE \
	-D'RECSYS_VERSION="$(EXTVERSION)"' -D'PGDLLEXPORT=__attribute__((visibility("default")))'
SHLIB_LINK  = -lstdc++ -lm -lpthread -Wl,--version-script=src/module/exports.map
# LLVM bitcode would be inlined into JIT-compiled queries; our C++ is not made for that, and clang 14 is not asked to read it.
override with_llvm := no

SQL_STATE := $(sort $(wildcard sql/state/*.sql))
SQL_CODE  := $(sort $(wildcard sql/code/*.sql))
INSTALL_SQL := $(EXTENSION)--$(EXTVERSION).sql
DATA_built  := $(INSTALL_SQL)

EXTRA_CLEAN = $(OBJS:.o=.d) $(DATA_built) build tmp_install tmp_check results output_iso log

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)
# Without a server's development files only the targets that install them are available. PGXS has a `check` of its own.
ifneq ($(and $(PGXS),$(if $(filter check,$(MAKECMDGOALS)),,yes)),)
include $(PGXS)
-include $(OBJS:.o=.d)
endif

# Kernels are compiled once an instruction set.
OBJECT_ROOT :=
include src/math/variants.mk
src/math/kernels_%.o: override CXXFLAGS += $(KERNEL_VARIANT)

# Names of the grammar's types run to kilobytes: debug information of this one file would be hundreds of megabytes.
src/filter/parser.o: override CXXFLAGS += -g0

# State (tables) first, then code (functions, views); at install an object must not exist yet, so OR REPLACE is dropped.
$(INSTALL_SQL): sql/header.sql $(SQL_STATE) $(SQL_CODE) recsys.control
	sed -e 's/@VERSION@/$(EXTVERSION)/g' -e 's/^CREATE OR REPLACE /CREATE /' \
	  sql/header.sql $(SQL_STATE) $(SQL_CODE) > $@.tmp && mv $@.tmp $@

-include test/unit/unit.mk
-include test/check.mk
-include demo/demo.mk
-include test/bench/bench.mk
