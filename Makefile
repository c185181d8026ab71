# SPDX-License-Identifier: Apache-2.0
# The short way: `make` builds, `make demo` shows, `make test` tests everything. All output goes
# under build/. Missing packages are installed on Debian and its kin by tools/setup.sh.
PREFIX ?= /usr/local
BUILD := build

.PHONY: all build check test test-arm demo bench bench-python docs install clean format

all: build

build:
	@tools/setup.sh build
	@tools/configure.sh $(BUILD)
	@ninja -C $(BUILD) product

# The C tests alone, with gcc.
check:
	@tools/setup.sh test
	@python3 tools/run_tests.py check

# Everything; with ALL=1 the builds for Windows and 32 bits and other Pythons too.
test:
	@tools/setup.sh $(if $(ALL),all,test)
	@python3 tools/run_tests.py $(if $(ALL),all)

# The C tests for 64-bit Arm, cross-built and run under qemu.
test-arm:
	@tools/setup.sh arm
	@python3 tools/run_tests.py arm

# `make demo RESUME=1` goes on where a training that was interrupted had been.
demo:
	@tools/setup.sh build
	@tools/configure.sh $(BUILD)
	@ninja -C $(BUILD) examples/example_linear_regression examples/example_digits
	@BUILD=$(BUILD) tools/demo.sh $(if $(RESUME),--resume)

# Ours beside the peers that bench/peers/setup.sh made: from C, and what programs in Python pay. With
# BENCH, bench.py's arguments (BENCH="chain lstm --json out.json"), from C alone; BENCH_PYTHON is one
# that has NumPy, BENCH_ROWS holds from_python.py's arguments. OPS=1: every op beside NumPy instead,
# BENCH then holds ops.py's arguments. PRODUCTS=1: matrix products beside oneDNN.
BENCH_PYTHON ?= $(firstword $(wildcard $(HOME)/.cache/thalweg/peers/numpy/bin/python) python3)
bench:
	@tools/setup.sh build
	@tools/configure.sh $(BUILD)/bench-release -Dtests=disabled -Doptimization=2
ifdef OPS
	@ninja -C $(BUILD)/bench-release bench/bench_ops
	@$(BENCH_PYTHON) bench/ops/ops.py --engine $(BUILD)/bench-release/bench/bench_ops $(BENCH)
else ifdef PRODUCTS
	@ninja -C $(BUILD)/bench-release bench/bench_products
	@$(BUILD)/bench-release/bench/bench_products $(BENCH)
else
	@ninja -C $(BUILD)/bench-release bench/bench_engine bench/bench_overhead
	@[ -n "$(BENCH)" ] || $(BUILD)/bench-release/bench/bench_overhead
	@python3 bench/bench.py --engine $(BUILD)/bench-release/bench/bench_engine $(BENCH)
	@[ -n "$(BENCH)" ] || $(MAKE) --no-print-directory bench-python
endif

bench-python:
	@tools/configure.sh $(BUILD)/bench-release -Dtests=disabled -Doptimization=2
	@ninja -C $(BUILD)/bench-release bench/bench_engine
	@if $(BENCH_PYTHON) -c 'import numpy' 2>/dev/null; then tools/python.sh $(BENCH_PYTHON) && \
	    python3 bench/from_python.py --python $(BENCH_PYTHON) $(BENCH_ROWS); \
	    else echo "note: $(BENCH_PYTHON) has no NumPy: nothing is measured from Python"; fi

# The reference of all ops, from the registry.
docs: build
	@tools/docs.sh

install:
	@tools/setup.sh build
	@tools/configure.sh $(BUILD)/install --prefix=$(PREFIX) -Dtests=disabled -Dprograms=true
	@ninja -C $(BUILD)/install
	@meson install -C $(BUILD)/install --no-rebuild

format:
	@git ls-files -co --exclude-standard '*.c' '*.h' | xargs tools/format.py

clean:
	rm -rf $(BUILD)
