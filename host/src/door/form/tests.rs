use super::*;

fn items(usage: &str) -> Vec<Item> {
    parse(usage).unwrap_or_else(|error| panic!("{usage}: {error}")).1
}

fn literals(usage: &str) -> Vec<String> {
    items(usage)
        .into_iter()
        .map(|item| match item {
            Item::Word(word) => word
                .parts
                .into_iter()
                .map(|part| match part {
                    Part::Literal(text) => text,
                    other => panic!("{other:?} is no literal"),
                })
                .collect(),
            other => panic!("{other:?} is no word"),
        })
        .collect()
}

fn refuses(usage: &str, with: &str) {
    match parse(usage) {
        Ok(parsed) => panic!("`{usage}` was taken: {parsed:?}"),
        Err(error) => assert!(error.contains(with), "`{usage}`: {error}"),
    }
}

#[test]
fn words_and_quotes() {
    assert_eq!(literals("a b c"), ["b", "c"]);
    refuses("a b  c", "two blanks in a row");
    assert_eq!(literals(r#"a '#{x} [y] <z> ...' "it's" "#), ["#{x} [y] <z> ...", "it's"]);
    assert_eq!(literals(r"a b'c'd\ e\[ '' ';' \{x\}"), ["bcd e[", "", ";", "{x}"]);
    assert_eq!(literals(r"a 'a\b'"), [r"a\b"]);
    assert_eq!(literals("a Grüße"), ["Grüße"]);
}

#[test]
fn the_first_word_is_a_program() {
    assert_eq!(parse("a-b.c x").unwrap().0, FirstWord::Program("a-b.c".to_owned()));
    assert_eq!(parse("{location} x").unwrap().0, FirstWord::Location);
    for usage in
        ["{name} x", "{location:sh} x", "[-x {name}] a", "a{name} x", "<word> x", "{any}..."]
    {
        refuses(usage, "must begin with a program");
    }
    refuses("", "is empty");
    refuses(" ", "is empty");
}

#[test]
fn groups() {
    let parsed = items("a [-L {location}] [{?terminal} {!option-tty} -t] [--v={option-v}]...");
    let [Item::Group(one), Item::Group(two), Item::Group(three)] = parsed.as_slice() else {
        panic!("{parsed:?}")
    };
    assert_eq!((one.words.len(), one.conditions.len(), one.repeated), (2, 0, false));
    assert_eq!(
        two.conditions,
        [
            Condition { flag: Flag::Terminal, wanted: true },
            Condition { flag: Flag::Option("tty".to_owned()), wanted: false }
        ]
    );
    assert!(three.repeated);
}

#[test]
fn wrong_groups() {
    refuses("a [b [c {name}]]", "group in a group");
    refuses("a [b {name}", "does not end");
    refuses("a b {name}]", "without a `[`");
    refuses("a []", "without words");
    refuses("a [{?force}]", "without words");
    refuses("a [b c]", "hangs on nothing");
    refuses("a [b {name}]x", "space after a group");
    refuses("a [b {name}]..x", "space after a group");
    refuses("a {?force}", "flag outside");
    refuses("a [{?sudo} -x]", "unknown flag");
    refuses("a [{?option-} -x]", "unknown flag");
    refuses("a [-x{?force}]", "stand alone");
    refuses("a [{?force}-x]", "stand alone");
    refuses("a b[c {name}]", "out of place");
}

#[test]
fn wrong_brackets_and_dots() {
    refuses("a b}", "out of place");
    refuses("a >b", "out of place");
    refuses("a {name", "no `}`");
    refuses("a <int", "no `>`");
    refuses("a 'x", "no `'`");
    refuses("a \"x", "no `\"`");
    refuses("a x\\", "ends in a backslash");
    refuses("a b...", "`...` out of place");
    refuses("a {name}...", "`...` out of place");
    refuses("a <int>...", "`...` out of place");
}

#[test]
fn parameters() {
    assert_eq!(items("a -<int> <word>...").len(), 2);
    assert_eq!(items("a {any}..."), [Item::Anything]);
    refuses("a <path>", "unknown parameter");
    refuses("a <word>... b", "after the last `...`");
    refuses("a {any}... [b {name}]", "after the last `...`");
    refuses("a {any}", "needs `...`");
    refuses("a x{any}...", "stand alone");
    refuses("a x<word>...", "stand alone");
    refuses("a {any}...x", "stand alone");
    refuses("a [b {name} <int>]", "parameter in a group");
    refuses("a [b {name} <word>...]", "parameters in a group");
}

#[test]
fn placeholders() {
    for name in [
        "name",
        "location",
        "log",
        "env-file",
        "env-inherited",
        "workdir",
        "option-x_1",
        "run",
        "lines",
        "timeout",
        "keys",
        "keys-file",
        "paste-file",
        "signal",
        "restart",
        "id",
        "file-rc",
        "launch",
        "recorder",
        "command",
    ] {
        let usage = format!("a {{{name}}}");
        let placeholder = Placeholder::parse(name).unwrap();
        assert_eq!(placeholder.to_string(), format!("{{{name}}}"));
        assert_eq!(values(&items(&usage)).next().unwrap().placeholder, placeholder);
    }
    for name in ["", "Name", "pid", "env", "option-", "file-", "name ", "{"] {
        refuses(&format!("a {{{name}}}"), "unknown placeholder");
    }
    refuses("a {name:shell}", "unknown encoding 'shell'");
    refuses("a {name:}", "unknown encoding ''");
    refuses("a {name:sh:sh}", "twice");
    refuses("a {name:strftime:sh}", "must be the first");
    refuses("a {name:tmux-word:strftime}", "must be the last");
}

#[test]
fn several_words_stand_alone() {
    items("a {command} {launch:tmux-word} 'exec '{recorder:sh:tmux-format}");
    refuses("a x{command}", "several words");
    refuses("a {launch}{name}", "several words");
    refuses("a x{launch:tmux-word}", "several words");
}

/// What stands before a value can turn its escaping round; each of these would run the value.
#[test]
fn escaping_that_would_not_hold() {
    items("a 'x \"y\" '{name:sh}' z'");
    refuses(r#"a "echo '"{name:sh}"'""#, "open quote");
    refuses(r#"a 'echo "'{name:sh}'"'"#, "open quote");
    refuses(r"a 'echo \'{name:sh}", "open quote");
    refuses(r"a 'echo $'{name:sh}", "open quote");
    refuses(r"a '`echo '{name:sh}'`'", "open quote");
    refuses("a 'x # '{name:sh}", "open quote");
    items("a '#{x} '{name:tmux-format}' #{y}'");
    refuses("a '#'{name:tmux-format}", "`#` before it");
    refuses("a '#{=5:'{name:tmux-format}'}'", "inside a tmux expression");
    refuses("a 'x#(echo '{name:sh:tmux-format}')'", "inside a tmux expression");
    // Brackets that do not close it.
    refuses("a '#{l:)'{name:tmux-format}'}'", "inside a tmux expression");
    refuses("a '#{l:#}'{name:tmux-format}'}'", "inside a tmux expression");
    refuses("a '#(echo (x) '{name:tmux-format}')'", "inside a tmux expression");
    refuses("a '#(echo } '{name:tmux-format}')'", "inside a tmux expression");
    items("a '#{l:x}) #(echo (x)) '{name:tmux-format}");
    refuses("a {name:tmux-format}'[x'", "changes its escaping");
    refuses("a {name:tmux-format}'##[x'", "changes its escaping");
    refuses("a {name:tmux-format}{id}", "changes its escaping");
    items("a {name:tmux-word} x{name:tmux-word}");
    refuses("a {name:tmux-word}x", "tmux-word");
    items("a '%%'{name:strftime}");
    refuses("a '%'{name:strftime}", "`%` before it");
    items("a '^'{name:regex}'$'");
    refuses(r"a 'x\'{name:regex}", "`\\` before it");
    refuses("a '[x'{name:regex}']'", "bracket expression");
}

#[test]
fn limits() {
    refuses(&format!("a {}", "b".repeat(USAGE_BYTES)), "are allowed");
    items(&"a ".repeat(USAGE_WORDS));
    refuses(&"a ".repeat(USAGE_WORDS + 1), "more than 256 words");
    for usage in ["a\tb", "a\nb", "a '\u{1b}[0m'", "a \u{202e}b", "a 'b\u{200b}'"] {
        refuses(usage, "control or invisible");
    }
}

/// Errors say where: the text and the character, counted as a person counts.
#[test]
fn errors_say_where() {
    let error = parse("a ü {nmae} c").unwrap_err();
    assert_eq!(error, "has an unknown placeholder: `{nmae} c` (character 5)");
}

/// Whatever the line, parsing ends without a panic, and soon.
#[test]
fn any_line_is_parsed_or_refused() {
    let alphabet: Vec<char> = "ab [](){}<>?!'\"\\.:;#%ü{name}{any}<word>... ".chars().collect();
    let mut state = 1_u64;
    for round in 0..20_000 {
        let length = round % 60;
        let line: String = (0..length)
            .map(|_| {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                alphabet[(state >> 33) as usize % alphabet.len()]
            })
            .collect();
        let _ = parse(&line);
    }
    for hard in ["{", "[", "'", "a {name:", "a [{?", "\\", "a {any}..."] {
        let _ = parse(&hard.repeat(USAGE_BYTES / hard.len()));
    }
}
