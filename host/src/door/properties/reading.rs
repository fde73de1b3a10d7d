//! Reads: a backend's own words stand at their places, and are no options.

use proptest::prelude::*;

use super::super::bind::{Binding, Row};
use super::super::fill::{NoFiles, Source, fill};
use super::super::fixture::{form, listing, manifest, request};
use super::super::form::Placeholder;
use super::super::manifest::{Effect, Operation};
use super::read_back::{From, read_back};
use super::usage::{Bit, How, Piece, Term, Usage, filler, place};
use super::{Share, holds, texts};

#[test]
fn a_backends_words_stand_at_their_places_and_are_no_options() {
    let accepted = Share::default();
    let cases = (usage(), proptest::collection::vec(own(), 0..5), texts::text());
    holds(3000, &cases, |(usage, mut own, name)| {
        // Most often as many as the form takes.
        let takes = taken(&usage);
        if own.len() > takes && !usage.pieces.iter().any(|piece| matches!(piece, Piece::Rest)) {
            own.truncate(takes);
        }
        let line = usage.line();
        let decl = form("f", &[Operation::Status], Effect::Reads, &line, None);
        let Ok(manifest) = manifest(vec![listing(), decl]).check() else { return Ok(()) };
        let mut request = request(Operation::Status);
        request.name = Some(name);
        request.lines = Some(7);
        request.since = Some(jiff::Timestamp::UNIX_EPOCH);
        request.times = true;
        let row = Row { id: Some("$4".to_owned()), ..Row::default() };
        let source = Source {
            request: &request,
            has_locations: true,
            bound: &Binding::One { row, fresh: false, program: "/bin/eng".into() },
            files: &NoFiles,
            env_file: None,
        };
        let filled = fill(manifest.form("f").expect("it is there"), &own, &source);
        accepted.note(filled.is_ok() && takes > 0);
        let Ok(filled) = filled else { return Ok(()) };
        let from = From {
            request: &request,
            has_locations: true,
            id: Some("$4"),
            env_file: None,
            own: &own,
        };
        match read_back(&usage, &from, &filled.words) {
            Ok(_) => Ok(()),
            Err(what) => Err(TestCaseError::fail(format!("`{line}` with {own:?}: {what}"))),
        }
    });
    accepted.at_least(15);
}

/// How many words the backend gives, at least.
fn taken(usage: &Usage) -> usize {
    let bits = usage.pieces.iter().map(|piece| match piece {
        Piece::Word(term) => term.iter().filter(|bit| matches!(bit, Bit::Int | Bit::Own)).count(),
        Piece::Rest => 1,
        Piece::Group { .. } | Piece::Any => 0,
    });
    bits.sum()
}

fn usage() -> impl Strategy<Value = Usage> {
    let piece = prop_oneof![
        4 => parameter().prop_map(Piece::Word),
        2 => filler(),
        1 => place(Placeholder::Name, How::Either),
        1 => place(Placeholder::Id, How::Either),
        1 => place(Placeholder::Lines, How::Either),
        1 => place(Placeholder::Since, How::Either),
        1 => place(Placeholder::Until, How::Either),
    ];
    let last = proptest::option::of(prop_oneof![4 => Just(Piece::Rest), 1 => Just(Piece::Any)]);
    let command = proptest::option::weighted(0.9, "[a-z]{1,5}");
    (command, proptest::collection::vec(piece, 0..5), last).prop_map(|(command, pieces, last)| {
        let command = command.map(|text| Piece::Word(vec![Bit::Text(text)]));
        Usage { first: "eng", pieces: command.into_iter().chain(pieces).chain(last).collect() }
    })
}

/// A word with places for a backend's own.
fn parameter() -> impl Strategy<Value = Term> {
    let beside = || {
        prop_oneof![
            3 => Just(None),
            1 => "[-a-z=]{1,3}".prop_map(Some),
            1 => texts::literal().prop_map(Some),
        ]
    };
    let own = || prop_oneof![Just(Bit::Int), Just(Bit::Own)];
    let second = (beside(), proptest::option::weighted(0.2, own()));
    (beside(), own(), second).prop_map(|(before, own, (between, second))| {
        let between = if second.is_some() { between.or(Some(":".to_owned())) } else { between };
        let texts = [before, between].map(|text| text.map(Bit::Text));
        let [before, between] = texts;
        before.into_iter().chain([own]).chain(between).chain(second).collect()
    })
}

/// A backend's own word; often a number, so that it stands for either kind.
fn own() -> impl Strategy<Value = String> {
    prop_oneof![3 => "[0-9]{1,3}", 3 => texts::wild(), 2 => "[-a-z;]{1,4}"]
}
