# Everything a person types. What the goals do is data in tools/plan.py.
SHELL := /bin/sh
PYTHON ?= python3
RUN := @$(PYTHON) tools/steps.py

.DEFAULT_GOAL := help
.PHONY: help lab lab-status lab-down check lint test step docs pins gpu-hosts bench link changelog

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

lab: ## from this bare machine to a watched model server: Kubernetes, Prometheus, an alert that arrives (root)
	$(RUN) lab

lab-status: ## what the lab is doing
	$(RUN) lab-status

lab-down: ## remove the lab: only the cache stays
	$(RUN) lab-down

check: ## lint, types, unit, render: for every edit, under 5 minutes
	$(RUN) check

lint: ## only the linters and types
	$(RUN) lint

test: ## check and everything else: second core, sanity, artifact, the lab, molecule (root)
	$(RUN) test

step: ## one step again: make step NAME=types
	@test -n "$(NAME)" || { echo "make step NAME=...: the names are in tools/plan.py"; exit 2; }
	$(RUN) step "$(NAME)"

docs: ## write the README tables of the roles from their argument_specs and defaults
	$(RUN) docs

gpu-hosts: ## real driver packages and builds on Debian hosts in containers, by molecule (root, podman)
	$(RUN) gpu-hosts

bench: ## rollout beside kubernetes.core.k8s and kubectl apply, plans of 1,000 GPU hosts; writes docs/benchmarks*.md
	$(RUN) bench

pins: ## resolve requirements/*.in to exact versions
	$(RUN) pins

link: ## only make the link by which the checkout resolves under its full name
	$(RUN) link
