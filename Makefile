# Needs Python 3.11 and make, nothing else: the virtual environment is made on the first use.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# uv shows its progress on a terminal; elsewhere its list of packages would hide everything else.
QUIET := $(if $(MAKE_TERMERR),,--quiet)
# One file after the other by each worker, which has servers of its own; the longest come first (tests/order.py).
TESTS := --ignore=tests/bench --dist loadfile --no-loadscope-reorder
# Most tests with servers wait for them: three workers keep two cores busy.
WORKERS := --numprocesses 3
LOCK := $(BIN)/uv pip compile pyproject.toml --python-version 3.11 --upgrade --quiet \
	--no-header --no-annotate --no-emit-index-url --no-emit-find-links
# Compiled modules are kept, whatever the shell says: without them each start of a stage takes twice the processor.
export PYTHONDONTWRITEBYTECODE :=
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help run demo test test-fast test-long lint bench screenshots lock clean venv
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' Makefile

run: $(STAMP) ## run the whole pipeline on this machine until Ctrl-C; needs only Python
	@exec $(BIN)/python -m compose.run

demo: $(STAMP) ## 2,000 simulated calls: each row checked against what happened, and answers in SQL
	@exec $(BIN)/python -m compose.demo

test: lint ## lint, then every test at its normal size
	@echo "== tests"
	@$(BIN)/python -m pytest $(TESTS) $(WORKERS)

test-fast: $(STAMP) ## what needs no server, in a minute: no Kafka, no ClickHouse, no process of the pipeline
	@CALLWEAVE_TEST_SCALE=fast $(BIN)/python -m pytest $(TESTS) --numprocesses 2 -m "not server" -q

test-long: lint ## the same, with 100,000 generated calls and 50 rounds of kills
	@echo "== tests, long"
	@CALLWEAVE_TEST_SCALE=long $(BIN)/python -m pytest $(TESTS) $(WORKERS) -o timeout=7200

lint: $(STAMP) ## check style, format, types and the layout of imports
	@echo "== ruff check"
	@$(BIN)/ruff check
	@echo "== ruff format"
	@$(BIN)/ruff format --check
	@echo "== mypy"
	@$(BIN)/mypy
	@echo "== import-linter"
	@$(BIN)/lint-imports --no-logo --no-cache

bench: $(STAMP) ## measure speed and memory; writes tests/bench/RESULTS.md
	@$(BIN)/python -m tests.bench

screenshots: $(STAMP) ## take pictures of the console's pages, into docs/console; needs chromium
	@$(BIN)/python -m tests.console.screenshots

# An index of the user's own stays out of the file: it says what to install, not where from.
lock: $(STAMP) ## rewrite requirements.lock from pyproject.toml
	@$(LOCK) --extra embedded --extra dev --output-file requirements.lock
	@$(LOCK) --extra bench --output-file tests/bench/quix.lock
	@echo "requirements.lock: $$(grep -c '==' requirements.lock) packages"

clean: ## remove the virtual environment, caches and all data in var/
	rm -rf $(VENV) var build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

venv: $(STAMP) ## make the virtual environment

$(STAMP): requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null 2>&1 && \
		$(PYTHON) -c 'import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null || { \
		echo "callweave needs Python 3.11 with venv: install python3.11 (and python3.11-venv), or say where it is: make PYTHON=/path/to/python3.11" >&2; \
		exit 1; }
	@echo "== $(VENV): Python environment from requirements.lock"
	@$(BIN)/python -c 'import pip' 2>/dev/null || $(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "$$(grep '^uv==' requirements.lock)"
	@echo '--editable .' | $(BIN)/uv pip sync $(QUIET) --python $(BIN)/python requirements.lock -
	@touch $@
