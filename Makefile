# Each target is a script in dev/ that also runs by itself.
.DEFAULT_GOAL := help
.PHONY: help up down test chaos upgrade broken fill mutants fuzz e2e bench bench-operator images release publish bundle reproduce stranger crds docs pictures fmt lint deny clean-cache

help: ## Print this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: ## Create a local cluster with a pipeline and run a demo; CLUSTER=current REGISTRY=... uses the current kubectl context, PROMETHEUS=no leaves out Prometheus
	@dev/up.sh

down: ## Remove the cluster and everything else that `make up` has started
	@dev/down.sh

test: ## Run lints, unit tests, and tests with real databases and a real Kubernetes API
	@dev/test.sh

chaos: ## Run a pipeline under faults of every kind; SECONDS=3600 runs longer, SEED=7 repeats a run
	@dev/chaos.sh $(if $(SECONDS),--seconds $(SECONDS)) $(if $(SEED),--seed $(SEED))

upgrade: ## Run a rolling upgrade from the previous version and back under faults; SECONDS=600 runs longer, SEED=7 repeats a run
	@dev/upgrade.sh $(if $(SECONDS),--seconds $(SECONDS)) $(if $(SEED),--seed $(SEED))

broken: ## Break the programs in known ways and check that chaos reports each; ONLY=word runs a part
	@dev/broken.sh $(ONLY)

fill: ## Fill a small volume and recover, 20 times; ROUNDS=3 runs fewer
	@dev/fill.sh $(if $(ROUNDS),--rounds $(ROUNDS))

mutants: ## Remove each guard of the queue's SQL and check that the tests notice; ONLY=word runs a part
	@dev/mutants.sh $(ONLY)

fuzz: ## Search for inputs that break parsers, guided by coverage; SECONDS=600 per parser, ONLY=word runs a part
	@dev/fuzz.sh $(if $(SECONDS),--seconds $(SECONDS)) $(ONLY)

e2e: ## Run the tests of a pipeline on the cluster of `make up`
	@dev/e2e.sh

bench: ## Measure a producer, a consumer and their database, relative to this machine; ONLY=scenario runs a part
	@dev/bench.sh $(if $(ONLY),--only $(ONLY))

bench-operator: ## Measure the operator with 1,000 pipelines and a real kube-apiserver; PIPELINES=100 runs fewer
	@dev/bench-operator.sh $(PIPELINES)

images: ## Build EventPipeline's image; REGISTRY=... pushes it
	@dev/images.sh

release: ## Build a release into dist/VERSION and publish nothing; VERSION=x REGISTRY=...; ARCHITECTURES=amd64 builds for one only
	@dev/release.sh "$(VERSION)"

publish: ## Push the release in dist/VERSION to a registry; VERSION=x REGISTRY=...; COSIGN_KEY=... signs it
	@dev/publish.sh "$(VERSION)"

bundle: ## Pack the release in dist/VERSION with MySQL's image, for clusters without internet access; VERSION=x
	@dev/bundle.sh "$(VERSION)"

reproduce: ## Build a release twice in different folders and compare; VERSION=x REGISTRY=...
	@dev/reproduce.sh "$(VERSION)"

stranger: ## Install a release without building anything, on empty clusters, by the commands of the docs; ONLY=helm runs a part
	@dev/stranger.sh $(ONLY)

crds: ## Regenerate the CRD, the chart's copies, references, openapi.json, dashboards and rules
	@dev/generate.sh

docs: ## Build the documentation as a searchable site in site/, and check its links
	@dev/docs.sh

pictures: ## Draw the dashboards of pipelines under load, for the docs
	@dev/pictures.sh

fmt: ## Format the code
	@dev/fmt.sh

lint: ## Check formatting, lints and language: Rust, shell, Go, docs
	@dev/lint.sh

deny: ## Check licences and advisories of the dependencies
	@dev/deny.sh

clean-cache: ## Delete everything that was built and downloaded
	@dev/clean-cache.sh

export CLUSTER REGISTRY URL PROMETHEUS SOURCE_URL HOME_URL ARCHITECTURES PLAIN_HTTP
