use super::*;

fn row(gives: &str, line: &str) -> Option<Row> {
    Gives::parse(gives).unwrap_or_else(|error| panic!("{gives}: {error}")).read(line.as_bytes())
}

fn refuses(gives: &str, with: &str) {
    match Gives::parse(gives) {
        Ok(parsed) => panic!("`{gives}` was taken: {parsed:?}"),
        Err(error) => assert!(error.contains(with), "`{gives}`: {error}"),
    }
}

#[test]
fn a_line_is_taken_apart() {
    let row = row("{id} {instance} {*} {pids},{name}", "$3 77.99 x 12 13 ,my, name").unwrap();
    assert_eq!(row.id.as_deref(), Some("$3"));
    assert_eq!(row.instance.as_deref(), Some("77.99"));
    assert_eq!(row.pids, [12, 13]);
    assert_eq!(row.name.as_deref(), Some("my, name"));
}

/// A capture ends where the text after it first occurs, whatever would fit better.
#[test]
fn the_first_occurrence_counts() {
    let row = row("{id},{name}", "a,b,c").unwrap();
    assert_eq!((row.id.as_deref(), row.name.as_deref()), (Some("a"), Some("b,c")));
    assert_eq!(self::row("{name})", "a)b)"), None);
    assert_eq!(self::row("{name})", "a)").unwrap().name.as_deref(), Some("a"));
}

#[test]
fn a_refusal_is_one_line_of_plain_text() {
    assert_eq!(Gives::parse("{a\tb}"), Err("gives has an unknown capture {a\\tb}".to_owned()));
}

#[test]
fn other_lines_give_nothing() {
    for line in ["", "x", "id=a", "id=a;name", "Id=a name=b", " id=a name=b"] {
        assert_eq!(row("id={id} name={name}", line), None, "{line}");
    }
    assert_eq!(row("\t{id}.{name}\t({*}", "12.web\t(now)"), None);
    let gives = Gives::parse("{name}").unwrap();
    assert_eq!(gives.read(b"a\xff"), None, "no text");
}

/// Otherwise a session named `web`, tab, `(x` would be taken for `web`.
#[test]
fn columns_are_counted() {
    let dated = "\t{id}.{name}\t({*})\t({*})";
    /// The id of `web`.
    fn id(gives: &str, line: &str) -> Option<String> {
        row(gives, line).filter(|row| row.name.as_deref() == Some("web")).and_then(|row| row.id)
    }
    assert_eq!(id(dated, "\t12.web\t(now)\t(up)").as_deref(), Some("12"));
    assert_eq!(id("\t{id}.{name}\t({*}", "\t12.web\t(up)").as_deref(), Some("12"));
    for name in ["web\t(x", "web\t(x)", "web\t(x)\t(y)", "web\t(", "web\t"] {
        let line = format!("\t12.{name}\t(now)\t(up)");
        assert_eq!(id(dated, &line), None, "{name:?}");
        assert_eq!(id("\t{id}.{name}\t({*}", &line), None, "{name:?}");
    }
}

/// What cannot be an id is none; the line still claims its name.
#[test]
fn ids_are_plain() {
    for bad in ["", "-x", "a\u{1b}b", "a\u{202e}b", "a\tb", "a\u{a0}b", &"x".repeat(257)] {
        let row = row("{id},{name}", &format!("{bad},web")).unwrap();
        assert_eq!((row.id, row.name.as_deref()), (None, Some("web")), "{bad:?}");
        assert_eq!(self::row("{instance},{name}", &format!("{bad},web")).unwrap().instance, None);
        assert_eq!(self::row("{run},{name}", &format!("{bad},web")).unwrap().run, None);
    }
    assert_eq!(row("{id},{name}", "a b,web").unwrap().id, None);
    assert!(row("{id},{name}", &format!("{},web", "x".repeat(256))).unwrap().id.is_some());
}

#[test]
fn pids_are_numbers() {
    let pids = |text: &str| row("{pids},{name}", &format!("{text},x")).unwrap().pids;
    assert_eq!(pids(" 1  2 "), [1, 2]);
    assert_eq!(pids("0"), [0; 0]);
    assert_eq!(pids(""), [0; 0]);
    for bad in ["12 x", "-5", "4294967296", "2147483648", "1.5", "12\t13"] {
        assert_eq!(pids(bad), [0; 0], "{bad}");
    }
    assert_eq!(pids(&"7 ".repeat(PIDS + 1)), [0; 0], "too many");
}

#[test]
fn wrong_shapes() {
    refuses("", "captures nothing");
    refuses("x {*}", "captures nothing");
    refuses("{id}{name}", "nothing between");
    refuses("{id} {id}", "twice");
    refuses("{pid} {name}", "unknown capture");
    refuses("{id", "not closed");
    refuses("id} {name}", "without a `{`");
    refuses("{id} } {name}", "without a `{`");
    refuses("{id}\u{1b}{name}", "control");
    refuses("{id}\n{name}", "control");
    refuses(&format!("{{id}}{}", "x".repeat(GIVES_BYTES)), "longer");
    assert!(Gives::parse("{*} {*}\t{name}").is_ok());
}

/// The time of a match grows with the line and not with its square.
#[test]
fn matching_is_linear() {
    let gives = Gives::parse(&format!("{}{{name}}", "{*}ab".repeat(150))).unwrap();
    let line = "a".repeat(4 * 1024 * 1024);
    let start = std::time::Instant::now();
    assert_eq!(gives.read(line.as_bytes()), None);
    assert!(start.elapsed() < std::time::Duration::from_secs(5));
}
