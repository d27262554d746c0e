# The commands of the house. `make demo` and `make test` are all that a new user needs.
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
UV := VIRTUAL_ENV=$(VENV) $(BIN)/uv
CONFIG ?= leitwarte.yaml

LOCK_OPTIONS := --quiet --universal --python-version 3.11 --generate-hashes --no-emit-find-links --custom-compile-command "make lock"

.PHONY: demo test setup run check servers lock clean

demo: setup ## the simulated town, live, at http://localhost:8080
	$(BIN)/leitwarte demo

test: setup servers check ## everything: real servers, browser, lint, types, import floors
	$(BIN)/pytest

run: setup ## production: make run CONFIG=leitwarte.yaml
	$(BIN)/leitwarte run -c $(CONFIG)

check: setup ## lint, types, import floors
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

setup: $(STAMP) ## the environment alone, from the lock file

$(STAMP): installer.lock requirements.lock pyproject.toml
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Leitwarte needs Python 3.11 or newer" >&2; exit 1; }
	test -x $(BIN)/python || python3 -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r installer.lock
	$(UV) pip sync --quiet --require-hashes installer.lock requirements.lock
	$(UV) pip install --quiet --no-build-isolation --no-deps --editable .
	@touch $@

servers:
	tests/get-servers.sh

lock: setup ## resolve the dependencies anew
	$(UV) pip compile $(LOCK_OPTIONS) --group dev pyproject.toml --output-file requirements.lock
	echo 'uv<1' | $(UV) pip compile $(LOCK_OPTIONS) - --output-file installer.lock

clean:
	rm -rf $(VENV) .cache .leitwarte artefacts
