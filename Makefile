# Clipwire: one command each. A fresh machine needs Python 3.11 or later with pip, make and a POSIX shell.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory --no-builtin-rules
SHELL := /bin/sh

python := .venv/bin/python
# Every process of a test run, and every program it starts, reads the same thousand modules: they are compiled once.
unexport PYTHONDONTWRITEBYTECODE
# Stamps: what is installed is looked at again only when its lock file changes, or when its Python has gone.
run_ready := .venv/.ready-run
dev_ready := .venv/.ready-dev
$(shell test -x $(python) || rm -f $(run_ready) $(dev_ready))

##@ Use it

.PHONY: run
run: $(run_ready)  ## Start everything on this machine; Ctrl-C stops it, the data stays
	@exec $(python) -m deploy.local

.PHONY: simulator
simulator: $(run_ready)  ## Start TikTok in a box alone
	@exec $(python) -m services.simulator

.PHONY: migrate
migrate: $(run_ready)  ## Bring DATABASE_URL to this version's schema
	@exec $(python) -m libs.store

.PHONY: key
key: $(run_ready)  ## Print a fresh key for CLIPWIRE_ENCRYPTION_KEYS
	@exec $(python) -c 'from libs.store.vault import new_key; print(new_key())'

##@ Work on it

.PHONY: test
test: $(dev_ready)  ## Run the tests but the thorough ones; ARGS="tests/unit -k lanes" runs some, in one process; .ci/run runs all
	@exec $(python) -m pytest $(or $(ARGS),-n 4 --dist worksteal -m "not thorough")

.PHONY: check
check: $(dev_ready)  ## Lint, formatting, types, import rules and contracts
	$(python) -m ruff check
	$(python) -m ruff format --check
	$(python) -m mypy
	$(python) -c 'from importlinter.cli import lint_imports_command; lint_imports_command()'
	$(python) -m deploy.contracts

.PHONY: contracts
contracts: $(dev_ready)  ## Renew the committed contracts of events, RabbitMQ and REST; ARGS=--break where that breaks who relies on them
	@exec $(python) -m deploy.contracts --write $(ARGS)

.PHONY: fmt
fmt: $(dev_ready)  ## Format the code and mend what lint can mend
	$(python) -m ruff check --fix
	$(python) -m ruff format

.PHONY: smoke
smoke: $(dev_ready)  ## Test a running deployment from outside: that of `make run` here, or SMOKE_CARD=path
	@SMOKE_CARD=$(or $(SMOKE_CARD),.clipwire/local.json) exec $(python) -m pytest tests/smoke $(ARGS)

.PHONY: bench
bench: $(dev_ready)  ## Measure, each figure against its bare limit
	@exec $(python) -m bench $(ARGS)

.PHONY: prove
prove: $(dev_ready)  ## Run a fault campaign: NAME=kills SCALE=1 SEED=7; NAME=all SCALE=small runs each small
	@exec $(python) -m bench.prove $(if $(NAME),--name $(NAME)) $(if $(SCALE),--scale $(SCALE)) $(if $(SEED),--seed $(SEED)) $(ARGS)

.PHONY: lock
lock: $(dev_ready)  ## Resolve the requirements again; ARGS=--upgrade takes the newest
	$(lock_with) pyproject.toml --extra local -o requirements.lock $(ARGS)
	$(lock_with) pyproject.toml -c requirements.lock -o requirements-image.lock $(ARGS)
	$(lock_with) pyproject.toml --extra local --extra dev -o requirements-dev.lock $(ARGS)

.PHONY: clean
clean:  ## Remove what was built; the data of `make run` in .clipwire stays
	rm -rf .venv build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help
help:  ## Show this list
	@awk 'BEGIN { FS = ":.*## " } \
	  /^##@ / { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

lock_with := $(python) -m uv pip compile -q --generate-hashes --universal --python-version 3.11

$(run_ready): requirements.lock
	@sh deploy/venv.sh requirements.lock
	@touch $@

# The development lock holds all of the other one, so `make run` after this installs nothing.
$(dev_ready): requirements.lock requirements-dev.lock
	@sh deploy/venv.sh requirements-dev.lock
	@# Else the processes of the first run would each compile all tests, at the same time.
	@$(python) -m pytest --collect-only -qq >/dev/null 2>&1 || true
	@touch $(run_ready) $@
