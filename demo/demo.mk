# The demo: from nothing to recommendations, in a cluster of its own under DEMO_DIR. Servers that run already are not touched.
export DEMO_DIR ?= /tmp/recsys-demo

.PHONY: demo demo-stop
demo:
	@test/tools/install_packages.sh demo
	@echo "building recsys"
	@mkdir -p build && { $(MAKE) -s -j$$(nproc) tmp-install >build/demo.log 2>&1 || { tail -20 build/demo.log; exit 1; }; }
	@PG_CONFIG="$(PG_CONFIG)" demo/demo.sh start

demo-stop:
	@PG_CONFIG="$(PG_CONFIG)" demo/demo.sh stop
