# The commands of the house. `make demo` and `make test` are all that a new user needs.
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEVELOPMENT := $(VENV)/.installed-development
# with the certificates of the system: many offices have a proxy of their own in the way
UV := UV_SYSTEM_CERTS=1 VIRTUAL_ENV=$(VENV) $(BIN)/uv
# the scoring script that lies with the labelled series needs pandas, which the program does not
SCORER := .cache/scorer
CONFIG ?= leitwarte.yaml
MINUTES ?= 30

LOCK := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-find-links --no-annotate \
	--custom-compile-command "make lock"

.PHONY: demo test setup run check servers lock clean fuzz faults bench soak bench-anomaly reference docs

demo: setup ## the simulated town, live, at http://localhost:8080
	$(BIN)/leitwarte demo

test: $(DEVELOPMENT) servers check ## everything: real servers, browser, lint, types, import floors
	$(BIN)/pytest --numprocesses auto --maxprocesses 4 --dist worksteal

run: setup ## production: make run CONFIG=leitwarte.yaml
	$(BIN)/leitwarte run -c $(CONFIG)

check: $(DEVELOPMENT) ## lint, types, import floors
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

setup: $(STAMP) ## the environment alone, from the lock file

$(STAMP): installer.lock requirements.lock pyproject.toml
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Leitwarte needs Python 3.11 or newer" >&2; exit 1; }
	@echo "putting everything Leitwarte needs into $(VENV): a minute or two, once"
	test -x $(BIN)/python || python3 -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r installer.lock
	$(UV) pip install --quiet --require-hashes -r installer.lock -r requirements.lock
	$(UV) pip install --quiet --no-build-isolation --no-deps --editable .
	@touch $@

$(DEVELOPMENT): $(STAMP) development.lock
	$(UV) pip install --quiet --require-hashes -r development.lock
	@touch $@

bench: $(DEVELOPMENT) servers ## speed beside limits and peers: docs/performance.md
	$(BIN)/python -m bench --docs

soak: $(DEVELOPMENT) servers ## half an hour at half the maximum: does anything grow? docs/performance.md
	$(BIN)/python -m bench.soak --minutes $(MINUTES) --docs

bench-anomaly: $(DEVELOPMENT) $(SCORER) ## detection on labelled series beside other detectors: docs/anomaly.md
	$(BIN)/python -m bench.anomaly --scorer-python $(SCORER)/bin/python

$(SCORER): $(STAMP)
	python3 -m venv $@
	UV_SYSTEM_CERTS=1 VIRTUAL_ENV=$@ $(BIN)/uv pip install --quiet pandas==2.3.3 scikit-learn==1.9.1

reference: $(DEVELOPMENT) ## docs/reference from the code
	$(BIN)/python docs/reference.py

docs: $(DEVELOPMENT) ## the documents as a site in .cache/site
	$(BIN)/python docs/site.py

faults: $(DEVELOPMENT) servers ## break everything around the real gateway, over fifty kills, and count: docs/reliability.md
	$(BIN)/python -m tests.faults --long --seed 1

fuzz: $(DEVELOPMENT) ## ten minutes of broken payloads and frames
	nice $(BIN)/python -m tests.fuzz --minutes 10

servers:
	tests/get-servers.sh

lock: $(STAMP) ## resolve the dependencies anew
	$(LOCK) --output-file installer.lock installer.in
	$(LOCK) --output-file requirements.lock pyproject.toml
	$(LOCK) --output-file development.lock --group dev --constraints requirements.lock pyproject.toml

clean:
	rm -rf $(VENV) .cache .leitwarte artefacts

.PHONY: secrets
secrets: ## random secrets for docker compose, once
	python3 deploy/make-secrets.py secrets
