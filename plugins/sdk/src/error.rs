//! Making errors.

use crate::{Error, SpawnError};

impl Error {
    /// [`Error::Failed`] with a sentence for the person who gave the command.
    pub fn failed(sentence: &str) -> Self {
        Error::Failed(sentence.into())
    }

    /// [`Error::Unavailable`] with what is wrong with the engine.
    pub fn unavailable(sentence: &str) -> Self {
        Error::Unavailable(sentence.into())
    }

    /// [`Error::Unsupported`] with what the engine lacks.
    pub fn unsupported(sentence: &str) -> Self {
        Error::Unsupported(sentence.into())
    }

    /// [`Error::Invalid`] with which value makes no sense, and what would.
    pub fn invalid(sentence: &str) -> Self {
        Error::Invalid(sentence.into())
    }
}

/// A form that was not run: what a backend passes on with `?`.
impl From<SpawnError> for Error {
    fn from(error: SpawnError) -> Self {
        match error {
            SpawnError::MissingProgram(program) => {
                Error::Unavailable([program.as_str(), " is not installed"].concat())
            }
            SpawnError::TimedOut => Error::unavailable("it did not answer in time"),
            SpawnError::OutOfTime => Error::failed("the operation took too long"),
            SpawnError::TooMuchOutput => Error::failed("a command printed more than the limit"),
            SpawnError::TooManyRuns => Error::failed("the operation needed too many commands"),
            SpawnError::UnknownForm => {
                Error::failed("the backend named a form that it does not have")
            }
            SpawnError::Refused(why)
            | SpawnError::Unbound(why)
            | SpawnError::BadParameter(why)
            | SpawnError::Failed(why) => Error::Failed(why),
        }
    }
}
