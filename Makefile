# Every command sets up what it needs; `make` alone explains.
SHELL := /bin/sh
BIN := .venv/bin
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# Tests start processes beside open channels; see services/cli/src/ultrathink_cli/__init__.py.
export GRPC_ENABLE_FORK_SUPPORT := 0
# Asserts of tests are rewritten once and kept, also where Python is told to write no bytecode.
PYTEST := PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n auto --dist loadgroup -q

.DEFAULT_GOAL := help
.PHONY: help setup demo test check bench chaos gen format clean style types unit suite

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

setup: ## the locked environment in .venv
	@.ci/setup

demo: setup ## start the platform, send sample claims, print findings and risk, stay up (ONCE=1: stop after)
	@$(BIN)/ultrathink demo $(if $(ONCE),--once,)

# Types are told beside the tests: one process, where the tests leave a core idle now and then.
test: style ## the whole test suite that needs no cluster
	@$(MAKE) --no-print-directory -j2 types suite

check: style ## lint, types, import walls, budgets, unit tests but those that train models
	@$(MAKE) --no-print-directory -j2 types unit

style: setup
	@$(BIN)/ruff format --check -q . && $(BIN)/ruff check -q .

types:
	@$(BIN)/mypy services/*/src bench tests

unit:
	@$(PYTEST) -m "not slow" tests/architecture tests/unit

suite:
	@$(PYTEST) tests

bench: setup ## side-by-side benchmark table, raw data in bench/results
	@$(BIN)/python bench/run.py

chaos: setup ## faults under load: kills, stops, full disks, resets, clocks (ROUNDS=50 SEED=7 MINUTES=15)
	@PYTHONPATH=tests/support:bench $(BIN)/python -m chaos --rounds $(or $(ROUNDS),10) --seed $(or $(SEED),7) --minutes $(or $(MINUTES),15)

gen: setup ## regenerate what is generated: stubs, JSON Schema, column reference
	@protos/generate.sh
	@$(BIN)/python -c 'import json; from formats import schema; print(json.dumps(schema.claim_schema(), indent=1, ensure_ascii=False))' > docs/schemas/claim.json
	@$(BIN)/python -c 'import json; from formats import adjudications; print(json.dumps(adjudications.schema(), indent=1, ensure_ascii=False))' > docs/schemas/adjudication.json
	@$(BIN)/python -m claims.domain.rules.reference > docs/rule-schema.md
	@$(BIN)/python -m claims.domain.rules.editors rule-pack > docs/schemas/rule-pack.json
	@$(BIN)/python -m claims.domain.rules.editors table > docs/schemas/table.json
	@$(BIN)/python -m claims.outbound.reason_files packs > docs/reasons.md

format: setup ## format and fix what Ruff can
	@$(BIN)/ruff format -q . ; $(BIN)/ruff check -q --fix .

clean: ## remove what the build made
	rm -rf .venv .uv .mypy_cache .ruff_cache .pytest_cache .hypothesis
