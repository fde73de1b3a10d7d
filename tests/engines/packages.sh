# Installing what is missing. Sourced by tests/engines.sh and tests/demo.sh.
# shellcheck shell=bash

# The script that sources this says who it is.
say() { printf '%s: %s\n' "${SPEAKER:-engines}" "$*" >&2; }

# Runs a command as root: directly, or through sudo. Fails where neither is possible.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1; then
        sudo "$@"
    else
        say "this needs root, and there is no sudo: $*"
        return 1
    fi
}

# Debian keeps some of the programs below in sbin, which is not on every user's PATH.
find_program() { PATH="$PATH:/usr/sbin:/sbin" command -v "$1"; }

# install_programs PROGRAM=PACKAGE...
# Installs the packages whose program is not there yet, in one call, and says which.
install_programs() {
    local pair missing=()
    for pair in "$@"; do
        find_program "${pair%%=*}" >/dev/null || missing+=("${pair#*=}")
    done
    [ ${#missing[@]} -eq 0 ] || install_packages "${missing[@]}"
}

# install_packages PACKAGE...
install_packages() {
    if ! command -v apt-get >/dev/null 2>&1; then
        say "not here, and no apt-get to install them with: $*"
        return 1
    fi
    say "installing with apt-get: $*"
    apt_quietly update && apt_quietly install --yes --no-install-recommends "$@"
}

# Runs apt-get; what it prints is shown only where it fails.
apt_quietly() {
    local output
    if ! output=$(as_root env DEBIAN_FRONTEND=noninteractive apt-get -q "$@" 2>&1); then
        printf '%s\n' "$output" >&2
        say "apt-get $1 failed"
        return 1
    fi
}

# Adds the Rust target that the components are built for.
install_wasm_target() { install_rust_target wasm32-unknown-unknown; }

# Adds the Rust target that the program is released for.
install_release_target() { install_rust_target "$(uname -m)-unknown-linux-musl"; }

# install_rust_target TARGET
install_rust_target() {
    local target=$1
    if ! command -v cargo >/dev/null 2>&1; then
        say "Rust is not installed (or ~/.cargo/bin is not on the PATH): see https://rustup.rs"
        return 1
    fi
    if [ -d "$(rustc --print sysroot)/lib/rustlib/$target" ]; then
        return 0
    fi
    if ! command -v rustup >/dev/null 2>&1; then
        say "the Rust target $target is missing, and there is no rustup to add it with: see https://rustup.rs"
        return 1
    fi
    say "adding the Rust target $target"
    rustup target add "$target" >&2
}

# Rust needs a linker.
install_linker() { install_programs cc=gcc; }
