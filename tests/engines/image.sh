# The image that container tests run: busybox and nothing else, since no registry may be reachable.
# Sourced by tests/engines.sh.
# shellcheck shell=bash

IMAGE=localhost/kst-test:latest
# The same with an entrypoint, for what depends on one.
IMAGE_ENTRYPOINT=localhost/kst-test:entrypoint

# image_archive FILE: writes the root file system as a tar archive.
image_archive() {
    local root program
    root=$(mktemp -d) || return
    mkdir -p "$root/bin" "$root/tmp" "$root/etc" "$root/root" "$root/data"
    cp "$(find_program busybox)" "$root/bin/busybox"
    for program in $(busybox --list); do
        [ "$program" = busybox ] || ln -s busybox "$root/bin/$program"
    done
    printf 'root:x:0:0:root:/root:/bin/sh\n' >"$root/etc/passwd"
    printf 'root:x:0:\n' >"$root/etc/group"
    tar -C "$root" -c --owner=0 --group=0 -f "$1" .
    rm -rf "$root"
}

# import_images CLIENT...: imports both images with `CLIENT... import`.
import_images() {
    local archive status=0
    archive=$(mktemp --suffix=.tar) || return
    image_archive "$archive" &&
        "$@" import --change 'CMD ["sh"]' "$archive" "$IMAGE" >/dev/null &&
        "$@" import --change 'ENTRYPOINT ["/bin/echo", "entrypoint:"]' "$archive" \
            "$IMAGE_ENTRYPOINT" >/dev/null || status=1
    rm -f "$archive"
    return $status
}

# has_images CLIENT...
has_images() { "$@" image inspect "$IMAGE" "$IMAGE_ENTRYPOINT" >/dev/null 2>&1; }
