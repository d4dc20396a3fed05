# Everything is installed into environments of its own, from the pinned and hashed lists in requirements/.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TOOLS := .venv-sam/.done .venv-checkov/.done
SAM := SAM_CLI_TELEMETRY=0 .venv-sam/bin/sam

# Nothing is compiled when it is installed, so each process would compile all that it imports, again and again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo local test test-nightly check static build build-here bench docs golden fmt lock clean

demo: $(VENV)/.demo
	@$(BIN)/rampart demo $(ARGS)

local: $(VENV)/.demo
	@$(BIN)/rampart local $(ARGS)

# Four workers on two cores, because the end-to-end runs mostly wait; who is done takes over from those who are not.
test: static build build-here
	$(BIN)/pytest -n 4 --dist worksteal

# Far more interleavings, and faults in pairs: hours of them.
test-nightly: static build build-here
	$(BIN)/pytest -n 4 --dist worksteal -m "nightly or not nightly" --hypothesis-profile=nightly

check: static
	$(BIN)/pytest -n 2 tests/test_template*.py tests/state_machine

# `sam validate` needs no account; its linter is cfn-lint.
static: environments
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(SAM) validate --lint

build: .venv-sam/.done
	@mkdir -p .aws-sam
	@$(SAM) build >.aws-sam/build.log 2>&1 || { cat .aws-sam/build.log; exit 1; }
	@$(PYTHON) -m bench.package .aws-sam/build
	@echo "Next: samconfig.toml, and then .venv-sam/bin/sam deploy --config-env prod (docs/deploying.md)"

# The same package for this machine, from which the tests import every handler as Lambda would.
build-here: build $(VENV)/.dev
	@$(BIN)/python -m bench.package .aws-sam/build --for-this-machine .aws-sam/here

bench: $(VENV)/.dev
	$(BIN)/python -m bench.rollback_latency
	$(BIN)/python -m bench.verb_latency
	$(BIN)/python -m bench.fleet
	$(BIN)/python -m bench.cold_start
	$(BIN)/python -m bench.zip_directory
	$(BIN)/python -m bench $(ARGS)

docs: $(VENV)/.dev
	$(BIN)/python -m rampart.reference

# What the command prints, and its help: to be read before it is committed.
golden: $(VENV)/.dev
	-WRITE_GOLDEN=1 $(BIN)/pytest -q tests/cli
	git diff --stat tests/cli/golden

fmt: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# ---- Environments -------------------------------------------------------------------------------------------

# Most of what is installed is seldom imported: it is compiled when it is, not all of it beforehand.
INSTALL := -m pip install --quiet --disable-pip-version-check --no-deps --no-compile
require_python = command -v $(PYTHON) >/dev/null \
	|| { echo "There is no $(PYTHON) here; without PYTHON=... plain python3 is taken."; exit 2; }; $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	|| { echo "Rampart needs Python 3.11 or newer, and $(PYTHON) is not. Try: make PYTHON=python3.13 ..."; exit 2; }

.PHONY: environments environment
environments:
	@$(MAKE) --silent -j 3 $(VENV)/.dev $(TOOLS)

# The demo needs less than the tests; both stamps stand for the same environment.
$(VENV)/.demo: requirements/demo.txt pyproject.toml
	@$(MAKE) --no-print-directory environment LIST=demo
	@touch $@

$(VENV)/.dev: requirements/dev.txt pyproject.toml
	@$(MAKE) --no-print-directory environment LIST=dev
	@touch $@ $(VENV)/.demo

environment:
	@$(require_python)
	@echo "Setting up $(VENV) (about half a minute, once)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python $(INSTALL) --require-hashes --requirement requirements/$(LIST).txt
	@$(BIN)/python $(INSTALL) --no-build-isolation --editable .

.venv-%/.done: requirements/%.txt
	@$(require_python)
	@echo "Setting up .venv-$* (about half a minute, once)"
	@$(PYTHON) -m venv .venv-$*
	@.venv-$*/bin/python $(INSTALL) --require-hashes --requirement $<
	@touch $@

# Pins with hashes, and no word of where they came from: all that is needed, hence --no-deps above. Needs uv.
PINS := uv pip compile --quiet --generate-hashes --no-emit-index-url --no-header
lock:
	$(PINS) pyproject.toml --extra dev --universal --python-version 3.11 --upgrade -o requirements/dev.txt
	$(PINS) pyproject.toml --extra embedded --universal --python-version 3.11 \
		-c requirements/dev.txt -o requirements/demo.txt
	$(PINS) requirements/layer.in --python-version $(RUNTIME) --python-platform aarch64-manylinux2014 \
		-c requirements/dev.txt -o requirements/layer.txt \
		$(addprefix --no-emit-package ,boto3 botocore jmespath python-dateutil s3transfer six urllib3)
	$(PINS) requirements/sam.in --universal --python-version 3.11 --upgrade -o requirements/sam.txt
	$(PINS) requirements/checkov.in --universal --python-version 3.11 --upgrade -o requirements/checkov.txt

clean:
	rm -rf $(VENV) .venv-sam .venv-checkov .aws-sam .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info

# ---- What `sam build` calls: one target for each function and one for the layer -----------------------------

# The runtime and the machine of template.yaml's functions; the tests build for the machine at hand too.
RUNTIME ?= 3.13
PLATFORM ?= manylinux2014_aarch64

# Lambda keeps no bytecode, so that every cold start compiles what brings none. Only the runtime's own Python can
# write it: $(PYTHON) if it is that, else python$(RUNTIME) if there is one, else the package is source alone.
bytecode = for python in "$(PYTHON)" python$(RUNTIME); do \
		if test "$$("$$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)" = $(RUNTIME); then \
			exec "$$python" -m compileall -q --invalidation-mode unchecked-hash -s "$(ARTIFACTS_DIR)" "$(ARTIFACTS_DIR)"; \
		fi; \
	done

# The web pages of powertools' API browser and wrapt's type stubs are the only things that can never be used.
build-DependenciesLayer:
	$(PYTHON) -m pip install --quiet --no-deps --no-compile --require-hashes --requirement requirements/layer.txt \
		--platform $(PLATFORM) --python-version $(RUNTIME) --only-binary=:all: --target "$(ARTIFACTS_DIR)/python"
	rm -rf "$(ARTIFACTS_DIR)/python/wrapt-stubs" \
		"$(ARTIFACTS_DIR)"/python/aws_lambda_powertools/event_handler/openapi/swagger_ui/*.min.*
	@$(bytecode)

# The name of the package survives, and nothing else ships.
build-%Function:
	cp -R controller "$(ARTIFACTS_DIR)/controller"
	find "$(ARTIFACTS_DIR)" -name __pycache__ -type d -prune -exec rm -rf {} +
	@$(bytecode)
