//! Logs that cannot be written: no room, a file system that is read-only, files that are deleted
//! meanwhile. A session goes on, who reads its log is told what is missing, and from when there is room
//! again nothing is.

use std::fs;
use std::path::PathBuf;

use crate::support::{Engine, Outcome, Started, World, numbers, program, until};

/// A world whose logs are on a small file system of their own, which nobody else sees.
struct Small {
    world: World,
    /// It keeps the name space.
    holder: Started,
}

impl Small {
    /// With so many bytes, and other options, as mount takes them. `None`, said aloud, where nothing can be mounted.
    fn with(size: &str) -> Option<Small> {
        let world = World::with([Engine::Tmux])?;
        let logs = logs_of(&world);
        fs::create_dir_all(&logs).expect("a folder can be made");
        for folder in [&logs, logs.parent().expect("it has one")] {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).expect("permissions");
        }
        let script = format!(
            "mount -t tmpfs -o size={size},mode=700 none '{}' && touch mounted && exec sleep 1000",
            logs.display()
        );
        let mut holder = world.program("unshare").args(["-m", "sh", "-c", &script]).spawn();
        until("it is mounted, or cannot be", || {
            world.work().join("mounted").exists() || !holder.runs()
        });
        if !world.work().join("mounted").exists() {
            assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "CI can mount");
            eprintln!("NOT RUN: no file system can be mounted here");
            return None;
        }
        Some(Small { world, holder })
    }

    /// A shell command in the name space.
    fn run(&self, script: &str) -> crate::support::Run {
        let (pid, work) = (self.holder.pid().to_string(), self.world.work());
        let work = format!("--wd={}", work.display());
        self.world.program("nsenter").args(["-m", "-t", &pid, &work, "sh", "-c", script])
    }

    fn kst(&self, args: &str) -> Outcome {
        self.run(&format!("exec '{}' {args}", program().display())).run()
    }

    #[track_caller]
    fn start(&self, script: &str) {
        self.kst(&format!("start dev -b tmux -- sh -c '{script}'")).ok();
    }

    fn log(&self) -> String {
        self.kst("logs dev -n 1000000").ok().out()
    }

    fn go(&self, file: &str) {
        self.world.write(format!("work/{file}"), "");
    }

    /// Have the session print more than there is room for, all of which has come to the writer of the log
    /// when this returns: what was still on its way would find room again.
    #[track_caller]
    fn fill(&self, printed: usize) {
        until("there is a log", || {
            self.run("ls \"$HOME\"/.local/state/kst/logs/*.log").run().code == Some(0)
        });
        let before = read_by_recorder(&self.world);
        self.go("fill");
        self.until_there("filled");
        until("all of it is read", || {
            read_by_recorder(&self.world) - before >= u64::try_from(printed).expect("a number")
        });
    }

    #[track_caller]
    fn until_there(&self, file: &str) {
        until(file, || self.world.work().join(file).exists());
    }

    #[track_caller]
    fn ends(&self, code: i32) {
        until("it has ended", || self.kst("status dev --json").ok().json()["state"] == "exited");
        assert_eq!(self.kst("status dev --json").json()["exit_code"], code);
    }
}

fn logs_of(world: &World) -> PathBuf {
    world.home().join(".local/state/kst/logs")
}

/// Waits for a file of the working directory.
fn waits(file: &str) -> String {
    format!("until [ -e {file} ]; do sleep 0.01; done; ")
}

/// The lines of a log that are kst's own, and what stands before and after the last of them.
fn parts(log: &str) -> (String, Vec<&str>, String) {
    let own = |line: &&str| line.starts_with("[kst: ");
    let notes: Vec<&str> = log.lines().filter(own).collect();
    let before: String =
        log.lines().take_while(|line| !own(line)).map(|l| format!("{l}\n")).collect();
    let after = log.rsplit_once("[kst: ").and_then(|(_, rest)| rest.split_once('\n'));
    (before, notes, after.map_or(String::new(), |(_, after)| after.to_owned()))
}

const FULL: &str = "[kst: what was printed from here on is missing: No space left on device";

#[test]
fn a_full_folder_holds_nobody_up_and_the_log_says_what_is_missing() {
    let Some(small) = Small::with("128k") else { return };
    let script = waits("fill") + "seq 50000; touch filled; " + &waits("go") + "seq 3; exit 4";
    small.start(&script);
    let out = small.world.path("followed");
    let follow =
        format!("exec '{}' logs -f -n 1000000 dev > '{}'", program().display(), out.display());
    let following = small.run(&follow).spawn();
    // Terminals make two characters of a line's end.
    let printed = numbers(1, 50_000).len() + 50_000;
    small.fill(printed);
    until("the log says so", || small.log().contains(FULL));
    let log = small.log();
    let (before, notes, after) = parts(&log);
    assert!(notes.len() == 1 && after.is_empty(), "{notes:?} {after}");
    // All up to there, of which the last line may be cut off.
    assert!(before.len() > 60_000, "{}", before.len());
    assert!(numbers(1, 50_000).starts_with(before.trim_end()), "{before}");
    small.kst("list").ok().prints("running");

    let remount = format!("mount -o remount,size=2m '{}'", logs_of(&small.world).display());
    small.run(&remount).run().ok();
    small.go("go");
    small.ends(4);
    let log = small.log();
    let (again, notes, after) = parts(&log);
    assert_eq!((again.as_str(), after.as_str()), (before.as_str(), "1\n2\n3\n"), "{notes:?}");
    let [_, goes_on] = notes.as_slice() else { panic!("{notes:?}") };
    let missing = goes_on.split_whitespace().find_map(|word| word.parse::<usize>().ok());
    let kept = before.trim_end().len() + before.lines().count();
    let missing = missing.expect("a number");
    assert!(printed.abs_diff(kept + missing) <= 2, "{kept} and {missing} of {printed}");
    following.wait().ok();
    assert_eq!(fs::read_to_string(out).expect("it was made"), log);
}

#[test]
fn a_log_that_is_deleted_while_it_is_full_is_begun_anew() {
    let Some(small) = Small::with("128k") else { return };
    let script = waits("fill") + "seq 50000; touch filled; " + &waits("go") + "seq 5000; exit 5";
    small.start(&script);
    small.fill(numbers(1, 50_000).len() + 50_000);
    until("the log says so", || small.log().contains(FULL));
    small.run(&format!("rm -r '{}'/*", logs_of(&small.world).display())).run().ok();
    assert_eq!(small.log(), "");
    small.go("go");
    small.ends(5);
    let log = small.log();
    let (before, notes, after) = parts(&log);
    // All that was printed since, from the first line on.
    assert!(before.is_empty() && notes.len() == 1, "{before} {notes:?}");
    assert!(after == numbers(1, 5_000), "{} lines", after.lines().count());
}

#[test]
fn a_session_whose_log_could_not_even_be_made_has_one_when_there_is_room() {
    let Some(small) = Small::with("256k,nr_inodes=9") else { return };
    let logs = logs_of(&small.world);
    // Neither room nor a number for another file.
    let fill = format!(
        "i=0; while touch '{0}/f'$i 2>/dev/null; do i=$((i+1)); done; yes > '{0}/f0'; true",
        logs.display()
    );
    small.run(&fill).run();
    small.start(&(waits("fill") + "seq 10; touch filled; " + &waits("go") + "seq 3; exit 6"));
    small.go("fill");
    small.until_there("filled");
    small.kst("logs dev").ok().says("may be missing").says("No space left on device");
    small.run(&format!("rm '{}'/f*", logs.display())).run().ok();
    small.go("go");
    small.ends(6);
    let log = small.log();
    let (before, notes, after) = parts(&log);
    assert_eq!((before.as_str(), after.as_str()), ("", "1\n2\n3\n"), "{notes:?}");
    assert!(notes.len() == 1 && notes[0].contains("31 bytes are missing here"), "{notes:?}");
}

#[test]
fn a_read_only_folder() {
    let Some(small) = Small::with("1m") else { return };
    small.start(&(waits("go") + "seq 3; exit 7"));
    until("there is a log", || {
        small.run("ls \"$HOME\"/.local/state/kst/logs/*.log").run().code == Some(0)
    });
    let logs = logs_of(&small.world);
    let over = format!("mount -t tmpfs -o ro,mode=700 none '{}'", logs.display());
    small.run(&over).run().ok();
    // What runs goes on, and nobody is told that it says nothing.
    small.kst("logs dev").ok().says("may be missing").says("Read-only file system");
    let start = small.kst("start two -b tmux -- sleep 1000");
    start.exits(1).says("Read-only file system").says("logs");
    small.kst("status two").exits(3);
    small.go("go");
    small.ends(7);
    small.run(&format!("umount '{}'", logs.display())).run().ok();
    assert_eq!(small.log(), "1\n2\n3\n");
}

/// How much the writer of the log has read.
fn read_by_recorder(world: &World) -> u64 {
    let of = |pid: i32, file: &str| fs::read_to_string(format!("/proc/{pid}/{file}")).ok();
    let is = |pid: &i32| of(*pid, "cmdline").is_some_and(|line| line.contains("\0record\0"));
    let recorder = world.processes().into_iter().find(is).expect("there is one");
    let counts = of(recorder, "io").expect("it runs");
    let read = counts.lines().find_map(|line| line.strip_prefix("rchar: "));
    read.and_then(|read| read.parse().ok()).expect("a number")
}

/// The folder itself, which is made again, and something in its place, which is left alone.
#[test]
fn a_folder_that_is_deleted_is_made_again() {
    let Some(world) = World::with([Engine::Tmux]) else { return };
    let script = "echo one; ".to_owned()
        + &waits("two")
        + "echo two; "
        + &waits("three")
        + "echo three; touch said; "
        + &waits("four")
        + "echo four; exit 8";
    world.kst(["start", "dev", "-b", "tmux", "--", "sh", "-c", &script]).ok();
    let log = || world.kst(["logs", "dev"]).out();
    until("it prints", || log() == "one\n");
    let logs = logs_of(&world);
    fs::remove_dir_all(&logs).expect("it can go");
    world.write("work/two", "");
    until("it prints again", || log() == "two\n");
    fs::remove_dir_all(&logs).expect("it can go");
    fs::write(&logs, "mine").expect("it can be written");
    let before = read_by_recorder(&world);
    world.write("work/three", "");
    until("it has said more", || world.work().join("said").exists());
    assert_eq!(world.status("dev")["state"], "running");
    until("that is lost", || read_by_recorder(&world) > before);
    assert_eq!(fs::read(&logs).expect("it is there"), b"mine");
    fs::remove_file(&logs).expect("it can go");
    world.write("work/four", "");
    until("it has ended", || world.status("dev")["state"] == "exited");
    assert_eq!(world.status("dev")["exit_code"], 8);
    let log = log();
    let (before, notes, after) = parts(&log);
    assert_eq!((before.as_str(), after.as_str()), ("", "four\n"), "{notes:?}");
    assert!(notes.len() == 1 && notes[0].contains("7 bytes are missing here"), "{notes:?}");
}
