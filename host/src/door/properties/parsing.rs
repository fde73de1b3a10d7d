//! Parsing: any text at all is taken or refused in a sentence, and in a time that grows with its
//! length alone.

use proptest::prelude::*;

use super::super::fixture::{form as decl, listing, manifest};
use super::super::form::{self, Part, USAGE_BYTES};
use super::super::gives::Gives;
use super::super::manifest::{Effect, Operation};
use super::super::{amounts, render};
use super::{Share, holds, texts};

/// Text made of what the grammars are made of.
fn soup() -> impl Strategy<Value = String> {
    const TOKENS: &[&str] = &[
        "eng",
        " ",
        " ",
        " ",
        "[",
        "]",
        "]...",
        "{name}",
        "{id}",
        "{location}",
        "{keys:sh}",
        "{launch}",
        "{option-volumes}",
        "{name:tmux-format:tmux-word}",
        "{?force}",
        "{!option-tty}",
        "{any}...",
        "<word>",
        "<int>",
        "<word>...",
        "'",
        "\"",
        "\\",
        "--",
        ";",
        "#{",
        "}",
        "%",
        "{",
        "{*}",
        "{pids}",
        "{run}",
        "{instance}",
        "\t",
        ",",
        "é",
        "x",
    ];
    let tokens = proptest::collection::vec(proptest::sample::select(TOKENS), 0..24);
    prop_oneof![
        4 => tokens.clone().prop_map(|tokens| tokens.concat()),
        4 => tokens.prop_map(|tokens| format!("eng {}", tokens.join(" "))),
        1 => texts::wild(),
        1 => ".{0,40}",
    ]
}

#[test]
fn any_text_is_a_usage_line_or_is_refused_in_a_sentence() {
    let taken = Share::default();
    holds(6000, &soup(), |text| {
        let parsed = form::parse(&text);
        taken.note(parsed.is_ok());
        match parsed {
            Err(why) => {
                prop_assert!(!why.is_empty() && why.len() < 256, "{}", why);
                prop_assert!(!why.contains(char::is_control), "{:?}", why);
            }
            // No more words and parts than there are characters.
            Ok((_, items)) => {
                let parts: usize = form::words(&items).map(|word| word.parts.len().max(1)).sum();
                prop_assert!(items.len() + parts <= 2 * text.len());
                let literal =
                    form::words(&items).flat_map(|word| &word.parts).map(|part| match part {
                        Part::Literal(literal) => literal.len(),
                        _ => 0,
                    });
                prop_assert!(literal.sum::<usize>() <= text.len());
            }
        }
        Ok(())
    });
    taken.at_least(5);
}

#[test]
fn any_text_is_a_gives_line_or_is_refused_in_a_sentence() {
    let taken = Share::default();
    holds(6000, &(soup(), soup()), |(text, line)| {
        let parsed = Gives::parse(&text);
        taken.note(parsed.is_ok());
        match parsed {
            Err(why) => prop_assert!(!why.is_empty() && why.len() < 256 + text.len(), "{}", why),
            Ok(gives) => {
                if let Some(row) = gives.read(line.as_bytes()) {
                    // What was captured stood in the line.
                    let texts = [&row.name, &row.id, &row.instance, &row.run];
                    let length: usize = texts.into_iter().flatten().map(String::len).sum();
                    prop_assert!(length <= line.len());
                    prop_assert!(row.pids.len() <= line.len());
                }
            }
        }
        Ok(())
    });
    taken.at_least(1);
}

#[test]
fn a_manifest_of_any_text_is_shown_in_plain_characters() {
    let effects = proptest::sample::select(vec![Effect::Reads, Effect::Changes, Effect::Plan]);
    let operation =
        proptest::sample::select(vec![Operation::Start, Operation::List, Operation::Exec]);
    let gives = proptest::option::of(soup());
    holds(3000, &(soup(), gives, soup(), effects, operation), |case| {
        let (usage, gives, summary, effect, operation) = case;
        let mut manifest =
            manifest(vec![listing(), decl("f", &[operation], effect, &usage, gives.as_deref())]);
        manifest.summary = summary;
        let shown = render(&manifest);
        prop_assert!(!shown.contains(|c: char| c.is_control() && c != '\n'), "{:?}", shown);
        match manifest.check() {
            Ok(checked) => drop(amounts(checked.manifest(), &["eng"])),
            Err(error) => prop_assert!(!error.to_string().contains(char::is_control), "{error:?}"),
        }
        Ok(())
    });
}

/// A parser that looks again at what it has read, or tries each way to read it, comes to no end here.
#[test]
fn texts_that_invite_reading_them_again_and_again_do_not_take_longer() {
    const REPEATED: &[&str] = &[
        "[",
        "]",
        "{",
        "'",
        "\"",
        "\\",
        "<",
        "'' ",
        "{name}",
        "{name:sh}x",
        "{name:tmux-format}x",
        "[{name}]... ",
        "{name:regex}",
        "#{",
        "%",
        "[ ",
        "...",
        "<word>",
        "<int>",
        "{?force} ",
        "{option-a}",
        "{option-",
        "\\ ",
    ];
    for repeated in REPEATED {
        let usage = format!("eng {}", repeated.repeat((USAGE_BYTES - 4) / repeated.len()));
        let _ = form::parse(&usage);
        let larger = repeated.repeat(64 * USAGE_BYTES / repeated.len());
        let refused = form::parse(&larger).expect_err("it is larger than any form");
        assert!(refused.len() < 100, "{refused}");
        let longer = format!("{{name}}{}", ",".repeat(larger.len()));
        assert!(Gives::parse(&longer).is_err_and(|why| why.contains("longer")));
    }
    // Each capture could end at each `a`: there are more ways than could ever be tried.
    let gives = format!("{}{{name}}", "{*}a".repeat(200));
    let gives = Gives::parse(&gives).expect("it is a gives line");
    for line in ["a".repeat(4 << 20), "b".repeat(4 << 20), "ab".repeat(2 << 20)] {
        let row = gives.read(line.as_bytes());
        assert_eq!(row.is_some(), line.contains('a'));
    }
    let pids = Gives::parse("{pids},{name}").expect("it is a gives line");
    let row = pids.read(["1 ".repeat(2 << 20), ",web".to_owned()].concat().as_bytes());
    assert_eq!(row.expect("it is such a line").pids, [0_u32; 0], "more than any session has");
}
