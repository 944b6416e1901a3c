# Everything runs in .venv; `make demo` and `make test` set up what they need.
PYTHON ?= python3
BIN := .venv/bin
# The files of tests are shared among the processor's cores.
SHARED := --numprocesses auto --dist loadfile --no-loadscope-reorder
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: setup demo test test-all lint format docs

setup: .venv/.dev

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv

.venv/.demo: pyproject.toml constraints.txt | .venv/bin/python
	$(PIP) --editable '.[demo]'
	touch $@

.venv/.dev: pyproject.toml constraints.txt | .venv/bin/python
	$(PIP) --editable '.[dev]'
	touch $@ .venv/.demo

demo: .venv/.demo
	$(BIN)/keras2torch demo

test: .venv/.dev
	$(BIN)/pytest $(SHARED)

test-all: .venv/.dev
	$(BIN)/pytest $(SHARED) -m 'slow or not slow'

lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: .venv/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: .venv/.dev
	$(BIN)/python docs/support.py
	$(BIN)/python examples/port.py
