# A private docker engine: its own daemon, data, socket and bridge.
# Sourced by tests/engines.sh, which sets DATA (roomy) and SHORT (a short path, for sockets).
# shellcheck shell=bash

docker_host() { printf 'unix://%s/docker.sock' "$SHORT"; }

# Debian's own client first: it is the one that comes with the daemon.
docker_private() {
    local client=/usr/bin/docker
    [ -x $client ] || client=docker
    DOCKER_HOST=$(docker_host) timeout 60 "$client" "$@"
}

docker_answers() { DOCKER_HOST=$(docker_host) timeout 10 docker version >/dev/null 2>&1; }

docker_up() {
    if docker_answers && has_images docker_private; then
        return 0
    fi
    if ! find_program dockerd >/dev/null; then
        echo "dockerd is not installed" >"$DATA/docker.problem"
        return 1
    fi
    if ! as_root true 2>/dev/null; then
        echo "dockerd needs root, and there is no sudo" >"$DATA/docker.problem"
        return 1
    fi
    # In this order: what people have; a storage driver that works on any file system; without
    # packet filter rules, where the kernel refuses them (ports are then published by the proxy
    # alone). A daemon that starts also empties the rules of every other docker engine of the
    # machine, so next to one it begins without them.
    local attempt attempts=("" "--storage-driver=vfs" "--iptables=false --ip6tables=false"
        "--iptables=false --ip6tables=false --storage-driver=vfs")
    if other_docker_engine; then
        attempts=("${attempts[@]:2}")
    fi
    for attempt in "${attempts[@]}"; do
        # shellcheck disable=SC2086 # several options
        docker_down # also what a crash left
        if docker_begin $attempt && docker_try; then
            rm -f "$DATA/docker.problem"
            say "docker is ready (${attempt:-default settings}, pid $(cat "$DATA/dockerd.pid"))"
            return 0
        fi
        say "docker does not work with ${attempt:-default settings}: $(tail -n 1 "$DATA/docker.problem")"
    done
    docker_down
    return 1
}

other_docker_engine() {
    local pid
    for pid in $(pgrep -x dockerd); do
        [ "$pid" = "$(cat "$DATA/dockerd.pid" 2>/dev/null)" ] || return 0
    done
    return 1
}

# docker_begin OPTION...: starts the daemon and waits until it answers.
docker_begin() {
    mkdir -p "$DATA/docker" "$SHORT/docker"
    docker_bridge_up || return
    # In a session of its own, so that it outlives the shell and terminal it was started from.
    as_root env PATH="$PATH:/usr/sbin:/sbin" setsid dockerd \
        --host "$(docker_host)" --group "$(id -gn)" \
        --data-root "$DATA/docker" --exec-root "$SHORT/docker" --pidfile "$DATA/dockerd.pid" \
        --bridge "$BRIDGE" "$@" \
        </dev/null >"$DATA/dockerd.log" 2>&1 9>&- &
    local started=$! waited
    disown "$started"
    for waited in $(seq 300); do
        docker_answers && return 0
        # It is gone: no need to wait for the rest of the 30 seconds.
        [ "$waited" -lt 10 ] || kill -0 "$started" 2>/dev/null || as_root kill -0 "$started" 2>/dev/null || break
        sleep 0.1
    done
    grep -E 'level=(fatal|error)|failed|invalid|unknown' "$DATA/dockerd.log" | tail -n 3 >"$DATA/docker.problem"
    [ -s "$DATA/docker.problem" ] || echo "dockerd did not answer; see $DATA/dockerd.log" >"$DATA/docker.problem"
    return 1
}

docker_try() {
    has_images docker_private || import_images docker_private 2>"$DATA/docker.problem" || return
    docker_private run --rm "$IMAGE" true >/dev/null 2>"$DATA/docker.problem"
}

# A bridge of its own: docker0 may belong to another engine.
docker_bridge_up() {
    if [ -e "/sys/class/net/$BRIDGE" ]; then
        return 0
    fi
    {
        as_root ip link add name "$BRIDGE" type bridge &&
            as_root ip address add "10.213.$NUMBER.1/24" dev "$BRIDGE" &&
            as_root ip link set "$BRIDGE" up
    } 2>"$DATA/docker.problem"
}

docker_down() {
    local pid
    if pid=$(docker_pid); then
        as_root kill "$pid"
        wait_gone "$pid" 20 || as_root kill -9 "$pid"
        wait_gone "$pid" 5
    fi
    docker_sweep
    if [ -e "/sys/class/net/$BRIDGE" ]; then
        as_root ip link delete "$BRIDGE" 2>/dev/null
    fi
    discard "$DATA/docker" "$SHORT/docker" "$SHORT/docker.sock" "$DATA/dockerd.pid"
}

# Its pid, where the recorded process is still the one that was started here.
docker_pid() {
    local pid
    pid=$(cat "$DATA/dockerd.pid" 2>/dev/null) || return
    [ -r "/proc/$pid/cmdline" ] || return
    tr '\0' ' ' <"/proc/$pid/cmdline" | grep -qF -- "--data-root $DATA/docker " || return
    printf '%s' "$pid"
}

# Ends what a daemon that was killed left: its containers, their shims, its containerd. They are
# known by the folder that only this engine uses.
docker_sweep() {
    docker_pid >/dev/null && return
    local state id runc
    runc=$(find_program runc)
    for state in "$SHORT"/docker/runtime-runc/moby/*; do
        [ -d "$state" ] || continue
        id=$(basename "$state")
        as_root "$runc" --root "$(dirname "$state")" delete --force "$id" >/dev/null 2>&1
    done
    end_processes_below "$SHORT/docker"
    rm -f "$DATA/dockerd.pid" 2>/dev/null || as_root rm -f "$DATA/dockerd.pid"
}

docker_status() {
    if docker_answers; then
        docker_private version --format 'up, client {{.Client.Version}}, engine {{.Server.Version}}'
    else
        printf 'down%s\n' "$(problem docker)"
        return 1
    fi
}

# The clients found, newest last, as MAJOR PATH lines: tests run with old and new ones.
docker_clients() {
    local client major
    { printf '%s\n' /usr/bin/docker /usr/local/bin/docker; type -ap docker; } |
        xargs realpath --quiet --canonicalize-existing | sort -u |
        while read -r client; do
            major=$("$client" --version 2>/dev/null | sed -n 's/^Docker version \([0-9]*\)\..*/\1/p')
            [ -z "$major" ] || printf '%s %s\n' "$major" "$client"
        done | sort -n
}
