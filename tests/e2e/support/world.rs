//! A test's own machine, as far as kst can tell.

use std::collections::BTreeMap;
use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::{self, DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::engine::{self, Engine, PROGRAMS, is_program};
use super::run::Run;
use super::{Outcome, Terminal, shared};

/// A home, a working directory, sockets and engines of a test's own. Dropping it ends what was
/// started in it, and nothing else.
///
/// Programs see a PATH of three parts: the world's own folder, empty until [`World::fake`] puts
/// something there; the engines asked for; every other program of the machine. So an engine that a
/// test didn't ask for does not exist for it.
pub struct World {
    root: TempDir,
    tag: String,
    engines: BTreeMap<&'static str, PathBuf>,
    env: BTreeMap<OsString, OsString>,
}

impl World {
    /// A world with these engines; `None`, said loudly, where one of them is not on this machine.
    ///
    /// ```ignore
    /// let Some(world) = World::with([Engine::Tmux]) else { return };
    /// ```
    #[track_caller]
    pub fn with(engines: impl IntoIterator<Item = Engine>) -> Option<World> {
        let mut found = BTreeMap::new();
        for engine in engines {
            found.insert(engine.program(), engine.find_or_say()?);
        }
        Some(World::new(found))
    }

    /// A world without engines.
    pub fn bare() -> World {
        World::new(BTreeMap::new())
    }

    fn new(engines: BTreeMap<&'static str, PathBuf>) -> World {
        // Sockets' paths may have 107 bytes, so this is as short as can be.
        let root = tempfile::Builder::new()
            .prefix("kst-")
            .rand_bytes(6)
            .tempdir_in("/tmp")
            .expect("a folder in /tmp can be made");
        let name = root.path().file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let tag = format!("w{}", name.trim_start_matches("kst-"));
        let mut world = World { root, tag, engines, env: BTreeMap::new() };
        for folder in ["home", "work", "etc", "run", "tmux", "screen", "bin", "engines"] {
            private_folder(&world.path(folder));
        }
        for (name, program) in &world.engines {
            symlink(program, world.path("engines").join(name)).expect("a link can be made");
        }
        let cache = shared().join("cache");
        private_folder(&cache);
        let path = [world.path("bin"), world.path("engines"), everything_else().clone()];
        world.set("PATH", env::join_paths(path).expect("no colon in these paths"));
        world.set("HOME", world.path("home"));
        world.set("XDG_CACHE_HOME", cache);
        world.set("XDG_CONFIG_DIRS", world.path("etc"));
        world.set("XDG_RUNTIME_DIR", world.path("run"));
        world.set("TMUX_TMPDIR", world.path("tmux"));
        world.set("SCREENDIR", world.path("screen"));
        world.set("LANG", "C.UTF-8");
        world.set("TERM", "xterm-256color");
        world.set("SHELL", "/bin/sh");
        if world.engines.contains_key("docker") || world.engines.contains_key("podman") {
            for (key, value) in engine::variables() {
                world.set(key, value);
            }
        } else {
            // Nothing of the tests may reach an engine of the machine's.
            world.set("DOCKER_HOST", format!("unix://{}", world.path("no-docker").display()));
        }
        world
    }

    /// A path in the world's folder.
    pub fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.root.path().join(relative)
    }

    /// The home.
    pub fn home(&self) -> PathBuf {
        self.path("home")
    }

    /// The working directory of what is run.
    pub fn work(&self) -> PathBuf {
        self.path("work")
    }

    /// Sets a variable for everything that is run from now on.
    pub fn set(&mut self, key: impl AsRef<OsStr>, value: impl AsRef<OsStr>) {
        self.env.insert(key.as_ref().into(), value.as_ref().into());
    }

    /// Takes a variable away.
    pub fn unset(&mut self, key: impl AsRef<OsStr>) {
        self.env.remove(key.as_ref());
    }

    /// Gives the world a compile cache of its own, empty: kst compiles its components again.
    pub fn with_own_cache(&mut self) -> PathBuf {
        let cache = self.path("home/.cache");
        private_folder(&cache);
        self.set("XDG_CACHE_HOME", &cache);
        cache
    }

    /// A session's name that no other test uses. The container engines are shared by all tests, so
    /// containers must be named by this; it is also how they are found and removed at the end.
    pub fn name(&self, base: &str) -> String {
        format!("{base}-{}", self.tag)
    }

    /// The image that container tests run: busybox, with `sh` as its command.
    pub fn image(&self) -> String {
        engine::variables().get("KST_TEST_IMAGE").cloned().unwrap_or_default()
    }

    /// Writes a file below the world's folder, with the folders above it.
    pub fn write(&self, relative: impl AsRef<Path>, content: impl AsRef<[u8]>) -> PathBuf {
        let file = self.path(relative);
        fs::create_dir_all(file.parent().expect("a file in a folder")).expect("folders");
        fs::write(&file, content).expect("a file can be written");
        file
    }

    /// Writes the user's `kstlib.conf.yml`.
    pub fn config(&self, yaml: &str) -> PathBuf {
        self.write("home/.config/kstlib.conf.yml", yaml)
    }

    /// Puts a shell script on the PATH, before the real program of that name: for faults that the
    /// real one cannot be brought to.
    pub fn fake(&self, program: &str, script: &str) -> PathBuf {
        let file = self.write(Path::new("bin").join(program), format!("#!/bin/sh\n{script}\n"));
        fs::set_permissions(&file, Permissions::from_mode(0o755)).expect("permissions");
        file
    }

    /// Runs `kst` to its end.
    #[track_caller]
    pub fn kst<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Outcome {
        self.command(args).run()
    }

    /// `kst` about to be run: for another working directory, environment, input or deadline.
    pub fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Run {
        self.program(super::program()).args(args)
    }

    /// `kst` on a terminal of 80 columns and 24 rows.
    pub fn terminal<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Terminal {
        self.terminal_of(super::program(), args)
    }

    /// Any program on a terminal of 80 columns and 24 rows.
    pub fn terminal_of<S: AsRef<OsStr>>(
        &self,
        program: impl AsRef<OsStr>,
        args: impl IntoIterator<Item = S>,
    ) -> Terminal {
        let mut command = std::process::Command::new(program);
        command.args(args).env_clear().envs(&self.env).current_dir(self.work());
        Terminal::open(command)
    }

    /// Any other program about to be run in this world.
    pub fn program(&self, program: impl AsRef<OsStr>) -> Run {
        Run::new(program).only_env(self.env.clone()).cwd(self.work())
    }

    /// Runs one of the engines itself: to look at what kst did, or to make what kst did not.
    #[track_caller]
    pub fn engine<S: AsRef<OsStr>>(
        &self,
        engine: Engine,
        args: impl IntoIterator<Item = S>,
    ) -> Outcome {
        let Some(program) = self.engines.get(engine.program()) else {
            panic!("this world was made without {engine}");
        };
        self.program(program).args(args).run()
    }

    /// Runs tmux.
    #[track_caller]
    pub fn tmux<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Outcome {
        self.engine(Engine::Tmux, args)
    }

    /// The status of a session as `kst status --json` tells it.
    #[track_caller]
    pub fn status(&self, name: &str) -> serde_json::Value {
        self.kst(["status", name, "--json"]).ok().json()
    }

    /// The pids of the shims of this world.
    pub fn shims(&self) -> Vec<i32> {
        let mut pids = self.processes();
        pids.retain(|pid| {
            let read = |file: &str| fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
            // tmux's server has the words that it was started with.
            let is_kst = read("comm") == b"kst\n";
            is_kst && read("cmdline").split(|byte| *byte == 0).any(|word| word == b"shim")
        });
        pids
    }

    /// The pids of processes that were started in this world and still run.
    pub fn processes(&self) -> Vec<i32> {
        let mark = self.root.path().as_os_str().as_encoded_bytes();
        let numbers = fs::read_dir("/proc")
            .expect("/proc")
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
        // Their environment names the world's folder, which no other process knows of.
        numbers
            .filter(|pid| {
                fs::read(format!("/proc/{pid}/environ"))
                    .is_ok_and(|environ| environ.windows(mark.len()).any(|part| part == mark))
            })
            .collect()
    }

    fn remove_containers(&self) {
        for engine in ["podman", "docker"] {
            let Some(program) = self.engines.get(engine) else { continue };
            let filter = format!("name={}", self.tag);
            let found = self.program(program).args(["ps", "-aq", "--filter", &filter]).run().out();
            if !found.trim().is_empty() {
                let ids = found.split_whitespace();
                // podman would give each ten seconds to end politely; docker gives none.
                let patience = if engine == "podman" { &["--time", "0"][..] } else { &[] };
                let rm = self.program(program).args(["rm", "--force", "--volumes"]);
                rm.args(patience).args(ids).run();
            }
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if env::var_os("KST_TEST_KEEP").is_some() {
            // For looking around after a failure; what runs, keeps running.
            let kept = std::mem::replace(&mut self.root, TempDir::new().expect("a folder")).keep();
            eprintln!("kept: {}", kept.display());
            return;
        }
        self.remove_containers();
        for pid in self.processes() {
            if let Some(pid) = Pid::from_raw(pid) {
                let _ = kill_process(pid, Signal::KILL);
            }
        }
    }
}

fn private_folder(folder: &Path) {
    DirBuilder::new().mode(0o700).recursive(true).create(folder).expect("a folder can be made");
}

/// A folder of links to every program on the PATH but the engines. It is kept from run to run, and
/// made anew when a folder of the PATH has changed.
fn everything_else() -> &'static PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = shared().join("programs");
        let path = env::var_os("PATH").unwrap_or_default();
        let from: Vec<_> = env::split_paths(&path).filter(|entry| entry.is_absolute()).collect();
        let changed = |folder: &Path| folder.metadata().and_then(|meta| meta.modified()).ok();
        let newest = from.iter().filter_map(|entry| changed(entry)).max();
        if changed(&folder).is_some() && changed(&folder) > newest {
            return folder;
        }
        let making = tempfile::Builder::new().tempdir_in(shared()).expect("a folder").keep();
        for entry in from.iter().filter_map(|from| fs::read_dir(from).ok()).flatten().flatten() {
            let name = entry.file_name();
            if is_program(&entry.path()) && PROGRAMS.iter().all(|engine| name != *engine) {
                // The first on the PATH wins: a later one fails, being there already.
                let _ = symlink(entry.path(), making.join(name));
            }
        }
        let _ = fs::remove_dir_all(&folder);
        fs::rename(&making, &folder).expect("a folder can be renamed");
        folder
    })
}
