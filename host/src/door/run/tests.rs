use super::*;

const LONG: Duration = Duration::from_secs(20);

fn sh(script: &str) -> Vec<OsString> {
    vec!["-c".into(), script.into()]
}

fn run_for(words: &[OsString], time: Duration, output_bytes: usize) -> Result<Output, RunError> {
    run(&Run {
        program: Path::new("/bin/sh"),
        words,
        unset: &[],
        env: &[],
        env_file: None,
        reads: true,
        deadline: Instant::now() + time,
        output_bytes,
        meanwhile: &|| {},
    })
}

fn ok(script: &str) -> Output {
    run_for(&sh(script), LONG, 1 << 20).unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn alive(pid: &str) -> bool {
    // A zombie is dead, whoever has yet to ask for its code.
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

fn ends_soon(pid: &str) {
    let soon = Instant::now() + Duration::from_secs(5);
    while alive(pid) {
        assert!(Instant::now() < soon, "{pid} is still there");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn output_and_exit() {
    let output = ok("echo out; echo err >&2; exit 3");
    assert_eq!((text(&output.stdout), text(&output.stderr)), ("out\n", "err\n"));
    assert_eq!(output.exit, ExitStatus::Code(3));
    assert_eq!(ok("kill -9 $$").exit, ExitStatus::Signal(9));
}

#[test]
fn surroundings() {
    let output = ok("pwd; cat; echo $$; ps -o pgid= -p $$");
    let lines: Vec<&str> = text(&output.stdout).lines().map(str::trim).collect();
    let [folder, pid, group] = lines.as_slice() else { panic!("{lines:?}") };
    assert_eq!(*folder, "/");
    assert_eq!(pid, group, "a group of its own");
    let open = ok("ls -l /proc/self/fd");
    assert!(!text(&open.stdout).contains("pidfd"), "{}", text(&open.stdout));
}

#[test]
fn both_outputs_at_once_without_a_lock_up() {
    let output =
        ok("i=0; while [ $i -lt 3000 ]; do echo 0123456789012345678901234567890123456789; \
                     echo 0123456789012345678901234567890123456789 >&2; i=$((i+1)); done");
    assert_eq!((output.stdout.len(), output.stderr.len()), (123_000, 123_000));
}

#[test]
fn what_does_not_end_is_killed_with_its_group() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().display();
    for script in [
        format!("sleep 600 & echo $! > {path}; wait"),
        format!("trap '' TERM HUP INT; sleep 600 & echo $! > {path}; while :; do wait; done"),
        format!("sleep 600 & echo $! > {path}; kill -STOP $! $$"),
        format!("exec >&- 2>&-; sleep 600 & echo $! > {path}; wait"),
    ] {
        let start = Instant::now();
        let result = run_for(&sh(&script), Duration::from_millis(400), 1 << 20);
        assert!(matches!(result, Err(RunError::TimedOut)), "{script}: {result:?}");
        assert!(start.elapsed() < Duration::from_secs(3), "{script}");
        ends_soon(&std::fs::read_to_string(file.path()).unwrap());
    }
}

/// A fresh server stays, with the pipes of whoever started it.
#[test]
fn a_daemon_does_not_hold_up_the_end() {
    let start = Instant::now();
    let output = ok("setsid sleep 30 & echo $!");
    assert!(start.elapsed() < Duration::from_secs(5));
    let pid = text(&output.stdout).trim().to_owned();
    assert!(alive(&pid), "it is left alone");
    let pid = Pid::from_raw(pid.parse().unwrap()).unwrap();
    rustix::process::kill_process(pid, Signal::KILL).unwrap();
}

/// A daemon that writes without end does not hold it up either.
#[test]
fn a_chatty_daemon_does_not_hold_up_the_end() {
    let start = Instant::now();
    let script = "echo first; setsid timeout 30 yes & echo $! > /dev/null; sleep 0.05";
    let result = run_for(&sh(script), Duration::from_secs(10), 1 << 16);
    assert!(start.elapsed() < Duration::from_secs(9));
    assert!(
        matches!(&result, Ok(output) if output.stdout.starts_with(b"first"))
            || matches!(result, Err(RunError::TooMuchOutput)),
        "{result:?}"
    );
}

/// All that the program itself printed is there, also when it ends the moment after.
#[test]
fn nothing_of_the_last_words_is_lost() {
    for _ in 0..50 {
        let output = ok("head -c 60000 /dev/zero; echo end >&2");
        assert_eq!((output.stdout.len(), text(&output.stderr)), (60_000, "end\n"));
    }
}

#[test]
fn output_has_a_limit() {
    let result = run_for(&sh("yes"), LONG, 100_000);
    assert!(matches!(result, Err(RunError::TooMuchOutput)), "{result:?}");
    let result = run_for(&sh("yes >&2"), LONG, 100_000);
    assert!(matches!(result, Err(RunError::TooMuchOutput)), "{result:?}");
    let exact = run_for(&sh("head -c 100000 /dev/zero"), LONG, 100_000).unwrap();
    assert_eq!(exact.stdout.len(), 100_000);
    let result = run_for(&sh("head -c 100001 /dev/zero"), LONG, 100_000);
    assert!(matches!(result, Err(RunError::TooMuchOutput)), "{result:?}");
}

#[test]
fn what_cannot_be_run_fails() {
    let result = run(&Run {
        program: Path::new("/nonexistent"),
        words: &[],
        unset: &[],
        env: &[],
        env_file: None,
        reads: true,
        deadline: Instant::now() + LONG,
        output_bytes: 1,
        meanwhile: &|| {},
    });
    assert!(matches!(result, Err(RunError::Failed(_))), "{result:?}");
}

#[test]
fn variables() {
    let words = sh("echo ${PATH:-none}; echo \"$B\"");
    let output = run(&Run {
        program: Path::new("/bin/sh"),
        words: &words,
        unset: &["HOME".to_owned()],
        env: &[("B".to_owned(), "1\n2".to_owned())],
        env_file: None,
        reads: true,
        deadline: Instant::now() + LONG,
        output_bytes: 1000,
        meanwhile: &|| {},
    })
    .unwrap();
    assert!(text(&output.stdout).ends_with("\n1\n2\n"));
    let words = sh("echo ${HOME:-none}");
    let output = run(&Run { words: &words, unset: &["HOME".to_owned()], ..base(&words) }).unwrap();
    assert_eq!(text(&output.stdout), "none\n");
}

#[test]
fn only_what_reads_is_told_to_collect_its_garbage_late() {
    let words = sh("echo ${GOGC:-none}");
    let output = run(&base(&words)).unwrap();
    assert_eq!(text(&output.stdout), "400\n");
    let output = run(&Run { reads: false, ..base(&words) }).unwrap();
    assert_eq!(text(&output.stdout), "none\n");
}

fn base(words: &[OsString]) -> Run<'_> {
    Run {
        program: Path::new("/bin/sh"),
        words,
        unset: &[],
        env: &[],
        env_file: None,
        reads: true,
        deadline: Instant::now() + LONG,
        output_bytes: 100_000,
        meanwhile: &|| {},
    }
}

#[test]
fn only_this_run_gets_the_env_file() {
    let entries = [("A".to_owned(), "x y".to_owned()), ("B".to_owned(), String::new())];
    let file = EnvFile::new(entries.iter()).unwrap();
    let words = sh(&format!("cat {0}; cat {0}", file.path()));
    let output = run(&Run { env_file: Some(&file), ..base(&words) }).unwrap();
    assert_eq!(text(&output.stdout), "A=x y\nB=\nA=x y\nB=\n");
    // Another run at the same time has no such descriptor.
    let output = run(&base(&words)).unwrap();
    assert_eq!(text(&output.stdout), "");
    let open = ok("ls -l /proc/self/fd");
    assert!(!text(&open.stdout).contains("kst-env"), "{}", text(&open.stdout));
    let words = sh("ls -l /proc/self/fd");
    let open = run(&Run { env_file: Some(&file), ..base(&words) }).unwrap();
    assert!(text(&open.stdout).contains("kst-env"), "the test can tell");
}

/// A daemon that kept the descriptor has nothing in it once the run is over.
#[test]
fn the_env_file_is_emptied() {
    let entries = [("SECRET".to_owned(), "x".to_owned())];
    let file = EnvFile::new(entries.iter()).unwrap();
    let script = format!(
        "(sleep 0.7; cat {} > \"$OUT\"; echo done >> \"$OUT\") >/dev/null 2>&1 &",
        file.path()
    );
    let out = tempfile::NamedTempFile::new().unwrap();
    let env = [("OUT".to_owned(), out.path().to_str().unwrap().to_owned())];
    let words = sh(&script);
    run(&Run { env_file: Some(&file), env: &env, ..base(&words) }).unwrap();
    drop(file);
    let soon = Instant::now() + Duration::from_secs(5);
    loop {
        let text = std::fs::read_to_string(out.path()).unwrap();
        assert!(!text.contains("SECRET"), "{text}");
        if text.contains("done") {
            break;
        }
        assert!(Instant::now() < soon);
        std::thread::sleep(Duration::from_millis(20));
    }
}
