# What to type. `make` alone explains itself.

SHELL := /usr/bin/env bash -o pipefail

# Tools are built from source at the versions in tools/go.mod.
GOLANGCI     := bin/golangci-lint
WORKFLOWCHECK := bin/workflowcheck

# Packages that are cheap to compile with the race detector: all but those
# that take the Temporal server along.
CHEAP := $(addprefix ./,activities/... audit/... config/... definition/... engine/... \
	itsm/... notify/... outgoing/... server/... store/... worker/... workflows/...)

# Linters that look at one package at a time, and so do not go through the
# Temporal server with the packages that take it along.
LOCAL := depguard,errcheck,errorlint,forbidigo,funlen,gochecknoinits,godox,ineffassign,misspell,nakedret,revive,sloglint

# Every file that is the repository's, also if it is not committed yet.
SNAPSHOT = git ls-files -co --exclude-standard -z | sort -z | xargs -0 sha256sum 2>/dev/null | sha256sum

.PHONY: help
help: ## Show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build the binary into bin/steward, Temporal included
	go build -o bin/steward ./cmd/steward

.PHONY: build-slim
build-slim: ## The same without Temporal, for a cluster: a static binary
	CGO_ENABLED=0 go build -trimpath -tags noembed -o bin/steward-slim ./cmd/steward

.PHONY: test
test: ## Run every test; finds or installs PostgreSQL, curl and Alertmanager for itself
	@command -v curl >/dev/null || scripts/install curl
	@command -v prometheus-alertmanager alertmanager >/dev/null || scripts/install prometheus-alertmanager || [ "$$CI" != true ] # elsewhere its test is skipped
	scripts/test-postgres -- go test ./...

.PHONY: test-race
test-race: ## Run the tests under the race detector where it is cheap (needs a C compiler)
	scripts/test-postgres -- go test -race $(CHEAP)

.PHONY: cover
cover: ## Measure what the tests reach, into coverage.html
	scripts/test-postgres -- go test -coverprofile=coverage.out -coverpkg=$(shell echo $(CHEAP) | tr ' ' ,) $(CHEAP)
	go tool cover -html=coverage.out -o coverage.html
	go tool cover -func=coverage.out | tail -n 1

.PHONY: bench
bench: ## Measure approvals against a bare Temporal workflow on this machine
	go run ./cmd/steward bench approvals

.PHONY: lint
lint: $(GOLANGCI) $(WORKFLOWCHECK) ## Check style, imports and determinism of workflow code
	$(GOLANGCI) run --allow-parallel-runners --build-tags noembed
	$(GOLANGCI) run --allow-parallel-runners --enable-only $(LOCAL) ./embedded/ ./cmd/steward/
	$(WORKFLOWCHECK) -config .workflowcheck.yaml ./workflows/...
	go mod tidy -diff

.PHONY: format
format: $(GOLANGCI) ## Format the code
	$(GOLANGCI) fmt

.PHONY: generate
generate: ## Make everything anew that is generated
	go generate ./...

.PHONY: generated
generated: ## Check that what is generated is up to date
	@before=$$($(SNAPSHOT)); $(MAKE) --no-print-directory generate; \
	if [[ $$before != "$$($(SNAPSHOT))" ]]; then \
		git --no-pager status --short; \
		echo "generated files were not up to date; commit what 'make generate' made" >&2; exit 1; \
	fi

.PHONY: clean
clean: ## Remove what was built and measured; data in steward-data stays
	rm -rf bin .cache coverage.*

$(GOLANGCI): tools/go.mod
	go build -o $@ -modfile=tools/go.mod github.com/golangci/golangci-lint/v2/cmd/golangci-lint

$(WORKFLOWCHECK): tools/go.mod
	go build -o $@ -modfile=tools/go.mod go.temporal.io/sdk/contrib/tools/workflowcheck
