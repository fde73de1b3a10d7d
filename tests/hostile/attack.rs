//! An attack, made twice: on kst, and on kst without the guard that stops it.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use kst::guard::Guard;

use crate::script::Script;
use crate::support::{Outcome, World, program, project, shared};

/// What came of an attack.
pub struct Seen {
    /// The last command.
    pub outcome: Outcome,
    /// The argv of every program that was run, in their order; of the program itself the name alone.
    pub ran: Vec<Vec<String>>,
    /// Where it was, as long as it is looked at.
    world: World,
}

impl Seen {
    /// Whether a program was run with an argv that begins so.
    pub fn ran(&self, argv: &[&str]) -> bool {
        self.ran
            .iter()
            .any(|ran| ran.len() >= argv.len() && ran.iter().zip(argv).all(|(a, b)| a == b))
    }

    /// Whether `mark` was run.
    pub fn marked(&self) -> bool {
        self.ran(&["mark"])
    }

    /// Where it was.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// A path in the world's folder.
    pub fn path(&self, relative: &str) -> PathBuf {
        self.world.path(relative)
    }

    /// Whether either stream holds this.
    pub fn shows(&self, text: &str) -> bool {
        self.outcome.out().contains(text) || self.outcome.err().contains(text)
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}run:", self.outcome)?;
        self.ran.iter().take(40).try_for_each(|argv| {
            let argv: String = format!("{argv:?}").chars().take(400).collect();
            writeln!(f, "  {argv}")
        })
    }
}

type SetUp = Box<dyn Fn(&mut World)>;

/// An attack. Made by [`Attack::by`], told more by what returns it, and carried out by
/// [`Attack::lands_when`] or one of its siblings.
pub struct Attack {
    script: Script,
    set_up: Vec<SetUp>,
    after: Vec<SetUp>,
    given: bool,
    approving: Vec<PathBuf>,
    commands: Vec<Vec<String>>,
    guards: Vec<Guard>,
    code: i32,
    says: Vec<String>,
    may_run: Option<Vec<Vec<String>>>,
    approved: bool,
    input: String,
    patience: Duration,
}

impl Attack {
    /// An attack by this component, which the user has approved. Nothing may be run by it, and it
    /// exits with code 9, unless something else is said.
    pub fn by(script: Script) -> Attack {
        Attack {
            script,
            set_up: Vec::new(),
            after: Vec::new(),
            given: true,
            approving: Vec::new(),
            commands: Vec::new(),
            guards: Vec::new(),
            code: 9,
            says: Vec::new(),
            may_run: Some(Vec::new()),
            approved: true,
            input: String::new(),
            patience: Duration::from_secs(60),
        }
    }

    /// Nobody approved the component.
    pub fn not_approved(mut self) -> Attack {
        self.approved = false;
        self
    }

    /// Something done in the world before: a file written, a variable set.
    pub fn with(mut self, set_up: impl Fn(&mut World) + 'static) -> Attack {
        self.set_up.push(Box::new(set_up));
        self
    }

    /// Something done in the world once the component is approved.
    pub fn after(mut self, set_up: impl Fn(&mut World) + 'static) -> Attack {
        self.after.push(Box::new(set_up));
        self
    }

    /// The component is not given as `--plugin`.
    pub fn without_plugin(mut self) -> Attack {
        self.given = false;
        self
    }

    /// Another component that the user approves.
    pub fn approving(mut self, file: &str) -> Attack {
        self.approving.push(file.into());
        self
    }

    /// What the engine does when it is asked `box WORD`: lines of shell.
    pub fn engine(self, word: &str, does: &str) -> Attack {
        let (file, does) = (format!("box/{word}"), does.to_owned());
        self.with(move |world| drop(world.write(&file, &does)))
    }

    /// What the user types; the last one is looked at. The component is given as `--plugin`.
    pub fn kst(mut self, args: &[&str]) -> Attack {
        self.commands.push(args.iter().map(|arg| arg.to_string()).collect());
        self
    }

    /// What the last command has on its standard input.
    pub fn with_input(mut self, text: &str) -> Attack {
        self.input = text.into();
        self
    }

    /// How long the last command may take; otherwise a minute.
    pub fn patience(mut self, patience: Duration) -> Attack {
        self.patience = patience;
        self
    }

    /// What stops it.
    pub fn stopped_by(mut self, guards: &[Guard]) -> Attack {
        self.guards.extend(guards);
        self
    }

    /// The exit code that kst gives.
    pub fn exits(mut self, code: i32) -> Attack {
        self.code = code;
        self
    }

    /// A part of what kst says on standard error.
    pub fn says(mut self, text: &str) -> Attack {
        self.says.push(text.into());
        self
    }

    /// Exactly what is run all the same, in that order.
    pub fn running(mut self, argvs: &[&[&str]]) -> Attack {
        let owned = |argv: &&[&str]| argv.iter().map(|word| word.to_string()).collect();
        self.may_run = Some(argvs.iter().map(owned).collect());
        self
    }

    /// Anything may be run: what matters is elsewhere.
    pub fn running_anything(mut self) -> Attack {
        self.may_run = None;
        self
    }

    /// Carries it out: kst stops it, and without its guards it lands.
    #[track_caller]
    pub fn lands_when(self, lands: impl Fn(&Seen) -> bool) {
        self.is_stopped(&lands);
        assert!(!self.guards.is_empty(), "which guard stops it?");
        let seen = self.carry_out(Some(&self.guards), &self.script);
        assert!(
            lands(&seen),
            "it does not land without {:?}, so it shows nothing\n{seen}",
            self.guards
        );
    }

    /// Carries it out, where there is no guard to be taken away, for what it lacks can be had: a form
    /// in the manifest. Then it lands.
    #[track_caller]
    pub fn lands_only_as(self, permitted: Script, lands: impl Fn(&Seen) -> bool) {
        self.is_stopped(&lands);
        let seen = self.carry_out(None, &permitted);
        assert!(
            lands(&seen),
            "it does not land where it is permitted, so it shows nothing\n{seen}"
        );
    }

    /// Carries it out where the wall is not kst's own, so that it cannot be taken away: `wall` says
    /// whose it is.
    #[track_caller]
    pub fn cannot_land(self, wall: &str, lands: impl Fn(&Seen) -> bool) {
        assert!(!wall.is_empty());
        self.is_stopped(&lands);
    }

    /// Carries it out where without its guards it would take a minute and more: there it is still at it
    /// after `long`.
    #[track_caller]
    pub fn goes_on_for(self, long: Duration) {
        self.goes_on_until(long, &|_| true);
    }

    /// The same, where its processes are still at it when they have computed for `long`.
    #[track_caller]
    pub fn computes_for(self, long: Duration) {
        self.goes_on_until(Duration::ZERO, &|world| {
            let computed: Duration = world.processes().into_iter().map(computed).sum();
            computed > long
        });
    }

    /// Both at the same time, for each takes its own.
    #[track_caller]
    fn goes_on_until(self, long: Duration, far: &dyn Fn(&World) -> bool) {
        let (world, program, plugin) =
            self.prepare(Some(&self.guards), &self.script).ok().expect("approved");
        let (last, before) = self.commands.split_last().expect("an attack has a command");
        assert!(before.is_empty());
        let mut run = world.program(program);
        if self.given {
            run = run.args(["--plugin"]).args([plugin]);
        }
        let mut started = run.args(last).spawn();
        self.is_stopped(&|_: &Seen| false);
        while started.runs() && !far(&world) {
            std::thread::sleep(Duration::from_millis(20));
        }
        let goes_on = started.goes_on_for(long);
        assert!(goes_on, "it does not go on without {:?}, so it shows nothing", self.guards);
    }

    /// Carries it out where its user's own config raises the limit that stops it: then it lands. In the
    /// config of the working directory, the same raises nothing.
    #[track_caller]
    pub fn lands_with(mut self, limits: &str, lands: impl Fn(&Seen) -> bool) {
        self.is_stopped(&lands);
        let config = format!("ops: {{limits: {{{limits}}}}}\n");
        let entered = config.clone();
        let configured = self.set_up.len();
        self.set_up.push(Box::new(move |world| {
            world.write("work/kstlib.conf.yml", &entered);
        }));
        self.is_stopped(&lands);
        self.set_up.truncate(configured);
        self.set_up.push(Box::new(move |world| drop(world.config(&config))));
        let seen = self.carry_out(None, &self.script);
        assert!(lands(&seen), "it does not land with {limits}\n{seen}");
    }

    #[track_caller]
    fn is_stopped(&self, lands: &impl Fn(&Seen) -> bool) {
        let seen = self.carry_out(None, &self.script);
        assert_eq!(
            seen.outcome.code,
            Some(self.code),
            "the exit code is not {}\n{seen}",
            self.code
        );
        for text in &self.says {
            assert!(seen.outcome.err().contains(text), "it does not say {text:?}\n{seen}");
        }
        seen.outcome.exits(self.code);
        assert!(!lands(&seen), "the attack lands\n{seen}");
        if let Some(may_run) = &self.may_run {
            assert_eq!(&seen.ran, may_run, "this was run\n{seen}");
        }
    }

    /// Makes the world and the attack; without these guards, or on kst itself.
    #[track_caller]
    fn carry_out(&self, without: Option<&[Guard]>, script: &Script) -> Seen {
        let (world, program, plugin) = match self.prepare(without, script) {
            Ok(prepared) => prepared,
            Err(seen) => return *seen,
        };
        let mut outcome = None;
        for command in &self.commands {
            let mut run = world.program(&program).deadline(self.patience);
            if self.given {
                run = run.args(["--plugin"]).args([&plugin]);
            }
            if !self.input.is_empty() {
                run = run.input(self.input.as_str());
            }
            outcome = Some(run.args(command).run());
        }
        let outcome = outcome.expect("an attack has a command");
        Seen { outcome, ran: records(&world.path("ran")), world }
    }

    /// Makes the world: it, the program and the component. Or what was seen, where the component's
    /// description alone is the attack.
    fn prepare(
        &self,
        without: Option<&[Guard]>,
        script: &Script,
    ) -> Result<(World, PathBuf, PathBuf), Box<Seen>> {
        let mut world = World::bare();
        let program = match without {
            None => program(),
            Some(guards) => {
                let names: Vec<&str> = guards.iter().map(|guard| guard.name()).collect();
                world.set("KST_UNGUARDED", names.join(","));
                // What it keeps is not for others to find.
                let cache = shared().join("cache-unguarded");
                fs::create_dir_all(&cache).expect("a folder");
                world.set("XDG_CACHE_HOME", cache);
                unguarded()
            }
        };
        let record = world.path("ran");
        engine(&world);
        let plugin = world.write("work/evil.wasm", script.component());
        for set_up in &self.set_up {
            set_up(&mut world);
        }
        let own = self.approved.then(|| plugin.clone());
        for file in self.approving.iter().map(|file| world.path(file)).chain(own) {
            let trust = world.program(&program).args(["plugin", "trust", "--yes"]).args([&file]);
            let trusted = trust.run();
            if trusted.code != Some(0) {
                // Its description alone is the attack.
                return Err(Box::new(Seen { outcome: trusted, ran: records(&record), world }));
            }
        }
        for after in &self.after {
            after(&mut world);
        }
        Ok((world, program, plugin))
    }
}

/// `box` and `mark`: programs that write down their argv. `box WORD` does what the file `box/WORD` says.
fn engine(world: &World) {
    let record = world.path("ran").display().to_string();
    let folder = world.path("box").display().to_string();
    let write = format!(
        "{{ printf '=%s\\0' \"${{0##*/}}\"; for word; do printf '=%s\\0' \"$word\"; done; printf '.\\0'; }} >> {record}"
    );
    world.fake("mark", &write);
    world.fake("box", &format!("{write}\n[ -f {folder}/\"$1\" ] && . {folder}/\"$1\"\nexit 0"));
}

/// What the programs wrote down.
fn records(file: &Path) -> Vec<Vec<String>> {
    let content = fs::read(file).unwrap_or_default();
    let mut argvs = Vec::new();
    let mut argv = Vec::new();
    for word in content.split(|&byte| byte == 0) {
        match word.split_first() {
            Some((b'=', word)) => argv.push(String::from_utf8_lossy(word).into_owned()),
            Some((b'.', _)) => argvs.push(std::mem::take(&mut argv)),
            _ => {}
        }
    }
    argvs
}

/// kst whose guards can be taken away, which has to be as new as its sources.
fn unguarded() -> PathBuf {
    let folder = Path::new(env!("CARGO_BIN_EXE_kst")).parent().expect("a file in a folder");
    let program = folder.join("examples/kst-unguarded");
    let advice = "cargo build -p kst --example kst-unguarded";
    let made = modified(&program).unwrap_or_else(|| panic!("it is not built: {advice}"));
    let newest = newest(&project().join("host/src"));
    assert!(newest <= Some(made), "kst-unguarded is older than its sources: {advice}");
    program
}

/// The processor time that a process has had.
fn computed(pid: i32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // Behind the name, which may hold anything: the 14th and the 15th field of all.
    let fields: Vec<&str> =
        stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
    Duration::from_millis((ticks(11) + ticks(12)) * 1000 / rustix::param::clock_ticks_per_second())
}

fn modified(path: &Path) -> Option<SystemTime> {
    path.metadata().and_then(|meta| meta.modified()).ok()
}

fn newest(folder: &Path) -> Option<SystemTime> {
    let entries = fs::read_dir(folder).expect("a folder of sources").flatten();
    let times = entries.map(|entry| match entry.path() {
        path if path.is_dir() => newest(&path),
        path => modified(&path),
    });
    times.max().flatten()
}
