# Small libraries for tests only: test/modules/NAME/*.cpp with the rooms base and pg linked in, or what NAME_MODULE_OBJS says.
# The scripts that start clusters put them beside the extension's own library, as recsys_NAME.

TEST_MODULES := $(sort $(patsubst test/modules/%/,%,$(dir $(wildcard test/modules/*/*.cpp))))
TEST_MODULE_OBJS = $(filter src/base/%.o src/pg/%.o,$(OBJS))

# A whole recsys with one more kind of job: tests put it in the place of recsys.so.
jobs_MODULE_OBJS = $(OBJS)

.PHONY: test-modules
define test_module
test-modules: build/modules/recsys_$(1).so
build/modules/recsys_$(1).so: $(patsubst %.cpp,%.o,$(wildcard test/modules/$(1)/*.cpp)) $(or $($(1)_MODULE_OBJS),$(TEST_MODULE_OBJS))
	@mkdir -p $$(@D)
	$$(CXX) -shared -o $$@ $$^ $$(LDFLAGS) $$(SHLIB_LINK)
endef
$(foreach module,$(TEST_MODULES),$(eval $(call test_module,$(module))))
-include $(wildcard test/modules/*/*.d)
