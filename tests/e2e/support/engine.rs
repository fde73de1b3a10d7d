//! The engines that a test needs, and whether they are here.

use std::collections::BTreeMap;
use std::env;
use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use super::project;

/// The programs that tests hide or show; every other one of the machine is always there.
pub const PROGRAMS: [&str; 4] = ["tmux", "screen", "podman", "docker"];

/// An engine that a test needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Tmux,
    Screen,
    Podman,
    /// Whichever docker client is first on the PATH.
    Docker,
    /// The docker client of this major version.
    DockerClient(u32),
}

impl Engine {
    /// The program's name.
    pub fn program(self) -> &'static str {
        match self {
            Engine::Tmux => "tmux",
            Engine::Screen => "screen",
            Engine::Podman => "podman",
            Engine::Docker | Engine::DockerClient(_) => "docker",
        }
    }

    /// Where the program is, if the engine is here and works; otherwise why not.
    pub fn find(self) -> Result<PathBuf, String> {
        match self {
            Engine::Tmux | Engine::Screen => on_path(self.program()),
            Engine::Podman => {
                let needed = ["CONTAINERS_CONF", "CONTAINERS_STORAGE_CONF"];
                if needed.iter().any(|key| !variables().contains_key(*key)) {
                    return Err("the tests' podman is not up".into());
                }
                on_path("podman")
            }
            Engine::Docker => {
                docker_is_up()?;
                on_path("docker")
            }
            Engine::DockerClient(major) => {
                docker_is_up()?;
                let client = variables().get(&format!("KST_TEST_DOCKER_{major}"));
                client.map(PathBuf::from).ok_or_else(|| "no such client is installed".into())
            }
        }
    }

    /// As [`Engine::find`]; without the engine it says so where nobody overlooks it, and fails the
    /// test where `CI=true`.
    pub fn find_or_say(self) -> Option<PathBuf> {
        match self.find() {
            Ok(program) => Some(program),
            Err(why) => {
                let test = std::thread::current().name().unwrap_or("a test").to_owned();
                let text =
                    format!("NOT RUN: {test}: {self} is not here: {why}; run tests/engines.sh up");
                assert!(env::var_os("CI").is_none_or(|ci| ci != "true"), "{text}");
                // Not eprintln: the test runner would keep that to itself.
                let _ = writeln!(std::io::stderr(), "{text}");
                None
            }
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Engine::DockerClient(major) => write!(f, "docker client {major}"),
            _ => f.write_str(self.program()),
        }
    }
}

/// The variables that point programs at the tests' engines: those of this process where
/// `tests/engines.sh with` started it, otherwise what `tests/engines.sh env` prints.
pub fn variables() -> &'static BTreeMap<String, String> {
    static VARIABLES: OnceLock<BTreeMap<String, String>> = OnceLock::new();
    VARIABLES.get_or_init(|| {
        if env::var_os("KST_TEST_ENGINES").is_some() {
            let ours = |key: &str| {
                key.starts_with("KST_TEST_")
                    || key == "DOCKER_HOST"
                    || key == "CONTAINERS_CONF"
                    || key == "CONTAINERS_STORAGE_CONF"
            };
            return env::vars().filter(|(key, _)| ours(key)).collect();
        }
        let script = project().join("tests/engines.sh");
        let Ok(output) = Command::new(script).arg("env").stdin(Stdio::null()).output() else {
            return BTreeMap::new();
        };
        String::from_utf8_lossy(&output.stdout)
            .lines()
            .filter_map(|line| {
                let (key, value) = line.strip_prefix("export ")?.split_once('=')?;
                let value = shell_words::split(value).ok()?.pop().unwrap_or_default();
                Some((key.to_owned(), value))
            })
            .collect()
    })
}

fn docker_is_up() -> Result<(), String> {
    static UP: OnceLock<Result<(), String>> = OnceLock::new();
    UP.get_or_init(|| {
        let host = variables().get("DOCKER_HOST").ok_or("the tests' docker engine is not up")?;
        let answer = Command::new("docker")
            .arg("version")
            .env("DOCKER_HOST", host)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| error.to_string())?;
        answer.status.success().then_some(()).ok_or_else(|| format!("{host} does not answer"))
    })
    .clone()
}

fn on_path(program: &str) -> Result<PathBuf, String> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|file| file.is_absolute() && is_program(file))
        .ok_or_else(|| format!("{program} is not installed"))
}

/// Whether it is a file that may be run.
pub fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}
