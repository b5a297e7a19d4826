# The repository's commands. They need Python >= 3.9 with pip, and nothing else.
#
# udocker is for ordinary users, so as root these commands make one ("udocker-test"), copy the
# checkout to its home and go on there as that user (tools/as_user.py).

PYTHON ?= python3
VENV ?= .venv
PYTEST = $(VENV)/bin/python -m pytest
PLUGINS = $(patsubst %/pyproject.toml,./%,$(wildcard plugins/*/pyproject.toml))
comma = ,
LONG_TARGETS = bench bench-engines matrix real-work soak
USER_TARGETS = demo test test-unit $(LONG_TARGETS)

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*##/\1\t/p' Makefile | sort -u | expand -t 12

ifeq ($(shell id -u),0)

# What only root can prepare for the live tests; an ordinary user's run skips what is missing.
test $(LONG_TARGETS): prepare
test: test-root
$(USER_TARGETS):
	$(PYTHON) tools/as_user.py $(MAKE) $@

test-root: prepare $(VENV)/.installed
	$(PYTEST) -q -m root

prepare:
	$(PYTHON) tools/prepare.py $(MAKECMDGOALS)

else

demo: $(VENV)/.installed  ## pull, create, run and inspect an image; IMAGE=alpine: a real one
	$(VENV)/bin/python tools/demo.py $(IMAGE)

test: $(VENV)/.installed  ## every test
	$(PYTEST) $(ARGS)

test-unit: $(VENV)/.installed  ## the tests that need nothing but Python
	$(PYTEST) -q tests/unit $(ARGS)

bench: $(VENV)/.installed  ## the benchmarks, as markdown
	$(VENV)/bin/python -m benchmarks.bench_start
	$(VENV)/bin/python -m benchmarks.bench_pull

bench-engines: $(VENV)/.installed  ## the engines against native, PRoot and each other
	$(VENV)/bin/python -m benchmarks.bench_engines
	$(VENV)/bin/python -m benchmarks.bench_probes

matrix: $(VENV)/.installed  ## every build of the probes in every tree and mode: ten minutes
	UDOCKER_TEST_MATRIX=1 $(PYTEST) tests/live/test_probes.py

real-work: $(VENV)/.installed  ## apt, servers, compilers ... in each mode: half an hour
	$(VENV)/bin/python -m tools.real_work

soak: $(VENV)/.installed  ## thousands of processes in each mode: leaks, hangs, leftovers
	$(VENV)/bin/python -m tools.soak

endif

lint: $(VENV)/.lint  ## ruff, and mypy in its strict mode
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy

wheels: $(VENV)/.installed  ## the wheels of the core and of every plugin, in dist/
	$(VENV)/bin/python -m pip wheel --quiet --no-deps --wheel-dir dist . $(PLUGINS)
	@ls dist

clean:  ## forget everything that was made here
	rm -rf .venv* dist build .mypy_cache .pytest_cache .ruff_cache

$(VENV)/.installed: pyproject.toml $(wildcard plugins/*/pyproject.toml plugins/*/*.py plugins/*/csrc/* native/* native/arch/*)
	$(PYTHON) tools/make_venv.py $(VENV)
	$(VENV)/bin/python -m pip install --quiet --editable '.[test$(if $(CI),$(comma)cross)]' $(addprefix --editable ,$(PLUGINS))
	touch $@

$(VENV)/.lint: $(VENV)/.installed
	$(VENV)/bin/python -m pip install --quiet --editable '.[lint]'
	touch $@

.PHONY: help prepare test-root lint wheels clean $(USER_TARGETS)
