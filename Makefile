# A menu: each target is a script in dev/ that can be run by itself.
.DEFAULT_GOAL := help
.PHONY: help up down test chaos fill mutants e2e bench bench-operator images crds fmt lint deny clean-cache

help: ## This menu
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: ## A local cluster with a pipeline in it, and a demo; CLUSTER=current REGISTRY=... uses the current kubectl context
	@dev/up.sh

down: ## Remove the cluster and whatever else `make up` has started
	@dev/down.sh

test: ## Lints, unit tests, tests with real databases and a real Kubernetes API, chart and generated files
	@dev/test.sh

chaos: ## A pipeline under faults of every kind; SECONDS=3600 SEED=7 for longer, or the same again
	@dev/chaos.sh $(if $(SECONDS),--seconds $(SECONDS)) $(if $(SEED),--seed $(SEED))

fill: ## Fill a small volume and recover, 20 times; ROUNDS=3 for less
	@dev/fill.sh $(if $(ROUNDS),--rounds $(ROUNDS))

mutants: ## Break each guard of the queue's statements, and see that the tests notice; ONLY=word for a part
	@dev/mutants.sh $(ONLY)

e2e: ## Tests of a pipeline on the cluster of `make up`
	@dev/e2e.sh

bench: ## Figures of a producer, a consumer and their database, with ratios to what this machine can do
	@dev/bench.sh $(if $(ONLY),--only $(ONLY))

bench-operator: ## Figures of the operator with 1,000 pipelines before a real kube-apiserver; PIPELINES=100 for less
	@dev/bench-operator.sh $(PIPELINES)

images: ## Build EventPipeline's image; REGISTRY=... pushes it there
	@dev/images.sh

crds: ## Regenerate the CRD, the chart's copies, references, openapi.json, dashboards and rules
	@dev/generate.sh

fmt: ## Format the code
	@dev/fmt.sh

lint: ## Check formatting, lints and language: Rust, shell, Go, docs
	@dev/lint.sh

deny: ## Check licences and advisories of the dependencies
	@dev/deny.sh

clean-cache: ## Free everything that was built and downloaded
	@dev/clean-cache.sh

export CLUSTER REGISTRY URL
