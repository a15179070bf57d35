# Everything lives in .venv of this checkout; `make help` lists the targets.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PACKAGES := bot indexer kb
PYTEST_ARGS ?=
# A file stays with one worker, whose fixtures its tests share; files with slow tests
# come first. More than four workers would each open the models for little.
PYTEST_WORKERS ?= -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder
INSTANT_ARGS ?= --help
RANKING_ARGS ?= --help
RESOURCES_ARGS ?= --help
SERVE_ARGS ?=
PEERS := build/peers

# Tests start some hundred processes, and each would compile our modules again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help install demo test check bench-harvest bench-instant bench-latency bench-languages bench-ranking bench-resources bench-serve format messages constraints clean

help: ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

install: $(VENV)/.installed ## Install the program and its tools into .venv

# The stamp makes a second `make` start at once; a changed pin installs anew.
$(VENV)/.installed: pyproject.toml .ci/constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	@echo 'Installing into $(VENV): two minutes or so, and two gigabytes.'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint .ci/constraints.txt --editable '.[dev]'
	@touch $@

demo: install ## Harvest, index and answer: the main job on a sample community
	@$(BIN)/baraza demo

test: install ## Run all tests, doctests included
	$(BIN)/pytest $(PYTEST_WORKERS) $(PYTEST_ARGS)

check: install ## Check format, lint, types, the import rule and doctests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest --quiet --doctest-modules $(PACKAGES)

bench-harvest: install ## Measure what reading a whole forum costs (some minutes)
	@$(BIN)/python benchmarks/harvest.py

bench-instant: install ## Measure how good instant search is, INSTANT_ARGS='--archive ... --labels ...' (minutes)
	@$(BIN)/python benchmarks/instant.py $(INSTANT_ARGS)

bench-latency: install ## Measure how long ranking one question takes (some minutes)
	@$(BIN)/python benchmarks/latency.py

bench-languages: install ## Measure questions in one language on pages in another, LANGUAGES_ARGS='--queries FILE --docs FILE --terms FILE'
	@$(BIN)/python benchmarks/languages.py $(LANGUAGES_ARGS)

bench-resources: install ## Measure reading collected pages, courses and videos, RESOURCES_ARGS='--data FOLDER'
	@$(BIN)/python benchmarks/resources.py $(RESOURCES_ARGS)

bench-ranking: $(PEERS)/.installed ## Measure ways of ranking a history, RANKING_ARGS='--archive ...' (an hour)
	@$(PEERS)/bin/python -m benchmarks.ranking $(RANKING_ARGS)

bench-serve: install $(PEERS)/.installed ## Measure the query endpoint, SERVE_ARGS='--archive ...' for real text (half an hour)
	@$(BIN)/python benchmarks/serve.py $(SERVE_ARGS)

# Of its own: what Baraza is measured against is none of its dependencies.
$(PEERS)/.installed: pyproject.toml .ci/constraints.txt benchmarks/requirements-peers.txt
	test -x $(PEERS)/bin/python || $(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --constraint .ci/constraints.txt \
	  --requirement benchmarks/requirements-peers.txt --editable .
	@touch $@

format: install ## Format the code and mend what lint can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Without dates and lines of code: a catalogue differs when its sentences do.
messages: install ## Bring the template of translations and the catalogues up to the code
	$(BIN)/pybabel extract --omit-header --add-location=file --sort-by-file \
	  --add-comments=Translators: --strip-comments \
	  --output-file=bot/locale/baraza.pot bot
	$(BIN)/pybabel update --input-file=bot/locale/baraza.pot --output-dir=bot/locale \
	  --domain=baraza --no-fuzzy-matching --ignore-pot-creation-date
	$(BIN)/pybabel extract --omit-header --add-location=file --sort-by-file \
	  --add-comments=Translators: --strip-comments \
	  --output-file=kb/web/locale/baraza.pot kb/web
	$(BIN)/pybabel update --input-file=kb/web/locale/baraza.pot --output-dir=kb/web/locale \
	  --domain=baraza --no-fuzzy-matching --ignore-pot-creation-date

constraints: ## Renew .ci/constraints.txt from the ranges in pyproject.toml
	rm -rf build/constraints
	$(PYTHON) -m venv build/constraints
	build/constraints/bin/python -m pip install --quiet '.[dev]'
	{ sed -n '/^#/p' .ci/constraints.txt; \
	  build/constraints/bin/python -m pip freeze | grep -v '^baraza' | sed 's/+cpu$$//'; \
	} > build/constraints.txt
	mv build/constraints.txt .ci/constraints.txt

clean: ## Remove what the targets above made
	rm -rf $(VENV) build demo .mypy_cache .ruff_cache .pytest_cache .hypothesis
