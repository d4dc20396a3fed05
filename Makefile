# Everything is installed into .venv, from the pinned and hashed lists in requirements/.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test check fmt lock clean

demo: $(VENV)/.demo
	@$(BIN)/rampart demo $(ARGS)

test: check
	$(BIN)/pytest -n 4

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/cfn-lint template.yaml

fmt: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The demo needs less than the tests; both stamps stand for the same environment.
$(VENV)/.demo: requirements/demo.txt pyproject.toml
	@$(MAKE) --no-print-directory environment LIST=demo
	@touch $@

$(VENV)/.dev: requirements/dev.txt pyproject.toml
	@$(MAKE) --no-print-directory environment LIST=dev
	@touch $@ $(VENV)/.demo

.PHONY: environment
environment:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Rampart needs Python 3.11 or newer, and $(PYTHON) is not. Try: make PYTHON=python3.13 ..."; exit 2; }
	@echo "Setting up $(VENV) (about half a minute, once)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/$(LIST).txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .

# Pins with hashes, and no word of where they came from. Needs uv.
lock:
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-header --upgrade -o requirements/dev.txt
	uv pip compile pyproject.toml --extra embedded --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-header -c requirements/dev.txt -o requirements/demo.txt
	uv pip compile requirements/layer.in --python-version 3.13 --python-platform aarch64-manylinux2014 --generate-hashes \
		--no-emit-index-url --no-header -c requirements/dev.txt -o requirements/layer.txt \
		$(addprefix --no-emit-package ,boto3 botocore jmespath python-dateutil s3transfer six urllib3)

clean:
	rm -rf $(VENV) .aws-sam .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info

# ---- What `sam build` calls: one target for each function and one for the layer -----------------------------

build-DependenciesLayer:
	$(PYTHON) -m pip install --quiet --no-deps --require-hashes --requirement requirements/layer.txt \
		--platform manylinux2014_aarch64 --python-version 3.13 --only-binary=:all: --target "$(ARTIFACTS_DIR)/python"

# The name of the package survives, and nothing else ships.
build-%Function:
	cp -R controller "$(ARTIFACTS_DIR)/controller"
	find "$(ARTIFACTS_DIR)" -name __pycache__ -type d -prune -exec rm -rf {} +
