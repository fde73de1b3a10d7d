use super::super::error::DoorError;
use super::super::fixture::{form, options, request, with_form};
use super::super::{Effect, Operation, Request, Row};
use super::*;

const OPERATION: Operation = Operation::Status;

fn filled(usage: &str, params: &[&str], source: &Source<'_>) -> Result<Filled, DoorError> {
    let manifest = with_form(form("f", &[OPERATION], Effect::Reads, usage, None));
    let params: Vec<String> = params.iter().map(|text| (*text).to_owned()).collect();
    fill(manifest.form("f").unwrap(), &params, source)
}

fn source(request: &Request) -> Source<'_> {
    Source { request, has_locations: true, bound: &Binding::None, files: &NoFiles, env_file: None }
}

fn words(usage: &str, request: &Request) -> Vec<String> {
    let filled = filled(usage, &[], &source(request)).unwrap_or_else(|error| panic!("{error}"));
    filled.words.iter().map(|word| word.to_str().unwrap().to_owned()).collect()
}

fn refusal(usage: &str, request: &Request) -> String {
    match filled(usage, &[], &source(request)) {
        Err(DoorError::Refused(why)) => {
            assert!(why.contains(usage) || why.contains("variable"), "{why}");
            why
        }
        other => panic!("`{usage}`: {other:?}"),
    }
}

fn full() -> Request {
    let mut request = request(OPERATION);
    request.location.name = "work".to_owned();
    request.location.is_default = false;
    request.workdir = Some("/a b".to_owned());
    request.command = Some(vec!["-x".to_owned(), "it's\n".to_owned(), String::new()]);
    request.lines = Some(7);
    request.since = Some("2026-11-23T05:31:13.25Z".parse().unwrap());
    request.times = true;
    request.options = options(&[
        ("image", OptionValue::Text("img:1".to_owned())),
        ("volumes", OptionValue::List(vec!["/a:/b".to_owned(), "/c:/d".to_owned()])),
        ("tty", OptionValue::Flag(true)),
    ]);
    request
}

#[test]
fn words_and_parts_of_words() {
    let request = full();
    assert_eq!(words("eng -n={name}:x {lines} ''", &request), ["-n=web:x", "7", ""]);
    assert_eq!(words("eng {command}", &request), ["-x", "it's\n", ""]);
    assert_eq!(words("eng 'run '{command:sh}';'", &request), ["run '-x' 'it'\\''s\n' '';"]);
}

#[test]
fn times_are_written_in_one_way() {
    let usage = "eng [{?times} -t] [{!times} -x] [--since {since}] [--until={until}] end";
    let since = "2026-11-23T05:31:13.250000000Z";
    assert_eq!(words(usage, &full()), ["-t", "--since", since, "end"]);
    let mut request = full();
    request.times = false;
    request.until = Some(jiff::Timestamp::UNIX_EPOCH);
    let until = "--until=1970-01-01T00:00:00.000000000Z";
    assert_eq!(words(usage, &request), ["-x", "--since", since, until, "end"]);
    // Before the year 0 it would begin with a dash.
    request.since = Some(jiff::Timestamp::MIN);
    assert!(refusal("eng {since}", &request).contains("-"));
}

#[test]
fn groups_stand_with_their_values() {
    let usage = "eng [-L {location}] [-c {workdir} -n {lines}] [--keys {keys} {name}] end";
    assert_eq!(words(usage, &full()), ["-L", "work", "-c", "/a b", "-n", "7", "end"]);
    let mut request = full();
    request.lines = None;
    assert_eq!(words(usage, &request), ["-L", "work", "end"]);
    let alone = Source { has_locations: false, ..source(&request) };
    assert_eq!(filled(usage, &[], &alone).unwrap().words, ["end"]);
}

#[test]
fn lists_repeat() {
    let mut request = full();
    let usage = "eng [-v {option-volumes} -n {name}]...";
    assert_eq!(words(usage, &request), ["-v", "/a:/b", "-n", "web", "-v", "/c:/d", "-n", "web"]);
    request.options.insert("volumes".to_owned(), OptionValue::List(Vec::new()));
    assert_eq!(words(usage, &request), [""; 0]);
    request.options.remove("volumes");
    assert_eq!(words(usage, &request), [""; 0]);
}

#[test]
fn flags() {
    let usage = "eng [{?terminal} -t] [{!terminal} -T] [{?force} -f] [{?inside} -i] \
                 [{?option-tty} --tty] [{!option-tty} --no-tty] [{?option-image} {?force} --both]";
    let mut request = full();
    assert_eq!(words(usage, &request), ["-T", "--tty"]);
    request.terminal = true;
    request.force = true;
    request.location.inside = true;
    request.options.insert("tty".to_owned(), OptionValue::Flag(false));
    assert_eq!(words(usage, &request), ["-t", "-f", "-i", "--no-tty", "--both"]);
}

#[test]
fn what_is_missing_is_not_left_out() {
    let request = request(OPERATION);
    assert!(refusal("eng {workdir}", &request).contains("needs {workdir}"));
    assert!(refusal("eng {command}", &request).contains("needs {command}"));
    let alone = Source { has_locations: false, ..source(&request) };
    match filled("eng -L {location}", &[], &alone) {
        Err(DoorError::Refused(why)) => assert!(why.contains("needs {location}"), "{why}"),
        other => panic!("{other:?}"),
    }
    let error = filled("eng {id}", &[], &source(&request)).unwrap_err();
    assert!(matches!(error, DoorError::Unbound(_)), "{error}");
}

#[test]
fn ids_come_from_the_binding() {
    let request = request(OPERATION);
    let row = Row { id: Some("$4".to_owned()), ..Row::default() };
    let one = Binding::One { row, fresh: false, program: "/bin/eng".into() };
    let given = filled("eng {id}", &[], &Source { bound: &one, ..source(&request) }).unwrap();
    assert_eq!(given.words, ["$4"]);
    assert!(given.placed.values.contains(&Placeholder::Id));
    let several = Binding::Several("two of them".to_owned());
    for usage in ["eng {id}", "eng [-t {id}]"] {
        let error =
            filled(usage, &[], &Source { bound: &several, ..source(&request) }).unwrap_err();
        assert_eq!(error, DoorError::Unbound("two of them".to_owned()));
    }
}

#[test]
fn one_of_several_locations_is_named_also_where_it_is_the_default() {
    let request = request(OPERATION);
    assert!(request.location.is_default);
    for usage in ["eng -L {location}", "eng [-L {location}]"] {
        assert_eq!(words(usage, &request), ["-L", "default"]);
    }
}

#[test]
fn leading_dashes() {
    let mut request = full();
    request.name = Some("-rf".to_owned());
    for usage in
        ["eng {name}", "eng {name}:x", "eng {name:regex}", "eng -- x ';' {name}", "eng -t {name}"]
    {
        assert!(refusal(usage, &request).contains("begins with a dash"), "{usage}");
    }
    assert!(refusal("eng 'kill '{name:sh}", &request).contains("begins with a dash"));
    assert_eq!(words("eng -- {name}", &request), ["--", "-rf"]);
    assert_eq!(words("eng -t={name}", &request), ["-t=-rf"]);
    // A group that does not stand gives no `--`.
    assert!(refusal("eng [{?force} --] {name}", &request).contains("begins with a dash"));
    request.options.insert("volumes".to_owned(), OptionValue::List(vec!["-x".to_owned()]));
    assert!(refusal("eng [{option-volumes}]...", &request).contains("begins with a dash"));
    assert_eq!(words("eng [-v={option-volumes}]...", &request), ["-v=-x"]);
    request.options.insert("volumes".to_owned(), OptionValue::Number(-3));
    assert_eq!(words("eng {command}", &request), ["-x", "it's\n", ""], "the user's own");
}

#[test]
fn control_characters() {
    let mut request = request(OPERATION);
    for bad in ["a\nb", "a\0b", "\u{1b}[0m", "a\u{7f}", "a\u{9b}", "\t"] {
        request.name = Some(bad.to_owned());
        for usage in ["eng {name}", "eng x{name}y", "eng x{name:sh}", "eng [-t={name}]"] {
            assert!(refusal(usage, &request).contains("control character"), "{bad:?} {usage}");
        }
    }
    request.keys = Some("a\n\u{1b}".to_owned());
    request.launch = Some(vec!["a\nb".into()]);
    assert_eq!(words("eng {keys} {launch}", &request), ["a\n\u{1b}", "a\nb"]);
    request.keys = Some("a\0".to_owned());
    request.launch = Some(vec!["a\0".into()]);
    for usage in ["eng {keys}", "eng {launch}", "eng {launch:sh}"] {
        assert!(refusal(usage, &request).contains("control character"));
    }
}

#[test]
fn encodings_apply_to_each_word_or_to_the_shell_text() {
    let mut request = request(OPERATION);
    request.launch = Some(vec!["a;".into(), "b".into(), ";".into()]);
    assert_eq!(words("eng {launch:tmux-word}", &request), ["a\\;", "b", "\\;"]);
    request.recorder = Some(vec!["/x#{y}%".into(), "'".into()]);
    assert_eq!(
        words("eng 'exec '{recorder:sh:tmux-format:strftime:tmux-word}", &request),
        ["exec '/x##{y}%%' ''\\'''"]
    );
    request.workdir = Some("/a#(id);".to_owned());
    assert_eq!(words("eng {workdir:tmux-format:tmux-word}", &request), ["/a##(id)\\;"]);
}

#[test]
fn parameters() {
    let request = request(OPERATION);
    let source = source(&request);
    let ok = |usage: &str, params: &[&str]| filled(usage, params, &source).unwrap().words;
    let bad = |usage: &str, params: &[&str]| match filled(usage, params, &source) {
        Err(DoorError::BadParameter(why)) => why,
        other => panic!("{usage} {params:?}: {other:?}"),
    };
    assert_eq!(
        ok("eng say -S -<int> <word> <word>...", &["50", "a", "b", "c"]),
        ["say", "-S", "-50", "a", "b", "c"]
    );
    assert_eq!(ok("eng <int>", &["007"]), ["7"]);
    assert_eq!(ok("eng {any}...", &["-rf", "a\nb", ""]), ["-rf", "a\nb", ""]);
    assert_eq!(ok("eng {any}...", &[]), [""; 0]);
    for wrong in ["", "-1", "+1", "1.0", "x", "4294967296", " 1", "１"] {
        assert!(bad("eng <int>", &[wrong]).contains("whole number"), "{wrong}");
    }
    for wrong in
        ["", "-x", "a\nb", "a\0", "\u{1b}", ";", "a;", "&&", "|", "(", "{", "!", "+", ":::", "},"]
    {
        bad("eng say <word>", &[wrong]);
        bad("eng x<word>", &[wrong]);
        bad("eng say <word>...", &["fine", wrong]);
    }
    assert!(bad("eng say <word>", &["&&"]).contains("separator"));
    for fine in ["a+b", "a|b", ".", "~", "{a}"] {
        assert_eq!(ok("eng say <word>", &[fine]), ["say", fine]);
    }
    bad("eng {any}...", &["a\0"]);
    assert!(bad("eng say <word>", &[]).contains("fewer"));
    assert!(bad("eng say <word>...", &[]).contains("fewer"));
    assert!(bad("eng say <word>", &["a", "b"]).contains("more"));
    assert!(bad("eng x", &["a"]).contains("more"));
}

#[test]
fn environment() {
    let mut request = request(OPERATION);
    request.env = vec![("A".to_owned(), "1".to_owned()), ("B".to_owned(), "1\n2".to_owned())];
    let usage = "eng [--env-file {env-file}] [-e {env-inherited}]...";
    let with = Source { env_file: Some("/dev/fd/9"), ..source(&request) };
    assert_eq!(filled(usage, &[], &with).unwrap().words, ["--env-file", "/dev/fd/9", "-e", "B"]);
    request.env.remove(1);
    let with = Source { env_file: Some("/dev/fd/9"), ..source(&request) };
    assert_eq!(filled(usage, &[], &with).unwrap().words, ["--env-file", "/dev/fd/9"]);
    for key in [
        "DOCKER_HOST",
        "CONTAINER_HOST",
        "CONTAINERS_CONF",
        "PODMAN_USERNS",
        "PATH",
        "HOME",
        "LD_PRELOAD",
        "XDG_RUNTIME_DIR",
        "TMPDIR",
        "https_proxy",
        "NO_PROXY",
        "SSL_CERT_FILE",
        "docker_host",
    ] {
        request.env = vec![(key.to_owned(), "a\nb".to_owned())];
        assert!(refusal(usage, &request).contains("would steer"), "{key}");
    }
}

#[test]
fn files() {
    let request = request(OPERATION);
    let files = |name: &str| match name {
        "rc" => Ok(PathBuf::from("/state/rc")),
        _ => Err("no such file".to_owned()),
    };
    let with = Source { files: &files, ..source(&request) };
    assert_eq!(filled("eng -c {file-rc}", &[], &with).unwrap().words, ["-c", "/state/rc"]);
    let error = filled("eng -c {file-rc}", &[], &source(&request)).unwrap_err();
    assert!(matches!(error, DoorError::Failed(_)), "{error}");
}

#[test]
fn an_argv_has_its_bounds() {
    let mut request = request(OPERATION);
    request.command = Some(vec!["x".repeat(WORD_BYTES)]);
    assert!(filled("eng {command}", &[], &source(&request)).is_ok());
    request.command = Some(vec!["x".repeat(WORD_BYTES + 1)]);
    assert!(refusal("eng {command}", &request).contains("a word of more than"));
    request.command = Some(vec!["x".repeat(100_000); 11]);
    assert!(refusal("eng {command}", &request).contains("bytes"));
    request.command = Some(vec![String::new(); ARGV_WORDS + 1]);
    assert!(refusal("eng {command}", &request).contains("words"));
}
