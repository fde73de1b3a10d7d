#!/usr/bin/env bash
# The main job on a real tmux, as a person would type it: `make demo`.
# It uses a home and tmux sockets of its own and leaves nothing behind.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PROJECT=$(dirname "$HERE")
SPEAKER=demo
# shellcheck source=tests/engines/packages.sh
. "$HERE/engines/packages.sh"

install_programs tmux=tmux
install_linker
install_wasm_target
KST=${CARGO_TARGET_DIR:-$PROJECT/target}/debug
[ -x "$KST/kst" ] || say "building kst: a debug build, about five minutes on two cores the first time"
# On a terminal cargo shows how far it is.
quiet=--quiet
[ ! -t 2 ] || quiet=
cargo build $quiet --manifest-path "$PROJECT/Cargo.toml"

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

# Says what comes next.
note() { printf '\n# %s\n' "$*"; }

# Shows a command as it would be typed, then runs it.
run() {
    printf '\n$ %s\n' "$*"
    eval "$*"
}

# logged NAME LINE: waits until the session has printed the line.
logged() {
    local _
    for _ in $(seq 100); do
        if kst logs "$1" -b tmux | grep -qxF "$2"; then return 0; fi
        sleep 0.1
    done
    say "session $1 did not print '$2'"
    return 1
}

cat >kstlib.conf.yml <<'END'
ops:
  sessions:
    api:
      command: sh -c 'echo api listens on port 8000; exec sleep 1000'
    worker:
      command: sh -c 'for i in 1 2 3; do echo job $i of $QUEUE is done; done; exec sleep 1000'
      env:
        QUEUE: mail
END

note "Two sessions, defined in the config of this directory."
run cat kstlib.conf.yml
run kst list -b tmux

note "Start them, and one that no config knows."
run kst start api
run kst start worker
run kst start hello -b tmux -- sh -c "'echo hello from tmux; exit 3'"
logged api "api listens on port 8000"
logged worker "job 3 of mail is done"
logged hello "hello from tmux"

note "One has ended already: its exit code and its output are kept."
run kst list -b tmux
run kst logs worker -n 2
run kst logs hello -b tmux
run kst status hello -b tmux

note "tmux knows them too: they are sessions like any other."
run tmux list-sessions

note "Stop one: it returns when its processes are gone. What it printed can still be read."
run kst stop api
run kst logs api
run kst list -b tmux

note "Clean up."
run kst stop worker
run kst remove api
run kst remove worker
run kst remove hello -b tmux
run kst list -b tmux

echo
echo "That was all of it, on a home and a tmux server of its own, which are gone again."
echo "The program is $KST/kst; 'make install' builds an optimised one into ~/.local/bin."
