//! Ids: they come from the line of exactly the request's name, or from none.

use std::collections::BTreeSet;
use std::path::Path;

use proptest::prelude::*;

use super::super::bind::{Binding, Bindings};
use super::super::fixture::request;
use super::super::gives::Gives;
use super::super::manifest::{Effect, Operation};
use super::{Share, holds, texts};

/// A session, as an engine lists it.
#[derive(Debug, Clone)]
struct Listed {
    id: String,
    run: String,
    pids: Vec<u32>,
    name: String,
}

/// Names that are easily taken for one another.
const NAMES: &[&str] =
    &["web", "web2", "we", "WEB", " web", "web ", "wéb", "", "we\u{200b}b", "1,web"];
/// Ids, some of which are none.
const IDS: &[&str] = &["$1", "$2", "abc", "", "-x", "a b", "a\u{202e}b", "\u{a0}"];

#[test]
fn an_id_comes_from_the_line_of_exactly_that_name() {
    let bound = Share::default();
    let listed = (
        proptest::sample::select(IDS),
        proptest::sample::select(vec!["r1", "r2", ""]),
        proptest::collection::vec(1_u32..5, 0..3),
        prop_oneof![2 => Just("web".to_owned()),
            3 => proptest::sample::select(NAMES).prop_map(str::to_owned), 1 => texts::text()],
    )
        .prop_map(|(id, run, pids, name)| Listed {
            id: id.into(),
            run: run.into(),
            pids,
            name,
        });
    let asked = (
        prop_oneof![4 => Just("web".to_owned()), 1 => texts::text()],
        proptest::sample::select(vec![None, None, Some("r1")]),
        proptest::sample::select(vec![None, None, Some("$1")]),
    );
    let fields = Just(vec!["{id}", "{run}", "{pids}", "{name}", "{*}"]).prop_shuffle();
    let separator = proptest::sample::select(vec!["\t", "|", " :: ", ";;"]);
    let cases = (proptest::collection::vec(listed, 0..5), asked, fields, separator, any::<bool>());
    holds(4000, &cases, |(listed, (name, run, found), mut fields, separator, with_run)| {
        let mut listed = listed;
        if !with_run {
            fields.retain(|field| *field != "{run}");
        }
        // A name that holds the separator ends there, unless it is last.
        if fields.last() != Some(&"{name}") {
            listed.retain(|one| !one.name.contains(separator) && !ends_in(&one.name, separator));
        }
        let gives = Gives::parse(&fields.join(separator)).map_err(TestCaseError::fail)?;
        let lines: Vec<String> = listed.iter().map(|one| line(one, &fields, separator)).collect();
        let request = super::super::Request {
            name: Some(name.clone()),
            run: run.map(str::to_owned),
            id: found.map(str::to_owned),
            ..request(Operation::Stop)
        };
        let mut bindings = Bindings::default();
        let text = lines.join("\n");
        let fed = bindings.feed(
            &gives,
            Effect::Reads,
            Path::new("/bin/eng"),
            text.as_bytes(),
            &request,
            1000,
        );
        prop_assert!(fed.is_ok());

        // What the rules say, over again: they are about these lines.
        let its: Vec<&Listed> = listed
            .iter()
            .filter(|one| one.name == name)
            .filter(|one| !with_run || run.is_none_or(|run| one.run == run))
            .filter(|one| found.is_none_or(|found| id(one).is_none_or(|id| id == found)))
            .collect();
        let ids: BTreeSet<Option<&str>> = its.iter().map(|one| id(one)).collect();
        let pids: BTreeSet<&Vec<u32>> = its.iter().map(|one| &one.pids).collect();
        let nameless = ids.contains(&None) && pids.len() > 1;
        match &bindings.bound {
            Binding::None => prop_assert!(its.is_empty(), "{text:?}"),
            Binding::Several(_) => prop_assert!(ids.len() > 1 || nameless, "{text:?}"),
            Binding::One { row, .. } => {
                prop_assert!(ids.len() == 1 && !nameless, "{text:?} gave {row:?}");
                prop_assert_eq!(&ids.first().copied().flatten(), &row.id.as_deref());
                let all: BTreeSet<u32> = pids.into_iter().flatten().copied().collect();
                prop_assert_eq!(all, row.pids.iter().copied().collect::<BTreeSet<u32>>());
            }
        }
        bound.note(matches!(bindings.bound, Binding::One { .. }));
        Ok(())
    });
    bound.at_least(10);
}

/// What of a line is an id.
fn id(listed: &Listed) -> Option<&str> {
    Some(listed.id.as_str()).filter(|id| matches!(*id, "$1" | "$2" | "abc"))
}

/// Whether the separator could begin in the name and end behind it.
fn ends_in(name: &str, separator: &str) -> bool {
    (1..separator.len()).any(|length| name.ends_with(&separator[..length]))
}

fn line(listed: &Listed, fields: &[&str], separator: &str) -> String {
    let pids: Vec<String> = listed.pids.iter().map(u32::to_string).collect();
    let values = fields.iter().map(|field| match *field {
        "{id}" => listed.id.clone(),
        "{run}" => listed.run.clone(),
        "{pids}" => pids.join(" "),
        "{name}" => listed.name.clone(),
        _ => "x".to_owned(),
    });
    values.collect::<Vec<_>>().join(separator)
}
