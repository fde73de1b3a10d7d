#!/usr/bin/env bash
# How fast kst is, against the least that a compiled program can do: one table in Markdown on
# standard output, as in docs/performance.md. Progress goes to standard error.
#
#   make bench            (or: tests/engines.sh with tests/bench/run.sh)
#   KST=/path/to/kst      measures that program; otherwise what `make release` makes, built if missing
#   KSTLIB=/path/kstlib   also measures kstlib; otherwise the one that `make compare` installed
#   DOOR=/path/door-cost  measures the door with that program; otherwise one that is built here
#   BEFORE=/path/to/kst   also measures that one, in turn with the others: two columns more, its time and
#                         what part of it kst takes now. Between hours a machine differs by more.
#   RUNS=100              measurements of each row, in all rounds
#
# The floor (floor.rs) makes the calls that kst makes, as `kst --verbose` tells them, in the same
# order, and prints their output. Both are measured in one run, in ROUNDS rounds, turn about; what
# counts is the median of the rounds' medians, so that a machine that is slower for a while is
# slower for both.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PROJECT=$(cd "$HERE/../.." && pwd)
RUNS=${RUNS:-100}
ROUNDS=11
RELEASE=$PROJECT/target/$(uname -m)-unknown-linux-musl/release
KST=${KST:-$RELEASE/kst}
KSTLIB=${KSTLIB:-$PROJECT/target/kstlib-venv/bin/kstlib}
FLOOR=$PROJECT/target/bench/floor
DOOR=${DOOR:-}
BEFORE=${BEFORE:-}

note() { printf 'bench: %s\n' "$*" >&2; }

if [ ! -x "$KST" ]; then
    note "building the release program (this takes a while)"
    make -C "$PROJECT" release >&2
fi
if [ -z "$DOOR" ]; then
    note "building what measures the door (this takes a while)"
    make -C "$PROJECT" bench-door >&2
    DOOR=$RELEASE/examples/kst-unguarded
fi
mkdir -p "$PROJECT/target/bench"
rustc --edition 2024 -O -C panic=abort -o "$FLOOR" "$HERE/floor.rs"

# --- a home and sockets of its own -------------------------------------------------------------

WORLD=$(mktemp -d /tmp/kst-bench-XXXXXX)
mkdir -m 700 "$WORLD/tmux" "$WORLD/work"
export HOME="$WORLD" TMUX_TMPDIR="$WORLD/tmux" LANG=C.UTF-8
unset TMUX XDG_CONFIG_HOME XDG_DATA_HOME XDG_STATE_HOME XDG_CACHE_HOME KST_CONFIG
cd "$WORLD/work"
TMUX_PROGRAM=$(command -v tmux)
CONTAINERS="$(basename "$WORLD" | tr '[:upper:]' '[:lower:]' | tr -cd a-z0-9)"

clean_up() {
    local engine ids
    for engine in podman docker; do
        has $engine || continue
        ids=$($engine ps -aq --filter "name=$CONTAINERS" 2>/dev/null) || continue
        # shellcheck disable=SC2086 # several ids
        [ -z "$ids" ] || $engine rm --force $ids >/dev/null 2>&1 || true
    done
    [ ! -S "$WORLD/tmux/tmux-$(id -u)/default" ] || tmux kill-server 2>/dev/null || true
    # Shims and log writers may still be at their last words.
    rm -rf "$WORLD" 2>/dev/null || { sleep 1 && rm -rf "$WORLD"; }
}
trap clean_up EXIT

# Whether an engine of the tests is up. Others are never touched.
has() {
    case $1 in
    docker) [ -n "${KST_TEST_ENGINES:-}" ] && [ -n "${DOCKER_HOST:-}" ] ;;
    podman) [ -n "${KST_TEST_ENGINES:-}" ] && [ -n "${CONTAINERS_STORAGE_CONF:-}" ] ;;
    esac
}

# --- measuring -----------------------------------------------------------------------------------

# row TITLE LIMIT FLOOR-COMMAND KST-COMMAND [KSTLIB-COMMAND]
# Prints a line of the table. LIMIT is the ratio to the floor that is aimed for. With PREPARE set,
# that command runs before each measurement. Without a floor to measure there is no line.
row() {
    local title=$1 limit=$2 commands=("$3" "$4") round runs=$(((RUNS + ROUNDS - 1) / ROUNDS))
    [ -z "$BEFORE" ] || commands+=("$BEFORE${4#"$KST"}")
    [ -n "$3" ] || return 0
    note "$title"
    : >"$WORLD/floor.medians"
    : >"$WORLD/kst.medians"
    : >"$WORLD/before.medians"
    for ((round = 0; round < ROUNDS; round++)); do
        hyperfine --style none -N --warmup 2 --runs $((runs > 3 ? runs : 3)) \
            ${PREPARE:+--prepare "$PREPARE"} --export-json "$WORLD/round.json" "${commands[@]}" >&2
        median "$WORLD/round.json" 0 >>"$WORLD/floor.medians"
        median "$WORLD/round.json" 1 >>"$WORLD/kst.medians"
        [ -z "$BEFORE" ] || median "$WORLD/round.json" 2 >>"$WORLD/before.medians"
    done
    local python='-'
    if [ -n "${5:-}" ] && [ -x "$KSTLIB" ]; then
        hyperfine --style none -N --warmup 1 --runs $((RUNS / 10 > 3 ? RUNS / 10 : 3)) \
            ${PREPARE:+--prepare "$PREPARE"} --export-json "$WORLD/kstlib.json" "$KSTLIB ops $5" >&2 &&
            python=$(median "$WORLD/kstlib.json" 0)
    fi
    awk -v title="$title" -v limit="$limit" -v floor="$(middle "$WORLD/floor.medians")" -v kst="$(middle "$WORLD/kst.medians")" \
        -v python="$python" -v before="$(middle "$WORLD/before.medians")" 'BEGIN {
            ratio = kst / floor
            printf "| %s | %.1f ms | %.1f ms | %.2f | %s | ", title, floor * 1000, kst * 1000, ratio,
                limit == "-" ? "-" : limit (ratio <= limit + 0 ? "" : " missed")
            if (python == "-") printf "- | - |"
            else printf "%.0f ms | %.0f |", python * 1000, python / kst
            if (before != "") printf " %.1f ms | %.2f |", before * 1000, kst / before
            print ""
        }'
}

# middle FILE [COLUMN]: the one in the middle of its numbers, a line each
middle() {
    local sorted
    sorted=$(cut -d ' ' -f "${2:-1}" "$1" | sort -g)
    sed -n "$(($(wc -l <<<"$sorted") / 2 + 1))p" <<<"$sorted"
}

# median FILE INDEX, in seconds
median() {
    grep -o '"median": *[0-9.e-]*' "$1" | sed -n "$(($2 + 1))s/.*: *//p"
}

# calls COMMAND...: the engine calls that kst makes for it, as arguments of the floor. They are read
# from --verbose, which tells each on standard error as `TIME  exit CODE  ARGV`, quoted for a shell.
calls() {
    local line all=''
    while IFS= read -r line; do
        all="$all${all:+ --- }$line"
    done < <("$KST" --color never --verbose "$@" 2>&1 >/dev/null | calls_of)
    if [ -z "$all" ]; then
        note "kst --verbose $* names no engine call: that row is left out"
        return 0
    fi
    printf '%s %s' "$FLOOR" "$all"
}

# The argv of each call, one a line: from the first absolute path on.
calls_of() { sed -nE 's,^[^/]*(/[^ ]*/(tmux|podman|docker) .*)$,\1,p'; }

# The call that makes a session, as a dry run tells it, with a plain program in the place of kst
# beside the session, and a plain writer of its log.
start_call() {
    "$KST" --dry-run start floor -b tmux -- sleep 1000 2>/dev/null |
        sed -E "s,[^ ]+ shim [^ ]+,sleep 1000,; s,(pipe-pane -t '=floor:') .*,\1 'exec cat >>$WORLD/floor.log',"
}

# The door's own work for each run of a program (door.rs), the program's time not in it, as a table.
# What stands for tmux prints the lines that tmux printed for these sessions.
door() {
    local process
    note "the door's own work"
    eval "$(calls list -b tmux)" >"$WORLD/lines"
    printf '#!/bin/sh\nexec cat %s\n' "$WORLD/lines" >"$WORLD/printing"
    chmod +x "$WORLD/printing"
    for ((process = 0; process < RUNS; process++)); do
        "$DOOR" door-cost "$WORLD/printing" s7 20 >>"$WORLD/door"
    done
    echo "| the door's own work, 10 sessions | measured | aim |"
    echo '| --- | --- | --- |'
    printf '| a run that only reads | %.0f µs | 50 µs |\n' "$(middle "$WORLD/door" 3)"
    printf '| a run that changes something, which is written down before it is made | %.0f µs | 50 µs |\n' \
        "$(middle "$WORLD/door" 4)"
    printf '| the end of the operation, where how its last run ended is written down | %.0f µs | - |\n' \
        "$(middle "$WORLD/door" 5)"
    printf '| the first run of a process, whose code is not in its memory yet | %.0f µs | - |\n' \
        "$(middle "$WORLD/door" 1)"
    # A list is a process, and may make one more run.
    awk -v first="$(middle "$WORLD/door" 1)" -v later="$(middle "$WORLD/door" 3)" -v list="$1" \
        -v runs="$("$KST" --color never --verbose list -b tmux 2>&1 >/dev/null | calls_of | wc -l)" \
        'BEGIN {
            printf "| of `list -b tmux`: %d run%s | %.1f %% | 2 %% |\n", runs, runs == 1 ? "" : "s",
                (first + (runs - 1) * later) / list / 1e4
        }'
}

machine() {
    local program
    printf 'Measured on %s, %s cores, Linux %s, with %s' \
        "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" "$(nproc)" "$(uname -r)" "$(tmux -V)"
    for program in podman docker; do
        ! has $program || printf ', %s' "$($program --version | head -n 1)"
    done
    printf '; %s\n' "$("$KST" --version)"
    printf 'Medians of %d runs.\n' "$RUNS"
}

# peak COMMAND...: most memory resident at once, in KiB. Without GNU time at least what Python itself
# takes, about 14 MiB.
peak() {
    if [ -x /usr/bin/time ]; then
        /usr/bin/time -f %M "$@" 2>&1 >/dev/null | tail -n 1
        return
    fi
    python3 - "$@" <<'END'
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
END
}

# --- the rows ------------------------------------------------------------------------------------

machine
echo
echo "| what | floor | kst | ratio | aim | kstlib | times as fast |${BEFORE:+ before | of that |}"
echo "| --- | --- | --- | --- | --- | --- | --- |${BEFORE:+ --- | --- |}"

made=0
for count in 10 500; do
    # Sessions of kst's own: the ledger has its part in what they cost.
    while [ $made -lt $count ]; do
        "$KST" start "s$made" -q -b tmux -- sleep 100000
        made=$((made + 1))
    done
    row "\`list -b tmux\`, $count sessions" 1.3 "$(calls list -b tmux)" \
        "$KST list -b tmux" "list -b tmux"
    if [ $count = 10 ]; then
        door "$(middle "$WORLD/kst.medians")" >"$WORLD/door.table"
    fi
    row "\`status NAME -b tmux\`, $count sessions" 1.3 "$(calls status s7 -b tmux)" \
        "$KST status s7 -b tmux" "status s7 -b tmux"
    if [ $count = 10 ]; then
        # The same call to the server that runs.
        PREPARE="sh -c 'exec 2>/dev/null; tmux kill-session -t =floor; $KST stop new -f -q -b tmux; $KST remove new -q -b tmux; true'" \
            row '`start NAME -b tmux`, running server' 1.3 "$FLOOR $(start_call)" \
            "$KST start new -q -b tmux -- sleep 1000" "start new -b tmux -c 'sleep 1000'"
        tmux kill-session -t =floor 2>/dev/null || true
        "$KST" stop new -f -q -b tmux 2>/dev/null || true
        "$KST" remove new -q -b tmux 2>/dev/null || true
    fi
done

for engine in podman docker; do
    has $engine || { note "$engine is not up: no rows for it"; continue; }
    for number in 1 2 3; do
        $engine run -d --name "$CONTAINERS-$number" "$KST_TEST_IMAGE" sleep 100000 >/dev/null
    done
    row "\`list -b container -L $engine\`, 3 containers" 1.1 \
        "$(calls list -b container -L $engine)" "$KST list -b container -L $engine"
    row "\`status NAME -b container\` on $engine" 1.1 \
        "$(calls status "$CONTAINERS-1" -b container -L $engine)" \
        "$KST status $CONTAINERS-1 -b container -L $engine"
    # Podman would first wait ten seconds for a program that does not hear of the signal.
    gone="sh -c 'exec >/dev/null 2>&1; $engine kill $CONTAINERS-new; $engine rm --force $CONTAINERS-new; true'"
    start="start $CONTAINERS-new -q -b container -L $engine -i $KST_TEST_IMAGE -- sleep 1000"
    # shellcheck disable=SC2086 # several words
    PREPARE=$gone RUNS=$((RUNS / 5 + 3)) \
        row "\`start NAME -b container\` on $engine" 1.1 "$(calls $start)" "$KST $start"
    $engine rm --force "$CONTAINERS-new" >/dev/null 2>&1 || true
    slowest=${slowest:-$engine} # podman, where both are here
done
if [ -n "${slowest:-}" ]; then
    row "\`list\` over all backends, against $slowest alone" 1.15 \
        "$(calls list -b container -L "$slowest")" "$KST list" "list"
    # Where there are fewer cores than engines want, they get in each other's way whoever asks.
    at_once=$(calls list)
    row '`list` over all backends, against the same calls at once' 1.15 \
        "$FLOOR --at-once ${at_once#"$FLOOR "}" "$KST list"
fi

echo
cat "$WORLD/door.table"
echo
echo '| memory and first use | measured | aim |'
echo '| --- | --- | --- |'
printf '| peak memory of `kst list -b tmux`, 500 sessions | %.1f MiB | 15 MiB |\n' \
    "$(peak "$KST" list -b tmux | awk '{print $1 / 1024}')"
"$KST" start shimmed -b tmux -- sleep 100000 >/dev/null
sleep 0.3
program=$("$KST" status shimmed -b tmux --json | sed -n 's/.*"pid": *\([0-9]*\).*/\1/p' | head -n 1)
shim=$(awk '/^PPid:/ {print $2}' "/proc/$program/status")
printf '| resident memory of a shim | %.1f MiB | 3 MiB |\n' \
    "$(awk '/^VmRSS:/ {print $2 / 1024}' "/proc/$shim/status")"
hyperfine --style none -N --runs 10 --prepare "rm -rf $WORLD/.cache/kst" \
    --export-json "$WORLD/first.json" "$KST list -b tmux" >&2
hyperfine --style none -N --warmup 1 --runs 10 \
    --export-json "$WORLD/warm.json" "$KST list -b tmux" >&2
printf '| first use of a backend, over a warm one | %.0f ms | 150 ms |\n' \
    "$(awk -v first="$(median "$WORLD/first.json" 0)" -v warm="$(median "$WORLD/warm.json" 0)" \
        'BEGIN {print (first - warm) * 1000}')"
