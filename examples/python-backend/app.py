"""A backend for kst in Python: sessions in GNU screen.

It names the commands that it declares; kst writes their arguments and runs them. So this is all there
is to a backend: saying what it is, naming a command, and reading what it printed.
"""

from componentize_py_types import Err
from wit_world.exports import Backend as Interface
from wit_world.exports.backend import Health, LogSource_Kept, Plan
from wit_world.imports import process
from wit_world.imports.manifest import (
    Description, Effect, File, Form, Locations_One, Placement, Program,
)
from wit_world.imports.types import (
    Error_AlreadyExists, Error_Failed, Error_NotFound, Error_NotRunning, Error_Unsupported,
    ExitStatus_Code, Operation, Session, State,
)

# What screen reads in place of the user's own file: each line of output goes to the log at once.
SCREENRC = "startup_message off\nlogfile flush 0\n"

# Each form: its name, what it does, in which operations, and the usage line that kst fills in.
FORMS = [
    ("version", Effect.READS, "probe", "screen --version"),
    ("sessions", Effect.READS, "list status start stop remove attach", "screen -ls"),
    ("undated", Effect.READS, "list status start stop remove attach", "screen -ls"),
    ("create", Effect.CHANGES, "start",
     "screen -c {file-screenrc} -L -Logfile {log:strftime} -dmS {name} -- {launch}"),
    ("quit", Effect.CHANGES, "stop", "screen -S {id}.{name} -X quit"),
    ("wipe", Effect.CHANGES, "remove", "screen -wipe {id}.{name}"),
    ("attach", Effect.PLAN, "attach", "screen -x {id}.{name}"),
]

# From such a line kst itself takes the id that `{id}` stands for. Some screens print no dates.
GIVES = {"sessions": "\t{id}.{name}\t({*})\t({*})", "undated": "\t{id}.{name}\t({*})"}


class Backend(Interface):
    def describe(self):
        forms = [
            Form(
                name=name,
                operations=[Operation[word.upper()] for word in operations.split()],
                effect=effect,
                usage=usage,
                gives=GIVES.get(name),
            )
            for name, effect, operations, usage in FORMS
        ]
        return Description(
            name="pyscreen",
            version="0.1.0",
            summary="runs sessions in GNU screen, and is written in Python",
            programs=[Program("screen", "keeps your session alive on this machine")],
            forms=forms,
            locations=Locations_One(),
            location_option=None,
            options=[],
            placement=Placement.HERE,
            keeps=["TERM", "TERMCAP", "STY", "WINDOW"],
            files=[File("screenrc", SCREENRC)],
            operations=[],
            detach="Ctrl-a d",
        )

    def probe(self, at):
        words = text(run("version")).split()
        version = words[2] if words[:2] == ["Screen", "version"] else None
        problem = None if version else "it does not tell its version"
        return Health(version is not None, version, problem, [])

    def list(self, at):
        return sessions()

    def status(self, at, name):
        for session in sessions():
            if session.name == name:
                return session
        raise Err(Error_NotFound())

    def start(self, at, request):
        if request.resume:
            raise Err(Error_Unsupported("screen cannot start a session again as it was"))
        # screen takes a name as often as it is given.
        if has(request.name):
            raise Err(Error_AlreadyExists())
        success(run("create"))
        # It returns when its other half may still be at work on its socket. What is not there by then
        # has ended already.
        there = wait(lambda: has(request.name))
        return session(request.name, State.RUNNING if there else State.ENDED)

    def stop(self, at, request):
        if self.status(at, request.name).state == State.ENDED:
            raise Err(Error_NotRunning())
        # The polite signal, the waiting and the force are kst's part. With its last program gone,
        # screen ends by itself.
        process.end_session()
        if not wait(lambda: not has(request.name)):
            success(run("quit"))

    def remove(self, at, name):
        if has(name):
            run("wipe")

    def logs(self, at, name, lines, times):
        return LogSource_Kept()

    def attach(self, at, name):
        self.status(at, name)
        return Plan("attach")

    # Never called: the description names none of them.
    def send(self, at, request): raise Err(Error_Unsupported("typing"))
    def exec(self, at, name): raise Err(Error_Unsupported("a second command"))
    def follow(self, at, name): raise Err(Error_Unsupported("following"))
    def wait(self, at, name): raise Err(Error_Unsupported("waiting"))
    def signal(self, at, name): raise Err(Error_Unsupported("signals"))
    def events(self, at): raise Err(Error_Unsupported("events"))


def sessions():
    """Every session: a line with a tab, the pid, a dot, the name, and the date and more in brackets."""
    lines = listed("sessions")
    if any(len(fields) == 3 for fields in lines):
        lines = listed("undated")
    return [
        session(fields[1].split(".", 1)[1], State.ENDED if "(Dead" in fields[-1] else State.RUNNING)
        for fields in lines
    ]


def listed(form):
    """The columns of each session's line."""
    output = run(form)
    # The exit code of `screen -ls` says nothing that holds for all versions.
    if "Socket" not in text(output):
        raise Err(Error_Failed(complaint(output)))
    return [line.split("\t") for line in text(output).splitlines() if line.startswith("\t")]


def session(name, state):
    return Session(name, state, *[None] * 9, [])


def has(name):
    return any(session.name == name for session in sessions())


def wait(condition):
    """Whether it comes to be within half a second."""
    for milliseconds in (0, 5, 10, 20, 40, 80, 150, 200):
        process.pause(milliseconds)
        if condition():
            return True
    return False


def run(form):
    try:
        return process.run(form, [])
    except Err as refused:
        # What kst says itself is told to the user all the same.
        raise Err(Error_Failed(str(getattr(refused.value, "value", "it was not run"))))


def success(output):
    if output.exit != ExitStatus_Code(0):
        raise Err(Error_Failed(complaint(output)))


def complaint(output):
    said = (output.stderr + output.stdout).decode(errors="replace").strip().splitlines()
    return said[-1] if said else f"it ended with {output.exit}"


def text(output):
    return output.stdout.decode(errors="replace")
