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

# A broken environment (its Python is gone) counts as none.
READY := .venv/.ready
ifeq ($(shell test -x .venv/bin/python && echo yes),)
$(shell rm -f $(READY))
endif

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: tools
tools: $(READY) ## bring uv, Python, the locked packages and the CDK CLI (every verb does it by itself)

$(READY): requirements/dev.txt requirements/uv.txt package-lock.json local/tools.py .python-version
	@for python in "$(PYTHON)" python3 python3.14 python3.13 python3.12 python3.11 /usr/bin/python3; do \
	  if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    exec env -u PYTHONPATH "$$python" local/tools.py; fi; done; \
	echo "Doorbuster needs Python 3.11 or later to begin with; none starts here. make tools PYTHON=/path/to/python3" >&2; exit 1

.PHONY: lock
lock: $(READY) ## write requirements/*.txt anew from pyproject.toml (UPGRADE=1 takes newer versions)
	@compile="uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q $(if $(UPGRADE),--upgrade)"; \
	PATH="$(CURDIR)/.local/uv/bin:$$PATH"; \
	$$compile pyproject.toml --group dev -o requirements/dev.txt; \
	$$compile -c requirements/dev.txt pyproject.toml -o requirements/runtime.txt; \
	$$compile requirements/uv.in -o requirements/uv.txt
	@$(MAKE) tools
