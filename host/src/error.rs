//! What can go wrong, as one type whose cases a caller can branch on.

use std::path::PathBuf;

use crate::text::shown_path;

/// A failure of kst: what happened, where, and (by [`Error::advice`]) what to do.
///
/// Every case has a fixed exit code of the command line, see [`Error::exit_code`].
///
/// ```
/// use kst::session::SessionManager;
///
/// let error = SessionManager::new("dev", "tmax").err().unwrap();
/// assert_eq!(error.to_string(), "no backend is called 'tmax'");
/// assert_eq!(error.advice(), Some("did you mean 'tmux'?"));
/// assert!(matches!(error, kst::Error::BackendNotFound { .. }));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A value that cannot be used: a name, an option, a command. Exit code 2.
    #[error("{what}")]
    Invalid {
        /// A sentence: which value, and why.
        what: String,
        /// What to do about it.
        advice: Option<String>,
    },
    /// A config file that cannot be used, or a session that it does not define. Exit code 2.
    #[error("{}{what}", place(.file, .line))]
    Config {
        /// The file, where it is known.
        file: Option<PathBuf>,
        /// The line in it, from 1.
        line: Option<u64>,
        /// A sentence: what is wrong there.
        what: String,
        /// What to do about it.
        advice: Option<String>,
    },
    /// No session has this name. Exit code 3.
    #[error("no session is called {}", shown(.name))]
    NotFound {
        /// The name asked for.
        name: String,
        /// Where it was looked for, or a name that comes close: what to do.
        advice: Option<String>,
    },
    /// A session has this name already. Exit code 4.
    #[error("session {} already exists in {place}", shown(.name))]
    Exists {
        /// The name asked for.
        name: String,
        /// Backend and location.
        place: String,
        /// What to do about it.
        advice: Option<String>,
    },
    /// Several sessions have this name. Exit code 5.
    #[error("session {} is ambiguous: it exists in {}", shown(.name), .places.join(" and in "))]
    Ambiguous {
        /// The name asked for.
        name: String,
        /// Backend and location of each.
        places: Vec<String>,
        /// Which options tell them apart.
        advice: Option<String>,
    },
    /// No backend has this name. Exit code 6.
    #[error("no backend is called {}", shown(.backend))]
    BackendNotFound {
        /// The backend asked for.
        backend: String,
        /// The names there are.
        advice: Option<String>,
    },
    /// An engine or its program is missing, down, or does not answer. Exit code 6. (A session's own
    /// command that is missing is [`Error::Start`].)
    #[error("{backend}: {what}")]
    Unavailable {
        /// The backend.
        backend: String,
        /// A sentence: what is wrong.
        what: String,
        /// What to do about it.
        advice: Option<String>,
    },
    /// A component cannot be found or is not one that this kst can run. Exit code 6.
    #[error("{}: {what}", shown_path(.file))]
    Plugin {
        /// The component's file.
        file: PathBuf,
        /// A sentence: what is wrong.
        what: String,
        /// What to do about it.
        advice: Option<String>,
    },
    /// The component or program is not trusted, or the door refused. Exit code 7.
    #[error("{what}")]
    Refused {
        /// A sentence: what was refused, and why.
        what: String,
        /// The command that approves it, where there is one.
        advice: Option<String>,
    },
    /// Something did not end within its deadline. Exit code 8.
    #[error("{what}")]
    TimedOut {
        /// A sentence: what took too long, and how long that was.
        what: String,
        /// What to do about it.
        advice: Option<String>,
    },
    /// A component broke a rule or a limit. Exit code 9.
    #[error("the plugin of backend {backend} misbehaved: {what}")]
    PluginFault {
        /// The backend.
        backend: String,
        /// A sentence: which rule or limit.
        what: String,
    },
    /// The session could not be started. Exit code 1.
    #[error("session {} was not started: {what}", shown(.name))]
    Start {
        /// The session.
        name: String,
        /// A sentence: why.
        what: String,
        /// What to do about it.
        advice: Option<String>,
    },
    /// The session could not be stopped, or something of it survived. Exit code 1.
    #[error("session {} was not stopped: {what}", shown(.name))]
    Stop {
        /// The session.
        name: String,
        /// A sentence: why, and what survived.
        what: String,
        /// What to do about it.
        advice: Option<String>,
    },
    /// The terminal could not be connected to the session. Exit code 1.
    #[error("cannot attach to session {}: {what}", shown(.name))]
    Attach {
        /// The session.
        name: String,
        /// A sentence: why.
        what: String,
        /// What to do about it.
        advice: Option<String>,
    },
    /// The backend cannot do this. Exit code 1.
    #[error("{backend} cannot do this: {what}")]
    Unsupported {
        /// The backend.
        backend: String,
        /// A sentence: what it lacks.
        what: String,
    },
    /// The session is there, and nothing can be done to it that needs its program: it has ended, or is
    /// about to be started again. Exit code 1.
    #[error("{what}")]
    NotRunning {
        /// The session.
        name: String,
        /// A sentence: how it is.
        what: String,
        /// What to do about it.
        advice: Option<String>,
    },
    /// Anything else that failed. Exit code 1.
    #[error("{what}")]
    Failed {
        /// A sentence: what failed.
        what: String,
        /// What to do about it.
        advice: Option<String>,
    },
}

/// The result of the library's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// What the person can do about it: a sentence or a command, without a full stop at its end
    /// where it ends in a command.
    pub fn advice(&self) -> Option<&str> {
        match self {
            Error::Invalid { advice, .. }
            | Error::Config { advice, .. }
            | Error::NotFound { advice, .. }
            | Error::Exists { advice, .. }
            | Error::Ambiguous { advice, .. }
            | Error::BackendNotFound { advice, .. }
            | Error::Unavailable { advice, .. }
            | Error::Plugin { advice, .. }
            | Error::Refused { advice, .. }
            | Error::TimedOut { advice, .. }
            | Error::Start { advice, .. }
            | Error::Stop { advice, .. }
            | Error::Attach { advice, .. }
            | Error::NotRunning { advice, .. }
            | Error::Failed { advice, .. } => advice.as_deref(),
            Error::PluginFault { .. } | Error::Unsupported { .. } => None,
        }
    }

    /// The exit code that the command line gives for it.
    pub fn exit_code(&self) -> u8 {
        match self {
            Error::Start { .. }
            | Error::Stop { .. }
            | Error::Attach { .. }
            | Error::Unsupported { .. }
            | Error::NotRunning { .. }
            | Error::Failed { .. } => 1,
            Error::Invalid { .. } | Error::Config { .. } => 2,
            Error::NotFound { .. } => 3,
            Error::Exists { .. } => 4,
            Error::Ambiguous { .. } => 5,
            Error::BackendNotFound { .. } | Error::Unavailable { .. } | Error::Plugin { .. } => 6,
            Error::Refused { .. } => 7,
            Error::TimedOut { .. } => 8,
            Error::PluginFault { .. } => 9,
        }
    }

    /// An [`Error::Invalid`] without advice.
    pub(crate) fn invalid(what: impl Into<String>) -> Self {
        Error::Invalid { what: what.into(), advice: None }
    }

    /// An [`Error::Failed`] without advice.
    pub(crate) fn failed(what: impl Into<String>) -> Self {
        Error::Failed { what: what.into(), advice: None }
    }
}

/// `FILE:LINE: `, as far as it is known.
fn place(file: &Option<PathBuf>, line: &Option<u64>) -> String {
    match (file, line) {
        (Some(file), Some(line)) => format!("{}:{line}: ", shown_path(file)),
        (Some(file), None) => format!("{}: ", shown_path(file)),
        (None, _) => String::new(),
    }
}

/// A name in quotes, with nothing in it that a terminal would act on.
fn shown(name: &str) -> String {
    format!("'{}'", crate::text::escape_controls(name))
}
