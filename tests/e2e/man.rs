//! The man pages, and what is installed beside the program.

use std::process::Command;

use crate::support::World;

#[test]
fn each_command_has_a_page() {
    let world = World::bare();
    let folder = world.path("deep/er/man1");
    world.kst(["man".as_ref(), folder.as_os_str()]).ok().says("pages in");
    let page = |name: &str| {
        let page = std::fs::read_to_string(folder.join(format!("{name}.1")));
        page.unwrap_or_else(|error| panic!("{name}: {error}"))
    };
    let top = page("kst");
    for section in ["NAME", "SYNOPSIS", "OPTIONS", "EXAMPLES", "EXIT STATUS", "FILES"] {
        assert!(
            top.contains(&format!(".SH \"{section}\"")) || top.contains(&format!(".SH {section}"))
        );
    }
    assert_eq!(top, world.kst(["man"]).ok().out());
    let help = world.kst(["--help"]).ok().out();
    let commands = help.split("Commands:\n").nth(1).and_then(|rest| rest.split("\n\n").next());
    let commands = commands.expect("a list of commands").lines();
    let names: Vec<&str> = commands
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    assert!(names.len() > 8, "{names:?}");
    for name in names {
        assert!(top.contains(&format!("kst\\-{name}(1)")), "{name} is not in kst.1");
        let page = page(&format!("kst-{name}"));
        assert!(page.contains(".SH NAME") && page.contains("kst(1)"), "{page}");
    }
    assert!(page("kst-plugin-trust").contains("kst plugin trust"));
    assert!(page("kst-start").contains("EXAMPLES"));
    let synopsis = "\"SYNOPSIS\"\n.nf\nkst exec [OPTIONS] <NAME> \\-\\- <CMD>...\n.fi\n";
    assert!(page("kst-exec").contains(synopsis), "{}", page("kst-exec"));
    // What is hidden is nobody's to read.
    assert!(!folder.join("kst-man.1").exists());
    let file = world.write("work/a-file", "");
    world.kst(["man".as_ref(), file.join("x").as_os_str()]).exits(1).says("a-file");
}

#[test]
fn what_is_installed_is_complete() {
    let world = World::bare();
    let prefix = world.path("prefix");
    let made = Command::new("make")
        .args(["--no-print-directory", "-C", concat!(env!("CARGO_MANIFEST_DIR"), "/..")])
        .arg("install-this")
        .arg(format!("PROGRAM_FILE={}", env!("CARGO_BIN_EXE_kst")))
        .arg(format!("PREFIX={}", prefix.display()))
        .output()
        .expect("make can be run");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    world.program(prefix.join("bin/kst")).args(["--version"]).run().ok();
    for (file, part) in [
        ("man/man1/kst.1", ".TH kst 1"),
        ("man/man1/kst-plugin-trust.1", ".TH kst"),
        ("bash-completion/completions/kst", "complete -F _kst kst"),
        ("zsh/site-functions/_kst", "#compdef kst"),
        ("fish/vendor_completions.d/kst.fish", "complete --command kst"),
    ] {
        let text = std::fs::read_to_string(prefix.join("share").join(file)).expect(file);
        assert!(text.contains(part), "{file}: {text}");
    }
}
