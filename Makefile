# The two commands to know: `make demo` and `make test`. The others are for developers.
# Everything is installed into .venv; a second run finds it there and is quick.

SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
RUN := $(VENV)/bin/python
FLASK := $(VENV)/bin/flask --app wsgi
# How many processes run the tests, and what else to hand to pytest: make test ARGS="-k ledger".
WORKERS ?= 2
ARGS ?=
PYTEST := $(RUN) -m pytest -n $(WORKERS) --dist worksteal

RUNTIME := $(VENV)/.installed
DEVELOP := $(VENV)/.installed-dev

.PHONY: help demo demo-large test test-tools lint format types bench migrate screenshots

help: ## Say what can be made
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 22

demo: $(RUNTIME) ## Start portal, Stripe emulator and sample server on SQLite; ctrl-C stops them
	TALLYPORT_ENV=demo $(FLASK) demo start

# How many customers the large demo has.
CUSTOMERS ?= 100000

demo-large: $(RUNTIME) ## Start a portal with 100,000 customers on a PostgreSQL of its own
	@if [ -z "$$TALLYPORT_DATABASE_URL" ] && [ ! -d /usr/lib/postgresql ]; then \
	  if [ "$$(id -u)" = 0 ]; then apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql; \
	  else echo "PostgreSQL is missing. Run: sudo apt-get install -y postgresql"; exit 1; fi; fi
	TALLYPORT_ENV=demo $(FLASK) demo start-large --customers $(CUSTOMERS)

test: test-tools ## Install what the tests need and run them all, on SQLite and PostgreSQL
	$(PYTEST) $(ARGS)$(if $(STATUS_FILE), || echo $$? > $(STATUS_FILE))

# PostgreSQL, Redis and Chromium: installed when we are root, asked for otherwise.
test-tools: $(DEVELOP)
	$(RUN) -m tests.support.provision

lint: $(DEVELOP) ## Check style and formatting
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .

format: $(DEVELOP) ## Put the code into its one layout
	$(RUN) -m ruff check --fix .
	$(RUN) -m ruff format .

types: $(DEVELOP) ## Check the types
	$(RUN) -m mypy

bench: test-tools ## Measure against the limits; results in bench-results/
	$(RUN) -m tests.bench $(ARGS)

migrate: $(RUNTIME) ## Bring the database of TALLYPORT_DATABASE_URL up to date
	$(FLASK) db upgrade

screenshots: test-tools ## Make pictures of every page in docs/screenshots/
	$(RUN) -m tests.e2e.screenshots

# Debian keeps the venv module in a package of its own; as root we fetch it.
$(RUN):
	@test -n "$(PYTHON)" || { echo "Python 3.11 is missing: apt-get install -y python3 python3-venv"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { \
	  if [ "$$(id -u)" = 0 ]; then apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-venv; \
	  else echo "This Python has no venv. Run: sudo apt-get install -y python3-venv"; exit 1; fi; }
	$(PYTHON) -m venv $(VENV)

$(RUNTIME): requirements.txt | $(RUN)
	$(RUN) -m pip install --quiet --disable-pip-version-check --requirement requirements.txt
	@touch $@

$(DEVELOP): requirements.txt requirements-dev.txt | $(RUN)
	$(RUN) -m pip install --quiet --disable-pip-version-check --requirement requirements-dev.txt
	@touch $(RUNTIME) $@
