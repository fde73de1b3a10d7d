//! What a session printed.

use super::{each_client, each_engine, run_foreign, start, until_ended};

#[test]
fn the_last_lines_are_exact() {
    each_client(|world, engine| {
        let name = world.name("lines");
        let script = "for i in $(seq 30); do echo line $i; echo also $i >&2; done; \
                      printf '\\033[31mred\\033[0m\\033[2J\\r\\n'; printf '$ '; sleep 0.2; printf unended";
        start(world, &name, script);
        until_ended(world, &name);
        let logs = |args: &[&str]| world.kst(["logs", &name].iter().chain(args)).ok().out();
        assert_eq!(logs(&["-n", "4"]), "line 30\nalso 30\nred\n$ unended", "{engine}");
        assert_eq!(logs(&["-n", "1"]), "$ unended", "{engine}");
        assert_eq!(logs(&["-n", "0"]), "", "{engine}");
        let all = logs(&["-n", "1000"]);
        assert_eq!(all.lines().count(), 62, "{engine}: {all}");
        assert!(all.starts_with("line 1\nalso 1\nline 2\n") && !all.contains('\r'), "{engine}");
        let raw = logs(&["-n", "2", "--raw"]);
        assert_eq!(raw, "\u{1b}[31mred\u{1b}[0m\u{1b}[2J\n$ unended", "{engine}");
    });
}

#[test]
fn the_streams_of_a_foreign_container_are_merged() {
    each_client(|world, engine| {
        let name = world.name("streams");
        let script = "for i in 1 2 3; do echo out $i; sleep 0.2; echo err $i >&2; sleep 0.2; done";
        run_foreign(world, engine, &name, script);
        until_ended(world, &name);
        let logs = |lines: &str| world.kst(["logs", &name, "-n", lines]).ok().out();
        assert_eq!(logs("100"), "out 1\nerr 1\nout 2\nerr 2\nout 3\nerr 3\n", "{engine}");
        assert_eq!(logs("3"), "err 2\nout 3\nerr 3\n", "{engine}");
    });
}

#[test]
fn what_the_run_before_printed_is_kept() {
    each_engine(|world, engine| {
        let name = world.name("again");
        for word in ["first", "second"] {
            start(world, &name, &format!("echo {word}; exit 3"));
            until_ended(world, &name);
        }
        assert_eq!(world.kst(["logs", "-p", &name]).ok().out(), "first\n", "{engine}");
        let timed = world.kst(["logs", "-p", "-t", "--since", "1h", &name]).ok().out();
        assert!(timed.ends_with("Z first\n"), "{engine}: {timed}");
        assert_eq!(world.kst(["logs", "-p", "--until", "1h", &name]).ok().out(), "", "{engine}");
        assert_eq!(world.kst(["logs", &name]).ok().out(), "second\n", "{engine}");
        world.kst(["remove", &name]).ok();
        world.kst(["logs", "-p", &name]).exits(3);
    });
}
