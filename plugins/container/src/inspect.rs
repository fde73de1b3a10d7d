//! Reading a line of the forms `container` and `containers`.

use kst_plugin::prelude::*;

use super::engine;

/// How many values stand at the end of a line.
const VALUES: usize = 12;

/// The time that stands for "never" in both engines.
const NEVER: &str = "0001-01-01T00:00:00Z";

/// A container, as its engine describes it.
#[derive(Debug, PartialEq)]
pub struct Container<'a> {
    /// Its name, without docker's slash.
    pub name: &'a str,
    /// The label of the start that made it, if that was one of kst's.
    run: String,
    values: [String; VALUES],
}

impl<'a> Container<'a> {
    /// `None` for a line that is no such line.
    pub fn parse(line: &'a str) -> Option<Self> {
        let [_id, name, _pid, rest] = fields(line, " ")?;
        let (run, rest) = scalar(rest)?;
        let mut rest = rest.strip_prefix(' ')?;
        let mut values: [String; VALUES] = Default::default();
        for (index, slot) in values.iter_mut().enumerate() {
            if index > 0 {
                rest = rest.strip_prefix(',')?;
            }
            let (value, after) = scalar(rest)?;
            *slot = value;
            rest = after;
        }
        rest.is_empty().then_some(Container { name, run, values })
    }

    /// The session that it is.
    pub fn session(&self) -> Session {
        let [status, code, oom, created, started, finished, restarts, health, image, error, ..] =
            &self.values;
        let mut session = Session::new(self.name, state(status));
        session.created = time(created);
        session.started = time(started);
        session.image = text(image);
        session.health = text(health).filter(|health| health != "none");
        let oom = oom == "true";
        session.restarts = restarts.parse().ok();
        session.out_of_memory = session.started.as_ref().map(|_| oom);
        // One that never started has a code, too, of docker's own making; and of one that is about to be
        // started once more podman has forgotten it.
        if session.state == State::Ended && session.started.is_some() && !is_made(status) {
            session.ended = time(finished);
            session.exit = code.parse().ok().map(|code| ended(code, oom));
        }
        // It has ended, and is about to be started again: how the last time went.
        if status == "restarting" {
            session.ended = time(finished);
            session.exit = code.parse().ok().map(|code| ended(code, oom));
        }
        if !matches!(status.as_str(), "running" | "exited" | "stopped") {
            session.detail("status", status);
        }
        session.detail("error", error);
        session
    }
}

impl Container<'_> {
    /// Whether its engine starts it again by itself after some end.
    pub fn has_policy(&self) -> bool {
        let [.., policy] = &self.values;
        !matches!(policy.as_str(), "" | "no")
    }

    /// Whether a server (docker's) starts it when it is itself started again, though it was stopped. A
    /// container of somebody else's keeps the policy that it was given.
    pub fn comes_with_its_engine(&self) -> bool {
        let [.., policy] = &self.values;
        !self.run.is_empty() && policy == "on-failure"
    }

    /// Whether an engine without a server (podman) starts it again now that it has ended, unless it was
    /// stopped: that is told by nothing.
    pub fn may_come_back(&self) -> bool {
        let [status, code, _, _, _, _, restarts, .., most, policy] = &self.values;
        if state(status) != State::Ended || is_made(status) {
            return false;
        }
        let count = |text: &String| text.parse::<u32>().unwrap_or(0);
        match policy.as_str() {
            "always" | "unless-stopped" => true,
            "on-failure" => {
                let again = count(most) == 0 || count(restarts) < count(most);
                code != "0" && again
            }
            _ => false,
        }
    }
}

/// The containers that one of those forms printed. What a failed one printed besides is no line.
pub fn containers(output: &Output) -> Result<Vec<Container<'_>>, Error> {
    let lines = output.lines().map(|line| Container::parse(line).ok_or(line));
    lines
        .filter(|line| line.is_ok() || output.ok())
        .map(|line| line.map_err(engine::nonsense))
        .collect()
}

/// The state that an engine's word stands for. Right after the end podman says `stopped`, later
/// `exited`.
fn state(status: &str) -> State {
    match status {
        "running" | "paused" | "restarting" | "stopping" => State::Running,
        "created" | "configured" | "initialized" | "exited" | "stopped" | "dead" | "removing" => {
            State::Ended
        }
        _ => State::Unknown,
    }
}

/// Whether it is as it was made, to be started.
fn is_made(status: &str) -> bool {
    matches!(status, "created" | "configured" | "initialized")
}

/// The engines add a signal's number to 128, and a program may return such a code itself: it was a
/// signal for sure only where the kernel killed for want of memory.
fn ended(code: i32, oom: bool) -> ExitStatus {
    if oom && code == 137 { ExitStatus::Signal(9) } else { ExitStatus::Code(code) }
}

fn time(value: &str) -> Option<String> {
    text(value).filter(|value| value != NEVER)
}

fn text(value: &str) -> Option<String> {
    (!value.is_empty()).then(|| value.into())
}

/// The JSON string, number, boolean or null at the beginning of `json`, as text (null as none), and
/// what stands after it.
fn scalar(json: &str) -> Option<(String, &str)> {
    let Some(quoted) = json.strip_prefix('"') else {
        let end = json.find([',', ' ']).unwrap_or(json.len());
        let (word, rest) = json.split_at_checked(end)?;
        let word = if word == "null" { "" } else { word };
        return Some((word.into(), rest));
    };
    let mut out = String::new();
    let mut chars = quoted.chars();
    loop {
        match chars.next()? {
            '"' => return Some((out, chars.as_str())),
            '\\' => out.push(match chars.next()? {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'b' => '\u{8}',
                'f' => '\u{c}',
                'u' => {
                    let (digits, rest) = chars.as_str().split_at_checked(4)?;
                    chars = rest.chars();
                    // Halves of a pair stand for a character that no message of theirs needs.
                    char::from_u32(u32::from_str_radix(digits, 16).ok()?).unwrap_or('\u{fffd}')
                }
                other => other,
            }),
            other => out.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Printed by podman 4.3.1 and by docker 28 with engine 20.10, ids shortened.
    const PODMAN_RUNNING: &str = r#"11491b52 t1 22987 "abc" "running",0,false,"2026-11-23T05:36:12.236685364Z","2026-11-23T05:36:12.484932168Z","0001-01-01T00:00:00Z",0,"","localhost/bb:latest","",0,"""#;
    const PODMAN_EXITED: &str = r#"98e29cfb t2  "" "exited",3,false,"2026-11-23T05:36:12.526485407Z","2026-11-23T05:36:12.768567223Z","2026-11-23T05:36:12.764499171Z",0,"","localhost/bb:latest","",0,"""#;
    const DOCKER_CREATED: &str = r#"0f48e2d4 t3  "" "created",127,false,"2026-11-23T05:36:17.464676205Z","0001-01-01T00:00:00Z","0001-01-01T00:00:00Z",0,"","localhost/bb","exec: \"nosuch\": executable file not found in $PATH: unknown",0,"no""#;

    fn session(line: &str) -> Session {
        Container::parse(line).unwrap().session()
    }

    #[test]
    fn a_running_one() {
        let session = session(PODMAN_RUNNING);
        assert_eq!((session.name.as_str(), session.state), ("t1", State::Running));
        assert_eq!(session.created.as_deref(), Some("2026-11-23T05:36:12.236685364Z"));
        assert_eq!(session.image.as_deref(), Some("localhost/bb:latest"));
        assert_eq!((session.exit, session.ended, session.health), (None, None, None));
        assert_eq!(session.started.as_deref(), Some("2026-11-23T05:36:12.484932168Z"));
        assert_eq!((session.restarts, session.out_of_memory), (Some(0), Some(false)));
        assert_eq!(session.details, []);
    }

    #[test]
    fn an_ended_one_tells_its_code() {
        let session = session(PODMAN_EXITED);
        assert_eq!((session.state, session.exit), (State::Ended, Some(ExitStatus::Code(3))));
        assert_eq!(session.ended.as_deref(), Some("2026-11-23T05:36:12.764499171Z"));
    }

    #[test]
    fn one_that_never_started_has_no_code() {
        let session = session(DOCKER_CREATED);
        assert_eq!((session.state, session.exit), (State::Ended, None));
        assert_eq!((session.started, session.out_of_memory), (None, None));
        let details: Vec<_> =
            session.details.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(
            details,
            [
                ("status", "created"),
                ("error", "exec: \"nosuch\": executable file not found in $PATH: unknown")
            ]
        );
    }

    #[test]
    fn a_signal_only_where_it_is_sure() {
        let killed = PODMAN_EXITED.replace(",3,false", ",137,false");
        assert_eq!(session(&killed).exit, Some(ExitStatus::Code(137)));
        let oom = PODMAN_EXITED.replace(",3,false", ",137,true");
        let oom = session(&oom);
        assert_eq!((oom.exit, oom.out_of_memory), (Some(ExitStatus::Signal(9)), Some(true)));
    }

    #[test]
    fn one_of_ksts_that_fails_comes_with_its_engine() {
        let comes = |line: &str| Container::parse(line).unwrap().comes_with_its_engine();
        let ours = PODMAN_RUNNING.replace("\",0,\"\"", "\",0,\"on-failure\"");
        assert!(ours.ends_with("\"on-failure\"") && ours.contains("\"abc\""));
        assert!(comes(&ours));
        assert!(!comes(&ours.replace("\"abc\"", "\"\"")));
        assert!(!comes(&ours.replace("on-failure", "unless-stopped")));
        assert!(!comes(PODMAN_RUNNING));
    }

    #[test]
    fn restarts_are_counted() {
        let again = PODMAN_RUNNING.replace("\",0,\"\",\"localhost", "\",3,\"\",\"localhost");
        assert_eq!(session(&again).restarts, Some(3));
    }

    #[test]
    fn one_that_is_started_again_tells_how_it_ended_and_may_come_back() {
        let again = PODMAN_EXITED.replace("\"exited\"", "\"restarting\"");
        let session = session(&again);
        assert_eq!((session.state, session.exit), (State::Running, Some(ExitStatus::Code(3))));
        assert_eq!(session.ended.as_deref(), Some("2026-11-23T05:36:12.764499171Z"));
        let of = |line: &str, most: &str, policy: &str| {
            let line = line.strip_suffix("0,\"\"").unwrap();
            let line = [line, most, ",\"", policy, "\""].concat();
            Container::parse(&line).unwrap().may_come_back()
        };
        let back = |most, policy| of(PODMAN_EXITED, most, policy);
        assert!(back("0", "always") && back("0", "unless-stopped"));
        assert!(back("0", "on-failure") && back("2", "on-failure"));
        assert!(!back("0", "no") && !back("0", ""));
        let twice = PODMAN_EXITED.replace("\",0,\"\",\"localhost", "\",2,\"\",\"localhost");
        assert!(of(&twice, "3", "on-failure") && !of(&twice, "2", "on-failure"));
        assert!(!of(&twice.replace(",3,false", ",0,false"), "0", "on-failure"));
        let made = PODMAN_EXITED.replace("\"exited\"", "\"created\"");
        assert!(!of(&made, "0", "always") && !of(PODMAN_RUNNING, "0", "always"));
        let made = Container::parse(&made).unwrap();
        assert!(!made.has_policy());
        assert_eq!((made.session().state, made.session().exit), (State::Ended, None));
    }

    #[test]
    fn paused_is_alive_and_said() {
        let session = session(&PODMAN_RUNNING.replace("\"running\"", "\"paused\""));
        assert_eq!(session.state, State::Running);
        assert_eq!(session.details, [("status".to_string(), "paused".to_string())]);
    }

    #[test]
    fn a_label_cannot_forge_what_follows() {
        let forged = PODMAN_RUNNING.replace("abc", r#"\" \"exited\",0,\u000a"#);
        assert_eq!(session(&forged).state, State::Running);
    }

    #[test]
    fn other_lines_are_none() {
        for line in ["", "a b", "a b c d", "a b c \"d\" \"running\",0", "Error: no such x y z"] {
            assert_eq!(Container::parse(line), None, "{line:?}");
        }
        assert_eq!(Container::parse(&[PODMAN_RUNNING, "x"].concat()), None);
    }

    #[test]
    fn another_line_is_an_error_unless_the_engine_failed() {
        let text = [PODMAN_RUNNING, "\n\n[]\n"].concat();
        let failed = Output::new(ExitStatus::Code(125), &text, "no such container x");
        assert_eq!(containers(&failed).unwrap().len(), 1);
        let garbled = Output::new(ExitStatus::Code(0), &text, "");
        assert!(matches!(containers(&garbled), Err(Error::Failed(why)) if why.contains("'[]'")));
    }

    #[test]
    fn scalars_of_all_kinds() {
        assert_eq!(scalar("null,1"), Some((String::new(), ",1")));
        assert_eq!(scalar("true"), Some(("true".into(), "")));
        assert_eq!(scalar(r#""a\u003c\n\"\\",2"#), Some(("a<\n\"\\".into(), ",2")));
        assert_eq!(scalar(r#""open"#), None);
        assert_eq!(scalar(r#""\u00"#), None);
    }
}
