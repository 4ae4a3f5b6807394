# `make up` runs it on a real cluster, `make test` checks it anywhere. `make` alone lists the rest.
SHELL    := /bin/bash
LAB      ?= homelab
CLUSTER  ?=
STACK    ?=
WORKLOAD ?= voice
PYTHON   ?= python3
VENV     := .venv
PY       := $(VENV)/bin/python
# Tests without a lab run side by side, a file on one processor; a file's fixtures are made once.
PYTEST   := $(PY) -m pytest -n auto --maxprocesses 4 --dist loadfile
ON       := --lab $(LAB) $(if $(CLUSTER),--cluster $(CLUSTER)) $(if $(STACK),--stack $(STACK)) \
            $(if $(YES),--yes) $(if $(FORCE),--force) $(if $(STANDIN),--standin)

.DEFAULT_GOAL := help
.PHONY: help machine up init preview render status dashboard load takeover leave-adapter handover down test lint unit tools live long fresh contract conformance verdicts fidelity generate

help:  ## This list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "make %-13s %s\n", $$1, $$2}'

# The venv is made again when requirements.txt changes. python3-venv is a Debian package of its own.
$(VENV)/.ready: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit("Python: 3.11 or newer is needed. Name one: make PYTHON=python3.11." \
	  if sys.version_info < (3, 11) else 0)'
	@echo "· Python packages (about half a minute)"
	@$(PYTHON) -m venv $(VENV) 2>/dev/null || { \
	  [ "$$(id -u)" = 0 ] || { echo "python3-venv: not installed, so no Python packages can be had. Run: apt-get install python3-venv"; exit 1; }; \
	  apt-get update -qq && apt-get install -y -qq python3-venv >/dev/null && $(PYTHON) -m venv $(VENV); }
	@# Most of the modules (pulumi_kubernetes) are never imported: compiling all of them takes longer than the rest.
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check --no-compile -r requirements.txt
	@touch $@

# What a lab needs of its machine, before anything is installed or built.
machine:
	@$(PYTHON) -m lab.machine --name $(LAB)

ifndef CLUSTER
up preview: machine
endif

up: $(VENV)/.ready  ## The lab, then `pulumi up` with the policy pack (CLUSTER=<context>: your own cluster instead)
	@$(PY) -m cli up $(ON)

init: $(VENV)/.ready  ## A first stack file for your own cluster, from what it has (CLUSTER=<context>)
	@$(PY) -m cli init $(ON)

preview: $(VENV)/.ready  ## `pulumi preview` with the policy pack
	@$(PY) -m cli preview $(ON)

render: $(VENV)/.ready  ## The stack as files for Flux: OUT=<folder> (STACK=, or FROM=<stack file>; FORMAT=argocd; CHECK=1)
	@$(PY) -m cli render $(ON) $(if $(OUT),--out '$(OUT)') $(if $(FROM),--from '$(FROM)') $(if $(FORMAT),--format $(FORMAT)) $(if $(CHECK),--check)

status: $(VENV)/.ready  ## The table of scaled workloads
	@$(PY) -m cli status $(ON)

dashboard: $(VENV)/.ready  ## The dashboards as one HTML page, from the lab's Prometheus (MINUTES=30)
	@$(PY) -m cli dashboard $(ON) --minutes $(or $(MINUTES),30)

load: $(VENV)/.ready  ## Real load on one workload: WORKLOAD=voice|ray-serve|envoy-gateway|batch
	@$(if $(CLUSTER),echo "CLUSTER=$(CLUSTER): load goes to a lab's workloads only. Leave CLUSTER out." >&2; exit 1)
	@$(PY) -m lab load $(WORKLOAD) --name $(LAB)

takeover: $(VENV)/.ready  ## A KEDA that Helm installed becomes this program's: shows the plan and asks (CLUSTER=<context>)
	@$(PY) -m cli takeover $(ON)

leave-adapter: $(VENV)/.ready  ## HPAs on Prometheus Adapter become KEDA's: FILE=<what keda adopt wrote> (BACK=1: the way back)
	@$(PY) -m cli leave-adapter $(ON) $(if $(FILE),--file '$(FILE)') $(if $(BACK),--back)

handover: $(VENV)/.ready  ## What Flux applies already becomes Flux's alone, and Pulumi forgets it: shows the plan and asks
	@$(PY) -m cli handover $(ON)

down: $(VENV)/.ready  ## Removes the lab; Debian packages and cached tools stay (CLUSTER=<context>: `pulumi destroy` there)
	@$(PY) -m cli down $(ON)

lint: $(VENV)/.ready  ## Style and types
	@$(VENV)/bin/ruff check . && $(VENV)/bin/ruff format --check . && $(VENV)/bin/mypy

unit: $(VENV)/.ready  ## The tests that need nothing but Python
	@$(PYTEST) -m "not (engine or tools or live or conformance)"

tools: $(VENV)/.ready  ## The tests that need a lab's tools, and no lab (TESTS=files)
	@$(PY) -m lab.toolchain.tools
	@$(PYTEST) -m "tools and not (live or conformance)" $(TESTS)

live: $(VENV)/.ready  ## The tests on a real cluster (root; makes a lab of its own; TESTS=files)
	@$(PY) -m lab.toolchain.tools
	@$(PY) -m pytest -v -m "live and not (conformance$(if $(filter-out -%,$(TESTS)),, or long))" --durations=12 $(TESTS)

long: $(VENV)/.ready  ## The tests on a real cluster that `make live` leaves out: kills, labs of their own, minutes of waiting
	@$(PY) -m lab.toolchain.tools
	@$(PY) -m pytest -v -m long --durations=12

fresh: $(VENV)/.ready  ## `make test`, `make up` and `make down` on bare Debian (root; DEBIAN=12 or 13: that one only)
	@$(PY) -m tests.fresh $(DEBIAN)

conformance: $(VENV)/.ready  ## The tests against judges that must be built first: the Kyverno CLI
	@$(PY) -m lab.toolchain.tools kyverno
	@$(PY) -m pytest -v -m conformance

contract: $(VENV)/.ready  ## What the project relies on in Pulumi's plugins, on the released ones where they are on PATH
	@$(PY) -m pytest -v tests/contract

verdicts: $(VENV)/.ready  ## 20,000 trigger specs: our verdict against KEDA's own scaler constructors
	@$(PY) -m tests.verdicts --count 20000

fidelity: $(VENV)/.ready  ## 115 scenarios in a lab's KEDA and HPA against the simulation (root; 20 minutes)
	@$(PY) -m tests.fidelity

generate: $(VENV)/.ready  ## Every generated file: models, JSON Schemas, Kyverno's policies, pages; tests compare them
	@$(PY) -m generate

test: lint  ## Lint, types, unit, program, policy and engine tests: no root, no cluster
	@$(PY) -m lab.toolchain.tools pulumi
	@$(PYTEST) -m "not (tools or live or conformance)"
