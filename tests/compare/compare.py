"""Runs kstlib ops and kst over one table of cases and tells where they differ.

The table is cases.toml, which explains itself. A difference is a failure unless the case names a
deliberate one (`differs = "D3"`) that docs/coming-from-kstlib.md explains under that id; so is a
deliberate difference that no longer shows.
"""

import argparse
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

# Containers of the cases are called so, and removed by it.
CONTAINER_PREFIX = "cmp-"
# And so are tmux sockets in the folder that kstlib looks in, whatever TMUX_TMPDIR says.
SOCKET_PREFIX = f"cmp{os.getpid()}-"
DEADLINE = 60


class World:
    """A home, a working directory and tmux sockets for one tool in one case."""

    def __init__(self, tool, shares_sockets):
        self.tool = tool
        self.root = Path(tempfile.mkdtemp(prefix="kst-cmp-", dir="/tmp"))
        self.env = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("XDG_", "KST_CONFIG", "TMUX", "STY"))
        }
        for name in ("home", "work", "tmux"):
            (self.root / name).mkdir(mode=0o700)
        self.env |= {
            "HOME": str(self.root / "home"),
            "TMUX_TMPDIR": str(self.root / "tmux"),
            "LANG": "C.UTF-8",
            "TERM": "xterm",
            "COLUMNS": "500",  # kstlib wraps its JSON
        }
        self.sockets = (self.root / "tmux", "tmux-*/*")
        if shares_sockets:
            del self.env["TMUX_TMPDIR"]
            self.sockets = (Path(f"/tmp/tmux-{os.getuid()}"), f"{SOCKET_PREFIX}*")

    def run(self, argv):
        try:
            return subprocess.run(
                argv,
                cwd=self.root / "work",
                env=self.env,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=DEADLINE,
            )
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(argv, 124, "", f"not done after {DEADLINE} s")

    def tmux_sessions(self):
        """SOCKET/NAME of each live session: those whose first pane's program has not ended."""
        found = []
        folder, pattern = self.sockets
        for socket in sorted(folder.glob(pattern)):
            listing = self.run(
                ["tmux", "-S", str(socket), "list-panes", "-a", "-F", "#{pane_dead} #{session_name}"]
            )
            for line in listing.stdout.splitlines():
                dead, _, name = line.partition(" ")
                if dead == "0":
                    found.append(f"{socket.name}/{name}")
        return found

    def containers(self):
        """ENGINE/NAME of each running container of the cases."""
        found = []
        for engine in engines():
            names = self.run([engine, "ps", "--format", "{{.Names}}"]).stdout.split()
            found += [f"{engine}/{name}" for name in sorted(names) if name.startswith(CONTAINER_PREFIX)]
        return found

    def close(self):
        folder, pattern = self.sockets
        for socket in folder.glob(pattern):
            self.run(["tmux", "-S", str(socket), "kill-server"])
            socket.unlink(missing_ok=True)
        for engine in engines():
            ids = self.run([engine, "ps", "-aq", "--filter", f"name={CONTAINER_PREFIX}"]).stdout.split()
            if ids:
                patience = ["--time", "0"] if engine == "podman" else []
                self.run([engine, "rm", "--force", *patience, *ids])
        # What ignores the end of its terminal. Only processes of this world have its path around them.
        mark = os.fsencode(self.root)
        for environ in Path("/proc").glob("[0-9]*/environ"):
            try:
                if mark in environ.read_bytes():
                    os.kill(int(environ.parent.name), 9)
            except OSError:
                pass
        shutil.rmtree(self.root, ignore_errors=True)


def engines():
    """The container engines of the tests; never the machine's own."""
    found = []
    if "KST_TEST_ENGINES" in os.environ:
        if "CONTAINERS_STORAGE_CONF" in os.environ:
            found.append("podman")
        if "DOCKER_HOST" in os.environ:
            found.append("docker")
    return found


def observe(case, tool, prefix):
    """What a tool does in a case: a list of (what, value)."""
    world = World(tool, case.get("shares_sockets", False))
    seen = []
    try:
        if "config" in case:
            (world.root / "work/kstlib.conf.yml").write_text(case["config"])
        for path, text in case.get("files", {}).items():
            file = world.root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        for line in case.get("setup", []):
            made = world.run(["sh", "-c", fill(line)])
            if made.returncode:
                raise SystemExit(f"{case['name']}: setup failed: {line}\n{made.stderr}")
        for step in case["run"]:
            if step.startswith("wait "):
                time.sleep(float(step[5:]))
                continue
            done = world.run(prefix + shlex.split(fill(step)))
            if "success" in case["compare"]:
                seen.append((f"{step}: success", done.returncode == 0))
            for what in case["compare"]:
                if what.startswith("json ") and "--json" in step:
                    seen.append((f"{step}: {what}", fields(done.stdout, what[5:].split(), case)))
                if what.startswith("prints ") and not done.returncode:
                    seen.append((f"{step}: {what}", what[7:] in done.stdout))
                if what == "lines" and step.startswith("logs"):
                    seen.append((f"{step}: lines", len(done.stdout.splitlines())))
        if "sessions" in case["compare"]:
            seen.append(("sessions left running", world.tmux_sessions() + world.containers()))
    finally:
        world.close()
    return seen


def fields(text, names, case):
    """The named fields of a JSON document; of each session, in order of names, where it lists.

    Sessions that the case doesn't speak of are left out: kstlib finds those of the whole machine.
    """
    try:
        document = json.loads(text)
    except ValueError:
        return "not JSON"
    if isinstance(document, list):
        known = [session for session in document if str(session.get("name")) in repr(case)]
        ordered = sorted(known, key=lambda session: str(session.get("name")))
        return [{name: session.get(name, "missing") for name in names} for session in ordered]
    return {name: document.get(name, "missing") for name in names}


def fill(line):
    line = line.replace("{socket}", SOCKET_PREFIX)
    return line.replace("{image}", os.environ.get("KST_TEST_IMAGE", "no-image"))


def main():
    # An end by signal cleans up as any other end does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    parser = argparse.ArgumentParser()
    parser.add_argument("--kst", required=True)
    parser.add_argument("--kstlib", required=True)
    parser.add_argument("--cases", type=Path, required=True)
    parser.add_argument("--docs", type=Path, required=True)
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()

    explained = set(re.findall(r"^\| (D\d+) \|", options.docs.read_text(), re.MULTILINE))
    cases = tomllib.loads(options.cases.read_text())["case"]
    used = {case["differs"] for case in cases if "differs" in case}
    failures = [f"{ref} is named in the table and not explained in {options.docs}" for ref in sorted(used - explained)]
    not_run = 0
    for case in cases:
        name = case["name"]
        if options.names and not any(part in name for part in options.names):
            continue
        missing = [engine for engine in case.get("needs", []) if engine not in engines()]
        if missing:
            print(f"NOT RUN    {name}: {', '.join(missing)} is not up")
            not_run += 1
            continue
        python = observe(case, "kstlib", [options.kstlib, "ops"])
        rust = observe(case, "kst", [options.kst])
        differences = [(what, old, new) for (what, old), (_, new) in zip(python, rust) if old != new]
        reason = case.get("differs")
        if differences and not reason:
            verdict = "DIFFERENT"
            failures.append(f"{name}: a difference that nothing explains")
        elif reason and not differences:
            verdict = "SAME"
            failures.append(f"{name}: {reason} is said to show here, and doesn't")
        else:
            verdict = reason or "same"
        print(f"{verdict:10} {name}")
        for what, old, new in differences:
            print(f"             {what}\n               kstlib: {old}\n               kst:    {new}")
    if not_run and os.environ.get("CI") == "true":
        failures.append(f"{not_run} cases were not run")
    for failure in failures:
        print(f"failed: {failure}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
