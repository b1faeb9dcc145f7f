# Everything is one `go` away; this file only remembers the words.
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
BUILT   := $(shell git log -1 --format=%ct 2>/dev/null || echo 0)
LDFLAGS := -s -w -X main.version=$(VERSION) -X main.built=$(BUILT)
BUILD   := CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)'
BIN     := bin
LINT    := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
RACED   := ./drivers/bus ./drivers/pin ./drivers/tty ./edge/... ./testbench/kernel
TARGETS := linux/arm64 linux/arm/7 linux/arm/6 linux/amd64
FUZZTIME ?= 2m

.PHONY: help build demo test interop race lint fuzz bench cross clean

help: ## this list
	@awk -F':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## edged, edgectl and testbench into bin/
	@mkdir -p $(BIN)
	$(BUILD) -o $(BIN)/ ./cmd/edged ./cmd/edgectl ./cmd/testbench

demo: build ## one neighbourhood, played end to end with the real daemon (under a minute)
	$(BIN)/testbench demo

test: ## all tests
	go test ./...

interop: ## the daemon with Mosquitto and nats-server from Debian, which it installs
	@command -v mosquitto >/dev/null 2>&1 && command -v nats-server >/dev/null 2>&1 || \
	  { apt-get update -q && apt-get install -y -q mosquitto nats-server; }
	go vet -tags interop ./testbench/interop
	go test -count=1 -tags interop ./testbench/interop

race: ## the concurrent packages under the race detector
	go test -race -timeout 15m $(RACED)

lint: ## gofmt, go vet, golangci-lint
	@bad=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$bad" ]; then echo "gofmt would change:"; echo "$$bad"; exit 1; fi
	go vet ./...
	go run $(LINT) run ./...

fuzz: ## every fuzz target for FUZZTIME each
	@for p in $$(grep -rl --include=*_test.go '^func Fuzz' . | xargs -n1 dirname | sort -u); do \
	  for f in $$(grep -ho '^func Fuzz[A-Za-z0-9_]*' $$p/*_test.go | sed 's/func //'); do \
	    echo "$$p $$f"; go test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$p || exit 1; done; done

bench: build ## go test -bench, then the benches that need the whole street
	go test -run '^$$' -bench . -benchmem ./...
	$(BIN)/testbench bench

cross: ## static, stripped binaries for the boxes: arm64, arm/v7, arm/v6, amd64
	@mkdir -p $(BIN)
	@for t in $(TARGETS); do os=$${t%%/*}; rest=$${t#*/}; arch=$${rest%%/*}; v=$${rest#*/}; [ "$$v" = "$$arch" ] && v=; \
	  for c in edged edgectl; do out=$(BIN)/$$c-$$os-$$arch$${v:+v$$v}; \
	    GOOS=$$os GOARCH=$$arch GOARM=$$v $(BUILD) -o $$out ./cmd/$$c || exit 1; \
	    printf '%-28s %5.1f MiB\n' "$$out" "$$(stat -c %s $$out | awk '{print $$1/1048576}')"; done; done

clean: ## remove what was built
	rm -rf $(BIN)
