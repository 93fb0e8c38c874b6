# `make` lists what there is. Needs Python 3.11 or newer and the package registries; everything else is fetched.
PYTHON ?= python3
BIN := .venv/bin
RUNTIME := .venv/.runtime
DEVELOPMENT := .venv/.development
# Tests wait for as long as they compute, so one more than there are cores.
TESTERS = $(shell $(PYTHON) -c 'import os; print(min(4, 1 + (os.cpu_count() or 1)))')

.PHONY: help install setup run wheel test lint bench flagged templates places texts lock clean

help: ## This list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-10s %s\n", $$1, $$2}' Makefile

install: $(RUNTIME) ## Make .venv with what a server needs, and nothing for development
	$(BIN)/python -m compileall -q afterword
	@$(BIN)/afterword --version

setup: $(DEVELOPMENT) ## Make .venv with everything, for running and for development

run: $(RUNTIME) ## Set up and serve; an empty folder gets a demo shop
	@[ -n "$$AFTERWORD_SMTP$$AFTERWORD_SMTP_FILE" ] || export AFTERWORD_SMTP=outbox:; exec $(BIN)/afterword serve

wheel: $(RUNTIME) ## Build the package in dist/, to install it elsewhere
	$(BIN)/pip wheel -q --disable-pip-version-check --no-deps --no-build-isolation --no-index -w dist .
	@cp requirements/run.txt dist/ && ls dist/*.whl dist/run.txt

test: $(DEVELOPMENT) ## Set up, check and test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -m "not alone" --numprocesses=$(TESTERS) --dist=loadscope $(TESTS)
	$(BIN)/python -m pytest -m alone $(TESTS) || [ $$? = 5 ] # 5: none of the chosen tests

lint: $(DEVELOPMENT) ## Format, then check style, types and import rules
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(DEVELOPMENT) ## Measure, as ratios to a limit in the same run
	$(BIN)/python -m benchmarks $(BENCH)

flagged: $(DEVELOPMENT) ## Measure how often the checks flag the reviews of a CSV file: REVIEWS=FILE
	@$(BIN)/python -m tools.flagged $(REVIEWS)

templates: $(DEVELOPMENT) ## Compile the e-mails' MJML
	$(BIN)/python tools/compile_mjml.py

places: $(DEVELOPMENT) ## Write into the catalogues where each message is used
	$(BIN)/python -m tools.places

texts: $(DEVELOPMENT) ## Print every sentence that people read, by place
	@$(BIN)/python -m tools.texts

lock: $(DEVELOPMENT) ## Choose the newest versions of all dependencies
	$(BIN)/uv pip compile -q --upgrade --generate-hashes --no-emit-index-url --no-header --universal \
		--python-version 3.11 pyproject.toml -o requirements/run.txt
	$(BIN)/uv pip compile -q --upgrade --generate-hashes --no-emit-index-url --no-header --universal \
		--python-version 3.11 --extra dev pyproject.toml -c requirements/run.txt -o requirements/dev.txt

clean: ## Remove what setup and tests made
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

.venv:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Afterword needs Python 3.11 or newer")'
	$(PYTHON) -m venv .venv || { rm -rf .venv; exit 1; }

$(RUNTIME): requirements/run.txt pyproject.toml | .venv
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements/run.txt
	$(BIN)/pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(DEVELOPMENT): requirements/dev.txt $(RUNTIME)
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@
