#!/usr/bin/env bash
# The real engines that the tests run on, apart from whatever this machine has of them.
#
#   tests/engines.sh up        install what is missing (Debian; root or sudo), start a private docker
#                              engine, configure a private podman, give both a small image
#   tests/engines.sh down      end that docker engine and everything in both, remove their data
#   tests/engines.sh env       the variables that point programs at them, to be eval'ed
#   tests/engines.sh status    what is up
#   tests/engines.sh with CMD  up, run CMD with those variables, then down unless they were up before
#
# Each step is skipped where its result is there already. An engine that cannot be had is reported
# and is no failure, unless CI=true. Everything lies in target/engines (or $KST_ENGINES) and in a
# folder in /tmp whose path is short enough for sockets; neither is used by anything else.
set -uo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
DATA=${KST_ENGINES:-$HERE/../target/engines}
mkdir -p "$DATA" || exit
DATA=$(cd "$DATA" && pwd -P)
# Tells the engines of several checkouts apart: in names of bridges and in subnets.
NUMBER=$(($(printf '%s' "$DATA" | cksum | cut -d ' ' -f 1) % 250 + 1))
BRIDGE=kst$NUMBER
SHORT=$(readlink "$DATA/short" 2>/dev/null)

# shellcheck source=tests/engines/packages.sh
. "$HERE/engines/packages.sh"
# shellcheck source=tests/engines/image.sh
. "$HERE/engines/image.sh"
# shellcheck source=tests/engines/podman.sh
. "$HERE/engines/podman.sh"
# shellcheck source=tests/engines/docker.sh
. "$HERE/engines/docker.sh"

# --- helpers of the engines' files -----------------------------------------------------------

# wait_gone PID SECONDS
wait_gone() {
    local _
    for _ in $(seq "$(($2 * 20))"); do
        [ -e "/proc/$1" ] || return 0
        sleep 0.05
    done
    return 1
}

# end_processes_below FOLDER: ends, by pid, the processes that name a path in FOLDER.
end_processes_below() {
    local pid round
    for round in TERM KILL; do
        for pid in $(processes_below "$1"); do
            as_root kill "-$round" "$pid" 2>/dev/null
        done
        [ "$round" = KILL ] && break
        for pid in $(processes_below "$1"); do
            wait_gone "$pid" 2
        done
    done
    for pid in $(processes_below "$1"); do
        wait_gone "$pid" 2
    done
}

processes_below() {
    local cmdline pid
    for cmdline in /proc/[0-9]*/cmdline; do
        pid=${cmdline#/proc/}
        pid=${pid%/cmdline}
        [ "$pid" != $$ ] && [ "$pid" != "$BASHPID" ] &&
            grep -qaF -- "$1/" "$cmdline" 2>/dev/null && printf '%s\n' "$pid"
    done
}

# discard PATH...: unmounts what is mounted there and removes it.
discard() {
    local path mount
    for path in "$@"; do
        findmnt --raw --noheadings --output TARGET |
            awk -v path="$path/" 'index($0 "/", path) == 1' | sort -r |
            while read -r mount; do
                as_root umount --lazy "$mount"
            done
        rm -rf "$path" 2>/dev/null || as_root rm -rf "$path"
    done
}

# problem ENGINE: why it could not be had, as the end of a sentence.
problem() {
    [ ! -s "$DATA/$1.problem" ] || printf ': %s' "$(tail -n 1 "$DATA/$1.problem")"
}

# --- the commands ----------------------------------------------------------------------------

packages_up() {
    install_programs tmux=tmux screen=screen busybox=busybox-static ps=procps setsid=util-linux \
        podman=podman runc=runc catatonit=catatonit dockerd=docker.io ip=iproute2 \
        iptables=iptables hyperfine=hyperfine python3=python3 zsh=zsh fish=fish \
        faketime=faketime
    local failed=$?
    # For a backend in Python; Debian keeps what makes environments in a package of its own.
    python3 -c 'import ensurepip' 2>/dev/null || install_packages python3-venv || failed=1
    return $failed
}

up() {
    local failed=0 engine
    packages_up || failed=1
    install_wasm_target || failed=1
    if [ -z "$SHORT" ] || [ ! -d "$SHORT" ]; then
        SHORT=$(mktemp -d /tmp/kst-engines-XXXXXX) || return
        ln -sfn "$SHORT" "$DATA/short"
    fi
    for engine in podman docker; do
        if ! "${engine}_up"; then
            say "$engine cannot be had here$(problem "$engine")"
            failed=1
        fi
    done
    # Without CI the tests say themselves what they could not run.
    [ $failed -eq 0 ] || [ "${CI:-}" != true ]
}

down() {
    if [ -n "$SHORT" ]; then
        podman_down
        docker_down
        discard "$SHORT"
        say "the engines are down"
    fi
    discard "$DATA"
}

print_env() {
    local major client
    printf 'export KST_TEST_ENGINES=%q\n' "$DATA"
    printf 'export KST_TEST_IMAGE=%q\n' "$IMAGE"
    printf 'export KST_TEST_IMAGE_ENTRYPOINT=%q\n' "$IMAGE_ENTRYPOINT"
    if [ -n "$SHORT" ] && docker_answers; then
        printf 'export DOCKER_HOST=%q\n' "$(docker_host)"
        docker_clients | while read -r major client; do
            printf 'export KST_TEST_DOCKER_%s=%q\n' "$major" "$client"
        done
    fi
    if [ -e "$DATA/podman/storage.conf" ]; then
        printf 'export CONTAINERS_CONF=%q\n' "$DATA/podman/containers.conf"
        printf 'export CONTAINERS_STORAGE_CONF=%q\n' "$DATA/podman/storage.conf"
    fi
}

status() {
    local failed=0 program
    for program in tmux screen; do
        if command -v $program >/dev/null; then
            printf '%-7s %s\n' $program "$(version_of $program)"
        else
            printf '%-7s not installed\n' $program
            failed=1
        fi
    done
    printf 'podman  '; podman_status || failed=1
    printf 'docker  '; docker_status || failed=1
    return $failed
}

version_of() {
    case $1 in
    tmux) tmux -V ;;
    screen) screen --version | head -n 1 ;;
    esac
}

with() {
    local before=down code
    docker_answers && before=up
    locked up || { locked down; return 1; }
    eval "$(print_env)"
    if [ $before = down ]; then
        trap 'exit 130' INT TERM HUP
        trap 'locked down' EXIT
    fi
    "$@"
    code=$?
    exit $code
}

# Runs up or down with no other one of the same checkout under way.
locked() {
    local result
    exec 9>"$DATA.lock"
    flock 9
    SHORT=$(readlink "$DATA/short" 2>/dev/null)
    "$1"
    result=$?
    exec 9>&-
    return $result
}

usage() { sed -n '2,/^set /{/^set /d; s/^# \{0,1\}//; p}' "${BASH_SOURCE[0]}"; }

case ${1:-} in
up | down) locked "$1" ;;
env) print_env ;;
status) status ;;
with)
    shift
    with "$@"
    ;;
-h | --help | help) usage ;;
*)
    usage >&2
    exit 2
    ;;
esac
