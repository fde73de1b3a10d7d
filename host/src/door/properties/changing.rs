//! Changes and plans: the argv is the request, all of it and nothing else.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::sync::{Arc, Mutex};

use proptest::prelude::*;

use super::super::call::{Call, CallSettings, NoProcesses, Observer, RunInfo, RunOutcome};
use super::super::error::DoorError;
use super::super::fill::NoFiles;
use super::super::fixture::{form, manifest, two_engines};
use super::super::form::Placeholder;
use super::super::manifest::{Effect, Operation};
use super::super::program::Programs;
use super::super::request::{Location, Request};
use super::read_back::{From, Seen, is_line, read_back};
use super::usage::{How, Piece, Usage, ask_option, filler, place};
use super::{Share, holds, texts};
use crate::session::OptionValue;

/// A form for an operation, and what is asked for.
#[derive(Debug, Clone)]
struct Case {
    usage: Usage,
    request: Request,
    /// Whether the form has a place for whatever can be asked for.
    complete: bool,
    /// Whether no value is one that some rule is against.
    tame: bool,
}

/// What the door made of a case.
#[derive(Debug)]
enum Made {
    /// The words after the program, and the lines of the env file.
    Argv(Vec<OsString>, Option<(String, String)>),
    Refused(DoorError),
    /// The manifest was.
    NotApprovable,
}

#[test]
fn the_argv_holds_all_of_the_request_and_nothing_else() {
    let accepted = Share::default();
    holds(1500, &case(), |case| {
        let made = made(&case, &[]);
        accepted.note(matches!(made, Made::Argv(..)));
        match made {
            Made::Argv(words, env_file) => {
                let from = From {
                    request: &case.request,
                    has_locations: true,
                    id: None,
                    env_file: env_file.as_ref().map(|(path, _)| path.as_str()),
                    own: &[],
                };
                let read = read_back(&case.usage, &from, &words);
                let seen = read.map_err(|what| fail(&case, &what))?;
                let env = env_file.as_ref().map_or("", |(_, lines)| lines);
                whole(&case.request, &seen, env).map_err(|what| fail(&case, &what))
            }
            Made::Refused(error) if case.complete && case.tame => {
                Err(fail(&case, &format!("refused for no reason: {error}")))
            }
            Made::NotApprovable if case.complete => Err(fail(&case, "not approvable")),
            _ => Ok(()),
        }
    });
    accepted.at_least(35);
}

#[test]
fn no_word_of_the_backend_stands_in_a_change() {
    let own = proptest::collection::vec(texts::wild(), 1..4);
    holds(300, &(case(), own), |(case, own)| match made(&case, &own) {
        Made::Argv(words, _) => Err(fail(&case, &format!("{words:?} with {own:?}"))),
        _ => Ok(()),
    });
}

/// Whether everything that was asked for has been seen, as `wit/manifest.wit` wants it.
fn whole(request: &Request, seen: &Seen, env_file: &str) -> Result<(), String> {
    let has = |placeholder: Placeholder| seen.values.contains(&placeholder);
    let need = |needed: bool, placeholder: Placeholder| match needed && !has(placeholder.clone()) {
        true => Err(format!("without {placeholder}")),
        false => Ok(()),
    };
    need(true, Placeholder::Name)?;
    need(request.launch.is_some(), Placeholder::Launch)?;
    for (name, value) in &request.options {
        match value {
            OptionValue::Flag(on) => {
                if *on && !seen.flags.contains(name) {
                    return Err(format!("without the option {name}"));
                }
            }
            OptionValue::List(list) if list.is_empty() => {}
            _ => need(true, Placeholder::Option(name.clone()))?,
        }
    }
    if has(Placeholder::Launch) {
        return Ok(());
    }
    let (lines, others): (Vec<_>, Vec<_>) = request.env.iter().partition(|entry| is_line(entry));
    need(request.command.as_ref().is_some_and(|words| !words.is_empty()), Placeholder::Command)?;
    need(request.workdir.is_some(), Placeholder::Workdir)?;
    need(!lines.is_empty(), Placeholder::EnvFile)?;
    need(!others.is_empty(), Placeholder::EnvInherited)?;
    let lines: String = lines.iter().map(|(key, value)| format!("{key}={value}\n")).collect();
    match lines == env_file {
        true => Ok(()),
        false => Err(format!("the env file holds {env_file:?}")),
    }
}

fn fail(case: &Case, what: &str) -> TestCaseError {
    TestCaseError::fail(format!("`{}`: {what}", case.usage.line()))
}

/// The argv that the door would run, as a dry run tells it.
fn made(case: &Case, own: &[String]) -> Made {
    let operation = case.request.operation;
    let effect = if operation == Operation::Exec { Effect::Plan } else { Effect::Changes };
    let forms = vec![form("f", &[operation], effect, &case.usage.line(), None)];
    let here = case.request.launch.is_some();
    let manifest = if here { manifest(forms) } else { two_engines(forms) };
    let Ok(checked) = manifest.check() else { return Made::NotApprovable };
    let standing = BTreeMap::from([("eng".to_owned(), OsString::from("/bin/sh"))]);
    let witness = Arc::new(Witness::default());
    let call = Call::new(
        Arc::new(checked),
        Arc::new(Programs::new(Some("/usr/bin:/bin".into()), standing)),
        Arc::new(NoFiles),
        case.request.clone(),
        Arc::new(NoProcesses),
        witness.clone(),
        CallSettings { dry_run: true, ..CallSettings::default() },
    );
    let error = match effect {
        Effect::Plan if own.is_empty() => call.plan("f").err(),
        _ => call.run("f", own).err(),
    };
    match (witness.0.lock().unwrap().take(), error) {
        (Some((words, env_file)), None | Some(DoorError::DryRun)) => Made::Argv(words, env_file),
        (None, Some(error)) => Made::Refused(error),
        other => panic!("{other:?}"),
    }
}

type Told = (Vec<OsString>, Option<(String, String)>);

/// Notes what would be run; its env file can be read as long as it is told of.
#[derive(Default)]
struct Witness(Mutex<Option<Told>>);

impl Observer for Witness {
    fn planned(&self, run: &RunInfo<'_>) {
        let words = run.argv.iter().skip(1).cloned().collect();
        let file = run.argv.iter().find_map(|word| {
            let word = word.to_str()?;
            let digits = word.split_once("/dev/fd/")?.1.trim_start_matches('/');
            let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
            let path = format!("/dev/fd/{}", &digits[..end]);
            Some((std::fs::read_to_string(&path).ok()?, path))
        });
        *self.0.lock().unwrap() = Some((words, file.map(|(lines, path)| (path, lines))));
    }

    fn ran(&self, run: &RunInfo<'_>, _: &RunOutcome<'_>) {
        panic!("a dry run ran {:?}", run.argv);
    }
}

/// A start or an exec, here or elsewhere.
fn case() -> impl Strategy<Value = Case> {
    (any::<bool>(), any::<bool>()).prop_flat_map(|(here, tame)| {
        let text = if tame { texts::tame().boxed() } else { texts::wild().boxed() };
        let usage = if here { usage_here().boxed() } else { usage_elsewhere().boxed() };
        (usage, request(here, text)).prop_map(move |((usage, complete), request)| {
            let mut request = request;
            if !here {
                request.location.name = "eng".to_owned();
            }
            Case { usage, request, complete, tame }
        })
    })
}

fn usage_here() -> impl Strategy<Value = (Usage, bool)> {
    let needed = vec![
        place(Placeholder::Location, How::Either).boxed(),
        place(Placeholder::Name, How::Either).boxed(),
        place(Placeholder::Launch, How::Either).boxed(),
    ];
    let besides = vec![
        place(Placeholder::Workdir, How::Grouped).boxed(),
        place(Placeholder::Recorder, How::Grouped).boxed(),
        place(Placeholder::Log, How::Grouped).boxed(),
    ];
    usage(Just("eng"), needed, besides)
}

fn usage_elsewhere() -> impl Strategy<Value = (Usage, bool)> {
    let needed = vec![
        place(Placeholder::Name, How::Either).boxed(),
        place(Placeholder::Command, How::Grouped).boxed(),
        place(Placeholder::Workdir, How::Grouped).boxed(),
        // Its path is no text of anybody's.
        Just(Piece::Group {
            asks: Vec::new(),
            words: vec![vec![
                super::usage::Bit::Text("--env-file=".to_owned()),
                super::usage::Bit::Value(Placeholder::EnvFile, Vec::new()),
            ]],
            repeated: false,
        })
        .boxed(),
        place(Placeholder::EnvInherited, How::List).boxed(),
    ];
    let besides = vec![
        place(Placeholder::Run, How::Grouped).boxed(),
        place(Placeholder::Timeout, How::Grouped).boxed(),
        place(Placeholder::Location, How::Either).boxed(),
    ];
    usage(proptest::sample::select(vec!["eng", "{location}"]), needed, besides)
}

/// Words in any order: what is needed, though now and then one is left out, options, and others.
fn usage(
    first: impl Strategy<Value = &'static str>,
    mut needed: Vec<BoxedStrategy<Piece>>,
    besides: Vec<BoxedStrategy<Piece>>,
) -> impl Strategy<Value = (Usage, bool)> {
    let option = |name: &str| Placeholder::Option(name.to_owned());
    needed.push(place(option("image"), How::Grouped).boxed());
    needed.push(place(option("volumes"), How::List).boxed());
    needed.push(ask_option("tty").boxed());
    let kept = proptest::collection::vec(proptest::bool::weighted(0.96), needed.len());
    let added = proptest::collection::vec(proptest::bool::weighted(0.3), besides.len());
    let others = proptest::collection::vec(filler(), 0..4);
    let parts = (first, needed, kept, besides, added, others);
    parts.prop_flat_map(|(first, needed, kept, besides, added, others)| {
        let complete = kept.iter().all(|kept| *kept);
        let chosen = needed.into_iter().zip(kept).chain(besides.into_iter().zip(added));
        let pieces = chosen.filter(|(_, chosen)| *chosen).map(|(piece, _)| piece).chain(others);
        let pieces: Vec<Piece> = pieces.collect();
        let pieces = Just(pieces).prop_shuffle();
        (Just(first), pieces, Just(complete))
            .prop_map(|(first, pieces, complete)| (Usage { first, pieces }, complete))
    })
}

/// What somebody asks for, in such texts.
fn request(here: bool, text: BoxedStrategy<String>) -> impl Strategy<Value = Request> {
    use proptest::collection::vec;
    use proptest::option::of;
    let location = (text.clone(), any::<bool>(), any::<bool>())
        .prop_map(|(name, is_default, inside)| Location { name, is_default, inside });
    let operation = proptest::sample::select(vec![Operation::Start, Operation::Exec]);
    let words = || vec(text.clone(), 0..4);
    let options = (of(text.clone()), of(words()), of(any::<bool>()), of(any::<i32>()));
    let options = options.prop_map(|(image, volumes, tty, number)| {
        let image = image.map(OptionValue::Text);
        let number = number.filter(|number| *number >= 0).map(i64::from).map(OptionValue::Number);
        let given = [
            ("image", image.or(number)),
            ("volumes", volumes.map(OptionValue::List)),
            ("tty", tty.map(OptionValue::Flag)),
        ];
        let given = given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        given.collect::<BTreeMap<_, _>>()
    });
    let value = prop_oneof![4 => text.clone(), 1 => text.clone().prop_map(|text| text + "\nb")];
    let env = proptest::collection::btree_map("Q[A-Z]_[A-Z]", value, 0..3);
    let here_alone = (words(), of(words()), of(text.clone()));
    let always = (operation, location, text.clone(), options, any::<(bool, bool)>());
    let elsewhere = (of(words()), env, of(text.clone()), of("[0-9a-f]{8}"), of(any::<u32>()));
    (always, here_alone, elsewhere).prop_map(move |(always, here_alone, elsewhere)| {
        let (operation, location, name, options, (terminal, force)) = always;
        let (launch, recorder, log) = here_alone;
        let (command, env, workdir, run, timeout) = elsewhere;
        let words = |words: Vec<String>| words.into_iter().map(OsString::from).collect();
        Request {
            name: Some(name),
            options,
            terminal,
            force,
            launch: here.then(|| words(launch)),
            recorder: recorder.filter(|_| here).map(words),
            log: log.filter(|_| here).map(Into::into),
            command,
            env: env.into_iter().collect(),
            workdir,
            run,
            timeout,
            ..Request::new(operation, location)
        }
    })
}
