//! What tmux is asked, and how.

use Operation::{Attach, Events, List, Logs, Probe, Remove, Send, Start, Status, Stop};
use kst_plugin::prelude::*;

/// Of each session a line of what is asked for.
macro_rules! sessions_by {
    ($command:literal) => {
        concat!(
            "tmux -u [-L {location}] ",
            $command,
            " -F '#{session_id} #{pid}.#{start_time} \
             #{session_created} #{session_windows} #{session_attached} \
             #{W:#{?#{==:#{window_linked_sessions},1},#{P:#{?pane_dead,,#{pane_pid} }},}},\
             #{session_name}'"
        )
    };
}

/// A line for each session: fields that tmux itself makes up first, the name last. The pids are those
/// of panes that live and that no other session shares; tmux before 3.1 tells no pids so.
const SESSIONS: &str = sessions_by!("list-sessions");

/// The same of one session alone, once for each of its windows.
const BY_NAME: &str = sessions_by!("list-windows -t ={name}:");
const BY_ID: &str = sessions_by!("list-windows -t {id}");

/// The same fields in the same order.
const LINE: &str = "{id} {instance} {*} {*} {*} {pids},{name}";

/// Each pane of the server, whether it is dead, and how and (from tmux 3.4 on) when it died.
const PANES: &str = "tmux -u [-L {location}] list-panes -a -F \
    '#{session_id} #{pane_dead} #{pane_dead_status} #{pane_dead_signal} #{pane_dead_time}'";

/// One call does it all, so that no output is missed and nobody sees a half-made session. The options
/// are against what a user's own config may set: destroy-unattached would end the session at once,
/// and remain-on-exit would keep its name after its end.
const CREATE: &str = "tmux -u [-L {location}] new-session -d -s {name} \
    [-c {workdir:tmux-format:tmux-word}] -P -F '#{session_id} #{pid}.#{start_time} \
    #{session_created} #{session_windows} #{session_attached} #{pane_pid},#{session_name}' \
    -- {launch} ';' set-option -t ={name}: destroy-unattached off \
    ';' set-option -w -t ={name}: remain-on-exit off \
    ';' pipe-pane -t ={name}: {recorder:sh:tmux-format:strftime:tmux-word}";

const RECENT: &str = "tmux -u [-L {location}] capture-pane -p -e -J -S -{lines} -t {id}";
const EVERYTHING: &str = "tmux -u [-L {location}] capture-pane -p -e -J -S - -t {id}";
const KILL: &str = "tmux [-L {location}] kill-session -t {id}";

/// As it is, and past any mode that the pane is in: what is typed stands in no command line and no
/// other buffer.
const TYPE: &str = "tmux [-L {location}] load-buffer -b {keys-file} {keys-file:tmux-format} \
    ';' paste-buffer -d -r -b {keys-file} -t {id}";

/// In brackets, where the program asked for them. Enter comes after those: a line break, pasted.
const PASTE: &str = "tmux [-L {location}] load-buffer -b {paste-file} {paste-file:tmux-format} \
    ';' paste-buffer -d -p -b {paste-file} -t {id} \
    [{?enter} ';' load-buffer -b {paste-file} {file-enter:tmux-format} \
    ';' paste-buffer -d -b {paste-file} -t {id}]";

/// A client in control mode hears of each session that is made, renamed or closed. This one waits for
/// what never comes and is attached to nothing: it counts for no session and is in no list of clients.
const EVENTS: &str = "tmux -u [-L {location}] -C wait-for kst-events";

pub fn description() -> Description {
    Description::new("tmux", env!("CARGO_PKG_VERSION"), "runs sessions in tmux, on this machine")
        .program("tmux", "keeps your session alive on this machine")
        .locations(
            Locations::Sockets(SocketFolder {
                variable: "TMUX_TMPDIR".into(),
                parent: "/tmp".into(),
                folder: "tmux-{uid}".into(),
                inside: Some("TMUX".into()),
            }),
            Choice::text("socket_name", "The tmux socket (tmux -L) to use"),
        )
        .form(Form::reads("version", &[Probe], "tmux -V"))
        .form(
            Form::reads("sessions", &[List, Status, Stop, Remove, Logs, Attach, Send], SESSIONS)
                .gives(LINE),
        )
        .form(
            Form::reads("session", &[Status, Stop, Remove, Logs, Attach, Send], BY_NAME)
                .gives(LINE),
        )
        .form(Form::reads("same", &[Stop, Remove], BY_ID).gives(LINE))
        .form(Form::reads("panes", &[List, Status, Stop], PANES))
        .form(Form::changes("create", &[Start], CREATE).gives(LINE))
        .form(Form::changes("discard", &[Start], KILL))
        .form(Form::changes("end", &[Stop, Remove], KILL))
        .form(Form::reads("recent", &[Logs], RECENT))
        .form(Form::reads("everything", &[Logs], EVERYTHING))
        .form(Form::plan("attach", &[Attach], "tmux [-L {location}] attach-session -t {id}"))
        .form(Form::plan("switch", &[Attach], "tmux [-L {location}] switch-client -t {id}"))
        .file("enter", "\n")
        .form(Form::changes("type", &[Send], TYPE))
        .form(Form::changes("paste", &[Send], PASTE))
        .form(Form::plan("events", &[Events], EVENTS))
        .operations(&[Send, Events])
        .keeps(&["TERM", "TMUX", "TMUX_PANE", "TERM_PROGRAM", "TERM_PROGRAM_VERSION", "COLORTERM"])
        .detach("Ctrl-b d")
}
