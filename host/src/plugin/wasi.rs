//! The WASI that components get which import it: an empty one.
//!
//! Toolchains of many languages make components that import WASI whether or not the program needs it.
//! They are linked against this: no files, no environment, no arguments, no network. Standard input is
//! at its end, the outputs go to the debug log (`--verbose`). Time stands still but for what the
//! component itself waits for, which takes no time; random numbers are the same in each call. So a
//! component with WASI can do, and know, exactly as much as one without.
//!
//! What is asked for beyond that is refused in the function's own words where it has any (an error of
//! "access denied", nothing, an empty list), and ends the call where it has none.

use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, Linker, Resource, ResourceAny, ResourceType, Type, Val};
use wasmtime::{Result, StoreContextMut, bail};

use super::instance::State;
use crate::text::escape_controls;

/// The packages of WASI 0.2 that there is an empty form of.
const PACKAGES: [&str; 6] = ["cli", "clocks", "filesystem", "io", "random", "sockets"];

/// How much a component may write at once.
const WRITE: u64 = 4096;

/// The longest line that is kept of what a component writes; the rest of it is another line.
const LINE: usize = 2000;

/// The most random bytes at once.
const RANDOM: u64 = 65_536;

/// The most handles in a call: each costs the host memory.
const HANDLES: u32 = 10_000;

/// What handles stand for. There is nothing behind one but this number.
struct Nothing;

/// The number of a handle that is no pollable: a stream, a network.
const PLAIN: u32 = 0;

/// The standard error, whose last line tells why a component gave up.
const STDERR: u32 = 1;

/// The number of a pollable that is ready when the clock began; each millisecond later is one more.
const READY: u32 = 2;

const NANOSECONDS: u64 = 1_000_000;

/// What the empty WASI of one call knows.
#[derive(Default)]
pub(super) struct Empty {
    /// What the component has waited for so far, in milliseconds.
    waited: u64,
    /// How many random numbers were given out.
    random: u64,
    handles: u32,
    /// What was written, up to the end of its line.
    line: Vec<u8>,
    /// The last line of the standard error that says why.
    last_words: String,
    /// Whether that was it: what follows is the panic of a runtime around a program that failed.
    all_said: bool,
}

impl Empty {
    /// The last line of the standard error, escaped; none where it said nothing.
    pub(super) fn last_words(&self) -> Option<&str> {
        (!self.last_words.is_empty()).then_some(&*self.last_words)
    }

    /// A number that looks random, and is the same in each call (SplitMix64).
    fn number(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut number = self.random;
        number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        number ^ (number >> 31)
    }

    /// Those of the pollables that are ready, by their place; where none is, the time that the first
    /// one waits for has passed.
    fn poll(&mut self, pollables: &[u32]) -> Val {
        self.waited = self.waited.max(ready_at(pollables));
        let ready = (0_u32..).zip(pollables).filter(|(_, one)| ready_at(&[**one]) <= self.waited);
        Val::List(ready.map(|(place, _)| Val::U32(place)).collect())
    }

    /// Keep a line of the standard error, if it may say why a component gives up.
    fn listen(&mut self, line: &str) {
        self.all_said |= line.starts_with("thread '") && !self.last_words.is_empty();
        if !self.all_said && !line.is_empty() && !line.starts_with("note: ") {
            line.clone_into(&mut self.last_words);
        }
    }

    /// Take in what was written; returns the lines that are whole now.
    fn wrote(&mut self, bytes: &[u8], stderr: bool) -> Vec<String> {
        let mut lines = Vec::new();
        for &byte in bytes {
            if byte != b'\n' {
                self.line.push(byte);
            }
            if byte == b'\n' || self.line.len() >= LINE {
                let line = escape_controls(String::from_utf8_lossy(&self.line).trim_end());
                self.line.clear();
                if stderr {
                    self.listen(&line);
                }
                lines.push(line);
            }
        }
        lines
    }
}

/// Whether this is an interface that there is an empty form of: `wasi:io/streams@0.2.9`.
pub(crate) fn offers(import: &str) -> bool {
    parts(import).is_some_and(|(package, _, version)| {
        PACKAGES.contains(&package) && version.starts_with("0.2.")
    })
}

/// Package, interface and version of an import from WASI.
fn parts(import: &str) -> Option<(&str, &str, &str)> {
    let (package, rest) = import.strip_prefix("wasi:")?.split_once('/')?;
    let (interface, version) = rest.split_once('@')?;
    Some((package, interface, version))
}

/// Offer what the component imports of WASI.
pub(super) fn define(linker: &mut Linker<State>, component: &Component) -> Result<()> {
    let engine = linker.engine().clone();
    for (import, declared) in component.component_type().imports(&engine) {
        let (Some((package, interface, _)), ComponentItem::ComponentInstance(instance)) =
            (parts(import).filter(|_| offers(import)), declared.ty)
        else {
            continue;
        };
        let mut offered = linker.instance(import)?;
        for (name, item) in instance.exports(&engine) {
            match item.ty {
                ComponentItem::Resource(_) => {
                    offered.resource(name, ResourceType::host::<Nothing>(), |_, _| Ok(()))?;
                }
                ComponentItem::ComponentFunc(_) => {
                    let called = format!("{package}/{interface}#{name}");
                    offered.func_new(name, move |mut store, ty, given, answers| {
                        let answer = ty.results().next();
                        let value = answer_to(&mut store, &called, given, answer.as_ref())?;
                        if let (Some(slot), Some(value)) = (answers.first_mut(), value) {
                            *slot = value;
                        }
                        Ok(())
                    })?;
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// The answer to a call; none where the function returns nothing.
fn answer_to(
    store: &mut StoreContextMut<'_, State>,
    called: &str,
    given: &[Val],
    answer: Option<&Type>,
) -> Result<Option<Val>> {
    // All are taken, needed or not: a handle that was given counts as borrowed until then.
    let mut handles = Vec::new();
    for value in given {
        take(store, value, &mut handles)?;
    }
    let wasi = &mut store.data_mut().wasi;
    let done = || Some(Val::Result(Ok(None)));
    Ok(match called {
        "cli/exit#exit" | "cli/exit#exit-with-code" => {
            return cross(store, "it wanted to end its process, and it is none".to_owned());
        }
        "cli/stderr#get-stderr" => Some(handle(store, STDERR)?),
        "clocks/monotonic-clock#now" => Some(Val::U64(wasi.waited * NANOSECONDS)),
        "clocks/monotonic-clock#resolution" => Some(Val::U64(NANOSECONDS)),
        "clocks/monotonic-clock#subscribe-duration" => {
            let at = wasi.waited.saturating_add(milliseconds(given));
            Some(handle(store, pollable(at))?)
        }
        "clocks/monotonic-clock#subscribe-instant" => {
            Some(handle(store, pollable(milliseconds(given)))?)
        }
        "clocks/wall-clock#now" => Some(date(wasi.waited)),
        "clocks/wall-clock#resolution" => Some(date(1)),
        "random/random#get-random-u64" | "random/insecure#get-insecure-random-u64" => {
            Some(Val::U64(wasi.number()))
        }
        "random/random#get-random-bytes" | "random/insecure#get-insecure-random-bytes" => {
            match given {
                [Val::U64(count @ ..=RANDOM)] => Some(Val::List(
                    (0..*count).map(|_| Val::U8(wasi.number().to_le_bytes()[0])).collect(),
                )),
                _ => {
                    let what = format!("it wanted more than {RANDOM} random bytes at once");
                    return cross(store, what);
                }
            }
        }
        "random/insecure-seed#insecure-seed" => {
            Some(Val::Tuple(vec![Val::U64(wasi.number()), Val::U64(wasi.number())]))
        }
        "io/poll#[method]pollable.ready" => Some(Val::Bool(ready_at(&handles) <= wasi.waited)),
        "io/poll#[method]pollable.block" => {
            wasi.waited = wasi.waited.max(ready_at(&handles));
            None
        }
        "io/poll#poll" => Some(wasi.poll(&handles)),
        "io/streams#[method]output-stream.check-write" => {
            Some(Val::Result(Ok(Some(Box::new(Val::U64(WRITE))))))
        }
        "io/streams#[method]output-stream.write"
        | "io/streams#[method]output-stream.blocking-write-and-flush" => {
            write(store, handles.first() == Some(&STDERR), given);
            done()
        }
        "io/streams#[method]output-stream.flush"
        | "io/streams#[method]output-stream.blocking-flush" => done(),
        "io/error#[method]error.to-debug-string" => Some(Val::String("it is closed".into())),
        _ if called.ends_with(".subscribe") => Some(handle(store, READY)?),
        _ => match answer {
            None => None,
            Some(answer) => Some(refusal(store, called, answer)?),
        },
    })
}

/// The numbers behind the handles in a value.
fn take(store: &mut StoreContextMut<'_, State>, value: &Val, numbers: &mut Vec<u32>) -> Result<()> {
    match value {
        Val::Resource(any) => {
            numbers.push(any.try_into_resource::<Nothing>(store)?.rep());
            Ok(())
        }
        Val::List(values) => values.iter().try_for_each(|value| take(store, value, numbers)),
        _ => Ok(()),
    }
}

/// No, in the words that the function has for it.
fn refusal(store: &mut StoreContextMut<'_, State>, called: &str, answer: &Type) -> Result<Val> {
    let denied = match answer {
        Type::Result(result) => match result.err() {
            None => Some(Val::Result(Err(None))),
            Some(error) => denied(&error).map(|error| Val::Result(Err(Some(Box::new(error))))),
        },
        Type::Option(_) => Some(Val::Option(None)),
        Type::List(_) => Some(Val::List(Vec::new())),
        Type::Bool => Some(Val::Bool(false)),
        Type::Own(_) => Some(handle(store, PLAIN)?),
        _ => None,
    };
    match denied {
        Some(value) => Ok(value),
        None => cross(store, format!("it called wasi:{called}, and what it gets of WASI is empty")),
    }
}

/// The error that comes closest to "no".
fn denied(error: &Type) -> Option<Val> {
    const WORDS: [&str; 5] = ["access", "access-denied", "not-supported", "unsupported", "closed"];
    match error {
        Type::Enum(names) => {
            let name = names.names().find(|name| WORDS.contains(name))?;
            Some(Val::Enum(name.into()))
        }
        Type::Variant(variant) => {
            let case =
                variant.cases().find(|case| case.ty.is_none() && WORDS.contains(&case.name))?;
            Some(Val::Variant(case.name.into(), None))
        }
        _ => None,
    }
}

/// End the call with this sentence.
fn cross<T>(store: &mut StoreContextMut<'_, State>, what: String) -> Result<T> {
    store.data_mut().cross(what.clone());
    bail!("{what}")
}

fn handle(store: &mut StoreContextMut<'_, State>, number: u32) -> Result<Val> {
    let wasi = &mut store.data_mut().wasi;
    wasi.handles += 1;
    if wasi.handles > HANDLES {
        return cross(store, format!("it wanted more than {HANDLES} handles of WASI"));
    }
    let own = Resource::<Nothing>::new_own(number);
    Ok(Val::Resource(ResourceAny::try_from_resource(own, store)?))
}

/// The number of a pollable that is ready so many milliseconds after the clock began.
fn pollable(at: u64) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX).saturating_add(READY)
}

/// When the first of these pollables is ready, in milliseconds.
fn ready_at(handles: &[u32]) -> u64 {
    handles.iter().copied().min().unwrap_or(READY).saturating_sub(READY).into()
}

/// Pass on to the debug log what is written.
fn write(store: &mut StoreContextMut<'_, State>, stderr: bool, given: &[Val]) {
    let Some(Val::List(values)) = given.get(1) else { return };
    let bytes = values.iter().filter_map(|value| match value {
        Val::U8(byte) => Some(*byte),
        _ => None,
    });
    let bytes: Vec<u8> = bytes.collect();
    let state = store.data_mut();
    for line in state.wasi.wrote(&bytes, stderr) {
        state.tell(&line);
    }
}

fn milliseconds(given: &[Val]) -> u64 {
    match given.first() {
        Some(Val::U64(nanoseconds)) => nanoseconds.div_ceil(NANOSECONDS),
        _ => 0,
    }
}

/// So many milliseconds after the beginning of 1970.
fn date(milliseconds: u64) -> Val {
    let nanoseconds = u32::try_from(milliseconds % 1000).unwrap_or(0) * 1_000_000;
    Val::Record(vec![
        ("seconds".into(), Val::U64(milliseconds / 1000)),
        ("nanoseconds".into(), Val::U32(nanoseconds)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_interfaces_there_is_an_empty_form_of() {
        for import in ["wasi:cli/environment@0.2.0", "wasi:io/streams@0.2.9"] {
            assert!(offers(import), "{import}");
        }
        for import in [
            "wasi:http/types@0.2.0",
            "wasi:cli/environment@0.3.0",
            "wasi:cli/environment",
            "wasi_snapshot_preview1",
            "host:cli/environment@0.2.0",
            "kst:runner/process@0.1.0",
        ] {
            assert!(!offers(import), "{import}");
        }
    }

    #[test]
    fn random_numbers_differ_and_are_the_same_each_time() {
        let numbers = || {
            let mut wasi = Empty::default();
            [wasi.number(), wasi.number(), wasi.number()]
        };
        let [one, two, three] = numbers();
        assert!(one != two && two != three && one != three);
        assert_eq!(numbers(), [one, two, three]);
    }

    #[test]
    fn lines_are_told_whole_and_the_last_one_is_remembered() {
        let mut wasi = Empty::default();
        assert_eq!(wasi.wrote(b"Trace", true), [""; 0]);
        assert_eq!(wasi.wrote(b"back:\nNameError: \x1b[2Jx\n\n", true).len(), 3);
        assert_eq!(wasi.last_words(), Some("NameError: \\x1b[2Jx"));
        assert_eq!(wasi.wrote(b"by the way\n", false), ["by the way"]);
        assert_eq!(wasi.last_words(), Some("NameError: \\x1b[2Jx"));
        assert_eq!(wasi.wrote(&[b'a'; 5000], false).len(), 2);
    }

    #[test]
    fn the_panic_around_a_failure_is_not_the_reason() {
        let mut wasi = Empty::default();
        wasi.wrote(
            b"RuntimeError: no\n\nthread 'main' panicked at x.rs:1:1:\noh\nnote: run with\n",
            true,
        );
        assert_eq!(wasi.last_words(), Some("RuntimeError: no"));
        let mut wasi = Empty::default();
        wasi.wrote(b"thread 'main' panicked at x.rs:1:1:\noh\nnote: run with\n", true);
        assert_eq!(wasi.last_words(), Some("oh"));
    }

    #[test]
    fn polling_takes_no_time_but_the_components_own() {
        let mut wasi = Empty::default();
        let places = |value: Val| match value {
            Val::List(list) => list.len(),
            _ => 0,
        };
        assert_eq!(places(wasi.poll(&[pollable(50), pollable(20), pollable(20)])), 2);
        assert_eq!(wasi.waited, 20);
        assert_eq!(places(wasi.poll(&[READY, pollable(50)])), 1);
        assert_eq!(wasi.waited, 20);
        assert_eq!(pollable(u64::MAX), u32::MAX);
    }
}
