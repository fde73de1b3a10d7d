//! Tips that clap has not got by itself.

use std::ffi::OsString;

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::render::table::shortened;
use super::render::words;
use super::{STYLES, definition};

/// Say how `kst start NAME CMD…` is written, where that was meant, and what goes without a name.
pub fn add(error: &mut clap::Error, args: &[OsString]) {
    let literal = STYLES.get_literal();
    let tip = match (with_dashes(error, args), instead_of_names(error, args)) {
        (Some(line), _) => {
            format!("put the command behind two dashes: {literal}{line}{literal:#}")
        }
        (None, Some((option, what))) => format!("{literal}{option}{literal:#} {what}"),
        (None, None) => return,
    };
    error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![StyledStr::from(tip)]));
}

/// The option that stands for names, where they are missing, and what it means.
fn instead_of_names(
    error: &clap::Error,
    args: &[OsString],
) -> Option<(&'static str, &'static str)> {
    if error.kind() != ErrorKind::MissingRequiredArgument {
        return None;
    }
    let known = |name: &str| args.iter().any(|arg| arg == name);
    [
        ("stop", "--all", "stops every session that kst started"),
        ("logs", "--all", "shows the output of all sessions"),
        ("remove", "--exited", "removes all that kst started and that have ended"),
    ]
    .into_iter()
    .find(|(command, ..)| known(command))
    .map(|(_, option, what)| (option, what))
}

/// How long a command line is shown, in columns.
const LONGEST: usize = 100;

/// The command line with `--` before the first word that was too many, if that makes it a good one.
/// Options are left out: there may be a secret in one.
fn with_dashes(error: &clap::Error, args: &[OsString]) -> Option<String> {
    if error.kind() != ErrorKind::UnknownArgument {
        return None;
    }
    let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidArg) else { return None };
    if word.starts_with('-') || args.iter().any(|arg| arg == "--") {
        return None;
    }
    let same = args.iter().enumerate().skip(1).filter(|(_, arg)| *arg == word.as_str());
    // The name may be the same word, or the value of an option: then this is no good line.
    let (at, name) = same.map(|(at, _)| at).find_map(|at| {
        let (before, command) = args.split_at(at);
        let matches = definition()
            .try_get_matches_from([before, &[OsString::from("--")], command].concat())
            .ok()?;
        let (sub, found) = matches.subcommand()?;
        let name = matches!(sub, "start" | "exec").then(|| found.get_one::<String>("name"))??;
        Some((at, (sub.to_owned(), name.clone())))
    })?;
    let (sub, name) = name;
    let bare = at == "kst start NAME".split(' ').count();
    let command: Vec<_> = args.iter().skip(at).map(|arg| arg.to_string_lossy()).collect();
    let options = if bare { "" } else { "… " };
    let line = format!("kst {sub} {} {options}-- {}", words::line(&[name]), words::line(&command));
    Some(shortened(&line, LONGEST).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(line: &[&str]) -> String {
        let args: Vec<OsString> = line.iter().map(OsString::from).collect();
        let mut error = definition().try_get_matches_from(&args).unwrap_err();
        add(&mut error, &args);
        error.to_string()
    }

    #[test]
    fn what_goes_without_a_name_is_told() {
        for (line, tip) in [
            (["kst", "stop"], "tip: --all stops every session"),
            (["kst", "logs"], "tip: --all shows"),
            (["kst", "remove"], "tip: --exited removes"),
        ] {
            let error = refused(&line);
            assert!(error.contains(tip), "{line:?}: {error}");
        }
        assert!(!refused(&["kst", "wait"]).contains("--all"));
    }

    #[test]
    fn a_command_behind_the_name_gets_its_dashes() {
        for (line, tip) in [
            (&["kst", "start", "x", "sleep", "5"][..], "kst start x -- sleep 5"),
            (
                &["/bin/kst", "--json", "start", "x", "-e", "A=s3cret", "sh", "-c", "a b"],
                "kst start x … -- sh -c 'a b'",
            ),
            (&["kst", "exec", "db", "ls", "-l"], "kst exec db -- ls -l"),
            (&["kst", "start", "sleep", "sleep", "5"], "kst start sleep -- sleep 5"),
            (&["kst", "start", "-b", "top", "top", "top"], "kst start top … -- top"),
        ] {
            let error = refused(line);
            assert!(error.contains(&format!("two dashes: {tip}\n")), "{line:?}: {error}");
        }
    }

    #[test]
    fn nothing_else_does() {
        for line in [
            &["kst", "attach", "x", "y"][..],
            &["kst", "start", "x", "--foo"],
            &["kst", "start", "x", "-c", "a", "y"],
            &["kst", "list", "x"],
            &["kst", "strat", "x", "y"],
        ] {
            let error = refused(line);
            assert!(!error.contains("two dashes"), "{line:?}: {error}");
        }
    }
}
