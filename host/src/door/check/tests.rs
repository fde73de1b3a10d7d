use super::super::fixture::{form, listing, manifest, two_engines};
use super::*;

fn refuses(manifest: Manifest, with: &str) {
    match manifest.check() {
        Ok(_) => panic!("was taken, and should say: {with}"),
        Err(error) => assert!(error.to_string().contains(with), "{error}"),
    }
}

fn refuses_form(decl: FormDecl, with: &str) {
    let usage = escape_controls(&decl.usage);
    match manifest(vec![listing(), decl]).check() {
        Ok(_) => panic!("`{usage}` was taken, and should say: {with}"),
        Err(error) => {
            let error = error.to_string();
            assert!(error.contains(with), "{error}");
            assert!(error.contains(&usage), "{error} quotes the form");
        }
    }
}

fn reads(usage: &str) -> FormDecl {
    form("f", &[Operation::List], Effect::Reads, usage, None)
}

fn changes(usage: &str) -> FormDecl {
    form("f", &[Operation::Stop], Effect::Changes, usage, None)
}

fn plan(usage: &str) -> FormDecl {
    form("f", &[Operation::Attach], Effect::Plan, usage, None)
}

#[test]
fn a_good_manifest() {
    let checked = manifest(vec![
        listing(),
        changes("eng [-L {location}] kill {id}"),
        form("g", &[Operation::Events], Effect::Plan, "eng [-L {location}] events", None),
    ])
    .check()
    .unwrap();
    assert!(checked.form("f").is_some() && checked.form("F").is_none());
    assert!(checked.supports(Operation::Start) && checked.supports(Operation::Send));
    let json = serde_json::to_string(checked.manifest()).unwrap();
    let again: Manifest = serde_json::from_str(&json).unwrap();
    assert_eq!(&again, checked.manifest());
}

#[test]
fn names_and_texts() {
    let good = || manifest(vec![listing()]);
    for name in ["", "1a", "-a", "a b", "a.b", "ü", &"a".repeat(65)] {
        refuses(Manifest { name: name.to_owned(), ..good() }, "backend's name");
    }
    refuses(Manifest { version: " ".to_owned(), ..good() }, "version is empty");
    refuses(Manifest { summary: "a\u{1b}[2J".to_owned(), ..good() }, "control or invisible");
    for blank in ["\u{a0}", "\u{2003}", "\u{2800}"] {
        let summary = format!("a{blank}b");
        refuses(Manifest { summary, ..good() }, "blanks that are not plain spaces");
        let mut bad = good();
        bad.files = vec![ConstFile { name: "rc".to_owned(), content: format!("a{blank}b\n") }];
        refuses(bad, "control or invisible");
    }
    refuses(Manifest { summary: "x".repeat(201), ..good() }, "longer than");
    refuses(Manifest { detach: Some("\n".to_owned()), ..good() }, "detach");
    refuses(Manifest { keeps: vec!["A=B".to_owned()], ..good() }, "not the name of a variable");
    refuses(Manifest { operations: vec![Operation::Start], ..good() }, "only optional ones");
    refuses(Manifest { operations: vec![Operation::Send, Operation::Send], ..good() }, "twice");
}

#[test]
fn programs() {
    for id in ["", "/bin/sh", "../sh", "a b", "-x", ".", "..", "sh\n"] {
        let mut bad = manifest(vec![listing()]);
        bad.programs[0].id = id.to_owned();
        refuses(bad, "program id");
    }
    let mut bad = manifest(vec![listing()]);
    bad.programs[0].id = "eng".to_owned();
    refuses(bad, "declared twice");
    let mut bad = manifest(vec![listing()]);
    bad.programs[0].purpose = String::new();
    refuses(bad, "purpose");
    refuses(Manifest { programs: Vec::new(), ..manifest(Vec::new()) }, "no program");
}

#[test]
fn options_and_files() {
    for name in ["", "A", "a-b", "1a", "_a"] {
        let mut bad = manifest(vec![listing()]);
        bad.options[0].name = name.to_owned();
        refuses(bad, "option name");
    }
    let mut bad = manifest(vec![listing()]);
    bad.options[1].name = "image".to_owned();
    refuses(bad, "declared twice");
    let mut bad = manifest(vec![listing()]);
    bad.location_option = Some(bad.options[0].clone());
    refuses(bad.clone(), "it is one text");
    bad.options[0].kind = OptionKind::Text;
    bad.location_option = Some(bad.options[0].clone());
    refuses(bad, "declared twice");
    let mut bad = manifest(vec![listing()]);
    bad.options[2].repeatable = true;
    refuses(bad, "is a flag");
    let mut bad = manifest(vec![listing()]);
    bad.files[0].content = "a\u{1b}".to_owned();
    refuses(bad, "control or invisible");
    let mut bad = manifest(vec![listing()]);
    bad.files[0].name = "../rc".to_owned();
    refuses(bad, "constant file name");
}

#[test]
fn locations() {
    let sockets = |change: fn(&mut SocketFolder)| {
        let mut bad = manifest(vec![listing()]);
        if let Locations::Sockets(folder) = &mut bad.locations {
            change(folder);
        }
        bad
    };
    refuses(sockets(|folder| folder.parent = "tmp".to_owned()), "not absolute");
    refuses(sockets(|folder| folder.parent = "/tmp/../etc".to_owned()), "not absolute");
    refuses(sockets(|folder| folder.folder = "a/b".to_owned()), "plain name");
    refuses(sockets(|folder| folder.folder = "..".to_owned()), "plain name");
    refuses(sockets(|folder| folder.folder = "{gid}".to_owned()), "plain name");
    refuses(sockets(|folder| folder.variable = "a b".to_owned()), "variable");
    let programs = |list: &[&str]| Manifest {
        locations: Locations::Programs(list.iter().map(|id| (*id).to_owned()).collect()),
        ..two_engines(Vec::new())
    };
    refuses(programs(&[]), "none is named");
    refuses(programs(&["other"]), "not one of the programs");
    refuses(programs(&["eng", "eng"]), "twice");
    let mut one = manifest(vec![reads("eng ls")]);
    one.locations = Locations::One;
    assert!(one.clone().check().is_ok());
    one.forms[0].usage = "eng [-L {location}] ls".to_owned();
    refuses(one, "only one location");
}

#[test]
fn forms_and_the_rest_of_the_manifest() {
    refuses_form(reads("other ls"), "not a program declared");
    refuses_form(reads("{location} ls"), "locations are not programs");
    assert!(two_engines(vec![reads("{location} ls")]).check().is_ok());
    refuses_form(reads("eng {option-x}"), "not an option");
    refuses_form(reads("eng [{?option-x} y]"), "not an option");
    refuses_form(reads("eng [{option-tty}]"), "yes or no");
    refuses_form(reads("eng {file-x}"), "not a file");
    refuses_form(reads("eng {option-volumes}"), "outside a group");
    refuses_form(reads("eng [{option-volumes}]"), "not repeated");
    refuses_form(reads("eng [{env-inherited}]"), "not repeated");
    refuses_form(reads("eng [{option-image}]..."), "without a list");
    refuses_form(reads("eng [{option-volumes} {env-inherited}]..."), "two lists");
    refuses_form(reads("eng ["), "does not end");
    refuses_form(reads("eng \u{1b}"), "control");
    let launching = form("f", &[Operation::Start], Effect::Changes, "eng {name} {launch}", None);
    refuses(two_engines(vec![launching]), "run elsewhere");
    let mut bad = reads("eng ls");
    bad.name = "a b".to_owned();
    refuses(manifest(vec![bad]), "form name");
    refuses(manifest(vec![listing(), listing()]), "declared twice");
    refuses(manifest(vec![reads("eng [-L {location}] {id}")]), "no form gives one");
}

/// Asking never changes anything: that is the first rule.
#[test]
fn reading_operations_have_reads_alone() {
    for operation in
        [Operation::Probe, Operation::List, Operation::Status, Operation::Logs, Operation::Events]
    {
        let usage = "eng [-L {location}] kill {id}";
        refuses_form(form("f", &[operation], Effect::Changes, usage, None), "changes nothing");
        let both = [Operation::Stop, operation];
        refuses_form(form("f", &both, Effect::Changes, usage, None), "changes nothing");
    }
    let usage = "eng [-L {location}] x {id}";
    for operation in [Operation::List, Operation::Start, Operation::Stop, Operation::Send] {
        refuses_form(form("f", &[operation], Effect::Plan, usage, None), "is a plan");
    }
    refuses_form(form("f", &[], Effect::Reads, "eng ls", None), "no operation");
    let twice = [Operation::List, Operation::List];
    refuses_form(form("f", &twice, Effect::Reads, "eng ls", None), "twice");
    let mut fewer = manifest(vec![form("f", &[Operation::Send], Effect::Reads, "eng ls", None)]);
    fewer.operations.clear();
    refuses(fewer, "not among the manifest's operations");
}

#[test]
fn parameters_are_for_reads() {
    assert!(manifest(vec![reads("eng say <int> <word>...")]).check().is_ok());
    for parameter in ["<int>", "x<word>", "<word>..."] {
        refuses_form(changes(&format!("eng [-L {{location}}] {{id}} {parameter}")), "only reads");
        refuses_form(plan(&format!("eng [-L {{location}}] {{id}} {parameter}")), "only reads");
    }
    refuses_form(plan("eng [-L {location}] {id} {any}..."), "parameters");
    let anything = changes("eng [-L {location}] {id} {any}...");
    let checked = manifest(vec![listing(), anything]).check().unwrap();
    assert!(checked.form("f").unwrap().runs_anything());
    assert!(!checked.form("list").unwrap().runs_anything());
}

/// With words of its own, a backend could choose whose line is read.
#[test]
fn what_parameters_chose_binds_nothing() {
    let gives = Some("{id} {name}");
    for usage in [
        "eng [-L {location}] show <word>...",
        "eng [-L {location}] show <word>",
        "eng [-L {location}] show x<word>",
        "eng [-L {location}] show <int>",
    ] {
        let form = |operations: &[Operation]| form("f", operations, Effect::Reads, usage, gives);
        assert!(manifest(vec![form(&[Operation::List])]).check().is_ok(), "{usage}");
        for operation in [Operation::Status, Operation::Start, Operation::Stop, Operation::Remove] {
            refuses_form(form(&[operation]), "which only forms of list may have");
            refuses_form(form(&[Operation::List, operation]), "which only forms of list may have");
        }
    }
}

#[test]
fn a_parameter_is_no_option() {
    for own in ["-<word>", "--<word>", "-l<word>", "'-'<word>", "-{lines}<word>", "-<int><word>"] {
        refuses_form(reads(&format!("eng show {own}")), "lets the backend choose an option");
    }
    for own in ["-<int>", "--format=<word>", "-l <word>", "x-<word>", "<word>-x"] {
        let usage = format!("eng show {own}");
        assert!(manifest(vec![reads(&usage)]).check().is_ok(), "{usage}");
    }
}

#[test]
fn a_parameter_is_no_subcommand() {
    for usage in ["eng <word>", "eng <word>...", "eng -v <word>", "eng [-x {name}] <word>..."] {
        refuses_form(reads(usage), "choose what the program does");
    }
    for usage in ["eng show <word>", "eng -- <word>...", "eng -j=<word>", "eng -j <int>", "eng ls"]
    {
        assert!(manifest(vec![reads(usage)]).check().is_ok(), "{usage}");
    }
}

/// Nothing is pushed out of sight.
#[test]
fn blanks_stand_alone() {
    for usage in ["eng  ls", "eng ls  ", "  eng ls", "eng [  -x {name} ] ls", "eng [-x {name}  ]"] {
        refuses_form(reads(usage), "two blanks in a row");
    }
    for blank in ['\u{a0}', '\u{2003}', '\u{3000}', '\u{2800}'] {
        refuses_form(reads(&format!("eng a{blank}b")), "invisible");
    }
    assert!(manifest(vec![reads("eng [ -x {name} ] '  ' ls ")]).check().is_ok());
    let wide = Manifest { summary: format!("a{}b", " ".repeat(9)), ..manifest(vec![listing()]) };
    refuses(wide, "two blanks in a row");
}

#[test]
fn changes_and_plans_say_what_and_where() {
    for decl in [changes, plan] {
        refuses_form(decl("eng [-L {location}] x"), "for which session");
        refuses_form(decl("eng x {id}"), "at which place");
    }
    let mut decl = reads("eng ls");
    decl.gives = Some("{id} {name}".to_owned());
    refuses_form(decl, "at which place");
}

#[test]
fn gives_lines() {
    let with = |mut decl: FormDecl, gives: &str| {
        decl.gives = Some(gives.to_owned());
        decl
    };
    let at = "eng [-L {location}] ls";
    refuses_form(with(reads(at), "{x}"), "wrong gives line");
    refuses_form(with(reads(at), "{id}"), "without {name}");
    refuses_form(with(reads(at), "{pids}"), "without {name}");
    refuses_form(with(reads(at), "{instance} {run}"), "without {name}");
    assert!(manifest(vec![with(reads(at), "{instance}")]).check().is_ok());
    refuses_form(with(plan("eng [-L {location}] x {id}"), "{id} {name}"), "plan");
    refuses_form(with(reads("eng [-L {location}] {any}..."), "{id} {name}"), "whatever");
    let made = changes("eng [-L {location}] x {name}");
    assert!(manifest(vec![with(made, "{id}")]).check().is_ok());
}
