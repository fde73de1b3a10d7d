//! What a hostile component does, written down, and the component that does it.

use std::fs;
use std::process::Command;
use std::sync::OnceLock;

use crate::support::project;

/// The room for a script in the component: its mark, and blanks (see `guest/src/script.rs`).
const MARK: &[u8] = b"kst-hostile script:";
const ROOM: usize = 32 * 1024;

/// What an engine does with `box new NAME -- …` that begins sessions, each as number 7.
pub const LAUNCH: &str = "echo 7; shift 3; setsid \"$@\" >/dev/null 2>&1 </dev/null &";

/// A component's description and what it does when it is asked something.
///
/// It begins as the honest backend `evil` of the fake engine `box`; an attack changes what it needs.
/// A step that is added to an export is played after those that are there.
#[derive(Clone)]
pub struct Script {
    /// One of the components in tests/components instead.
    raw: Option<&'static str>,
    /// Built for WASI, which it imports.
    wasi: bool,
    records: Vec<Vec<String>>,
    steps: Vec<(String, Vec<Vec<String>>)>,
}

impl Script {
    /// `evil`, which keeps sessions in boxes and does nothing else. Its sessions run on this machine.
    pub fn honest() -> Script {
        Script::empty()
            .form("ls", "list,status,start,stop,remove,logs,attach", "reads", "box ls")
            .gives("{id} {*} {pids} {name}")
            .form("new", "start", "changes", "box new {name} -- {launch}")
            .form("kill", "stop", "changes", "box kill {id}")
            .form("rm", "remove", "changes", "box rm {id}")
            .form("open", "attach", "plan", "box open {id}")
            .on("list", &[&["try", "ls"], &["listed"]])
            .on("status", &[&["try", "ls"], &["listed"]])
    }

    /// The same, whose engine says which number a session that it starts has. What starts one in an
    /// engine that does [`LAUNCH`] is a session of kst's.
    pub fn launching() -> Script {
        Script::honest()
            .without("new")
            .form("new", "start", "changes", "box new {name} -- {launch}")
            .gives("{id}")
    }

    /// The same for an engine whose sessions run elsewhere, with every option that there is.
    pub fn elsewhere() -> Script {
        Script::empty()
            .record(&["elsewhere"])
            .record(&["option", "image", "image"])
            .record(&["option", "volumes", "volume"])
            .record(&["option", "quick", "flag"])
            .form("ls", "list,status,start,stop,remove,logs,attach", "reads", "box ls")
            .gives("{id} {*} {pids} {name}")
            .on("list", &[&["try", "ls"], &["listed"]])
            .on("status", &[&["try", "ls"], &["listed"]])
    }

    /// `evil` without forms, programs apart: `box`, and `mark`, which nobody needs.
    pub fn empty() -> Script {
        let script = Script { raw: None, wasi: false, records: Vec::new(), steps: Vec::new() };
        script
            .record(&["backend", "evil", "1.0", "keeps sessions in boxes"])
            .record(&["program", "box", "keeps your sessions in boxes"])
            .record(&["program", "mark", "leaves a mark"])
    }

    /// One of the components in tests/components.
    pub fn raw(name: &'static str) -> Script {
        Script { raw: Some(name), ..Script::empty() }
    }

    /// The same by a component that imports WASI.
    pub fn with_wasi(mut self) -> Script {
        self.wasi = true;
        self
    }

    /// Says something else of itself.
    pub fn summary(&mut self, summary: &str) {
        self.records[0][3] = summary.into();
    }

    /// Adds a line to the description.
    pub fn record(mut self, fields: &[&str]) -> Script {
        self.records.push(owned(fields));
        self
    }

    /// Adds a form.
    pub fn form(self, name: &str, operations: &str, effect: &str, usage: &str) -> Script {
        self.record(&["form", name, operations, effect, usage])
    }

    /// Gives the form that was added last a `gives` line.
    pub fn gives(mut self, gives: &str) -> Script {
        self.records.last_mut().expect("a form was added").push(gives.into());
        self
    }

    /// Leaves out the form of this name.
    pub fn without(mut self, form: &str) -> Script {
        self.records.retain(|record| record[0] != "form" || record[1] != form);
        self
    }

    /// Gives the backend another name.
    pub fn named(mut self, name: &str) -> Script {
        self.records[0][1] = name.into();
        self
    }

    /// Gives the backend another summary.
    pub fn described(mut self, summary: &str) -> Script {
        self.records[0][3] = summary.into();
        self
    }

    /// Adds steps to an export.
    pub fn on(mut self, export: &str, steps: &[&[&str]]) -> Script {
        let steps = steps.iter().map(|step| owned(step));
        match self.steps.iter_mut().find(|(name, _)| name == export) {
            Some((_, known)) => known.extend(steps),
            None => self.steps.push((export.into(), steps.collect())),
        }
        self
    }

    /// Has an export do this and nothing of what it did before.
    pub fn only(mut self, export: &str, steps: &[&[&str]]) -> Script {
        self.steps.retain(|(name, _)| name != export);
        self.on(export, steps)
    }

    /// The component.
    pub fn component(&self) -> Vec<u8> {
        if let Some(name) = self.raw {
            let file = project().join("tests/components").join(name).with_extension("wasm");
            return fs::read(file).expect("a component");
        }
        let mut text = String::new();
        let mut write = |fields: &[String]| {
            text.push('\x1e');
            text.push_str(&fields.join("\x1f"));
        };
        self.records.iter().for_each(|record| write(record));
        for (export, steps) in &self.steps {
            write(&owned(&["on", export]));
            steps.iter().for_each(|step| write(step));
        }
        text.push('\x1e');
        let mut component = guest(self.wasi).to_vec();
        let mut marks = component.windows(MARK.len()).enumerate();
        let at = marks.find(|(_, part)| *part == MARK).expect("a room for the script").0;
        let room = &mut component[at..at + ROOM];
        assert!(MARK.len() + text.len() < ROOM, "the script is too long: {} bytes", text.len());
        room[MARK.len()..].fill(b' ');
        room[MARK.len()..MARK.len() + text.len()].copy_from_slice(text.as_bytes());
        component
    }
}

/// So many times this text, in a field.
pub fn many(count: usize, text: &str) -> String {
    format!("\x01{count}\x01{text}")
}

fn owned(fields: &[&str]) -> Vec<String> {
    fields.iter().map(|field| field.to_string()).collect()
}

/// The component that plays scripts, without WASI and with it, built once a run.
fn guest(wasi: bool) -> &'static [u8] {
    static GUESTS: OnceLock<[Vec<u8>; 2]> = OnceLock::new();
    let [plain, with_wasi] = GUESTS.get_or_init(|| {
        let output = Command::new("make")
            .arg("hostile-guest")
            .current_dir(project())
            // What cargo tells the test is not for the cargo that this starts.
            .env_remove("CARGO_TARGET_DIR")
            .env_remove("RUSTFLAGS")
            .output()
            .expect("make can be run");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "make hostile-guest failed:\n{said}");
        ["hostile.wasm", "hostile-wasi.wasm"].map(|file| {
            fs::read(project().join("target/plugins").join(file)).expect("it was built")
        })
    });
    if wasi { with_wasi } else { plain }
}
