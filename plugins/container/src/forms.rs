//! What podman and docker are asked, and how. Both understand every form.

use Operation::{
    Attach, Events, Exec, Follow, List, Logs, Probe, Remove, Signal, Start, Status, Stop, Wait,
};
use kst_plugin::prelude::*;

/// A line about a container. First what the engine itself makes up; then, as JSON so that it cannot
/// end the line or the field, what whoever made the container chose. docker writes `/` before names.
macro_rules! line {
    () => {
        "'{{.ID}} {{range split .Name \"/\"}}{{.}}{{end}} {{if .State.Pid}}{{.State.Pid}}{{end}} \
         {{json (index .Config.Labels \"kst.run\")}} {{json .State.Status}},\
         {{json .State.ExitCode}},{{json .State.OOMKilled}},{{json .Created}},\
         {{json .State.StartedAt}},{{json .State.FinishedAt}},{{json .RestartCount}},\
         {{with .State.Health}}{{json .Status}}{{else}}\"\"{{end}},{{json .Config.Image}},\
         {{json .State.Error}},{{json .HostConfig.RestartPolicy.MaximumRetryCount}},\
         {{json .HostConfig.RestartPolicy.Name}}'"
    };
}

/// The beginning of that line, for the host.
const LINE: &str = "{id} {name} {pids} \"{run}\" {*}";

const CONTAINERS: &str = concat!("{location} container inspect --format ", line!(), " <word>...");
const CONTAINER: &str = concat!("{location} container inspect --format ", line!(), " -- {name}");

/// podman has no server, and is then its own client.
const VERSION: &str =
    "{location} version --format '{{with .Server}}{{.Version}}{{else}}{{$.Client.Version}}{{end}}'";

/// `-it`, so that a program finds a terminal when somebody attaches.
const CREATE: &str = "{location} run -d -it --name {name} --label kst.run={run} [-w {workdir}] \
    [--stop-signal {signal}] [--restart {restart}] [--env-file {env-file}] [-e {env-inherited}]... [-v {option-volumes}]... \
    [-v {option-log_volume}] [-p {option-ports}]... -- {option-image} [{command}]";

/// Its input is passed on whether it is a terminal or not.
const EXEC: &str = "{location} exec -i [{?terminal} -t] [-w {workdir}] [--env-file {env-file}] \
    [-e {env-inherited}]... -- {id} {command}";

const LOGS: &str = "{location} logs [--since {since}] [--until {until}] [--tail {lines}] {id}";
const LOGS_TIMED: &str =
    "{location} logs --timestamps [--since {since}] [--until {until}] [--tail {lines}] {id}";
const STREAMED: &str = "{location} logs [{?times} --timestamps] [--since {since}] \
    [--until {until}] [--tail {lines}] {id}";
const STREAMED_WHOLE: &str = "{location} logs [{?times} --timestamps] {id}";
const FOLLOW: &str =
    "{location} logs -f [{?times} --timestamps] [--since {since}] [--tail {lines}] {id}";

/// What may change what is told of a container, by both engines' words; those that look into one are
/// left out.
const EVENTS: &str = "{location} events --filter type=container --filter event=create \
    --filter event=start --filter event=restart --filter event=die --filter event=died \
    --filter event=oom --filter event=pause --filter event=unpause --filter event=health_status \
    --filter event=rename --filter event=destroy --filter event=remove";

pub fn description() -> Description {
    Description::new(
        "container",
        env!("CARGO_PKG_VERSION"),
        "runs sessions in containers, with podman or docker",
    )
    .program("podman", "runs your session in a container")
    .program("docker", "runs your session in a container")
    .locations(
        Locations::Programs(vec!["podman".into(), "docker".into()]),
        Choice::text("runtime", "The container engine to use").of(&["podman", "docker"]),
    )
    .elsewhere()
    .option(Choice::new("image", OptionKind::Image, "The image to run").required())
    .option(
        Choice::new("volumes", OptionKind::Volume, "Folders to mount: SOURCE:TARGET[:MODE]")
            .repeatable(),
    )
    .option(
        Choice::new(
            "ports",
            OptionKind::Port,
            "Ports to publish: [[ADDRESS:]PORT:]PORT[/PROTOCOL]",
        )
        .repeatable(),
    )
    .option(Choice::new(
        "log_volume",
        OptionKind::Volume,
        "A folder to mount for the program's own logs: SOURCE:TARGET[:MODE]",
    ))
    .form(Form::reads("version", &[Probe], VERSION))
    .form(Form::reads("ids", &[List], "{location} ps -aq --no-trunc"))
    .form(Form::reads("containers", &[List], CONTAINERS).gives(LINE))
    .form(
        Form::reads(
            "container",
            &[Status, Start, Stop, Remove, Logs, Attach, Follow, Wait, Signal, Exec],
            CONTAINER,
        )
        .gives(LINE),
    )
    .form(Form::changes("create", &[Start], CREATE).gives("{id}"))
    // What a failed start left behind, never having run: bound by the label of this very run.
    .form(Form::changes("discard", &[Start], "{location} rm -f -v {id}"))
    .form(Form::changes("resume", &[Start], "{location} [{?resume} start {id}]"))
    .form(Form::changes("unpause", &[Stop], "{location} unpause {id}"))
    .form(Form::changes("stop", &[Stop], "{location} stop -t {timeout} {id}"))
    // podman forgets by this that a container which has ended is to be started again.
    .form(Form::changes("settle", &[Stop], "{location} init {id}"))
    // docker would start it with itself where it failed, though it was stopped.
    .form(Form::changes("no-restart", &[Stop], "{location} update --restart no {id}"))
    .form(Form::changes("kill", &[Stop], "{location} kill {id}"))
    .form(Form::changes("remove", &[Remove], "{location} rm {id}"))
    .form(Form::reads("logs", &[Logs], LOGS))
    .form(Form::reads("logs-timed", &[Logs], LOGS_TIMED))
    .form(Form::reads("logs-whole", &[Logs], "{location} logs {id}"))
    .form(Form::reads("logs-timed-whole", &[Logs], "{location} logs --timestamps {id}"))
    .form(Form::plan("logs-streamed", &[Logs], STREAMED))
    .form(Form::plan("logs-streamed-whole", &[Logs], STREAMED_WHOLE))
    .form(Form::plan("follow", &[Follow], FOLLOW))
    .form(Form::plan("follow-whole", &[Follow], "{location} logs -f [{?times} --timestamps] {id}"))
    .form(Form::plan("attach", &[Attach], "{location} attach --sig-proxy=false {id}"))
    .form(Form::plan("exec", &[Exec], EXEC))
    .form(Form::plan("wait", &[Wait], "{location} wait {id}"))
    .form(Form::changes("signal", &[Signal], "{location} kill -s {signal} {id}"))
    .form(Form::plan("events", &[Events], EVENTS))
    .operations(&[Follow, Wait, Signal, Exec, Events])
    .detach("Ctrl-p Ctrl-q")
}
