# Golden Path: `make demo` and `make test` are all the set-up there is.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

.PHONY: help demo test soak bench check format install clean

help:  ## list the targets
	@grep -hE '^[a-z]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

demo: $(STAMP)  ## the whole job on loopback; then the dashboard and the Jira page
	@$(BIN)/goldenpath demo $(ARGS)

test: $(STAMP)  ## every test
	@$(BIN)/python -m pytest $(ARGS)

soak: $(STAMP)  ## random histories of a Jira through the sync, the engine through 50,000 schedules of faults (an hour)
	@$(BIN)/python -m pytest -m soak --dist load tests $(ARGS)

bench: $(STAMP)  ## sync, figures and request types beside others' (twenty minutes)
	@$(BIN)/python -m benchmarks $(ARGS)

check: $(STAMP)  ## format, lint, types, import rules
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest -n 0 tests/unit/test_imports.py

format: $(STAMP)  ## let ruff format and fix
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

install: $(STAMP)  ## only create .venv

clean:  ## remove what make created
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Golden Path needs Python 3.11 or newer; %s is %d.%d. Name a newer one: make PYTHON=python3.12 demo" % ((sys.executable,) + sys.version_info[:2]))'
	@test -x $(BIN)/python || { echo "creating $(VENV)"; $(PYTHON) -m venv $(VENV); }
	@echo "installing pinned packages into $(VENV) (a few minutes the first time)"
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt -e '.[demo,dev]'
	@touch $(STAMP)
