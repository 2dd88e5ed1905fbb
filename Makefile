# make run    trains a small CNN on scikit-learn's handwritten digits (an ordinary PyTorch script, run by jtorch)
# make test   ruff, mypy, pytest
# make conformance  PyTorch's own databases of operators, modules and optimizers, whole; 10,000 mutated files
# make stubs  writes the type stubs (*.pyi) anew from the declarations of the operators
# make bench  jtorch, eager PyTorch and hand-written JAX side by side
# Each sets up what it needs in .venv the first time, and again only when pyproject.toml changes.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PYTEST_ARGS ?=
BENCH_ARGS ?=

.PHONY: run test conformance stubs bench clean

run: $(VENV)/.examples
	$(BIN)/python -m jtorch examples/train_digits.py

test: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n 2 $(PYTEST_ARGS)

conformance: $(VENV)/.dev
	$(BIN)/python -m pytest -n 2 --wide $(PYTEST_ARGS)
	JTORCH_EAGER=1 $(BIN)/python tests/conformance/operators.py --limit 2 --rows tests/conformance/eager.jsonl
	$(BIN)/python tests/conformance/operators.py
	$(BIN)/python tests/conformance/edges.py
	$(BIN)/python tests/conformance/modules.py
	$(BIN)/python tests/conformance/optimizers.py
	$(BIN)/python tests/conformance/fuzz.py

stubs: $(VENV)/.dev
	$(BIN)/python tools/stubs.py

bench: $(VENV)/.dev
	$(BIN)/python benchmarks/run.py $(BENCH_ARGS)
	$(BIN)/python benchmarks/recording.py
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/memory.py

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.examples: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet -e '.[examples]'
	touch $@

# PyTorch by its exact version and on its own: an open range would let pip choose the newest build with its CUDA packages.
$(VENV)/.dev: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet torch==2.13.0
	$(BIN)/python -m pip install --quiet -e '.[dev]'
	touch $@ $(VENV)/.examples

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .pytest_cache .ruff_cache out
