# kst: what a person who works on it types. `make help` lists it.

SHELL := /bin/bash
PREFIX ?= $(HOME)/.local
CARGO ?= cargo
# All of the workspace, in two parts: asked for at once, one feature more of a shared dependency would
# be on, and wasmtime would be compiled anew for it.
PROGRAM := --package kst
OTHERS := --workspace --exclude kst

.DEFAULT_GOAL := help

help: ## This list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | sort | awk -F '\t' '{printf "  make %-14s %s\n", $$1, $$2}'

build: wasm-target ## The program, with the built-in backends in it (target/debug/kst)
	$(CARGO) build

# Linked whole, with musl and for a fixed address, kst starts in a third of the time and its shims stay
# below 3 MiB (docs/performance.md). A plain `cargo build --release` or `cargo install --path host` gives
# the same program, a little slower. The symbol is asked for because std starts programs by vfork only
# where it is there, and a static link brings nothing that is not asked for; forking a program of this
# size costs ten times as much. The C compiler is for a few lines of wasmtime's, which need no C library.
MUSL := $(shell uname -m)-unknown-linux-musl
RELEASED := target/$(MUSL)/release/kst
RELEASE_FLAGS ?= -C relocation-model=static -C link-arg=-Wl,-u,posix_spawn_file_actions_addchdir_np
RELEASE := CC_$(subst -,_,$(MUSL))="$(CC)" $(CARGO) rustc --release --locked --target $(MUSL) -p kst

release: wasm-target musl-target ## The program as it is installed (says where it is)
	$(RELEASE) --bin kst -- $(RELEASE_FLAGS)
	@echo $(RELEASED)

install: release ## The program into PREFIX/bin, its man pages and completions beside it (PREFIX=~/.local)
	$(MAKE) --no-print-directory install-this PROGRAM_FILE=$(RELEASED)

# The same of a program that is built already.
install-this:
	install -D -m 755 $(PROGRAM_FILE) $(PREFIX)/bin/kst
	$(PROGRAM_FILE) man $(PREFIX)/share/man/man1
	install -d $(PREFIX)/share/bash-completion/completions $(PREFIX)/share/zsh/site-functions $(PREFIX)/share/fish/vendor_completions.d
	$(PROGRAM_FILE) completions bash >$(PREFIX)/share/bash-completion/completions/kst
	$(PROGRAM_FILE) completions zsh >$(PREFIX)/share/zsh/site-functions/_kst
	$(PROGRAM_FILE) completions fish >$(PREFIX)/share/fish/vendor_completions.d/kst.fish

plugins: wasm-target ## The backends that don't come with kst, as files: screen.wasm
	@# A target folder of its own: a test may call this while cargo holds the other one.
	CARGO_TARGET_DIR=target/plugins $(CARGO) build --quiet -p kst-plugin-screen --target wasm32-unknown-unknown --profile plugin
	CARGO_TARGET_DIR=target/plugins $(CARGO) run --quiet -p kst-pack -- target/plugins/wasm32-unknown-unknown/plugin/kst_plugin_screen.wasm -o screen.wasm

# What the tests in tests/hostile make their components of: target/plugins/hostile.wasm, and the same that
# imports WASI, hostile-wasi.wasm.
hostile-guest: wasm-target
	@. tests/engines/packages.sh && install_rust_target wasm32-wasip2
	CARGO_TARGET_DIR=target/plugins $(CARGO) build --quiet -p kst-hostile --target wasm32-unknown-unknown --profile plugin
	CARGO_TARGET_DIR=target/plugins $(CARGO) run --quiet -p kst-pack -- target/plugins/wasm32-unknown-unknown/plugin/kst_hostile.wasm -o target/plugins/hostile.wasm
	CARGO_TARGET_DIR=target/plugins $(CARGO) build --quiet -p kst-hostile --target wasm32-wasip2 --profile plugin
	cp target/plugins/wasm32-wasip2/plugin/kst_hostile.wasm target/plugins/hostile-wasi.wasm

demo: ## The main job on a real tmux, each step shown; installs what is missing
	@tests/demo.sh

test: ## Every test, on engines of its own (installs them: Debian, as root or with sudo)
	tests/engines.sh with $(MAKE) --no-print-directory test-here

test-here: wasm-target plugins ## Every test, on the engines that are up; what has none says so
	$(CARGO) test $(PROGRAM) --no-fail-fast; program=$$?; $(CARGO) test $(OTHERS) --no-fail-fast && exit $$program

engines-up: ## Set up the engines for tests and leave them up (see tests/engines.sh)
	tests/engines.sh up

engines-down: ## End them and remove what they held
	tests/engines.sh down

lint: wasm-target ## Formatting, clippy, docs: nothing may be left to say
	$(CARGO) fmt --all --check
	$(CARGO) clippy $(PROGRAM) --all-targets -- -D warnings
	$(CARGO) clippy $(OTHERS) --all-targets -- -D warnings
	RUSTDOCFLAGS=-Dwarnings $(CARGO) doc $(PROGRAM) --no-deps
	RUSTDOCFLAGS=-Dwarnings $(CARGO) doc $(OTHERS) --no-deps
	@# Licences and sources, where cargo-deny is installed.
	@if command -v cargo-deny >/dev/null; then $(CARGO) deny check bans licenses sources; else echo "not run: cargo deny is not installed"; fi

advisories: ## Whether anything that kst is made of has a known flaw (needs cargo-deny and the network)
	$(CARGO) deny check advisories

bench: ## How fast it is: a table against the floor, as in docs/performance.md
	tests/engines.sh with tests/bench/run.sh

# What measures the door (tests/bench/door.rs), linked as the program is.
bench-door: wasm-target musl-target
	$(RELEASE) --example kst-unguarded -- $(RELEASE_FLAGS)

compare: ## The real `kstlib ops` and kst side by side
	tests/engines.sh with tests/compare/run.sh

mutations: ## Break the code on purpose, see the tests notice (MUTATION=NN for one)
	tests/engines.sh with tests/mutations/run.sh $(MUTATION)

soak: release ## Many sessions and commands at once, for minutes, on the released program (docs/reliability.md)
	KST_SOAK=1 KST_TEST_PROGRAM=$(CURDIR)/$(RELEASED) $(CARGO) test $(PROGRAM) --test e2e -- --nocapture --test-threads 1 soak::

fuzz: ## Feed made-up input to whatever reads a stranger's (SECONDS=60 for each, TARGET=config for one)
	tests/fuzz/run.sh $(or $(SECONDS),60) $(TARGET)

wasm-target:
	@. tests/engines/packages.sh && install_linker && install_wasm_target

musl-target:
	@. tests/engines/packages.sh && install_release_target

.PHONY: advisories help build release install install-this plugins hostile-guest demo test test-here engines-up engines-down lint bench bench-door compare mutations fuzz soak wasm-target musl-target
