# The one command each: see README.md. Every target does its own set-up first.
SHELL := /bin/bash
JOBS ?= $(shell nproc)
RELEASE := build/release
export CTEST_OUTPUT_ON_FAILURE := 1

.PHONY: all setup build demo test check soak bench bench-serving bench-tracking fmt clean
all: build

setup:
	@tools/setup build

build: setup
	@tools/build release --target millwright mw-step mw-shim mw-backend

demo:
	@tools/setup demo
	@tools/build release --target millwright mw-step mw-shim
	@examples/flights/demo

test:
	@tools/setup test
	@tools/build release -DMW_TESTS=ON
	@tools/with-postgres tools/run_tests.py --test-dir $(RELEASE) -j $(JOBS) --no-tests=error --label-exclude soak
	@tools/build asan -DMW_TESTS=OFF --target fuzz_targets
	@tools/fuzz 30 data-plane

check:
	@tools/setup check
	@tools/check

soak:
	@tools/setup check
	@tools/build release -DMW_TESTS=ON
	@tools/soak

bench:
	@tools/setup bench
	@tools/build release -DMW_BENCH=ON
	@bench/run

bench-serving:
	@tools/setup bench
	@tools/build release -DMW_BENCH=ON --target millwright mw-backend serving_bench
	@bench/serving_table.py build/release

bench-tracking:
	@tools/setup bench
	@tools/build release -DMW_BENCH=ON --target millwright mw-step mw-shim tracking_bench
	@bench/tracking_table.py build/release

fmt:
	@tools/setup check
	@git ls-files -co --exclude-standard '*.h' '*.cc' | xargs clang-format-16 -i

clean:
	rm -rf build
