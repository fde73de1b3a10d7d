# A private podman: its own configuration, storage, locks and network.
# Sourced by tests/engines.sh, which sets DATA (roomy) and SHORT (a short path, for sockets).
# shellcheck shell=bash

# Its network and the bridge of that: podman's own default ones may be in use, and a bridge that
# another engine made keeps an address that is not ours.
PODMAN_NETWORK=kst$NUMBER
PODMAN_BRIDGE=kstp$NUMBER

podman_private() {
    CONTAINERS_CONF="$DATA/podman/containers.conf" \
        CONTAINERS_STORAGE_CONF="$DATA/podman/storage.conf" podman "$@"
}

podman_up() {
    if ! command -v podman >/dev/null 2>&1; then
        echo "podman is not installed" >"$DATA/podman.problem"
        return 1
    fi
    if [ -e "$DATA/podman/storage.conf" ] && has_images podman_private; then
        return 0
    fi
    # In this order: overlay is what people have; vfs copies every layer but works on any file system.
    local driver
    for driver in overlay vfs; do
        podman_down
        podman_configure "$driver"
        if podman_network_up 2>"$DATA/podman.problem" &&
            import_images podman_private 2>>"$DATA/podman.problem" &&
            podman_private run --rm "$IMAGE" true 2>>"$DATA/podman.problem"; then
            rm -f "$DATA/podman.problem"
            say "podman is ready (storage driver $driver)"
            return 0
        fi
        say "podman does not work with the storage driver $driver: $(tail -n 1 "$DATA/podman.problem")"
    done
    podman_down
    return 1
}

# podman_configure DRIVER
podman_configure() {
    mkdir -p "$DATA/podman/networks"
    # runc and explicit limits: crun refuses the limits that podman asks for by default on machines
    # whose own are lower, and hybrid cgroups. File locks: the default ones are a shared memory
    # segment that every podman of the user takes from.
    cat >"$DATA/podman/containers.conf" <<END
[containers]
default_ulimits = ["nofile=20000:20000", "nproc=4096:4096"]

[engine]
runtime = "runc"
lock_type = "file"
events_logger = "file"
tmp_dir = "$SHORT/podman/tmp"

[network]
network_config_dir = "$DATA/podman/networks"
END
    cat >"$DATA/podman/storage.conf" <<END
[storage]
driver = "$1"
graphroot = "$DATA/podman/storage"
rootless_storage_path = "$DATA/podman/storage"
runroot = "$SHORT/podman/run"
END
}

# The default network of what runs here. No option of podman's names the bridge, so its name is put
# into the file that podman wrote; the last line makes the network the default, which podman would
# not have created.
podman_network_up() {
    local second made=no
    # Another engine's bridge may have any of these, even one that has long gone.
    for second in $(seq 214 229); do
        podman_private network create --disable-dns --subnet "10.$second.$NUMBER.0/24" \
            "$PODMAN_NETWORK" >/dev/null && made=yes && break
    done
    [ $made = yes ] &&
        sed -i -E "s/\"(bridge|network_interface)\": \"[^\"]*podman[0-9]+\"/\"\1\": \"$PODMAN_BRIDGE\"/" \
            "$DATA/podman/networks/$PODMAN_NETWORK".* &&
        printf 'default_network = "%s"\n' "$PODMAN_NETWORK" >>"$DATA/podman/containers.conf"
}

# Also what podman leaves of it: the bridge and, with CNI, the addresses that were given out.
podman_network_down() {
    if [ -e "/sys/class/net/$PODMAN_BRIDGE" ]; then
        as_root ip link delete "$PODMAN_BRIDGE" 2>/dev/null
    fi
    if [ -d "/var/lib/cni/networks/$PODMAN_NETWORK" ]; then
        as_root rm -rf "/var/lib/cni/networks/$PODMAN_NETWORK"
    fi
}

podman_down() {
    if [ -e "$DATA/podman/storage.conf" ]; then
        podman_private rm --all --force --time 0 >/dev/null 2>&1
    fi
    end_processes_below "$DATA/podman"
    podman_network_down
    discard "$DATA/podman" "$SHORT/podman"
}

podman_status() {
    if [ -e "$DATA/podman/storage.conf" ] && has_images podman_private; then
        podman_private version --format 'up, version {{.Client.Version}}'
    else
        printf 'down%s\n' "$(problem podman)"
        return 1
    fi
}
