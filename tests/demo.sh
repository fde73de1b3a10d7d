#!/usr/bin/env bash
# The main job on a real tmux, as a person would type it: `make demo`.
# It uses a home and tmux sockets of its own and leaves nothing behind.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PROJECT=$(dirname "$HERE")
# shellcheck source=tests/engines/packages.sh
. "$HERE/engines/packages.sh"

install_programs tmux=tmux
install_linker
install_wasm_target
echo "building kst (the first time takes some minutes)"
cargo build --quiet --manifest-path "$PROJECT/Cargo.toml"
KST=${CARGO_TARGET_DIR:-$PROJECT/target}/debug

# Short: a socket's path may have 107 bytes.
DEMO=$(mktemp -d /tmp/kst-demo-XXXXXX)
mkdir -m 700 "$DEMO/tmux" "$DEMO/work"
export HOME="$DEMO" TMUX_TMPDIR="$DEMO/tmux" PATH="$KST:$PATH"
unset TMUX XDG_CONFIG_HOME XDG_DATA_HOME XDG_STATE_HOME XDG_CACHE_HOME KST_CONFIG

clean_up() {
    if [ -n "$(ls -A "$DEMO/tmux")" ]; then
        tmux -S "$DEMO/tmux/tmux-$(id -u)/default" kill-server 2>/dev/null || true
    fi
    rm -rf "$DEMO"
}
trap clean_up EXIT
cd "$DEMO/work"

# Shows a command as it would be typed, then runs it.
run() {
    printf '\n$ %s\n' "$*"
    eval "$*"
}

cat >kstlib.conf.yml <<'END'
ops:
  sessions:
    api:
      command: sh -c 'echo api listens on port 8000; exec sleep 1000'
    worker:
      command: sh -c 'for i in 1 2 3; do echo job $i done; done; exec sleep 1000'
      env:
        QUEUE: mail
END

run cat kstlib.conf.yml
run kst list -b tmux
run kst start api
run kst start worker
run kst start hello -b tmux -- sh -c "'echo hello from \$PWD; exit 3'"
# The log writers get a moment.
sleep 0.5
run kst list -b tmux
run kst logs api
run kst logs worker -n 2
run kst logs hello
run kst status hello
run kst stop api
run kst list -b tmux
run kst stop worker
run kst remove api
run kst remove worker
run kst remove hello
run kst list -b tmux
echo
echo "That was all of it. The same commands work with -b container, and with your own backends."
