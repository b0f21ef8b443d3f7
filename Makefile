# Every command installs what it needs. `make` without a command lists them.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory --no-builtin-rules

PYTHON ?= python3
STAGE ?= local

export PATH := $(CURDIR)/.venv/bin:$(CURDIR)/node_modules/.bin:$(PATH)
export PYTHONPATH := $(CURDIR):$(CURDIR)/layers/shared/python
# Compiled files are kept, so that a second run of the tests starts in half the time.
unexport VIRTUAL_ENV PYTHONHOME PYTHONDONTWRITEBYTECODE

BIN := .venv/bin

# An environment whose Python was removed is built again.
READY := .venv/.ready
ifeq ($(shell test -x .venv/bin/python && echo yes),)
$(shell rm -f $(READY))
endif

.PHONY: help
help: ## list the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: up
up: $(READY) ## start the shop at http://127.0.0.1:8000, or deploy what changed (PORT=…, SAMPLES=no)
	@$(BIN)/python -m local.commands up $(if $(PORT),--port $(PORT)) $(if $(SAMPLES),--samples "$(SAMPLES)")

.PHONY: down
down: $(READY) ## stop the shop; its data is kept
	@$(BIN)/python -m local.commands down

.PHONY: reset
reset: $(READY) ## stop the shop and delete its data
	@$(BIN)/python -m local.commands reset

.PHONY: demo
demo: $(READY) ## buy something in the running shop, from search to delivery
	@$(BIN)/python -m local.demo

.PHONY: token
token: $(READY) ## print an access token for the running shop: ROLE=admin|staff|catalog|fulfilment|customer
	@PYTHONPATH=$(CURDIR):$(CURDIR)/layers/shared/python $(BIN)/python -m local.token --role "$(or $(ROLE),admin)"

.PHONY: admin
admin: $(READY) ## create the first staff user of a stage on AWS: STAGE=dev|prod EMAIL=you@example.com
	@test -n "$(EMAIL)" || { echo "Name the user: make admin STAGE=prod EMAIL=you@example.com" >&2; exit 1; }
	@$(BIN)/python -m local.token --stage "$(STAGE)" --email "$(EMAIL)"

.PHONY: import
import: $(READY) ## import products: FILE=products.csv|.yaml CURRENCY=USD (DECIMAL=comma, ENCODING=windows-1252, MEDIA=https://…/)
	@test -n "$(FILE)" || { echo "Choose a file: make import FILE=products.csv CURRENCY=USD (Shopify CSV or YAML)" >&2; exit 1; }
	@$(BIN)/python -m local.importer "$(FILE)" $(if $(CURRENCY),--currency "$(CURRENCY)") $(if $(DECIMAL),--decimal "$(DECIMAL)") $(if $(ENCODING),--encoding "$(ENCODING)") $(if $(MEDIA),--media "$(MEDIA)")

.PHONY: export
export: $(READY) ## export products as Shopify's CSV: FILE=products.csv CURRENCY=USD
	@test -n "$(FILE)" -a -n "$(CURRENCY)" || { echo "Choose file and currency: make export FILE=products.csv CURRENCY=USD" >&2; exit 1; }
	@$(BIN)/python -m local.exporter "$(FILE)" --currency "$(CURRENCY)"

.PHONY: fmt
fmt: $(READY) ## format the code, and fix what ruff can fix
	@$(BIN)/ruff format -q .
	@$(BIN)/ruff check -q --fix .

.PHONY: openapi
openapi: $(READY) ## generate docs/openapi.json and docs/errors.md from the source
	@PYTHONPATH=$(CURDIR):$(CURDIR)/layers/shared/python $(BIN)/python -m infra.openapi

.PHONY: check
check: $(READY) ## check style, types, import contracts, OpenAPI, templates (cfn-lint, cdk-nag) and commits
	@$(BIN)/python -m local.check

.PHONY: test
test: $(READY) ## run all tests, or some: ARGS=tests/unit (ARGS are passed to pytest)
	@$(BIN)/python -m local.test $(ARGS)

.PHONY: bench
bench: $(READY) ## measure against budgets, or some: ARGS="pricing handlers"; AGAINST=commit: the daily round
	@if test -n "$(AGAINST)"; then exec $(BIN)/python -m bench.daily_round --against "$(AGAINST)"; fi; \
	status=0; for name in $(or $(ARGS),capacity cold_start growth handlers partition_simulator pricing); do \
	  echo "$$name"; $(BIN)/python -m bench.$$name || status=1; done; exit $$status

.PHONY: verify
verify: $(READY) ## check the guarantees under load, crashes and faults, or some: ARGS="1 3"
	@$(BIN)/python -m verification $(ARGS)

.PHONY: flashsale
flashsale: $(READY) ## simulate a flash sale, with charts: BUYERS=2000 UNITS=300 (BROKEN=1 must fail)
	@$(BIN)/python -m verification.flashsale --buyers $(or $(BUYERS),2000) --units $(or $(UNITS),300) $(if $(BROKEN),--broken)

.PHONY: synth
synth: $(READY) ## write the CloudFormation templates of a stage to cdk.out: STAGE=local|test|dev|prod
	@DOORBUSTER_STAGE=$(STAGE) PYTHONPATH=$(CURDIR) cdk synth --quiet --no-notices
	@echo "cdk.out contains the templates of stage $(STAGE)."

.PHONY: deploy
deploy: $(READY) ## deploy a stage to your AWS account with your credentials: STAGE=dev|prod
	@$(BIN)/python -m local.deploy "$(STAGE)"

.PHONY: redrive
redrive: $(READY) ## process failed messages again: QUEUE=carrier-events; without QUEUE list all (STAGE=local|dev|prod)
	@$(BIN)/python -m local.redrive $(QUEUE) --stage "$(STAGE)"

.PHONY: tools
tools: $(READY) ## install uv, Python, the locked packages and the CDK CLI (every command does this first)

$(READY): requirements/dev.txt requirements/uv.txt package-lock.json local/bootstrap.py .python-version
	@for python in "$(PYTHON)" python3 python3.14 python3.13 python3.12 python3.11 /usr/bin/python3; do \
	  if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    exec env -u PYTHONPATH "$$python" local/bootstrap.py; fi; done; \
	echo "Python 3.11 or later is required. Choose one with: make tools PYTHON=/path/to/python3" >&2; exit 1

.PHONY: lock
lock: $(READY) ## generate requirements/*.txt from pyproject.toml (UPGRADE=1 allows newer versions)
	@compile="uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q $(if $(UPGRADE),--upgrade)"; \
	PATH="$(CURDIR)/.local/uv/bin:$$PATH"; \
	$$compile pyproject.toml --group dev -o requirements/dev.txt; \
	$$compile -c requirements/dev.txt pyproject.toml -o requirements/runtime.txt; \
	$$compile requirements/uv.in -o requirements/uv.txt
	@$(MAKE) tools
