# Few verbs; each does all its own set-up. `make` alone lists them.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory --no-builtin-rules

PYTHON ?= python3
STAGE ?= local

export PATH := $(CURDIR)/.venv/bin:$(CURDIR)/node_modules/.bin:$(PATH)
export PYTHONPATH := $(CURDIR):$(CURDIR)/layers/shared/python
unexport VIRTUAL_ENV PYTHONHOME

BIN := .venv/bin

# A broken environment (its Python is gone) counts as none.
READY := .venv/.ready
ifeq ($(shell test -x .venv/bin/python && echo yes),)
$(shell rm -f $(READY))
endif

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: up
up: $(READY) ## open the shop on this machine: http://127.0.0.1:8000 (PORT=… for another port)
	@$(BIN)/python -m local.commands up $(if $(PORT),--port $(PORT))

.PHONY: down
down: $(READY) ## stop everything that up started; the shop's data is kept
	@$(BIN)/python -m local.commands down

.PHONY: reset
reset: $(READY) ## stop, and empty the shop
	@$(BIN)/python -m local.commands reset

.PHONY: demo
demo: $(READY) ## buy something, from search to delivery, in the shop that is up
	@$(BIN)/python -m local.demo

.PHONY: import
import: $(READY) ## take a product file into the shop that is up: FILE=products.csv|.yaml
	@test -n "$(FILE)" || { echo "make import FILE=products.csv (Shopify CSV or YAML)" >&2; exit 1; }
	@$(BIN)/python -m local.importer "$(FILE)"

.PHONY: fmt
fmt: $(READY) ## lay out the code as check wants it
	@$(BIN)/ruff format -q .
	@$(BIN)/ruff check -q --fix .

.PHONY: openapi
openapi: $(READY) ## write docs/openapi.json anew from the manifests
	@PYTHONPATH=$(CURDIR):$(CURDIR)/layers/shared/python $(BIN)/python -m infra.openapi

.PHONY: check
check: $(READY) ## style, types, floors, OpenAPI, templates of all stages (cfn-lint, cdk-nag)
	@$(BIN)/python -m local.check

.PHONY: test
test: $(READY) ## all tests; ARGS goes to pytest (ARGS=tests/unit)
	@$(BIN)/python -m local.test $(ARGS)

.PHONY: bench
bench: $(READY) ## what is measured, with its budgets (pricing, handlers, cold starts, growth, bill, hot SKUs); AGAINST=commit compares the CPU of the daily round
	@if test -n "$(AGAINST)"; then exec $(BIN)/python -m bench.daily_round --against "$(AGAINST)"; fi; \
	status=0; for file in bench/*.py; do \
	  test $$file != bench/daily_round.py || continue; \
	  echo "$$file"; $(BIN)/python -m bench.$$(basename $$file .py) || status=1; done; exit $$status

.PHONY: verify
verify: $(READY) ## check the guarantees under load, crashes and faults: ARGS="1 3" for some of them
	@$(BIN)/python -m verification $(ARGS)

.PHONY: flashsale
flashsale: $(READY) ## hold a flash sale on this machine, with charts: BUYERS=2000 UNITS=300 (BROKEN=1 must fail)
	@$(BIN)/python -m verification.flashsale --buyers $(or $(BUYERS),2000) --units $(or $(UNITS),300) $(if $(BROKEN),--broken)

.PHONY: synth
synth: $(READY) ## the CloudFormation templates of a stage, into cdk.out: STAGE=local|test|dev|prod
	@DOORBUSTER_STAGE=$(STAGE) PYTHONPATH=$(CURDIR) cdk synth --quiet --no-notices
	@echo "cdk.out holds stage $(STAGE)"

.PHONY: deploy
deploy: $(READY) ## deploy a stage to your AWS account, with your credentials: STAGE=dev|prod
	@$(BIN)/python -m local.deploy "$(STAGE)"

.PHONY: tools
tools: $(READY) ## bring uv, Python, the locked packages and the CDK CLI (every verb does it by itself)

$(READY): requirements/dev.txt requirements/uv.txt package-lock.json local/bootstrap.py .python-version
	@for python in "$(PYTHON)" python3 python3.14 python3.13 python3.12 python3.11 /usr/bin/python3; do \
	  if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    exec env -u PYTHONPATH "$$python" local/bootstrap.py; fi; done; \
	echo "Doorbuster needs Python 3.11 or later to begin with; none starts here. make tools PYTHON=/path/to/python3" >&2; exit 1

.PHONY: lock
lock: $(READY) ## write requirements/*.txt anew from pyproject.toml (UPGRADE=1 takes newer versions)
	@compile="uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q $(if $(UPGRADE),--upgrade)"; \
	PATH="$(CURDIR)/.local/uv/bin:$$PATH"; \
	$$compile pyproject.toml --group dev -o requirements/dev.txt; \
	$$compile -c requirements/dev.txt pyproject.toml -o requirements/runtime.txt; \
	$$compile requirements/uv.in -o requirements/uv.txt
	@$(MAKE) tools
