.DEFAULT_GOAL := help
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
export MLFLOW_DISABLE_TELEMETRY := true
# A file's tests in one process, which makes once what they share; in the order of their names, that both end together.
PYTEST := pytest -n 2 --dist loadfile --no-loadscope-reorder

help: ## show what there is to do
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

setup: $(BIN)/.ready ## make .venv with exact versions; quick when nothing changed (PYTHON=python3.12 for a new one)

$(BIN)/.ready: pyproject.toml constraints.txt package.json package-lock.json
	@python=$$(sh tools/find_python.sh $(if $(PYTHON),'$(PYTHON)')) && "$$python" tools/install.py chain,dev
	@touch $@

vendor: setup ## fetch what the page takes from npm again, where make setup could not
	python tools/vendor.py

setup-js: ## JavaScript packages for tests that are skipped without: the client of Earth Engine, and geotiff.js 2 and 3
	npm ci --ignore-scripts --no-audit --no-fund --silent

demo: setup ## the sample study, from its scenes to a water map, its accuracy and the exported network
	dvc pull --quiet data.dvc
	dvc repro
	water-gee summary

test: setup ## lint and all tests but the long ones (some 18 minutes on 2 cores)
	$(MAKE) --no-print-directory lint
	$(PYTEST) -m "not slow"

test-full: setup ## every test
	$(PYTEST)

lint: setup ## ruff and mypy
	ruff check src tests benchmarks tools train.py
	ruff format --check --quiet src tests benchmarks tools train.py
	mypy

bench: setup ## speed, against baselines in the same run, and how often area.csv's interval holds the truth (half an hour)
	python -m benchmarks

mutants: setup ## put 100 single faults into the rooms and show which their tests miss (MUTANTS=20 SEED=2 ROOMS=maps)
	python tools/install.py mutants
	python tests/mutants.py --mutants $(or $(MUTANTS),100) --seed $(or $(SEED),1) $(if $(ROOMS),--rooms $(ROOMS))

ui: setup ## the MLflow page of the study's runs, on http://127.0.0.1:5000 (PORT=5001 make ui: another port)
	water-gee ui

pipeline: setup ## write dvc.yaml anew from what the stages declare that they read
	python -m water_gee.pipeline

clean: ## delete everything that can be made again (not .venv, not data/raw, not your runs)
	rm -rf data/tiles data/clean models export maps bodies reports catalogue logs work composed.yaml .pytest_cache .mypy_cache .ruff_cache .hypothesis

.PHONY: help setup vendor setup-js demo test test-full lint bench mutants ui pipeline clean
