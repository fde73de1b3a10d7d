//! Forms as their author means them, and the usage lines that say so.

use proptest::prelude::*;

use super::super::form::{Encoding, Flag, Placeholder};
use super::texts;

/// A part of a word.
#[derive(Debug, Clone)]
pub enum Bit {
    Text(String),
    Value(Placeholder, Vec<Encoding>),
    Int,
    Own,
}

/// A word.
pub type Term = Vec<Bit>;

/// A part of a usage line.
#[derive(Debug, Clone)]
pub enum Piece {
    Word(Term),
    Group { asks: Vec<(Flag, bool)>, words: Vec<Term>, repeated: bool },
    Rest,
    Any,
}

/// A usage line.
#[derive(Debug, Clone)]
pub struct Usage {
    pub first: &'static str,
    pub pieces: Vec<Piece>,
}

impl Usage {
    /// As it stands in a manifest.
    pub fn line(&self) -> String {
        let mut words = vec![self.first.to_owned()];
        for piece in &self.pieces {
            words.push(match piece {
                Piece::Word(term) => written(term),
                Piece::Group { asks, words, repeated } => {
                    let asks = asks.iter().map(|(flag, wanted)| asked(flag, *wanted));
                    let inside: Vec<String> = asks.chain(words.iter().map(written)).collect();
                    format!("[{}]{}", inside.join(" "), if *repeated { "..." } else { "" })
                }
                Piece::Rest => "<word>...".to_owned(),
                Piece::Any => "{any}...".to_owned(),
            });
        }
        words.join(" ")
    }
}

fn asked(flag: &Flag, wanted: bool) -> String {
    let name = match flag {
        Flag::Terminal => "terminal".to_owned(),
        Flag::Inside => "inside".to_owned(),
        Flag::Force => "force".to_owned(),
        Flag::Resume => "resume".to_owned(),
        Flag::Enter => "enter".to_owned(),
        Flag::Times => "times".to_owned(),
        Flag::Option(name) => format!("option-{name}"),
    };
    format!("{{{}{name}}}", if wanted { '?' } else { '!' })
}

fn written(term: &Term) -> String {
    term.iter()
        .map(|bit| match bit {
            Bit::Text(text) => quoted(text),
            Bit::Value(placeholder, encodings) => {
                let names = encodings.iter().map(|encoding| match encoding {
                    Encoding::Sh => ":sh",
                    Encoding::TmuxFormat => ":tmux-format",
                    Encoding::TmuxWord => ":tmux-word",
                    Encoding::Strftime => ":strftime",
                    Encoding::Regex => ":regex",
                });
                let plain = placeholder.to_string();
                format!("{}{}}}", plain.trim_end_matches('}'), names.collect::<String>())
            }
            Bit::Int => "<int>".to_owned(),
            Bit::Own => "<word>".to_owned(),
        })
        .collect()
}

/// A literal, in one of the ways to write it.
pub fn quoted(text: &str) -> String {
    let means_more = |c: char| " '\"\\[]{}<>".contains(c);
    match text.len() % 3 {
        0 if !text.is_empty() && !text.contains(means_more) && !text.contains("...") => {
            text.to_owned()
        }
        1 if !text.contains('"') => format!("\"{text}\""),
        _ if !text.contains('\'') => format!("'{text}'"),
        _ => text.chars().flat_map(|c| ['\\', c]).collect(),
    }
}

/// A literal word without a value in it.
pub fn filler() -> impl Strategy<Value = Piece> {
    let flags = prop_oneof![Just(Flag::Terminal), Just(Flag::Inside), Just(Flag::Force)];
    let word = texts::literal().prop_map(|text| vec![Bit::Text(text)]);
    prop_oneof![
        4 => word.clone().prop_map(Piece::Word),
        2 => Just(Piece::Word(vec![Bit::Text("--".to_owned())])),
        2 => Just(Piece::Word(vec![Bit::Text(";".to_owned())])),
        2 => (flags, any::<bool>(), word).prop_map(|(flag, wanted, word)| Piece::Group {
            asks: vec![(flag, wanted)],
            words: vec![word],
            repeated: false,
        }),
    ]
}

/// Where a value may be placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// The request always has it: in a group or outside.
    Either,
    /// In a group.
    Grouped,
    /// In a group that is repeated.
    List,
}

/// One of the ways to place a value: as a word or a part of one, alone or in a group, as it is or
/// escaped. `list`: for each item of a list.
pub fn place(placeholder: Placeholder, how: How) -> impl Strategy<Value = Piece> {
    let list = how == How::List;
    let several = placeholder.is_words();
    let value = encodings(several).prop_map(move |encodings| (placeholder.clone(), encodings));
    let term = (value, beside(), beside()).prop_map(move |((placeholder, encodings), one, two)| {
        let alone = several && !encodings.contains(&Encoding::Sh);
        let last = encodings.last() == Some(&Encoding::TmuxWord);
        let mut term = vec![Bit::Value(placeholder, encodings)];
        if let Some(text) = one.filter(|_| !alone) {
            term.insert(0, Bit::Text(text));
        }
        if let Some(text) = two.filter(|_| !alone && !last) {
            term.push(Bit::Text(text));
        }
        term
    });
    let option = proptest::option::of(texts::literal().prop_map(|text| format!("-{text}")));
    let grouped = match how {
        How::Either => any::<bool>().boxed(),
        How::Grouped | How::List => Just(true).boxed(),
    };
    (term, option, grouped).prop_map(move |(term, option, grouped)| {
        let mut words = vec![term];
        if let Some(option) = option {
            words.insert(0, vec![Bit::Text(option)]);
        }
        match grouped {
            true => Piece::Group { asks: Vec::new(), words, repeated: list },
            false => Piece::Word(words.swap_remove(words.len() - 1)),
        }
    })
}

/// Literal text that can stand beside a value without a change to its escaping.
fn beside() -> impl Strategy<Value = Option<String>> {
    proptest::option::weighted(0.4, "[a-z=:,./ é-]{1,5}")
}

/// No encoding, or some that may stand together, in an order that may be.
fn encodings(several: bool) -> impl Strategy<Value = Vec<Encoding>> {
    let middle = [Encoding::TmuxFormat, Encoding::Strftime, Encoding::Regex];
    let middle = proptest::sample::subsequence(middle.to_vec(), 0..=3).prop_shuffle();
    let some = (any::<bool>(), middle, any::<bool>()).prop_map(|(sh, mut encodings, word)| {
        if sh {
            encodings.insert(0, Encoding::Sh);
        }
        if word {
            encodings.push(Encoding::TmuxWord);
        }
        encodings
    });
    let none = if several { 2 } else { 3 };
    prop_oneof![none => Just(Vec::new()), 2 => some]
}

/// A group that hangs on an option that is on or off.
pub fn ask_option(name: &'static str) -> impl Strategy<Value = Piece> {
    (any::<bool>(), texts::literal()).prop_map(move |(wanted, text)| Piece::Group {
        asks: vec![(Flag::Option(name.to_owned()), wanted)],
        words: vec![vec![Bit::Text(text)]],
        repeated: false,
    })
}
