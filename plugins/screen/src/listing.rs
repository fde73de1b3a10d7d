//! Reading what `screen -ls` prints.

use kst_plugin::prelude::*;

/// A session's line: `\tPID.NAME\t(DATE)\t(STATE)`; some versions leave the date out, and it follows
/// the user's language.
#[derive(Debug, PartialEq)]
pub struct Row<'a> {
    /// What screen was told with `-S`. It may hold anything, tabs too.
    pub name: &'a str,
    /// Whether screen told since when it is there.
    pub dated: bool,
    state: &'a str,
}

impl<'a> Row<'a> {
    /// `None` for a line that is no session's.
    pub fn parse(line: &'a str) -> Option<Self> {
        let (pid, rest) = line.strip_prefix('\t')?.split_once('.')?;
        if pid.is_empty() || !pid.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        // From the end, so that a name with tabs stays whole.
        let (rest, state) = last_in_brackets(rest)?;
        let dated = last_in_brackets(rest);
        let name = dated.map_or(rest, |(name, _date)| name);
        Some(Row { name, dated: dated.is_some(), state })
    }

    /// The session that it is.
    pub fn session(&self) -> Session {
        let state = match self.state {
            "Attached" | "Detached" | "Multi, attached" | "Multi, detached" => State::Running,
            dead if dead.starts_with("Dead") || dead.starts_with("Removed") => State::Ended,
            _ => State::Unknown,
        };
        let mut session = Session::new(self.name, state);
        if state != State::Ended {
            session.detail("screen", self.state);
        }
        session
    }
}

/// The sessions of a whole list.
pub fn rows(output: &Output) -> impl Iterator<Item = Row<'_>> {
    output.lines().filter_map(|line| Row::parse(line.trim_end_matches('\r')))
}

/// `REST` and `TEXT` of `REST\t(TEXT)`.
fn last_in_brackets(line: &str) -> Option<(&str, &str)> {
    let (rest, last) = line.rsplit_once('\t')?;
    Some((rest, last.strip_prefix('(')?.strip_suffix(')')?))
}

/// Whether screen printed a list, be it an empty one.
pub fn is_list(stdout: &str) -> bool {
    [
        "No Sockets found",
        "There is a screen",
        "There are screens",
        "There is a suitable",
        "There are several",
    ]
    .iter()
    .any(|text| stdout.contains(text))
        || stdout.lines().any(|line| Row::parse(line.trim_end_matches('\r')).is_some())
}

/// Why screen failed: it prints its complaints where others print results.
pub fn failure(output: &Output) -> Error {
    let line = output.first_line().trim();
    if line.is_empty() { output.failure() } else { Error::unavailable(line) }
}

/// Whether this version (`4.09.00`) has no `-Logfile`, which came with 4.6.
pub fn too_old(version: &str) -> bool {
    let mut numbers = version.split('.').map(|part| part.parse::<u32>().ok());
    match (numbers.next().flatten(), numbers.next().flatten()) {
        (Some(major), Some(minor)) => (major, minor) < (4, 6),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Printed by screen 4.09.00.
    const LIST: &str = "There are screens on:\r\n\
        \t4883.a\t(b)\tc\t(11/23/26 05:53:16)\t(Detached)\n\
        \t4879.foo\t(11/23/26 05:53:16)\t(Attached)\n\
        \t4877.foo-bar.x\t(11/23/26 05:53:16)\t(Dead ???)\n\
        3 Sockets in /run/screen/S-me.\r\n";

    fn output() -> Output {
        Output::new(ExitStatus::Code(0), LIST, "")
    }

    #[test]
    fn names_are_whole() {
        let output = output();
        let names: Vec<&str> = rows(&output).map(|row| row.name).collect();
        assert_eq!(names, ["a\t(b)\tc", "foo", "foo-bar.x"]);
    }

    #[test]
    fn states_are_told() {
        let output = output();
        let states: Vec<State> = rows(&output).map(|row| row.session().state).collect();
        assert_eq!(states, [State::Running, State::Running, State::Ended]);
    }

    #[test]
    fn a_line_may_lack_the_date() {
        let row = Row::parse("\t12.dev\t(Detached)");
        assert_eq!(row.map(|row| (row.name, row.dated)), Some(("dev", false)));
        assert!(Row::parse("\t12.dev\t(now)\t(Detached)").is_some_and(|row| row.dated));
    }

    #[test]
    fn other_lines_are_none() {
        for line in ["", "12.dev\t(Detached)", "\tx.dev\t(Detached)", "\t12.dev", "\t.a\t(b)"] {
            assert_eq!(Row::parse(line), None, "{line:?}");
        }
    }

    #[test]
    fn an_empty_list_is_a_list() {
        assert!(is_list("No Sockets found in /run/screen/S-me.\n\n"));
        assert!(!is_list("Cannot make directory '/run/screen': Permission denied\n"));
    }

    #[test]
    fn old_versions_are_known() {
        assert!(too_old("4.05.00") && too_old("4.00.03"));
        assert!(!too_old("4.09.00") && !too_old("5.0.0") && !too_old("dev"));
    }
}
