# One word for each chore. Every target makes .venv on first use and needs nothing but Python 3.11+ and make;
# test-java needs Java 17+ and Maven besides.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: run test test-java check format bench shots clean

run: .venv/run
	@$(BIN)/kafkarium $(ARGS)

test: .venv/dev
	$(BIN)/pytest -n auto $(ARGS)

test-java: .venv/dev .venv/java
	$(BIN)/pytest tests/java $(ARGS)

check: .venv/dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(MAKE) test

format: .venv/dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: .venv/dev
	$(BIN)/python -m tests.bench $(ARGS)

shots: .venv/dev
	$(BIN)/python -m tests.shots $(ARGS)

clean:
	rm -rf .venv build dist shots .pytest_cache .mypy_cache .ruff_cache .hypothesis

.venv/run: pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Kafkarium needs Python 3.11 or newer; '$(PYTHON)' was not found. Name yours: make PYTHON=/path/to/python3"; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Kafkarium needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V). Name another: make PYTHON=python3.12"; exit 2; }
	@echo "Setting up .venv (once) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install -q --disable-pip-version-check -e .
	@touch $@

.venv/dev: .venv/run
	@$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[dev]'
	@touch $@

.venv/java: tests/java/pom.xml | .venv/dev
	@command -v java >/dev/null && command -v mvn >/dev/null || { echo "This needs Java 17 or newer and Maven; 'java' and 'mvn' were not both found."; exit 2; }
	@echo "Getting Apache Kafka's jars (once) ..."
	@mvn -q -B -f tests/java/pom.xml dependency:copy-dependencies -DoutputDirectory=$(CURDIR)/$@
	@touch $@
