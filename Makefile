# Two commands do everything on a fresh machine with Python 3.11 and make: `make demo`, `make test`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo quick test lint clean

demo: $(READY)  ## the main job on bundled logs; ends by naming demo/report.html and demo/drive.mp4
	$(BIN)/drive-gen demo --out demo

quick: $(READY)  ## the same with the bundled checkpoint, in a minute
	$(BIN)/drive-gen demo --quick --out demo

test: $(READY)  ## lint, types and tests
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n 2

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/mypy

# Packages are downloaded once; the stamp is renewed when pyproject.toml changes.
$(READY): pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "drive_gen needs Python 3.11 or newer; try make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	$(BIN)/python -m drive_gen.compile
	touch $@

clean:
	rm -rf $(VENV) demo build *.egg-info
