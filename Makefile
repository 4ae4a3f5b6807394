# Two commands set everything up: `make up` runs it, `make test` proves it. `make` alone lists the rest.
SHELL    := /bin/bash
LAB      ?= homelab
CLUSTER  ?=
WORKLOAD ?= voice
PYTHON   ?= python3
VENV     := .venv
PY       := $(VENV)/bin/python
ON       := --lab $(LAB) $(if $(CLUSTER),--cluster $(CLUSTER)) $(if $(YES),--yes) $(if $(FORCE),--force)

.DEFAULT_GOAL := help
.PHONY: help up preview status dashboard load down test lint unit live verdicts generate

help:  ## This list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "make %-9s %s\n", $$1, $$2}'

# The venv is made anew when requirements.txt changes. python3-venv is a Debian package of its own.
$(VENV)/.ready: requirements.txt
	@echo "· Python packages (about half a minute)"
	@$(PYTHON) -m venv $(VENV) 2>/dev/null || { \
	  [ "$$(id -u)" = 0 ] || { echo "python3-venv: not installed, so no Python packages can be had. Run: apt-get install python3-venv"; exit 1; }; \
	  apt-get update -qq && apt-get install -y -qq python3-venv >/dev/null && $(PYTHON) -m venv $(VENV); }
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

# What a lab needs of its machine, before anything is installed or built.
machine:
	@$(PYTHON) -m lab.machine --name $(LAB)

ifndef CLUSTER
up preview: machine
endif

up: $(VENV)/.ready  ## The lab, then `pulumi up` with the policy pack (CLUSTER=<context>: your own cluster instead)
	@$(PY) -m cli up $(ON)

preview: $(VENV)/.ready  ## `pulumi preview` with the policy pack
	@$(PY) -m cli preview $(ON)

status: $(VENV)/.ready  ## The table of scaled workloads
	@$(PY) -m cli status $(ON)

dashboard: $(VENV)/.ready  ## The dashboards as one HTML page, from the lab's Prometheus (MINUTES=30)
	@$(PY) -m cli dashboard $(ON) --minutes $(or $(MINUTES),30)

load: $(VENV)/.ready  ## Real load on one workload: WORKLOAD=voice|ray-serve|envoy-gateway|batch
	@$(PY) -m lab load $(WORKLOAD) --name $(LAB)

down: $(VENV)/.ready  ## Removes the lab and all it wrote (CLUSTER=<context>: `pulumi destroy` there)
	@$(PY) -m cli down $(ON)

lint: $(VENV)/.ready  ## Style and types
	@$(VENV)/bin/ruff check . && $(VENV)/bin/ruff format --check . && $(VENV)/bin/mypy

unit: $(VENV)/.ready  ## The tests that need no cluster and no engine
	@$(PY) -m pytest -m "not live and not engine"

live: $(VENV)/.ready  ## The tests on a lab of their own
	@$(PY) -m pytest -v -m live --durations=12

verdicts: $(VENV)/.ready  ## 20,000 trigger specs: our verdict against KEDA's own scaler constructors
	@$(PY) -m tests.verdicts --count 20000

generate: $(VENV)/.ready  ## Trigger models, JSON Schemas, Kyverno's policies and the pages of scalers, rules and policies; tests hold them current
	@$(PY) -m keda.triggers.generate && $(PY) -m keda.schema && $(PY) -m components.schema && $(PY) -m policies.pages docs
	@$(PY) -m keda.judge.pages docs/rules tests/corpus/check && $(PY) -m components.admission_kyverno

test: lint  ## Everything: lint, types, unit, program, policy, engine and live tests
	@$(PY) -m lab.tools && $(PY) -m lab.tools kyverno
	@$(PY) -m pytest -m "not live"
	@$(PY) -m pytest -v -m live --durations=12
