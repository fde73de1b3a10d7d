//! Reading tmux's lists.

use kst_plugin::prelude::*;

/// A line of the forms `sessions` and `create`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row<'a> {
    /// tmux's own id, `$3`.
    pub id: &'a str,
    /// Which server that is an id of: its pid and when it began.
    pub instance: &'a str,
    /// Seconds since 1970.
    pub created: &'a str,
    windows: &'a str,
    attached: &'a str,
    /// Of the live panes that are this session's alone.
    pids: &'a str,
    /// As tmux has it; it may hold anything but control characters, `:` and `.`.
    pub name: &'a str,
}

impl<'a> Row<'a> {
    /// `None` for a line that is no such line.
    pub fn parse(line: &'a str) -> Option<Self> {
        let [id, instance, created, windows, attached, rest] = fields(line, " ")?;
        let (pids, name) = rest.split_once(',')?;
        if !id.starts_with('$') {
            return None;
        }
        Some(Row { id, instance, created, windows, attached, pids, name })
    }

    /// Whether no pane is known to live: all are dead, or shared with other sessions.
    pub fn may_have_ended(&self) -> bool {
        self.pids.trim_ascii().is_empty()
    }

    /// The session. `panes` is what the form of that name printed, or nothing where it need not be
    /// asked.
    pub fn session(&self, panes: &str) -> Session {
        let mut session = Session::new(self.name, State::Running);
        session.created = Some(self.created.into());
        session.windows = self.windows.parse().ok();
        if self.attached != "0" {
            session.detail("attached", self.attached);
        }
        let mut own = panes.lines().filter_map(Pane::parse).filter(|pane| pane.session == self.id);
        if let Some(first) = own.next()
            && first.dead
        {
            let (mut exit, mut ended) = (first.exit, first.died);
            for pane in own {
                if !pane.dead {
                    return session;
                }
                // Of several commands none speaks for the session.
                (exit, ended) = (None, None);
            }
            session.state = State::Ended;
            session.exit = exit;
            session.ended = ended.map(Into::into);
        }
        session
    }
}

/// A line of the form `panes`.
struct Pane<'a> {
    session: &'a str,
    dead: bool,
    exit: Option<ExitStatus>,
    /// Seconds since 1970.
    died: Option<&'a str>,
}

impl<'a> Pane<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let [session, dead, status, rest] = fields(line, " ")?;
        // tmux before 3.4 does not know the time, and puts nothing there.
        let (signal, died) = rest.split_once(' ').unwrap_or((rest, ""));
        let exit = match (signal.parse(), status.parse()) {
            (Ok(signal), _) if signal > 0 => Some(ExitStatus::Signal(signal)),
            (_, Ok(code)) => Some(ExitStatus::Code(code)),
            _ => None,
        };
        let died = died.bytes().all(|byte| byte.is_ascii_digit()).then_some(died);
        Some(Pane { session, dead: dead == "1", exit, died: died.filter(|at| !at.is_empty()) })
    }
}

/// Whether tmux's message says that the server ended while it was being asked.
pub fn server_ended(message: &str) -> bool {
    message.contains("server exited") || message.contains("lost server")
}

/// Whether tmux's message says that there is no server here, which is an empty list.
pub fn no_server(message: &str) -> bool {
    message.contains("no server running")
        || server_ended(message)
        || (message.contains("error connecting")
            && (message.contains("No such file") || message.contains("Connection refused")))
}

/// Whether tmux's message says that there is no session of the name or id that it was asked for; where
/// there is no server, there is none either.
pub fn is_missing(message: &str) -> bool {
    message.contains("can't find session") || no_server(message)
}

/// Whether tmux can take a name for nothing but a name: neither for an id nor for words of its own.
pub fn is_plain(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    // Printed by tmux 3.3a.
    const LINES: &str = "\
$1 22613.1795412169 1795412169 1 0 22623 ,foo
$0 22613.1795412169 1795412169 2 1 22618 22620 ,foo-bar
$7 22613.1795412169 1795412170 1 0 ,a, b [1] $2
";

    fn rows() -> Vec<Row<'static>> {
        LINES.lines().filter_map(Row::parse).collect()
    }

    #[test]
    fn lines_are_read_field_by_field() {
        let rows = rows();
        assert_eq!(rows.len(), 3);
        assert_eq!((rows[0].id, rows[0].name, rows[0].created), ("$1", "foo", "1795412169"));
        let session = rows[1].session("");
        assert_eq!(session.windows, Some(2));
        assert_eq!(session.details, [("attached".to_string(), "1".to_string())]);
        assert!(!rows[1].may_have_ended());
    }

    #[test]
    fn a_name_may_look_like_fields() {
        assert_eq!(rows()[2].name, "a, b [1] $2");
        assert!(rows()[2].may_have_ended());
    }

    #[test]
    fn other_lines_are_none() {
        for line in ["", "$1", "$1 2.3 4 5 6 7", "warning: 1 2 3 4 5,6", "a b c d e f,g"] {
            assert_eq!(Row::parse(line), None, "{line:?}");
        }
    }

    #[test]
    fn a_session_of_dead_panes_has_ended() {
        let rows = rows();
        let ended = rows[2].session("$1 0  \n$7 1 7 \n$70 0  ");
        assert_eq!((ended.state, ended.exit), (State::Ended, Some(ExitStatus::Code(7))));
        assert_eq!(ended.ended, None);
        let newer = rows[2].session("$7 1 7  1795412180\n");
        assert_eq!(newer.exit, Some(ExitStatus::Code(7)));
        assert_eq!(newer.ended.as_deref(), Some("1795412180"));
        let killed = rows[2].session("$7 1  9\n");
        assert_eq!(killed.exit, Some(ExitStatus::Signal(9)));
        let unknown = rows[2].session("$7 1  \n");
        assert_eq!((unknown.state, unknown.exit), (State::Ended, None));
    }

    #[test]
    fn one_live_pane_is_enough() {
        let row = rows()[2];
        assert_eq!(row.session("$7 1 7 \n$7 0  \n").state, State::Running);
        assert_eq!(row.session("$7 0  \n$7 1 7 \n").state, State::Running);
        let both_dead = row.session("$7 1 7 \n$7 1 8 \n");
        assert_eq!((both_dead.state, both_dead.exit), (State::Ended, None));
    }

    #[test]
    fn no_server_is_told_from_a_closed_door() {
        for message in [
            "no server running on /tmp/tmux-0/default\n",
            "error connecting to /tmp/tmux-0/x (No such file or directory)\n",
            "error connecting to /tmp/tmux-0/x (Connection refused)\n",
            "server exited unexpectedly\n",
        ] {
            assert!(no_server(message), "{message}");
        }
        assert!(!no_server("error connecting to /tmp/tmux-0/default (Permission denied)\n"));
        assert!(!no_server("open terminal failed: not a terminal\n"));
    }

    #[test]
    fn only_a_plain_name_is_asked_for_alone() {
        for name in ["web", "a-b_c", "7"] {
            assert!(is_plain(name), "{name}");
        }
        for name in ["", "$1", "@1", "%1", "=x", "-x", "_x", "{last}", "a;", "a b", "é", "a.b"] {
            assert!(!is_plain(name), "{name}");
        }
        // As tmux 3.3a says it.
        assert!(is_missing("can't find session: web\n"));
        assert!(is_missing("no server running on /tmp/tmux-0/default\n"));
        assert!(!is_missing("unknown option -- t\n"));
    }
}
