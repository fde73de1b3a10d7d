//! What the fuzzers call: forms and `gives` lines. See `tests/fuzz`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::sync::{Arc, Mutex};

use super::bind::{Binding, Bindings};
use super::call::{Call, CallSettings, NoProcesses, Observer, RunInfo, RunOutcome};
use super::error::DoorError;
use super::fill::{NoFiles, Source, fill};
use super::fixture::{form, listing, manifest, request, two_engines};
use super::gives::Gives;
use super::manifest::{Effect, Operation};
use super::program::Programs;
use super::{Request, amounts, render};
use crate::session::OptionValue;

/// A usage line, a `gives` line and the texts of a request, with NUL between: parsed, shown and
/// filled. The first byte says which operation and which backend it is. Returns whether an argv
/// came of it.
///
/// # Panics
///
/// Where the argv is not what the door promises.
pub fn forms(data: &[u8]) -> bool {
    let Some((&how, rest)) = data.split_first() else { return false };
    let text = String::from_utf8_lossy(rest);
    let mut texts = text.split('\0');
    let mut next = || texts.next().unwrap_or_default().to_owned();
    let (usage, gives) = (next(), Some(next()).filter(|gives| !gives.is_empty()));
    let (operation, effect) = match how % 4 {
        0 => (Operation::Start, Effect::Changes),
        1 => (Operation::Exec, Effect::Plan),
        2 => (Operation::Stop, Effect::Changes),
        _ => (Operation::List, Effect::Reads),
    };
    let here = how & 4 == 0;
    let decl = form("f", &[operation], effect, &usage, gives.as_deref());
    let forms = vec![listing(), decl];
    let manifest = if here { manifest(forms) } else { two_engines(forms) };
    let shown = render(&manifest);
    assert!(!shown.contains(|c: char| c.is_control() && c != '\n'), "{shown:?}");
    let _ = amounts(&manifest, &["eng"]);
    let checked = match manifest.check() {
        Ok(checked) => checked,
        Err(error) => {
            assert!(!error.to_string().contains(char::is_control), "{error}");
            return false;
        }
    };

    let mut request = request(operation);
    request.location.name = if here { next() } else { "eng".to_owned() };
    request.location.inside = how & 8 != 0;
    request.terminal = how & 16 != 0;
    request.force = how & 32 != 0;
    request.name = Some(next());
    let words = [next(), next()];
    match here {
        true => request.launch = Some(words.iter().map(OsString::from).collect()),
        false => request.command = Some(words.to_vec()),
    }
    request.workdir = Some(next()).filter(|text| !text.is_empty());
    let options =
        [("image", OptionValue::Text(next())), ("volumes", OptionValue::List(vec![next()]))];
    let options = options.into_iter().filter(|(name, _)| how & 64 != 0 || usage.contains(name));
    request.options = options.map(|(name, value)| (name.to_owned(), value)).collect();
    request.env = vec![("A".to_owned(), next())];
    request.lines = Some(7);
    request.since = Some(jiff::Timestamp::UNIX_EPOCH);
    request.times = how & 128 != 0;
    let own: Vec<String> = texts.map(str::to_owned).collect();

    if effect == Effect::Reads {
        let source = Source {
            request: &request,
            has_locations: true,
            bound: &Binding::None,
            files: &NoFiles,
            env_file: None,
        };
        let form = checked.form("f").expect("it was declared");
        let filled = fill(form, &own, &source);
        if let Ok(filled) = &filled {
            sound(&filled.words, &usage, &request);
        }
        return filled.is_ok();
    }
    let standing = BTreeMap::from([("eng".to_owned(), OsString::from("/bin/sh"))]);
    let witness = Arc::new(Witness::default());
    let call = Call::new(
        Arc::new(checked),
        Arc::new(Programs::new(Some("/usr/bin:/bin".into()), standing)),
        Arc::new(NoFiles),
        request.clone(),
        Arc::new(NoProcesses),
        witness.clone(),
        CallSettings { dry_run: true, ..CallSettings::default() },
    );
    if !own.is_empty() {
        assert!(call.run("f", &own) != Err(DoorError::DryRun) || usage.contains("{any}"));
    }
    let _ = match effect {
        Effect::Plan => call.plan("f").err(),
        _ => call.run("f", &[]).err(),
    };
    let planned = witness.0.lock().expect("one thread").take();
    if let Some(words) = &planned {
        sound(words, &usage, &request);
    }
    planned.is_some()
}

/// What holds of every argv: its size, and that no value has become an option.
fn sound(words: &[OsString], usage: &str, request: &Request) {
    let bytes: usize = words.iter().map(|word| word.len() + 1).sum();
    assert!(bytes <= 1024 * 1024 && words.len() <= 65_536);
    // With `{any}...` the backend may say what the request says, too.
    if usage.contains("{any}") {
        return;
    }
    let options = request.options.values().filter_map(|value| match value {
        OptionValue::Text(text) => Some(text.as_str()),
        _ => None,
    });
    let values = [request.name.as_deref(), request.workdir.as_deref()];
    let values = values.into_iter().flatten().chain([&*request.location.name]).chain(options);
    for value in values.filter(|value| value.starts_with('-') && !usage.contains(value)) {
        let launched = request.launch.iter().flatten().any(|word| word == value);
        let commanded = request.command.iter().flatten().any(|word| word == value);
        let place = words.iter().position(|word| word == value);
        if let Some(place) = place.filter(|_| !launched && !commanded) {
            assert!(words[..place].iter().any(|word| word == "--"), "`{usage}`: {words:?}");
        }
    }
}

/// Notes what would be run.
#[derive(Default)]
struct Witness(Mutex<Option<Vec<OsString>>>);

impl Observer for Witness {
    fn planned(&self, run: &RunInfo<'_>) {
        *self.0.lock().expect("one thread") = Some(run.argv.iter().skip(1).cloned().collect());
    }

    fn ran(&self, run: &RunInfo<'_>, _: &RunOutcome<'_>) {
        panic!("a dry run ran {:?}", run.argv);
    }
}

/// A `gives` line, a session's name, its run and what a program printed, with NUL between. Returns
/// whether the name was bound.
///
/// # Panics
///
/// Where it was bound to what no line says.
pub fn gives(data: &[u8]) -> bool {
    let mut parts = data.splitn(4, |&byte| byte == 0);
    let mut next = || parts.next().unwrap_or_default();
    let (line, name, run, printed) = (next(), next(), next(), next());
    let [line, name, run] = [line, name, run].map(String::from_utf8_lossy);
    let gives = match Gives::parse(&line) {
        Ok(gives) => gives,
        Err(why) => {
            assert!(!why.is_empty() && !why.contains(char::is_control), "{why:?}");
            return false;
        }
    };
    let request = Request {
        name: Some(name.clone().into_owned()),
        run: Some(run.into_owned()).filter(|run| !run.is_empty()),
        ..request(Operation::Stop)
    };
    let mut bindings = Bindings::default();
    let fed =
        bindings.feed(&gives, Effect::Reads, Path::new("/bin/eng"), printed, &request, 100_000);
    let Binding::One { row, .. } = &bindings.bound else { return false };
    assert!(fed.is_ok() || bindings.rows.len() >= 100_000);
    assert_eq!(row.name.as_deref(), Some(&*name));
    // One line of it says both.
    let says = |text: &str| {
        let text = text.as_bytes();
        let mut lines = printed.split(|&byte| byte == b'\n');
        lines.any(|line| [name.as_bytes(), text].iter().all(|part| holds(line, part)))
    };
    for text in [&row.id, &row.instance, &row.run].into_iter().flatten() {
        assert!(says(text), "no line says {text:?} of {name:?}");
        assert!(!text.starts_with('-') && !text.contains(char::is_whitespace) && text.len() <= 256);
    }
    assert!(row.pids.iter().all(|pid| *pid > 0));
    if let Some(run) = request.run
        && line.contains("{run}")
    {
        assert_eq!(row.run, Some(run));
    }
    true
}

fn holds(line: &[u8], part: &[u8]) -> bool {
    part.is_empty() || line.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::steady;

    /// Run it on made-up inputs; some of them come to their end.
    fn run(kind: &str, count: u32, target: fn(&[u8]) -> bool) {
        let whole = Cell::new(0_u32);
        let seeds = steady::files(&format!("tests/fuzz/seeds/{kind}"), "");
        steady::run(&seeds, count, |data| whole.set(whole.get() + u32::from(target(data))));
        assert!(whole.get() * 20 > count, "only {} of {count}", whole.get());
    }

    #[test]
    fn forms_made_up() {
        run("forms", 6000, forms);
    }

    #[test]
    fn lines_made_up() {
        run("gives", 20_000, gives);
    }
}
