#!/usr/bin/env bash
# Fuzzes each target for so many seconds: `tests/fuzz/run.sh [SECONDS] [TARGET]...` (60, all).
# What is found is left in target/fuzz/found, with the command that runs it again.
#
# New inputs are kept in target/fuzz/corpus, so that the next run goes on from them. The seeds in
# tests/fuzz/seeds are read and never written to.
set -euo pipefail
cd "$(dirname "$0")/../.."

SPEAKER=fuzz
# shellcheck source=tests/engines/packages.sh
. tests/engines/packages.sh

seconds=${1:-60}
shift || true
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(forms gives config tmux container screen times component)
# `address` also finds what unsafe code does wrong; ours is a few lines, none on these ways.
sanitizer=${SANITIZER:-none}

install_linker
install_wasm_target
if ! cargo +nightly --version >/dev/null 2>&1; then
    say "installing Rust's nightly toolchain with rustup: the fuzzers need its flags"
    rustup toolchain install nightly --profile minimal
fi
if [ ! -d "$(rustc +nightly --print sysroot)/lib/rustlib/wasm32-unknown-unknown" ] &&
    [[ " ${targets[*]} " == *" component "* ]]; then
    say "adding the target wasm32-unknown-unknown to the nightly toolchain"
    rustup target add --toolchain nightly wasm32-unknown-unknown
fi
if ! command -v cargo-fuzz >/dev/null; then
    say "installing cargo-fuzz with cargo"
    cargo install --locked cargo-fuzz
fi

found=0
for target in "${targets[@]}"; do
    crate=tests/fuzz seeds=tests/fuzz/seeds/$target
    # It alone needs wasmtime, and is a crate of its own; its seeds are the tests' components.
    if [ "$target" = component ]; then crate=tests/fuzz/components seeds=tests/components; fi
    mkdir -p "target/fuzz/corpus/$target" "target/fuzz/found/$target"
    options=(-max_total_time="$seconds" -print_final_stats=1 -rss_limit_mb=4096 -timeout=30
        -artifact_prefix="target/fuzz/found/$target/")
    say "$target, $seconds seconds"
    cargo +nightly fuzz run --fuzz-dir "$crate" --target-dir "target/fuzz/$(basename "$crate")" \
        --sanitizer "$sanitizer" "$target" "target/fuzz/corpus/$target" "$seeds" -- \
        "${options[@]}" || found=1
done
[ $found -eq 0 ] || say "something was found: see target/fuzz/found"
exit $found
