# Everything a fresh machine needs: Python 3.11 or newer, and this file.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
JOBS   ?= 2

SEED   ?= 1
RUNS   ?= 1000
PAIRS  ?= 0

.PHONY: install demo test check lint fix bench torture clean

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@# pyscard has no wheel for Linux: without swig, gcc and libpcsclite-dev everything but reading cards works.
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[card]' 2>/dev/null \
	  || echo "pyscard cannot be built here (swig, gcc, libpcsclite-dev): card readers are left out."
	touch $@

demo: install
	$(BIN)/connector demo

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

fix: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test: install
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile

check: lint test

bench: install
	$(BIN)/python -m tests.bench

torture: install
	$(BIN)/python -m tests.torture --seed $(SEED) --runs $(RUNS) --points --pairs $(PAIRS)

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
