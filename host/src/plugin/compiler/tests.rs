use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::plugin::built_in;

/// What comes of it where this script stands in the place of `kst`.
fn compiled_by(script: &str) -> Result<usize, String> {
    let folder = tempfile::tempdir().unwrap();
    let kst = folder.path().join("kst");
    fs::write(&kst, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&kst, Permissions::from_mode(0o755)).unwrap();
    let tmux = built_in("tmux").expect("it is built in");
    let made = compile(tmux.bytes(), &Limits::default(), Some(&kst));
    made.map(|code| code.bytes().len())
}

#[test]
fn it_gets_the_component_and_the_limits_and_gives_the_code() {
    let called = format!("compile {VERSION} {} 60 1073741824", std::process::id());
    let script = format!("[ \"$*\" = '{called}' ] && [ $(wc -c) -gt 10000 ] && echo code");
    assert_eq!(compiled_by(&script), Ok(5));
    // Both streams are this process's own, and begin at their beginnings.
    let script = "[ \"$(head -c 4 | tail -c 3)\" = asm ] && [ ! -t 2 ] && printf 'more of it'";
    assert_eq!(compiled_by(script), Ok(10));
}

#[test]
fn what_is_no_kst_of_this_version_does_not_compile() {
    for script in ["exit 64", "echo 'unknown command' >&2; exit 2", "true"] {
        // What was made here is no five bytes.
        assert!(compiled_by(script).is_ok_and(|code| code > 10_000), "{script}");
    }
    let tmux = built_in("tmux").expect("it is built in");
    for kst in [Some("/no/such/kst"), Some("kst"), None] {
        let made = compile(tmux.bytes(), &Limits::default(), kst.map(Path::new));
        assert!(made.is_ok_and(|code| code.bytes().len() > 10_000), "{kst:?}");
    }
}

#[test]
fn each_end_has_its_sentence() {
    let (time, memory) = ("`ops.limits.compile_time`", "`ops.limits.compile_memory`");
    for (script, says) in [
        ("printf 'it is bad\\033[2J'; exit 65", "it is bad\\x1b[2J"),
        ("kill -XCPU $$", "more processor time than the limit of 60 s"),
        ("kill -XCPU $$", time),
        ("exit 71", "more memory than the limit of 1 GiB"),
        ("echo memory allocation of 100 bytes failed >&2; kill -ABRT $$", memory),
        ("kill -XFSZ $$", memory),
        ("kill -ABRT $$", "it broke the compiler (signal: 6"),
        ("kill -SEGV $$", "it broke the compiler (signal: 11"),
        (
            "printf 'oh\\033\\nno' >&2; exit 101",
            "it broke the compiler (exit status: 101): oh\\x1b",
        ),
    ] {
        let said = compiled_by(script).expect_err(script);
        assert!(said.contains(says), "{script}: {said}");
    }
}

#[test]
fn what_does_not_end_is_ended() {
    let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
    assert_eq!(wait(&mut child, Duration::from_millis(50)).unwrap(), None);
    // It is gone, and waited for.
    assert!(child.try_wait().unwrap().is_some_and(|status| status.signal() == Some(9)));
    let mut child = Command::new("true").spawn().unwrap();
    assert!(wait(&mut child, Duration::from_secs(60)).unwrap().is_some_and(|end| end.success()));
}
