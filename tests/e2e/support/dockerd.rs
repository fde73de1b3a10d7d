//! A docker daemon that a test may kill: its own, beside the one that all tests share.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::{Engine, World, until};

/// The daemon, and what is needed to start it again. It ends with this, and so does all that it ran.
pub struct Daemon {
    folder: TempDir,
    program: PathBuf,
    client: PathBuf,
    options: Vec<String>,
    process: Option<Child>,
}

impl Daemon {
    /// Starts one with these options, gives it the image of the tests, and lets `world` use it and no
    /// other.
    pub fn start(world: &mut World, options: &[&str]) -> Self {
        let program = ["/usr/sbin/dockerd", "/usr/bin/dockerd", "/usr/local/bin/dockerd"];
        let program = program.iter().map(PathBuf::from).find(|file| file.exists());
        // Sockets have short paths.
        let folder = TempDir::with_prefix_in("kstd-", "/tmp").expect("a folder");
        let mut daemon = Daemon {
            folder,
            program: program.expect("a dockerd beside the docker of the tests"),
            client: Engine::Docker.find().expect("it is here"),
            options: options.iter().map(|&option| option.to_owned()).collect(),
            process: None,
        };
        daemon.again();
        let image = world.image();
        let load = format!(
            "'{0}' save {image} | '{0}' -H {1} load",
            daemon.client.display(),
            daemon.host()
        );
        world.program("sh").args(["-c", &load]).run().ok();
        world.set("DOCKER_HOST", daemon.host());
        daemon
    }

    fn host(&self) -> String {
        format!("unix://{}", self.path("sock").display())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts it again, where it was killed; returns when it answers.
    pub fn again(&mut self) {
        let log = File::options().create(true).append(true).open(self.path("log")).expect("a log");
        let mut command = Command::new(&self.program);
        for (option, value) in [("data-root", "data"), ("exec-root", "exec"), ("pidfile", "pid")] {
            command.arg(format!("--{option}={}", self.path(value).display()));
        }
        // Without packet filter rules: one that starts empties those of all others.
        command.args([
            "--bridge=none",
            "--iptables=false",
            "--ip6tables=false",
            "--host",
            &self.host(),
        ]);
        command.args(&self.options).stdout(log.try_clone().expect("a log")).stderr(log);
        self.process = Some(command.spawn().expect("it can be started"));
        until("the daemon answers", || self.answers());
    }

    fn answers(&self) -> bool {
        let client = Command::new(&self.client).args(["-H", &self.host(), "version"]).output();
        client.is_ok_and(|output| output.status.success())
    }

    /// Ends it by this signal. What it ran is not told of it, unless by the daemon itself.
    pub fn kill(&mut self, signal: Signal) {
        let mut process = self.process.take().expect("it runs");
        let pid = Pid::from_child(&process);
        kill_process(pid, signal).expect("it is there");
        process.wait().expect("it is a child");
        // Its containerd ends with it; a daemon that comes back before that waits for it in vain.
        let containerd = fs::read_to_string(self.path("exec/containerd/containerd.pid"));
        let containerd = containerd.ok().and_then(|pid| pid.trim().parse::<u32>().ok());
        until("its containerd has ended", || {
            containerd.is_none_or(|pid| !Path::new(&format!("/proc/{pid}")).exists())
        });
    }
}

/// The processes that name something in this folder, and their children.
fn processes_of(folder: &Path) -> Vec<i32> {
    let text = |pid: i32, file: &str| fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
    let folder = format!("{}/", folder.display());
    let all: Vec<i32> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect();
    let naming: Vec<i32> = all
        .iter()
        .copied()
        .filter(|&pid| String::from_utf8_lossy(&text(pid, "cmdline")).contains(&folder))
        .collect();
    let parent = |pid: i32| {
        let status = text(pid, "status");
        let status = String::from_utf8_lossy(&status);
        status.lines().find_map(|line| line.strip_prefix("PPid:")?.trim().parse::<i32>().ok())
    };
    let children =
        all.iter().copied().filter(|&pid| parent(pid).is_some_and(|pid| naming.contains(&pid)));
    children.chain(naming.iter().copied()).collect()
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if self.process.is_some() {
            let rm = format!(
                "'{0}' -H {1} ps -aq | xargs -r '{0}' -H {1} rm -f",
                self.client.display(),
                self.host()
            );
            let _ = Command::new("sh").args(["-c", &rm]).output();
            self.kill(Signal::TERM);
        }
        for pid in processes_of(self.folder.path()) {
            let _ = Pid::from_raw(pid).map(|pid| kill_process(pid, Signal::KILL));
        }
        let folder = self.folder.path().display();
        let unmount =
            format!("findmnt -rno TARGET | grep '^{folder}/' | sort -r | xargs -r -n 1 umount -l");
        let _ = Command::new("sh").args(["-c", &unmount]).output();
    }
}
