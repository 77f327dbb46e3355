# make up      everything on the embedded default: demo stream, DuckDB in ./var, dashboard on http://localhost:8501
# make up LOGS='/var/log/**'            reads those files instead
# make up KAFKA=host:9092 TOPICS=a,b    reads those topics instead
# make test    the whole check: lint, types, import directions, tests (SLOW=1 adds the slow ones)
# make check   only what needs no test run      make bench   the benchmarks      make clean   removes .venv and ./var
PYTHON ?= python3
VENV := .venv
DATA ?= var
BIN := $(VENV)/bin
# uv lives inside the venv and installs in seconds; its cache is kept between runs.
INSTALL = $(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -c constraints.txt

.PHONY: up test check bench venv dev clean
.DEFAULT_GOAL := up

$(BIN)/uv:
	$(PYTHON) -c 'import sys; sys.exit("Driftwood needs Python 3.11 or newer; try make PYTHON=python3.12") if sys.version_info < (3, 11) else 0'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9'

$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/uv
	$(INSTALL) -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.installed
	$(INSTALL) -e '.[dev,models,bench]'
	@touch $@

venv: $(VENV)/.installed
dev: $(VENV)/.dev

up: venv
	@exec $(BIN)/driftwood up --data '$(DATA)' $(if $(LOGS),--files '$(LOGS)') $(if $(KAFKA),--kafka '$(KAFKA)' --topics '$(TOPICS)')

test: dev
	@SLOW='$(SLOW)' PATH="$(CURDIR)/$(BIN):$$PATH" scripts/check

check: dev
	@PATH="$(CURDIR)/$(BIN):$$PATH" scripts/check --no-tests

bench: dev
	@kept=$$(mktemp -d); trap 'rm -rf "$$kept"' EXIT; \
	for each in decode parsing detection lookups store files kafka_source push logql real_logs \
	    "serve --keep $$kept/store" "dashboard $$kept/store" "large $$kept/store"; do \
	    echo "== $$each"; $(BIN)/python -m benchmarks.$$each || exit 1; done

clean:
	rm -rf $(VENV) var
