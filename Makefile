# Everything is installed into .venv on first use, and again only when pyproject.toml changes.
# Another interpreter: make demo PYTHON=python3.11

PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
DEMO_OUTPUT := demo-output
# Each takes one core and up to 3 GB.
TEST_PROCESSES ?= 2
PYTEST = $(BIN)/python -m pytest --numprocesses $(TEST_PROCESSES) --dist worksteal

export PIP_DISABLE_PIP_VERSION_CHECK := 1

# "ok", else what PYTHON is; empty if it does not run. Must work on any Python, however old.
PYTHON_CHECK = $(shell $(PYTHON) -c 'import sys; v = sys.version_info[:2]; \
	sys.stdout.write("ok" if (3, 11) <= v <= (3, 12) else "Python %d.%d" % v)' 2>/dev/null)
PYTHON_WANTED = 3.11 or 3.12 is needed, as in make PYTHON=python3.11 $(MAKECMDGOALS)

# import-linter follows no links, so it looks at a copy in which export/, quantize/ and benchmarks/ are folders.
RESOLVED := .import_linter_cache/resolved

# Of `make web-types`.
TYPESCRIPT := 5.9.3

# Of `make fuzz`: hostile inputs of each kind, and what they are made from.
COUNT ?= 500
SEED ?= 1

.PHONY: help setup demo test proofs test-fast fuzz fixtures lint types web-types clean
.DEFAULT_GOAL := help

help:
	@echo "make demo       install the toolchain, then show the whole path from a model to phone bundles"
	@echo "make test       all tests but the proofs"
	@echo "make proofs     what takes minutes to show again: two processes make the same bundle, for every format"
	@echo "make test-fast  the tests that take no full-size model"
	@echo "make arm64      what 'rapsam bench --on qemu-arm64' needs: arm64 programs and qemu, without root"
	@echo "make android    the Android app: signed APKs with a bundle, in apps/android/build; BUNDLE=... for another"
	@echo "make android-test  the app without Android, in a Java machine, with Android's own libraries"
	@echo "make android-deep  the app as it is built, run: its code, and its libraries for both processors; BUNDLE=... for others"
	@echo "make ios-check  the iOS app's code: its tests on Linux, its types against declarations of Apple's frameworks"
	@echo "make web        the web page with a bundle, as a folder for any web server, in build/web; BUNDLE=... for another"
	@echo "make webkit     what the proof needs that shows the web page in WebKitGTK: by apt, as root"
	@echo "make fuzz       hostile inputs of six kinds, COUNT=500 of each; failing ones stay in fuzz-failures"
	@echo "make fixtures   the golden vectors of the apps anew, from what the tasks return now"
	@echo "make lint       style, formatting and the direction of imports"
	@echo "make types      static types"
	@echo "make web-types  static types of the web page, by TypeScript; needs Node"
	@echo "make clean      remove results and caches; the environments stay"

setup: $(INSTALLED)

# pip is the last thing that a new environment gets: where it is missing, the environment is unfinished.
$(BIN)/pip:
	$(if $(filter ok,$(PYTHON_CHECK)),,$(error $(PYTHON) is $(or $(PYTHON_CHECK),no Python): $(PYTHON_WANTED)))
	@echo "creating .venv with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv --clear .venv

$(INSTALLED): pyproject.toml | $(BIN)/pip
	@echo "installing the toolchain into .venv (about 2.5 GB, 2 minutes)"
	@$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@
	@echo "the toolchain is ready"

# The last tflite-runtime lives apart, in the user's cache: it needs an older NumPy than everything else.
.PHONY: old-runtime
old-runtime: $(INSTALLED)
	@if $(BIN)/python -c 'import sys; sys.exit(sys.platform != "linux" or sys.version_info[:2] != (3, 11))'; \
	then \
		$(BIN)/python -m rapsam.export.backends.tflite.runtime_214; \
	else \
		echo "tflite-runtime 2.14 exists for Python 3.11 on Linux only: its test will be skipped"; \
	fi

# What browsers run graphs with, in the user's cache too. Without npm, or without the network, tests skip, or fail in CI.
.PHONY: web-runtimes
web-runtimes: $(INSTALLED)
	@$(BIN)/python -m rapsam.web.node_packages \
		|| echo "no runtimes for browsers: tests of graphs in a browser will be skipped"

# The web page with its runtimes and a bundle, as one folder for any server of static files. Nothing has to be compiled.
.PHONY: web
web: $(INSTALLED) web-runtimes
	$(if $(BUNDLE),,@$(BIN)/rapsam export --model rapsam_nano --checkpoint nano-synth --size 256x256 --target onnx --out build/bundles)
	@rm -rf build/web
	@$(BIN)/rapsam web $(or $(BUNDLE),build/bundles/onnx-fp32) --out build/web

# For the tests of pages. Only root can install it; everybody else gets the command, and tests that skip.
.PHONY: chromium
chromium:
	@if command -v chromium chromium-browser google-chrome >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "installing Chromium"; \
		apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null \
			|| echo "Chromium could not be installed: tests of pages will be skipped"; \
	else \
		echo "no Chromium: tests of pages will be skipped; install it, as in: apt-get install chromium"; \
	fi

# For the proof that the page works in the engine family of Safari; as above.
.PHONY: webkit
webkit:
	@if command -v WebKitWebDriver >/dev/null && command -v Xvfb >/dev/null && command -v dbus-run-session >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "installing WebKitGTK, a display for it and its bus"; \
		apt-get update -qq && apt-get install -y -qq --no-install-recommends webkit2gtk-driver xvfb dbus >/dev/null \
			|| echo "WebKitGTK could not be installed: its proof will be skipped"; \
	else \
		echo "no WebKitGTK: its proof will be skipped; install it, as in: apt-get install webkit2gtk-driver xvfb dbus"; \
	fi

# For the tests of phones over adb: a real adbd in a chroot, in the user's cache. Only root can make it.
.PHONY: adbd
adbd: $(INSTALLED)
	@$(BIN)/python -m tests.adbd

# For `rapsam bench --on qemu-arm64`, in the user's cache.
.PHONY: arm64
arm64: $(INSTALLED)
	@$(BIN)/python -m rapsam.benchmarks.runners.qemu_arm64

# The tools come once into the user's cache: 388 MB for a bundle of ONNX, 269 of ExecuTorch, 245 of TFLite; for the
# tests 267 MB, and fonts, 6 MB.
.PHONY: android android-test android-deep ios-check
android: $(INSTALLED)
	@apps/android/build.sh $(if $(BUNDLE),--bundle $(BUNDLE))

android-test: $(INSTALLED)
	@$(BIN)/python -m apps.android.toolchain.jvm
	@$(BIN)/python -m apps.android.preview.fonts
	$(BIN)/python -m pytest -q -n 0 tests/apps/test_android_*.py

# Not in CI: 35 MB of tools more, and minutes for each bundle.
android-deep: $(INSTALLED)
	@$(BIN)/python -m tests.apps.android_deep $(BUNDLE)

# Swift, in a chroot in the user's cache: 2.7 GB on disk, root only.
ios-check: $(INSTALLED)
	@$(BIN)/python -m apps.ios.toolchain.check
	$(BIN)/python -m pytest -q -n 0 tests/apps/test_ios_*.py

demo: $(INSTALLED)
	@rm -rf $(DEMO_OUTPUT)
	$(BIN)/rapsam demo --out $(DEMO_OUTPUT)

test: $(INSTALLED) old-runtime web-runtimes chromium adbd
	$(PYTEST) -m "not proof" --durations=15

proofs: $(INSTALLED) old-runtime web-runtimes webkit
	$(PYTEST) -m proof --durations=15

test-fast: $(INSTALLED)
	$(PYTEST) -m "not slow and not proof"

fuzz: $(INSTALLED)
	$(BIN)/python -m tests.fuzz --count $(COUNT) --seed $(SEED) --keep fuzz-failures --record fuzz-record.json

fixtures: $(INSTALLED)
	$(BIN)/python -m apps.fixtures.make

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@rm -rf $(RESOLVED) && mkdir -p $(RESOLVED) && cp -RL rapsam $(RESOLVED)/
	cd $(RESOLVED) && $(CURDIR)/$(BIN)/lint-imports --config $(CURDIR)/pyproject.toml --no-cache

types: $(INSTALLED)
	$(BIN)/mypy

# Needs Node and, at first, the network: npm keeps what it fetched.
web-types:
	npx --yes --package=typescript@$(TYPESCRIPT) tsc -p apps/web

clean:
	rm -rf build dist apps/android/build apps/ios/build $(DEMO_OUTPUT) fuzz-failures fuzz-record.json *.egg-info
	rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -path './.venv*' -prune -o -type d -name __pycache__ -exec rm -rf {} +
