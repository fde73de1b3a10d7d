#!/usr/bin/env bash
# Runs the real `kstlib ops` and kst over the table in cases.toml and tells where they differ:
# `make compare`. kstlib is installed into target/kstlib-venv, once.
#
#   KST=/path/to/kst     compares that program; otherwise target/debug/kst, built anew
#   KSTLIB=/path/kstlib  compares with that one, and installs nothing
#   CASES='word …'       only those cases whose name holds one of the words
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PROJECT=$(cd "$HERE/../.." && pwd)
VERSION=3.8.2
VENV=$PROJECT/target/kstlib-venv

# shellcheck source=tests/engines/packages.sh
. "$HERE/../engines/packages.sh"

if [ -z "${KSTLIB:-}" ]; then
    KSTLIB=$VENV/bin/kstlib
    if [ ! -x "$KSTLIB" ]; then
        # Debian keeps what makes an environment work in a package of its own.
        python3 -c 'import ensurepip' 2>/dev/null || install_packages python3-venv
        echo "compare: installing kstlib $VERSION into $VENV" >&2
        python3 -m venv "$VENV"
        "$VENV/bin/pip" install --quiet "kstlib==$VERSION"
    fi
fi
if [ -z "${KST:-}" ]; then
    cargo build --quiet --manifest-path "$PROJECT/Cargo.toml"
    KST=$PROJECT/target/debug/kst
fi
# shellcheck disable=SC2086 # several names
exec python3 "$HERE/compare.py" --kst "$KST" --kstlib "$KSTLIB" \
    --cases "$HERE/cases.toml" --docs "$PROJECT/docs/coming-from-kstlib.md" ${CASES:-}
