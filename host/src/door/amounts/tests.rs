use super::super::fixture::{form, listing, manifest};
use super::*;

fn of(forms: Vec<FormDecl>) -> Amounts {
    let mut one = manifest(forms);
    one.programs.retain(|program| program.id == "eng");
    amounts(&one, &[])
}

fn changes(operation: Operation, usage: &str) -> Vec<String> {
    of(vec![form("f", &[operation], Effect::Changes, usage, None)]).can
}

#[test]
fn what_an_honest_backend_can_do_is_said_in_plain_words() {
    let all = of(vec![
        listing(),
        form("new", &[Operation::Start], Effect::Changes, "eng new {name} -- {launch}", None),
        form("kill", &[Operation::Stop], Effect::Changes, "eng kill {id}", None),
        form("open", &[Operation::Attach], Effect::Plan, "eng open {id}", None),
        form("logs", &[Operation::Logs], Effect::Reads, "eng tail -n <int> <word>", None),
    ]);
    assert_eq!(all.beware, Vec::<String>::new());
    assert_eq!(
        all.can,
        [
            "can start your command in 'eng'",
            "can end the session you name, with 'eng'",
            "can put your terminal into the session you name, with 'eng'",
            "has its programs read the file 'rc', which it brings along",
            "leaves these variables of your command as its engine sets them: TERM",
            "reads with 'eng': list, status, start, stop, logs",
            "chooses words or numbers of its own for 'eng' (form 'logs')",
        ]
    );
}

/// What names no session, or carries no command, does not pass for what does.
#[test]
fn a_form_that_does_not_say_whom_it_is_about_is_told() {
    for (operation, usage) in [
        (Operation::Stop, "eng kill-server"),
        (Operation::Remove, "eng wipe"),
        (Operation::Send, "eng paste"),
        (Operation::Start, "eng new {name}"),
    ] {
        let told = changes(operation, usage);
        let line = format!("can run 'eng' by the form 'f' when you say {operation}, whatever");
        assert!(told.iter().any(|one| one.starts_with(&line)), "{usage}: {told:?}");
        assert!(!told.iter().any(|one| one.contains("the session you name")), "{told:?}");
    }
}

#[test]
fn running_anything_is_called_that() {
    let all = of(vec![form("x", &[Operation::List], Effect::Reads, "eng {any}...", None)]);
    assert_eq!(
        all.beware,
        ["can run anything as you: 'eng' with whatever words it likes (form 'x')"]
    );
}

#[test]
fn interpreters_are_pointed_out_wherever_they_stand() {
    for (usage, named) in [
        ("eng run sh -c x {name}", "sh"),
        ("eng run /usr/bin/python3.11 {name}", "python3.11"),
        ("eng run 'a b; /bin/bash x' {name}", "bash"),
        ("eng --cmd=perl {name}", "perl"),
        ("eng [-x sudo {name}]", "sudo"),
        ("eng env A=1 {name}", "env"),
        ("eng BASH {name}", "BASH"),
        ("eng x:ssh,{name}", "ssh"),
        ("eng gawk-5.1 {name}", "gawk-5.1"),
    ] {
        let all = of(vec![form("f", &[Operation::Start], Effect::Changes, usage, None)]);
        let line = format!("the form 'f' names '{named}', which runs what it is given");
        assert!(all.beware.contains(&line), "{usage}: {:?}", all.beware);
    }
    for usage in
        ["eng shell {name}", "eng -sh-x {name}", "eng environment {name}", "eng push {name}"]
    {
        let all = of(vec![form("f", &[Operation::Start], Effect::Changes, usage, None)]);
        assert_eq!(all.beware, Vec::<String>::new(), "{usage}");
    }
    // As a program of its own, and in a file that a program reads.
    let mut one = manifest(Vec::new());
    one.files[0].content = "# sh is not used\nbind x exec python3 -c y\n".to_owned();
    let beware = amounts(&one, &[]).beware;
    assert!(beware.contains(&"its program 'sh' runs whatever it is given".to_owned()));
    assert!(
        beware.contains(&"its file 'rc' names 'python3', which runs what it is given".to_owned())
    );
    assert!(!beware.contains(&"its file 'rc' names 'sh', which runs what it is given".to_owned()));
}

#[test]
fn text_for_a_shell_is_pointed_out() {
    for (usage, mark) in [
        ("eng x '$(id)' {name}", "$("),
        ("eng x '#(id)' {name}", "#("),
        ("eng x '`id`' {name}", "`"),
        ("eng x 'a | b' {name}", "|"),
        ("eng x 'a; b' {name}", ";"),
        ("eng x 'a > b' {name}", ">"),
        ("eng x 'a && b' {name}", "&&"),
    ] {
        let all = of(vec![form("f", &[Operation::Start], Effect::Changes, usage, None)]);
        let line = "the form 'f' holds text that a shell would act on: ";
        let told = all.beware.iter().find_map(|one| one.strip_prefix(line));
        assert!(
            told.is_some_and(|told| told.split(' ').any(|one| one == mark)),
            "{usage}: {all:?}"
        );
    }
    // What parts an engine's own commands is no shell's.
    let all = of(vec![form("f", &[Operation::Start], Effect::Changes, "eng a ';' b {name}", None)]);
    assert_eq!(all.beware, Vec::<String>::new());
}

#[test]
fn a_name_that_is_nearly_a_known_one_is_pointed_out() {
    let mut one = manifest(vec![listing()]);
    one.programs.clear();
    for (name, like) in [("tmx", true), ("tmuxx", true), ("Tmux", true), ("screen", false)] {
        one.name = name.to_owned();
        let told = amounts(&one, &["tmux", "container"]).beware;
        let line = "its name is nearly 'tmux', and it is another backend than that".to_owned();
        assert_eq!(told.contains(&line), like, "{name}: {told:?}");
    }
}

/// None of the author's words of explanation gets into what is said of his backend.
#[test]
fn the_authors_words_are_left_out() {
    let mut one = manifest(vec![listing()]);
    one.summary = "QUITE HARMLESS".to_owned();
    for program in &mut one.programs {
        program.purpose = "QUITE HARMLESS".to_owned();
    }
    for option in &mut one.options {
        option.help = "QUITE HARMLESS".to_owned();
    }
    let Amounts { beware, can } = amounts(&one, &[]);
    assert!(!beware.iter().chain(&can).any(|line| line.contains("HARMLESS")));
}
