# The tasks of Silhouette. Variables are given after the task: make demo CATALOGUE=photographs PORT=9000

PYTHON ?= python3 python3.13 python3.12 python3.11
PORT ?= 8000
OUT ?= models/mine
CONFIG ?= default
CATALOGUE ?=
ENCODER ?=
INDEXES ?= indexes
SECONDS ?= 60
ARGS ?=
export PORT OUT CONFIG CATALOGUE ENCODER INDEXES

VENV := .venv
RUN := $(VENV)/bin/python
READY := $(VENV)/.requirements-installed
UV := uv==0.13.9
COSMIC_RAY := cosmic-ray==8.7.0

FIT := import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))
NEEDS_CATALOGUE = @test -n "$$CATALOGUE" || { \
	echo "Say which photographs to take: make $@ CATALOGUE=folder-or-file (see docs/catalogues.md)" >&2; exit 2; }

.DEFAULT_GOAL := help
.PHONY: help setup demo quick test coverage fuzz mutants scale lint train index serve bench figures screenshots clients lock

help: ## List the tasks
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-11s  %s\n", $$1, $$2 }' Makefile

setup: $(READY) ## Make .venv and install the pinned requirements into it, once

demo: $(READY) ## Search garments in the browser: CATALOGUE= (your photographs), PORT=8000
	@$(RUN) -m service demo --catalogue "$$CATALOGUE" --port "$$PORT" --indexes "$$INDEXES" $(ARGS)

quick: lint ## Lint, and run the tests that neither take long nor use a browser: ARGS= (for pytest)
	@$(RUN) -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder -m "not slow and not browser" $(ARGS)

test: $(READY) ## Run all tests, in two processes: ARGS= (for pytest)
	@$(RUN) -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

coverage: $(READY) ## Run all tests and print the branches that none of them takes: ARGS= (for pytest)
	@$(RUN) -m pytest -q --cov --cov-report=term $(ARGS)

fuzz: $(READY) ## Send damaged uploads for a minute: SECONDS=60
	@FUZZ_SECONDS=$$(( $(SECONDS) / 11 )) $(RUN) -m pytest tests/service/test_fuzz.py tests/service/test_fuzz_heads.py $(ARGS)

mutants: $(READY) ## Make small faults and print which ones the tests don't notice: ARGS="--room gate --faults 25"
	@$(RUN) -m pip install --quiet --disable-pip-version-check $(COSMIC_RAY)
	@$(RUN) -m tests.mutants $(ARGS)

scale: $(READY) ## Add Ray and Milvus to .venv, for work past one machine
	@$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements-scale.txt

lint: $(READY) ## Check style, format and types
	@$(RUN) -m ruff check .
	@$(RUN) -m ruff format --check .
	@$(RUN) -m mypy

train: $(READY) ## Train an encoder: CATALOGUE= OUT=models/mine CONFIG=default|quick ARGS=
	$(NEEDS_CATALOGUE)
	@$(RUN) -m training fit --catalogue "$$CATALOGUE" --out "$$OUT" --config "$$CONFIG" $(ARGS)

index: $(READY) ## Build and publish an index: CATALOGUE= ENCODER= (else the one that ships) INDEXES=indexes ARGS=
	$(NEEDS_CATALOGUE)
	@$(RUN) -m index build --catalogue "$$CATALOGUE" --out "$$INDEXES" $${ENCODER:+--encoder "$$ENCODER"} $(ARGS)

serve: $(READY) ## Serve the published index: PORT=8000 ENCODER= INDEXES=indexes ARGS=
	@$(RUN) -m service serve --port "$$PORT" --indexes "$$INDEXES" $${ENCODER:+--encoder "$$ENCODER"} $(ARGS)

bench: $(READY) ## Measure on this machine, into docs/performance.md: ARGS=--quick (which writes nothing)
	@$(RUN) -m benchmarks $(ARGS)

figures: $(READY) ## Draw the pictures in docs/figures anew: ARGS=
	@PYTHONPATH=. $(RUN) docs/figures/make.py $(ARGS)

screenshots: $(READY) ## Take the pictures in docs/screenshots anew: needs Chromium
	@PYTHONPATH=. $(RUN) docs/screenshots/make.py $(ARGS)
	@PYTHONPATH=. $(RUN) docs/screenshots/make_status.py $(ARGS)

clients: $(READY) ## Make what the clients have of the contract: types, and the client that waits
	@$(RUN) -m clients.generate

lock: $(READY) ## Pin anew, in constraints.txt, what the requirements bring along
	@$(RUN) -m pip install --quiet $(UV)
	@grep -hv '^-' requirements-serving.txt requirements.txt requirements-scale.txt requirements-stores.txt | $(RUN) -m uv pip compile --quiet --universal \
		--python-version 3.11 --no-header --no-annotate --output-file constraints.txt - > /dev/null

$(READY): requirements.txt requirements-serving.txt constraints.txt
	@$(RUN) -c '$(FIT)' 2> /dev/null && $(RUN) -m pip --version > /dev/null 2>&1 || { \
		for python in $(PYTHON); do \
			if $$python -c '$(FIT)' 2> /dev/null; then exec $$python -m venv --clear $(VENV); fi; \
		done; \
		echo "Python 3.11, 3.12 or 3.13 is needed (tried: $(PYTHON)). Name one: make setup PYTHON=/path/to/python3.12" >&2; \
		exit 2; }
	@echo "Installing the pinned requirements into $(VENV): a few minutes, once"
	@$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@
