//! Words made here, beside what a real shell makes of the same text.

use std::process::Command as Process;

use super::*;

fn text(text: &str, here: bool) -> Result<Vec<String>> {
    resolve(&Command::Text(text.to_owned()), here)
}

/// What `sh` makes of a text's words.
fn by_sh(text: &str) -> Vec<String> {
    // The program is a name for printf, so that any first word will do.
    let script = format!("printf '%s\\0' {text}\n");
    let output = Process::new("sh").args(["-c", &script]).output().unwrap();
    assert!(output.status.success(), "{text:?}: {output:?}");
    let printed = String::from_utf8(output.stdout).unwrap();
    printed.strip_suffix('\0').unwrap().split('\0').map(str::to_owned).collect()
}

#[test]
fn words_are_those_of_a_shell() {
    let table: &[(&str, &[&str])] = &[
        ("sleep 5", &["sleep", "5"]),
        ("  sleep \t 5  ", &["sleep", "5"]),
        ("a 'b c' \"d e\"", &["a", "b c", "d e"]),
        ("a '' \"\"", &["a", "", ""]),
        ("a b''c d\"\"e", &["a", "bc", "de"]),
        ("a 'b'c\"d\"e", &["a", "bcde"]),
        (r"a \b \\ \' \ x", &["a", "b", "\\", "'", " x"]),
        ("a \"b\\\"c\\\\d\\$e\\`f\\g\"", &["a", "b\"c\\d$e`f\\g"]),
        (r"a 'b\c'", &["a", "b\\c"]),
        ("a \\\nb \"c\\\nd\" e\\\nf", &["a", "b", "cd", "ef"]),
        ("a 'b;c|d&e>f<g(h)`i`$(j)\nk'", &["a", "b;c|d&e>f<g(h)`i`$(j)\nk"]),
        ("a \"b;c|d&e>f<g(h)\nk\"", &["a", "b;c|d&e>f<g(h)\nk"]),
        (
            r"a \; \| \& \> \< \( \) \` \$x \* \~ \#",
            &["a", ";", "|", "&", ">", "<", "(", ")", "`", "$x", "*", "~", "#"],
        ),
        ("a b#c 'd'#e", &["a", "b#c", "d#e"]),
        ("a b~ c~d '~' \"~\" \\~", &["a", "b~", "c~d", "~", "~", "~"]),
        ("a '*' \"?\" '[x]'", &["a", "*", "?", "[x]"]),
        ("a $ b$ \"$\" $, \"$ \"", &["a", "$", "b$", "$", "$,", "$ "]),
        ("a b=1 c=d=e", &["a", "b=1", "c=d=e"]),
        ("a {b,c} ! { }", &["a", "{b,c}", "!", "{", "}"]),
        ("a if then %1 @ ^ , . : -", &["a", "if", "then", "%1", "@", "^", ",", ".", ":", "-"]),
        ("a \u{e9}\u{a0}b \u{3000} \r", &["a", "\u{e9}\u{a0}b", "\u{3000}", "\r"]),
        ("/x/y -c 'import sys; print(1 > 0)'", &["/x/y", "-c", "import sys; print(1 > 0)"]),
        ("a 'it'\\''s'", &["a", "it's"]),
        ("'a b' c", &["a b", "c"]),
        ("\"exit\" 3", &["exit", "3"]),
        ("a eval source exec", &["a", "eval", "source", "exec"]),
    ];
    for (given, words) in table {
        assert_eq!(text(given, true).unwrap(), *words, "{given:?}");
        assert_eq!(text(given, false).unwrap(), *words, "{given:?}");
        assert_eq!(by_sh(given), *words, "{given:?}");
    }
    // As YAML's block texts end.
    assert_eq!(text("\n a b\n\n", true).unwrap(), ["a", "b"]);
}

#[test]
fn expansions_are_the_shell_s_here_and_words_elsewhere() {
    let table: &[(&str, &[&str])] = &[
        ("a $HOME", &["a", "$HOME"]),
        ("a \"$HOME/x y\"", &["a", "$HOME/x y"]),
        ("a ${HOME}", &["a", "${HOME}"]),
        ("a ${X:-b; c} d", &["a", "${X:-b; c}", "d"]),
        ("a \"${X:-}}\"", &["a", "${X:-}}"]),
        ("a $1 $# $? $$ $* $@", &["a", "$1", "$#", "$?", "$$", "$*", "$@"]),
        ("a ~ ~/x", &["a", "~", "~/x"]),
        ("a *.txt b? [c]", &["a", "*.txt", "b?", "[c]"]),
        ("A=1 cmd", &["A=1", "cmd"]),
        ("A='x y' B=2 cmd", &["A=x y", "B=2", "cmd"]),
        ("a # b", &["a", "#", "b"]),
        ("a $'b'", &["a", "$b"]),
        ("exit 3", &["exit", "3"]),
        ("exec sleep 5", &["exec", "sleep", "5"]),
        ("! false", &["!", "false"]),
        ("cd /x", &["cd", "/x"]),
    ];
    for (given, words) in table {
        assert_eq!(text(given, true).unwrap(), ["/bin/sh", "-c", given], "{given:?}");
        assert_eq!(text(given, false).unwrap(), *words, "{given:?}");
    }
    // None of them: sh and kst agree on the words.
    for given in ["'A=1' cmd", "a ' # b'", "a \\$HOME", "a '${X}'", "1A=1 cmd", "A-B=1 cmd"] {
        let words = text(given, true).unwrap();
        assert_ne!(words[0], "/bin/sh", "{given}");
        assert_eq!(words, by_sh(given));
    }
}

#[test]
fn operators_are_refused_with_the_way_out() {
    let table = [
        "a; b",
        "a;",
        ";a",
        "a && b",
        "a || b",
        "a | b",
        "a & b",
        "a &",
        "a > b",
        "a >b",
        "a 2>&1",
        "a < b",
        "a << b",
        "a\nb",
        "a `b`",
        "a \"`b`\"",
        "a $(b)",
        "a \"$(b)\"",
        "a $(b\nc)",
        "a $((1 + 2))",
        "(a)",
        "a (b)",
        "a)",
        "a ${X:-`b`}",
        "a ${X:-$(b)}",
        "a \"${X:-$(b)}\"",
        "a 'b';c",
        "A=1;b",
        "a #b\nc",
        "a $\\\n(b)",
        "a \"$\\\n\\\n(b)\"",
        "a ${X:-$\\\n(b)}",
    ];
    for given in table {
        for here in [true, false] {
            let error = text(given, here).unwrap_err();
            assert!(error.to_string().contains("needs a shell"), "{given:?}: {error}");
            assert!(error.advice().unwrap().contains("--shell"), "{given:?}");
            assert_eq!(error.exit_code(), 2);
        }
    }
}

#[test]
fn texts_that_are_no_command() {
    let cases = [
        ("", "empty"),
        ("  \n\t", "empty"),
        ("''", "empty"),
        ("a 'b", "single quote"),
        ("a \"b", "double quote"),
        ("a \"b\\", "double quote"),
        ("a \\", "backslash"),
        ("a ${b", "'${' is not closed"),
        ("a\0b", "NUL"),
    ];
    for (given, expected) in cases {
        let error = text(given, true).unwrap_err().to_string();
        assert!(error.contains(expected), "{given:?}: {error}");
        assert!(!error.contains('\0') && !error.contains('\n'));
    }
    assert!(text(&"é".repeat(MAX_COMMAND), true).is_ok());
    let error = text(&"é".repeat(MAX_COMMAND + 1), true).unwrap_err().to_string();
    assert!(error.contains("has 4097 characters; at most 4096"), "{error}");
    assert!(error.len() < 400);
}

#[test]
fn words_and_shell_texts() {
    let words = |words: &[&str]| {
        resolve(&Command::Words(words.iter().map(|word| (*word).to_owned()).collect()), true)
    };
    assert_eq!(words(&["a", "b; c", "$HOME", ""]).unwrap(), ["a", "b; c", "$HOME", ""]);
    assert!(words(&[]).is_err());
    assert!(words(&["", "a"]).is_err());
    assert!(words(&["a", "b\0"]).is_err());
    let shell = |text: &str, here| resolve(&Command::Shell(text.to_owned()), here);
    assert_eq!(shell("a; b", true).unwrap(), ["/bin/sh", "-c", "a; b"]);
    assert_eq!(shell("a; b", false).unwrap(), ["sh", "-c", "a; b"]);
    assert_eq!(shell("-x", true).unwrap(), ["/bin/sh", "-c", " -x"]);
    assert!(shell(" ", true).is_err());
    assert!(shell("a\0", true).is_err());
    assert!(shell(&"a".repeat(MAX_COMMAND + 1), true).is_err());
}

#[test]
fn random_texts_are_split_as_a_shell_splits_them() {
    const PIECES: [&str; 24] = [
        "a", "b", " ", " ", "\t", "'", "'", "\"", "\"", "\\", "\\\n", "=", "#", "%", "{", "}", "!",
        ":", "é", "$", ",", "''", "-", "\\\"",
    ];
    let mut state = 11_u64;
    let mut next = |below: u64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((state >> 33) % below).unwrap()
    };
    let mut compared = 0;
    for _ in 0..3_000 {
        let given: String = (0..next(14)).map(|_| PIECES[next(24)]).collect();
        let given = format!("x {given}");
        if let Ok(words) = text(&given, true)
            && words[0] != "/bin/sh"
            && compared < 600
        {
            compared += 1;
            assert_eq!(words, by_sh(given.trim_matches(BLANK)), "{given:?}");
        }
    }
    assert!(compared > 300, "{compared}");
}
