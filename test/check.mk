# Tests. Each part can be run alone; all but lint start throw-away clusters on private sockets, as user postgres
# when make runs as root, and never touch a server that runs already.
#
#   make check                    installs packages, then every part; ends with "N passed, M failed"
#   make check-long               the tests that take longer than CI allows
#   make regress TESTS="a b"      pg_regress: test/sql/*.sql against expected/*.out
#   make isolation TESTS="a"      test/isolation/specs/*.spec against test/isolation/expected/*.out
#   make tap TESTS=test/t/x.pl    test/t/*.pl
#   make reference                writes doc/reference.md, which check compares

CHECK_PARTS := lint unit-check regress isolation tap reference-check
TESTS ?=

include test/modules/modules.mk

# PGXS has a `check` of its own (which only refuses), so the top Makefile leaves PGXS out when `check` is the goal.
ifneq ($(filter check,$(MAKECMDGOALS)),)
.PHONY: check
check:
	@test/tools/install_packages.sh check
	@MAKE="$(MAKE)" test/tools/check.sh $(CHECK_PARTS)
endif

.PHONY: check-build check-long lint unit-check regress isolation tap reference reference-check tmp-install

check-build: all build/unit/unit test-modules

tmp-install: all
	@rm -rf tmp_install
	@$(MAKE) -s install DESTDIR=$(CURDIR)/tmp_install >/dev/null

regress isolation: tmp-install test-modules
	@PG_CONFIG="$(PG_CONFIG)" test/tools/regress.sh $@ $(TESTS)

tap: tmp-install test-modules
	@PG_CONFIG="$(PG_CONFIG)" test/tools/tap.sh $(or $(TESTS),$(sort $(wildcard test/t/*.pl)))

unit-check: build/unit/unit tmp-install
	@PG_CONFIG="$(PG_CONFIG)" test/tools/unit.sh build/unit/unit

lint: all
	@PG_CONFIG="$(PG_CONFIG)" test/lint/run.sh

check-long: tmp-install unit-asan
	@PG_CONFIG="$(PG_CONFIG)" test/tools/tap.sh $(sort $(wildcard test/long/*.pl))

# The manual's reference, written from the comments of the SQL objects.
reference: tmp-install
	@PG_CONFIG="$(PG_CONFIG)" test/tools/reference.sh write

reference-check: tmp-install
	@PG_CONFIG="$(PG_CONFIG)" test/tools/reference.sh check
