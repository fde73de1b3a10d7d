"""The example's backend, which besides tries what it could do with the WASI that it gets."""

import os
import random
import socket
import sys
import time

import app
from wit_world.exports.backend import Plan
from wit_world.imports import process


def attempts():
    yield "environment", lambda: dict(os.environ)
    yield "arguments", lambda: sys.argv[1:]
    yield "input", lambda: sys.stdin.read()
    yield "read", lambda: open("/etc/passwd").read()
    yield "write", lambda: open("/tmp/kst-spy", "w").write("x")
    yield "link", lambda: os.symlink("/etc", "/tmp/kst-spy")
    yield "time", lambda: time.time() < 86400
    # It would take an hour.
    yield "sleep", lambda: time.sleep(3600)
    yield "slept", lambda: time.monotonic() >= 3600
    yield "random", lambda: os.urandom(8).hex()
    yield "address", lambda: socket.getaddrinfo("localhost", 80)
    yield "listen", lambda: socket.socket().bind(("127.0.0.1", 0))
    yield "process", lambda: os.system("true")


class Backend(app.Backend):
    def probe(self, at):
        for name, attempt in attempts():
            try:
                outcome = repr(attempt())
            except BaseException as refused:
                outcome = f"no: {type(refused).__name__}"
            process.note(f"{name}: {outcome}")
        print("printed")
        print("complained", file=sys.stderr)
        return super().probe(at)

    def logs(self, at, name, lines, times):
        raise RuntimeError(f"no \x1b[2Jlogs of {name}")

    def attach(self, at, name):
        os._exit(3)
        return Plan("attach")
