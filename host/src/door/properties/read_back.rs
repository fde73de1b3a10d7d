//! Reading an argv by the form that it was written from: every word is a literal of the form, a value
//! of the request or a word of the backend's own, each in its place, or the argv is wrong.

use std::collections::BTreeSet;
use std::ffi::OsString;

use super::super::form::{Encoding, Flag, Placeholder};
use super::super::request::Request;
use super::undo::undo;
use super::usage::{Bit, Piece, Term, Usage};
use crate::session::OptionValue;

/// What an argv was written from.
pub struct From<'a> {
    pub request: &'a Request,
    pub has_locations: bool,
    pub id: Option<&'a str>,
    pub env_file: Option<&'a str>,
    pub own: &'a [String],
}

/// What stands in an argv.
#[derive(Debug, Default)]
pub struct Seen {
    pub values: BTreeSet<Placeholder>,
    /// Options whose being on or off decided about a group.
    pub flags: BTreeSet<String>,
}

/// A value of the request.
enum Has {
    One(String),
    Words(Vec<String>),
    List(Vec<String>),
}

/// What stands in `words`, which were made of `usage`. The error says what should not be.
pub fn read_back(usage: &Usage, from: &From<'_>, words: &[OsString]) -> Result<Seen, String> {
    let words = words.iter().map(|word| word.to_str().ok_or("no text".to_owned()));
    let words = words.collect::<Result<Vec<_>, _>>()?;
    let own: Vec<&str> = from.own.iter().map(String::as_str).collect();
    let mut reader =
        Reader { from, words: &words, own: &own, seen: Seen::default(), dashes: false };
    for piece in &usage.pieces {
        match piece {
            Piece::Word(term) => reader.term(term, None)?,
            Piece::Group { asks, words, repeated } => reader.group(asks, words, *repeated)?,
            Piece::Rest | Piece::Any => {
                let own = std::mem::take(&mut reader.own);
                for own in own {
                    if matches!(piece, Piece::Rest) && own.starts_with('-') {
                        return Err(format!("an option of the backend's own: {own:?}"));
                    }
                    let word = reader.take()?;
                    if word != *own {
                        return Err(format!("{word:?} stands in the place of {own:?}"));
                    }
                }
            }
        }
    }
    match (reader.words, reader.own) {
        ([], []) => Ok(reader.seen),
        (words, own) => Err(format!("{words:?} stand besides, {own:?} are left over")),
    }
}

struct Reader<'a> {
    from: &'a From<'a>,
    words: &'a [&'a str],
    own: &'a [&'a str],
    seen: Seen,
    dashes: bool,
}

impl<'a> Reader<'a> {
    fn take(&mut self) -> Result<&'a str, String> {
        let (first, rest) = self.words.split_first().ok_or("the argv ends early")?;
        self.words = rest;
        Ok(first)
    }

    fn own(&mut self) -> Result<&'a str, String> {
        let (first, rest) = self.own.split_first().ok_or("a word of the backend's is missing")?;
        self.own = rest;
        Ok(first)
    }

    fn group(
        &mut self,
        asks: &[(Flag, bool)],
        words: &[Term],
        repeated: bool,
    ) -> Result<(), String> {
        let placed: Vec<&Placeholder> = words
            .iter()
            .flatten()
            .filter_map(|bit| match bit {
                Bit::Value(placeholder, _) => Some(placeholder),
                _ => None,
            })
            .collect();
        let there = placed.iter().all(|placeholder| self.has(placeholder).is_some());
        for (index, (flag, _)) in asks.iter().enumerate() {
            let mut others = asks.iter().enumerate().filter(|(other, _)| *other != index);
            if let Flag::Option(name) = flag
                && there
                && others.all(|(_, ask)| self.is_so(ask))
            {
                self.seen.flags.insert(name.clone());
            }
        }
        if !there || !asks.iter().all(|ask| self.is_so(ask)) {
            return Ok(());
        }
        if !repeated {
            return words.iter().try_for_each(|term| self.term(term, None));
        }
        let list = placed.iter().find_map(|placeholder| match self.has(placeholder) {
            Some(Has::List(list)) => Some(list),
            _ => None,
        });
        for item in list.ok_or("nothing to repeat")? {
            words.iter().try_for_each(|term| self.term(term, Some(&item)))?;
        }
        Ok(())
    }

    fn is_so(&self, (flag, wanted): &(Flag, bool)) -> bool {
        let request = self.from.request;
        let is = match flag {
            Flag::Terminal => request.terminal,
            Flag::Inside => request.location.inside,
            Flag::Force => request.force,
            Flag::Resume => request.resume,
            Flag::Enter => request.enter,
            Flag::Times => request.times,
            Flag::Option(name) => match request.options.get(name) {
                Some(OptionValue::Flag(on)) => *on,
                Some(OptionValue::List(list)) => !list.is_empty(),
                other => other.is_some(),
            },
        };
        is == *wanted
    }

    fn term(&mut self, term: &Term, item: Option<&str>) -> Result<(), String> {
        if let [Bit::Value(placeholder, encodings)] = term.as_slice()
            && !encodings.contains(&Encoding::Sh)
            && let Some(Has::Words(words)) = self.has(placeholder)
        {
            for word in words {
                same(&word, &undone(encodings, self.take()?)?)?;
            }
            self.seen.values.insert(placeholder.clone());
            return Ok(());
        }
        let word = self.take()?;
        let mut rest = word;
        let mut begins_with = None;
        for (index, bit) in term.iter().enumerate() {
            let before = rest;
            match bit {
                Bit::Text(text) => rest = strip(rest, text)?,
                Bit::Int => {
                    let number: u32 = self.own()?.parse().map_err(|_| "no number".to_owned())?;
                    rest = strip(rest, &number.to_string())?;
                }
                Bit::Own => {
                    let own = self.own()?;
                    let written = word.len() - rest.len();
                    let chosen = match written {
                        0 => own.starts_with('-'),
                        _ => word.starts_with('-') && !word[..written].contains('='),
                    };
                    if chosen && !self.dashes {
                        return Err(format!("an option of the backend's own: {word:?}"));
                    }
                    rest = strip(rest, own)?;
                }
                Bit::Value(placeholder, encodings) => {
                    let after = match term.get(index + 1) {
                        None => "",
                        Some(Bit::Text(after)) => after,
                        Some(other) => return Err(format!("{other:?} behind a value")),
                    };
                    let value = rest.strip_suffix(after).ok_or_else(|| {
                        format!("{word:?} does not end in {after:?}, as the form does")
                    })?;
                    rest = after;
                    self.value(placeholder, encodings, value, item)?;
                }
            }
            if begins_with.is_none() && rest.len() < before.len() {
                begins_with = Some(bit);
            }
        }
        if !rest.is_empty() {
            return Err(format!("{word:?} goes on with {rest:?}"));
        }
        if let Some(Bit::Value(placeholder, _)) = begins_with
            && word.starts_with('-')
            && !self.dashes
            && !placeholder.is_words()
        {
            return Err(format!("{placeholder} became an option: {word:?}"));
        }
        if let [Bit::Text(text)] = term.as_slice() {
            self.dashes = text == "--" || self.dashes && text != ";";
        }
        Ok(())
    }

    /// `written` has to be the placeholder's value.
    fn value(
        &mut self,
        placeholder: &Placeholder,
        encodings: &[Encoding],
        written: &str,
        item: Option<&str>,
    ) -> Result<(), String> {
        match self.has(placeholder).ok_or("there is no such value")? {
            Has::One(value) => same(&value, &undone(encodings, written)?)?,
            Has::List(_) => same(item.ok_or("a list alone")?, &undone(encodings, written)?)?,
            Has::Words(words) => {
                let (_, others) = encodings.split_first().ok_or("several words in one")?;
                let text = undone(others, written)?;
                let read = shell_words::split(&text).map_err(|error| error.to_string())?;
                if read != words {
                    return Err(format!("the shell reads {read:?} for {words:?}"));
                }
            }
        }
        let free = placeholder.is_words() || *placeholder == Placeholder::Keys;
        let bad = |c: char| c == '\0' || !free && c.is_control();
        if written.contains(bad) {
            return Err(format!("{placeholder} holds control characters: {written:?}"));
        }
        self.seen.values.insert(placeholder.clone());
        Ok(())
    }

    fn has(&self, placeholder: &Placeholder) -> Option<Has> {
        let request = self.from.request;
        let words = |words: &Option<Vec<OsString>>| {
            let words = words.as_ref()?;
            Some(Has::Words(words.iter().map(|word| word.to_string_lossy().into()).collect()))
        };
        let path = |path: &Option<std::path::PathBuf>| {
            path.as_ref().map(|path| Has::One(path.to_string_lossy().into()))
        };
        match placeholder {
            Placeholder::Name => request.name.clone().map(Has::One),
            Placeholder::Location => {
                self.from.has_locations.then(|| Has::One(request.location.name.clone()))
            }
            Placeholder::Launch => words(&request.launch),
            Placeholder::Recorder => words(&request.recorder),
            Placeholder::Log => path(&request.log),
            Placeholder::Command => {
                request.command.clone().filter(|words| !words.is_empty()).map(Has::Words)
            }
            Placeholder::EnvFile => self.from.env_file.map(|path| Has::One(path.to_owned())),
            Placeholder::EnvInherited => {
                let keys = request.env.iter().filter(|entry| !is_line(entry));
                Some(Has::List(keys.map(|(key, _)| key.clone()).collect()))
            }
            Placeholder::Workdir => request.workdir.clone().map(Has::One),
            Placeholder::Option(name) => Some(match request.options.get(name)? {
                OptionValue::Flag(_) => return None,
                OptionValue::Number(number) => Has::One(number.to_string()),
                OptionValue::Text(text) => Has::One(text.clone()),
                OptionValue::List(list) => Has::List(list.clone()),
            }),
            Placeholder::Run => request.run.clone().map(Has::One),
            Placeholder::Lines => request.lines.map(|number| Has::One(number.to_string())),
            Placeholder::Since => request.since.map(|time| Has::One(format!("{time:.9}"))),
            Placeholder::Until => request.until.map(|time| Has::One(format!("{time:.9}"))),
            Placeholder::Timeout => request.timeout.map(|number| Has::One(number.to_string())),
            Placeholder::Keys => request.keys.clone().map(Has::One),
            Placeholder::KeysFile => path(&request.keys_file),
            Placeholder::PasteFile => path(&request.paste_file),
            Placeholder::Signal => request.signal.clone().map(Has::One),
            Placeholder::Restart => request.restart.clone().map(Has::One),
            Placeholder::Id => self.from.id.map(|id| Has::One(id.to_owned())),
            Placeholder::File(_) => None,
        }
    }
}

/// Whether a line of an env file can hold an entry.
pub fn is_line((key, value): &(String, String)) -> bool {
    !value.contains(['\n', '\r']) && key.len() + value.len() < 60_000
}

fn strip<'w>(word: &'w str, text: &str) -> Result<&'w str, String> {
    word.strip_prefix(text).ok_or_else(|| format!("{word:?} stands where {text:?} belongs"))
}

fn same(value: &str, read: &str) -> Result<(), String> {
    match value == read {
        true => Ok(()),
        false => Err(format!("{read:?} stands in the place of {value:?}")),
    }
}

/// The text that stands for `written` when the programs have read it.
fn undone(encodings: &[Encoding], written: &str) -> Result<String, String> {
    encodings.iter().rev().try_fold(written.to_owned(), |text, one| undo(*one, &text))
}
