# Everything is run from here; `make` alone lists the targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN := PATH="$(CURDIR)/$(BIN):$$PATH"
# Without --no-compile, pip compiles tens of thousands of modules that nobody imports: 162 s against 90 s on 2 cores.
PIP_INSTALL := $(BIN)/python -m pip install -qq --disable-pip-version-check --no-compile

# Quiet and offline unless the caller says otherwise, e.g. `HF_HUB_OFFLINE=0 make demo` for a base model from the hub.
export MLFLOW_DISABLE_TELEMETRY ?= true
export DO_NOT_TRACK ?= true
export DVC_NO_ANALYTICS ?= 1
export HF_HUB_OFFLINE ?= 1
export TOKENIZERS_PARALLELISM ?= false
export PYTHONUTF8 ?= 1
# Many container images set it; each of the pipeline's processes would then compile 5,000 modules again, 20 s a process.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help venv demo bench test check format lock clean
.DELETE_ON_ERROR:

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1|/p' Makefile | awk -F'|' '{printf "make %-8s %s\n", $$1, $$2}'

venv: $(VENV)/.installed ## make .venv from requirements.lock, once

demo: venv ## run the whole pipeline on the embedded data and model, then print its results
	$(RUN) dvc repro
	@$(BIN)/extune summary

bench: venv ## print the tables on training of docs/benchmarks.md that this machine can make
	$(BIN)/python benchmarks/training.py

test: venv ## default tests (under a minute, no torch), then the integration tests
	$(RUN) python -m pytest -q -n 2
	OMP_NUM_THREADS=1 $(RUN) python -m pytest -q -n 2 -m integration

check: venv ## linter, formatting, types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: venv ## rewrite the code the way `make check` wants it
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

lock: ## rewrite requirements.lock, keeping the pins that still fit (remove the file first to upgrade them all)
	$(PYTHON) -m venv .cache/lock
	.cache/lock/bin/python -m pip install -qq --disable-pip-version-check uv
	echo torch > .cache/lock/excludes.txt
	.cache/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	  --custom-compile-command 'make lock' --group dev --excludes .cache/lock/excludes.txt \
	  --output-file requirements.lock pyproject.toml requirements.in

clean: ## remove .venv and caches; data, models and runs stay
	rm -rf $(VENV) .cache build dist src/*.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

# Setuptools comes first and the rest is built with it: the few packages without a wheel then fetch no unpinned build tools.
$(VENV)/.locked: requirements.lock
	@command -v $(PYTHON) >/dev/null || { echo "make: no $(PYTHON) here. Install Python 3.11 or newer, or name one: PYTHON=python3.12 make ..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "make: $$($(PYTHON) -V) is too old, 3.11 or newer is needed. Name another: PYTHON=python3.12 make ..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "make: $(PYTHON) lacks venv or ensurepip (Debian, Ubuntu: apt install python3-venv)" >&2; exit 1; }
	@echo "Making $(VENV) from requirements.lock: about 190 packages, 2 to 5 minutes, once."
	@$(PYTHON) -m venv --clear $(VENV)
	@awk '/^[^ ]/ {on = /^setuptools==/} on' requirements.lock > $(VENV)/setuptools.lock
	@$(PIP_INSTALL) --require-hashes --no-deps -r $(VENV)/setuptools.lock
	@$(PIP_INSTALL) --require-hashes --no-deps --no-build-isolation -r requirements.lock
	@touch $@

# Only torch is left to fetch here: as pip is configured, so a local CPU build is taken where there is one.
$(VENV)/.installed: $(VENV)/.locked pyproject.toml
	@echo "Installing torch and extune into $(VENV)."
	@$(PIP_INSTALL) --no-build-isolation --editable .
	@$(BIN)/python -m pip check --disable-pip-version-check
	@touch $@
