//! One session, as the program that uses it sees it.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Duration;

use super::exec::ExecRequest;
use super::find::Listing;
use super::follow::{FollowOptions, LineHeard};
use super::gathered::{LogOptions, Logs};
use super::host::{Host, HostSettings};
use super::model::{Command, ExitStatus, OptionValue, SessionConfig, SessionState, SessionStatus};
use super::policy::RestartPolicy;
use super::send::{Input, Key};
use super::signal_name::SignalName;
use super::stop::StopOptions;
use super::survey::Filter;
use super::validate;
use crate::config::{Config, Sources};
use crate::folders::Folders;
use crate::plugin::canonical;
use crate::{Error, Result};

/// One session: start it, stop it, ask for its state and its output.
///
/// A session on this machine has the `kst` program beside it, as its shim. A program that is not
/// `kst` says where that is with [`SessionManager::with_program`]; otherwise `kst` is looked up on
/// the PATH.
///
/// ```no_run
/// use std::time::Duration;
/// use kst::session::SessionManager;
///
/// # fn main() -> kst::Result<()> {
/// let session = SessionManager::new("dev", "tmux")?.command("python -m app").env("PORT", "8080");
/// session.start()?;
/// println!("{}", session.logs(20)?);
/// session.stop(true, Duration::from_secs(10))?;
/// # Ok(())
/// # }
/// ```
///
/// In a container, with the options of that backend:
///
/// ```no_run
/// # fn main() -> kst::Result<()> {
/// # use kst::session::SessionManager;
/// let prod = SessionManager::new("prod", "container")?
///     .option("image", "localhost/app:latest")
///     .option("runtime", "podman")
///     .options("volumes", ["./data:/app/data"])
///     .options("ports", ["127.0.0.1:8080:80"]);
/// prod.start()?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// Besides what each method says, all of those that look for the session may give:
/// [`Error::Ambiguous`], where several places of its backend have one of its name;
/// [`Error::Unavailable`], where the backend's engine is missing or down; [`Error::TimedOut`], where it
/// does not answer; [`Error::Refused`] and [`Error::PluginFault`], where a component that is not built
/// in may not run or breaks a rule. [`Error::NotFound`] always means that the engine was asked and has
/// no session of this name, and kst remembers none that has ended. A session that is defined and was
/// never started counts as not found where there must be one.
pub struct SessionManager {
    host: Host,
    config: SessionConfig,
    backend: String,
    from_config: bool,
}

impl SessionManager {
    /// A session of this name in this backend (`tmux`, `container`). It need not exist.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for a name that no session of kst's can have, [`Error::BackendNotFound`].
    pub fn new(name: &str, backend: &str) -> Result<Self> {
        validate::session_name(name)?;
        let backend = canonical(backend);
        let host = Host::new(HostSettings {
            program: Some(program()),
            ..HostSettings::new(Config::empty())
        })?;
        host.backend(backend)?;
        let config = SessionConfig {
            name: name.to_owned(),
            backend: Some(backend.to_owned()),
            ..SessionConfig::default()
        };
        Ok(SessionManager { host, config, backend: backend.to_owned(), from_config: false })
    }

    /// The session that the config defines under this name: `kstlib.conf.yml`, where `kst` finds it.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] where no config defines it, or what it says cannot be used.
    pub fn from_config(name: &str) -> Result<Self> {
        let working_dir = std::env::current_dir().map_err(|error| {
            Error::failed(format!("the current directory cannot be used: {error}"))
        })?;
        let explicit = Sources::from_variable()?;
        let sources = Sources { folders: Folders::from_env(), working_dir, explicit };
        Self::from(name, Config::load(&sources)?)
    }

    /// The session that this config defines under this name.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] where it does not.
    pub fn from(name: &str, config: Config) -> Result<Self> {
        let host =
            Host::new(HostSettings { program: Some(program()), ..HostSettings::new(config) })?;
        let Some(defined) = host.config().session(name)? else {
            let mut known: Vec<&str> = host.config().sessions().map(|(name, _)| name).collect();
            known.sort_unstable();
            return Err(Error::Config {
                file: None,
                line: None,
                what: format!(
                    "no config defines a session '{}'",
                    crate::text::escape_controls(name)
                ),
                advice: Some(if known.is_empty() {
                    "none is defined: add one under 'ops: sessions:' in kstlib.conf.yml".into()
                } else {
                    format!("defined are: {}", known.join(", "))
                }),
            });
        };
        let config = defined.clone();
        let backend = config.backend.clone().unwrap_or_else(|| host.default_backend());
        host.backend(&backend)?;
        Ok(SessionManager { host, config, backend, from_config: true })
    }

    /// Where the `kst` program is, which stands beside sessions on this machine.
    #[must_use]
    pub fn with_program(mut self, program: impl Into<PathBuf>) -> Self {
        self.host.set_program(program.into());
        self
    }

    /// The command, as text: split by the shell's rules, run without a shell.
    #[must_use]
    pub fn command(mut self, text: impl Into<String>) -> Self {
        self.config.command = Some(Command::Text(text.into()));
        self
    }

    /// The command, word by word.
    #[must_use]
    pub fn args<W: Into<String>>(mut self, words: impl IntoIterator<Item = W>) -> Self {
        self.config.command = Some(Command::Words(words.into_iter().map(Into::into).collect()));
        self
    }

    /// The directory to run it in.
    #[must_use]
    pub fn working_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.config.working_dir = Some(dir.into());
        self
    }

    /// A variable of its environment, besides the caller's on this machine.
    #[must_use]
    pub fn env(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.config.env.insert(key.into(), value.into());
        self
    }

    /// An option of its backend: `image`, `socket_name`.
    #[must_use]
    pub fn option(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.config.options.insert(name.into(), OptionValue::Text(value.into()));
        self
    }

    /// An option of its backend that takes several values: `volumes`, `ports`.
    #[must_use]
    pub fn options<V: Into<String>>(
        mut self,
        name: impl Into<String>,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        let values = values.into_iter().map(Into::into).collect();
        self.config.options.insert(name.into(), OptionValue::List(values));
        self
    }

    /// When its program is started again by itself: `"on-failure:5".parse()?`. Without it, never.
    #[must_use]
    pub fn restart_policy(mut self, policy: RestartPolicy) -> Self {
        self.config.restart = Some(policy);
        self
    }

    /// The session's name.
    pub fn name(&self) -> &str {
        &self.config.name
    }

    /// The backend's name.
    pub fn backend(&self) -> &str {
        &self.backend
    }

    /// Its definition.
    pub fn config(&self) -> &SessionConfig {
        &self.config
    }

    /// Start it as it is defined.
    ///
    /// # Errors
    ///
    /// [`Error::Exists`], [`Error::Start`], and others as [`Host::start`] says.
    pub fn start(&self) -> Result<SessionStatus> {
        self.host.start(&self.config)
    }

    /// Start it with some things otherwise than defined: what `overrides` says goes first;
    /// variables are added. Its name and backend do not count.
    ///
    /// # Errors
    ///
    /// As [`SessionManager::start`].
    pub fn start_with(&self, overrides: SessionConfig) -> Result<SessionStatus> {
        let mut config = self.config.clone();
        config.command = overrides.command.or(config.command);
        config.working_dir = overrides.working_dir.or(config.working_dir);
        config.env.extend(overrides.env);
        config.options.extend(overrides.options);
        config.stop_signal = overrides.stop_signal.or(config.stop_signal);
        config.stop_timeout = overrides.stop_timeout.or(config.stop_timeout);
        config.restart = overrides.restart.or(config.restart);
        self.host.start(&config)
    }

    /// End it: politely if `graceful`, and with force after the timeout or at once. Returns `true`
    /// if it was running. Its last output and how it ended can still be read.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`]; [`Error::Stop`] if something of it survived.
    pub fn stop(&self, graceful: bool, timeout: Duration) -> Result<bool> {
        let options = StopOptions { graceful, timeout: Some(timeout) };
        self.host.stop(self.name(), &self.filter(), options).map(|outcome| outcome.was_running)
    }

    /// End it if it runs, as [`SessionManager::stop`] does, and start it again as a new run: by the
    /// definition that it was started with, whatever this one says. One that is defined in the config and
    /// was never started is started. What can be known to fail does so before anything is ended.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`]; [`Error::Unsupported`] where nobody knows how it was started, because kst did
    /// not; and those of [`SessionManager::stop`] and [`SessionManager::start`].
    pub fn restart(&self, graceful: bool, timeout: Duration) -> Result<SessionStatus> {
        let options = StopOptions { graceful, timeout: Some(timeout) };
        self.host.restart(self.name(), &self.filter(), options)
    }

    /// Type a text into it, literally, and Enter behind it if `enter`. It has arrived at its terminal
    /// when this returns; whether its program reads it is the program's affair.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for a text of more than a mebibyte, or with control characters other than line
    /// breaks and tabs; [`Error::NotFound`], [`Error::NotRunning`]; [`Error::Unsupported`] where nothing
    /// can be typed into a session of its backend, as in a container.
    pub fn send(&self, text: &str, enter: bool) -> Result<()> {
        let input = Input::Text { text: text.to_owned(), enter };
        self.host.send(self.name(), &self.filter(), &input).map(drop)
    }

    /// Press keys in it, one after the other.
    ///
    /// ```no_run
    /// # fn main() -> kst::Result<()> {
    /// # use kst::session::SessionManager;
    /// SessionManager::new("repl", "tmux")?.send_keys(["C-c".parse()?, "Up".parse()?])?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`SessionManager::send`].
    pub fn send_keys(&self, keys: impl IntoIterator<Item = Key>) -> Result<()> {
        let input = Input::Keys(keys.into_iter().collect());
        self.host.send(self.name(), &self.filter(), &input).map(drop)
    }

    /// Run a command in it, on this process's standard streams (and its terminal, where both input and
    /// output are one), and return when that has ended: how. A signal is told as code 128 and its number,
    /// a command that cannot be run as 126 or 127.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] where there is no command; [`Error::NotFound`], [`Error::NotRunning`];
    /// [`Error::Unsupported`] where the backend runs no second command: none does whose sessions run on
    /// this machine (tmux, screen).
    pub fn exec(&self, request: &ExecRequest) -> Result<ExitStatus> {
        self.host.exec(self.name(), &self.filter(), request)
    }

    /// Send a signal to its program, and to no other process of it: `"HUP".parse()?`. This is no stop: a
    /// program that it ends is started again where its definition says so.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`]; [`Error::NotRunning`], also between two lives of a program that is started
    /// again; [`Error::Unsupported`] where nobody knows its process, because kst did not start it.
    pub fn signal(&self, signal: SignalName) -> Result<()> {
        self.host.signal(self.name(), &self.filter(), signal).map(drop)
    }

    /// Wait until it has ended, however long that takes or at most `timeout`: how it is then, with its
    /// exit where that is known. Returns at once where it has ended already. A program that is about to be
    /// started again by its [`RestartPolicy`] has not ended.
    ///
    /// ```no_run
    /// # fn main() -> kst::Result<()> {
    /// # use kst::session::{ExitStatus, SessionManager};
    /// let job = SessionManager::new("job", "tmux")?.args(["make", "all"]);
    /// job.start()?;
    /// if job.wait(None)?.exit != Some(ExitStatus::Code(0)) {
    ///     print!("{}", job.logs(20)?);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`]; [`Error::TimedOut`] after `timeout`: it runs on.
    pub fn wait(&self, timeout: Option<Duration>) -> Result<SessionStatus> {
        self.host.wait(self.name(), &self.filter(), timeout)
    }

    /// Connect the terminal to it. Returns when the user detaches or it ends.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], [`Error::Attach`].
    pub fn attach(&self) -> Result<()> {
        self.host.attach(self.name(), &self.filter(), &|_| {}).map(drop)
    }

    /// What is known of it.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`].
    pub fn status(&self) -> Result<SessionStatus> {
        self.host.status(self.name(), &self.filter()).and_then(|status| match status.state {
            SessionState::Defined if !self.from_config => {
                Err(Error::NotFound { name: self.config.name.clone(), advice: None })
            }
            _ => Ok(status),
        })
    }

    /// The last lines that it printed, as text (what is no UTF-8 is replaced), escape sequences
    /// included.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`].
    pub fn logs(&self, lines: u32) -> Result<String> {
        let bytes = self.host.logs(self.name(), &self.filter(), lines)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The lines of it that are asked for, with their times if those are.
    ///
    /// ```no_run
    /// # fn main() -> kst::Result<()> {
    /// use jiff::{SignedDuration, Timestamp};
    /// use kst::session::{LogOptions, SessionManager};
    ///
    /// let since = Some(Timestamp::now() - SignedDuration::from_mins(10));
    /// let options = LogOptions { since, times: true, ..LogOptions::default() };
    /// for (time, line) in SessionManager::new("api", "tmux")?.logs_with(&options)?.lines() {
    ///     println!("{time:?}: {}", String::from_utf8_lossy(line));
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`]; [`Error::Unsupported`] where times are needed and nobody knows them.
    pub fn logs_with(&self, options: &LogOptions) -> Result<Logs> {
        self.host.logs_with(self.name(), &self.filter(), options)
    }

    /// Follow it: hear of each line that it prints, as it prints it, until it has ended or `hear` says
    /// [`ControlFlow::Break`]. It is called on this thread. One that has ended already is told of at once,
    /// with as many of its last lines as `options` says. However long `hear` takes, it holds up this
    /// following and never the session.
    ///
    /// ```no_run
    /// use std::ops::ControlFlow;
    /// use std::time::{Duration, Instant};
    /// use kst::session::{FollowOptions, LineHeard, SessionManager};
    ///
    /// # fn main() -> kst::Result<()> {
    /// let (session, began) = (SessionManager::new("api", "tmux")?, Instant::now());
    /// let options = FollowOptions { lines: 10, ..FollowOptions::default() };
    /// session.follow(&options, |heard| {
    ///     match heard {
    ///         LineHeard::Line { text, .. } => print!("{}", String::from_utf8_lossy(text)),
    ///         LineHeard::Ended(exit) => println!("it has ended: {exit:?}"),
    ///         _ => {}
    ///     }
    ///     match began.elapsed() < Duration::from_secs(60) {
    ///         true => ControlFlow::Continue(()),
    ///         false => ControlFlow::Break(()),
    ///     }
    /// })?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Several sessions, and output as it comes, without waiting for the end of a line:
    /// [`Host::follow`].
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`]; [`Error::Unsupported`] where nobody keeps what it prints, or the times that
    /// are asked for; and what goes wrong with its log later.
    pub fn follow(
        &self,
        options: &FollowOptions,
        mut hear: impl FnMut(LineHeard<'_>) -> ControlFlow<()>,
    ) -> Result<()> {
        self.host.follow_lines(self.name(), self.filter(), options, &mut hear)
    }

    /// Whether it is there: running or ended.
    ///
    /// # Errors
    ///
    /// Where the backend cannot be asked: not knowing is not the same as not being there.
    pub fn exists(&self) -> Result<bool> {
        match self.status() {
            Ok(status) => Ok(status.state != SessionState::Defined),
            Err(Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether it runs now.
    ///
    /// # Errors
    ///
    /// Where the backend cannot be asked, as [`SessionManager::exists`].
    pub fn is_running(&self) -> Result<bool> {
        match self.status() {
            Ok(status) => Ok(status.state == SessionState::Running),
            Err(Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Every session of its backend.
    ///
    /// # Errors
    ///
    /// Where the backend cannot be asked.
    pub fn list(&self) -> Result<Listing> {
        self.host.afresh().list(&Filter { backend: Some(self.backend.clone()), location: None })
    }

    fn filter(&self) -> Filter {
        self.host.afresh();
        Filter {
            backend: Some(self.backend.clone()),
            location: self.host.defined_location(&self.backend, &self.config),
        }
    }
}

/// In which backend a session of this name exists, looking in all of them (in those that are
/// installed), or at one location of each. `None`: in none.
///
/// The backends are those that are built in and those in the plugins folder.
///
/// ```no_run
/// # fn main() -> kst::Result<()> {
/// use kst::session::{SessionManager, auto_detect_backend};
///
/// if let Some(backend) = auto_detect_backend("bot", None)? {
///     print!("{}", SessionManager::new("bot", &backend)?.logs(10)?);
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// [`Error::Ambiguous`] where it exists in several.
pub fn auto_detect_backend(name: &str, location: Option<&str>) -> Result<Option<String>> {
    let host =
        Host::new(HostSettings { program: Some(program()), ..HostSettings::new(Config::empty()) })?;
    let filter = Filter { backend: None, location: location.map(str::to_owned) };
    match host.find(name, &filter) {
        Ok(found) => Ok(Some(found.status.backend)),
        Err(Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The `kst` program for programs that use the library: the first one on the PATH. Without one it is
/// a name that no start accepts: the running program must not be taken for it.
fn program() -> PathBuf {
    const NAME: &str = "kst";
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(NAME))
        .find(|program| program.is_file())
        .unwrap_or_else(|| PathBuf::from(NAME))
}
