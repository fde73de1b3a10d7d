#!/usr/bin/env bash
# Breaks the code on purpose, one patch at a time, and expects a test to fail each time.
#
#   tests/mutations/run.sh         every patch
#   tests/mutations/run.sh 03      those whose file name begins so
#
# A patch is tests/mutations/NN-name.patch, as `git diff` prints it, and begins with lines of prose
# that say what it breaks, among them
#
#   Test: PACKAGE TARGET NAME      for example: Test: kst e2e tmux::names_match_exactly
#
# where TARGET is `lib`, or a test of the package, and NAME one test, in full. The work is done in
# a worktree in target/, with a target folder of its own that stays for the next time; the checkout
# is never touched. What is committed and what is not yet are both tested.
set -uo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PROJECT=$(cd "$HERE/../.." && pwd)
COPY=$PROJECT/target/mutations
export CARGO_TARGET_DIR=$PROJECT/target/mutations-target
LOG=$PROJECT/target/mutations.log

main() {
    local patch found=0 survived=()
    copy_project || exit
    copy_target
    for patch in "$HERE/${1:-}"*.patch; do
        [ -e "$patch" ] || continue
        found=$((found + 1))
        printf '%-44s ' "$(basename "$patch" .patch)"
        if ! try "$patch"; then
            survived+=("$(basename "$patch")")
        fi
    done
    printf '%d mutations, %d not as they should be\n' $found ${#survived[@]}
    [ ${#survived[@]} -eq 0 ]
}

# The project as it is now, what is not committed included, in $COPY.
copy_project() {
    rm -rf "$COPY"
    mkdir -p "$COPY"
    git -C "$PROJECT" ls-files -z --cached --others --exclude-standard |
        (cd "$PROJECT" && while IFS= read -r -d '' file; do [ -e "$file" ] && printf '%s\0' "$file"; done) |
        tar -C "$PROJECT" --null --files-from=- -c | tar -C "$COPY" -x || return
    # A repository of its own, so that a patch is easily taken back.
    git -C "$COPY" init -q && git -C "$COPY" add -A &&
        git -C "$COPY" -c user.name=mutations -c user.email=mutations@localhost commit -q -m copy
}

# What was built of other people's crates need not be built again.
copy_target() {
    local built=$PROJECT/target/debug
    if [ -e "$CARGO_TARGET_DIR" ] || [ ! -d "$built/deps" ]; then
        return
    fi
    mkdir -p "$CARGO_TARGET_DIR/debug"
    cp -a --reflink=auto "$built/deps" "$built/build" "$built/.fingerprint" "$CARGO_TARGET_DIR/debug"
    # Not what was built of this project: cargo would take backends of the checkout for those of the copy.
    (cd "$CARGO_TARGET_DIR/debug" && rm -rf build/kst* .fingerprint/kst* deps/*kst* deps/e2e* deps/hostile*)
}

# try PATCH: whether it applies, builds, and makes its test fail.
try() {
    local package target name begin=$SECONDS
    read -r package target name < <(sed -n 's/^Test: //p' "$1")
    if [ -z "${name:-}" ]; then
        echo 'WRONG: no line "Test: PACKAGE TARGET NAME"'
        return 1
    fi
    local which=(--test "$target")
    [ "$target" = lib ] && which=(--lib)

    if ! git -C "$COPY" apply "$1" 2>"$LOG"; then
        echo "WRONG: the patch does not apply: $(head -n 1 "$LOG")"
        return 1
    fi
    local result=0
    if ! (cd "$COPY" && cargo test -q -p "$package" "${which[@]}" --no-run) >"$LOG" 2>&1; then
        echo "WRONG: it does not build; see target/mutations.log.build"
        cp "$LOG" "$LOG.build"
        result=1
    elif (cd "$COPY" && CI=true cargo test -q -p "$package" "${which[@]}" -- --exact "$name") >"$LOG" 2>&1; then
        # No test of that name passes as well.
        if grep -q '^running 0 tests' "$LOG"; then
            echo "WRONG: there is no test $name"
        else
            echo "SURVIVED: $name does not notice"
        fi
        result=1
    else
        echo "noticed by $name ($((SECONDS - begin)) s)"
    fi
    git -C "$COPY" reset -q --hard && git -C "$COPY" clean -fdq
    return $result
}

main "$@"
