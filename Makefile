# `make run`: from a clone to a trained network and its film. `make test`: what must hold, in a few minutes.
# Everything happens in .venv; nothing else on the machine is touched.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
EXTRAS := dev# of pyproject.toml, which the tests are run with
CONSTRAINTS :=# a file of versions to install, as CI does; without one, the newest that fit
PIP = $(BIN)/python -m pip install --quiet $(if $(CONSTRAINTS),-c $(CONSTRAINTS))

.PHONY: run test test-all test-bounds lint types format schema reference benchmark doctor-benchmark zoo clean

run: $(VENV)/installed
	$(BIN)/python script/train.py
	$(BIN)/python script/visualize.py

test: $(VENV)/installed-dev
	$(BIN)/python -m pytest -n 2 -m "not slow"

test-all: $(VENV)/installed-dev
	$(BIN)/python -m coverage erase
	$(BIN)/python -m coverage run --branch --source nn_scratch -m pytest
	$(BIN)/python -m coverage report --skip-covered

# the lower bounds of requirements.txt, in an environment of exactly these versions; PYTHON=python3.13 for another Python
test-bounds: $(VENV)/installed
	$(BIN)/python -m tests.bounds --python $(PYTHON)

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/installed-dev
	$(BIN)/mypy

format: $(VENV)/installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# files that are derived from the code; tests keep them current
schema: $(VENV)/installed
	$(BIN)/python -m nn_scratch.config.json_schema

reference: $(VENV)/installed
	$(BIN)/python -m nn_scratch.config.reference_page
	$(BIN)/python -m nn_scratch.runs.documents.page

benchmark: $(VENV)/installed
	$(BIN)/python script/benchmark.py

doctor-benchmark: $(VENV)/installed-dev
	$(BIN)/python -m tests.doctor_benchmark --part reported --minutes 9

zoo: $(VENV)/installed
	$(BIN)/python script/zoo.py

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: $(VENV)/bin/python requirements.txt
	$(PIP) -r requirements.txt
	touch $@

$(VENV)/installed-dev: $(VENV)/installed pyproject.toml
	$(PIP) -e ".[$(EXTRAS)]"
	touch $@

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage
