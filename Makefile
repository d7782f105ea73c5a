# Everything runs in .venv, which is made from the hashed lock.
PYTHON ?= python3
BIN := .venv/bin
PYTEST_ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help up test check bench bench-budget conformance fuzz sim drill lock clean

help: ## lists the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

.venv/run: requirements.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.venv/dev: requirements-dev.txt .venv/run
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

up: .venv/run ## trades the fleet of fleet.yaml (paper, unless the file says otherwise)
	$(BIN)/astermm-fleet up fleet.yaml $(ARGS)

test: .venv/dev ## the tests
	$(BIN)/python -m pytest $(PYTEST_ARGS)

check: .venv/dev ## style, types, layers, manifests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/basedpyright --warnings
	$(BIN)/yamllint --strict .
	$(BIN)/hadolint Dockerfile

bench: .venv/dev ## measures, each figure beside its baseline
	$(BIN)/python -m bench

bench-budget: .venv/dev ## what the rate budget is worth: three policies in the same recorded markets
	$(BIN)/python -m bench.budget $(ARGS)

VENUE ?= paper
conformance: .venv/dev ## the docs row by row: against paper, sockets, or (keys in the environment, ORDERS=1) testnet
	PYTHONPATH=tests/contract:tests/paper $(BIN)/python -m conformance $(VENUE)

fuzz: .venv/dev ## 100,000 requests and 20,000 stream messages at the paper exchange
	PYTHONPATH=tests/paper:tests/fuzz $(BIN)/python -m fuzz_run $(ARGS)

SEEDS ?= 100
FIRST_SEED ?= 0
sim: .venv/dev ## bad days in virtual time: SEEDS=1000 FIRST_SEED=0, one of them: SEED=n, planted bugs: PLANTED=1
ifdef PLANTED
	PYTHONPATH=tests/simulation $(BIN)/python -m planted
else
	$(BIN)/python -m fleet.simulation --seeds $(SEEDS) --first-seed $(FIRST_SEED) $(if $(SEED),--seed $(SEED)) $(ARGS)
endif

KILLS ?= 50
ROUNDS ?= 20
drill: .venv/dev ## the pulled plug, for real: KILLS=50, and ROUNDS=20 of each other trouble, on real processes
	PYTHONPATH=tests/e2e $(BIN)/python -m drill --kills $(KILLS) --rounds $(ROUNDS) $(ARGS)

lock: .venv/dev ## pins the dependencies of pyproject.toml, with hashes
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header pyproject.toml --group build -o requirements.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header pyproject.toml --group dev -o requirements-dev.txt

clean: ## removes what was built
	rm -rf .venv .pytest_cache .hypothesis .ruff_cache *.egg-info
