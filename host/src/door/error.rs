//! Why a form was not run, or gave no output.

use std::time::Duration;

use crate::limits::Limit;
use crate::text::escape_controls;

/// Why a form was not run, or gave no output. Each displays as a sentence for the person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DoorError {
    /// The manifest has no form of this name.
    #[error("it asked for the form '{}', which it never declared", escape_controls(.0))]
    UnknownForm(String),
    /// The form may not be used here; why.
    #[error("{0}")]
    Refused(String),
    /// The form needs an id that no output has bound to the request's name, or that several lines
    /// claimed.
    #[error("{0}")]
    Unbound(String),
    /// A parameter does not fit the form.
    #[error("{0}")]
    BadParameter(String),
    /// The form's program is not on this machine, or not as it was.
    #[error("{what}")]
    MissingProgram {
        /// The program's id.
        program: String,
        /// A sentence: what is wrong with it.
        what: String,
        /// What to do about it.
        advice: Option<String>,
    },
    /// The program did not end in time and was killed with its process group.
    #[error("{program} did not end within {} and was killed; {}", seconds(.after), of.raised_by())]
    TimedOut {
        /// The program's id.
        program: String,
        /// How long it had.
        after: Duration,
        /// By which limit.
        of: Limit,
    },
    /// The program printed more than the limit and was killed.
    #[error("{program} printed more than {most} {} and was killed; {}", lines_or_bytes(.of), of.raised_by())]
    TooMuchOutput {
        /// The program's id.
        program: String,
        /// How much it might have printed.
        most: usize,
        /// By which limit: it counts bytes or lines.
        of: Limit,
    },
    /// This operation has used up its runs.
    #[error("it asked for more than {limit} runs in one operation; {}", Limit::Runs.raised_by())]
    TooManyRuns {
        /// The limit.
        limit: u32,
    },
    /// The operation has used up its time.
    #[error("the operation took longer than {}; {}", seconds(.after), Limit::OperationTime.raised_by())]
    OutOfTime {
        /// How long it had.
        after: Duration,
    },
    /// The operating system would not run it: what it said.
    #[error("{0}")]
    Failed(String),
    /// A dry run has come to its first change; nothing is run from here on.
    #[error("a dry run stops at the first change")]
    DryRun,
}

impl DoorError {
    /// Whether the door said no, and nothing was run. Otherwise a program was run or is missing, or
    /// the user wanted a dry run.
    pub fn is_refusal(&self) -> bool {
        matches!(
            self,
            DoorError::UnknownForm(_)
                | DoorError::Refused(_)
                | DoorError::Unbound(_)
                | DoorError::BadParameter(_)
                | DoorError::TooManyRuns { .. }
                | DoorError::OutOfTime { .. }
        )
    }

    /// The library's error for it, when `backend` is to blame or was at work. Exit code 6 for a
    /// missing program, 7 for a refusal, 8 for a deadline, 9 where the component broke a rule that
    /// only it could break, 1 for the rest.
    pub fn into_error(self, backend: &str) -> crate::Error {
        let sentence = self.to_string();
        match self {
            DoorError::UnknownForm(_)
            | DoorError::BadParameter(_)
            | DoorError::TooManyRuns { .. } => {
                crate::Error::PluginFault { backend: backend.to_owned(), what: sentence }
            }
            DoorError::Refused(_) | DoorError::Unbound(_) => crate::Error::Refused {
                what: format!("refused to the backend {backend}: {sentence}"),
                advice: None,
            },
            DoorError::MissingProgram { advice, .. } => {
                crate::Error::Unavailable { backend: backend.to_owned(), what: sentence, advice }
            }
            DoorError::TimedOut { .. } | DoorError::OutOfTime { .. } => crate::Error::TimedOut {
                what: format!("backend {backend}: {sentence}"),
                advice: None,
            },
            DoorError::TooMuchOutput { .. } | DoorError::Failed(_) | DoorError::DryRun => {
                crate::Error::failed(format!("backend {backend}: {sentence}"))
            }
        }
    }
}

fn lines_or_bytes(limit: &Limit) -> &'static str {
    match limit {
        Limit::OutputLines => "lines",
        _ => "bytes",
    }
}

/// A duration for people: whole seconds, or milliseconds below one.
fn seconds(duration: &Duration) -> String {
    match duration.as_secs() {
        0 => format!("{} ms", duration.as_millis()),
        seconds => format!("{seconds} s"),
    }
}
