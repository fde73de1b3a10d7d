//! The trait that a backend implements, and what connects it to the generated bindings.

use std::marker::PhantomData;

use crate::bindings::exports::kst::runner::backend::Guest;
use crate::{
    Description, Error, Health, Location, LogSource, Plan, SendRequest, Session, StartRequest,
    StopRequest, StreamSource,
};

/// What a backend does. Each function serves one request at one location, in a fresh instance.
///
/// Operations that an engine need not have answer [`Error::Unsupported`] by default. Those from
/// [`send`](Backend::send) on are called only if the description names them, see
/// [`Description::operations`](crate::Description::operations).
pub trait Backend {
    /// What the backend is and the forms it uses. Called with the door shut: a run here is refused.
    fn describe() -> Description;

    /// Whether the engine can be used at this place, and which version it is.
    fn probe(at: &Location) -> Result<Health, Error>;

    /// Every session at this place, whoever started it. An engine that is not running has none; one
    /// that should be running and does not answer is [`Error::Unavailable`].
    fn list(at: &Location) -> Result<Vec<Session>, Error>;

    /// One session, by its exact name. By default: picked from [`list`](Backend::list), so forms that
    /// `list` uses must then be allowed in `status` too.
    fn status(at: &Location, name: &str) -> Result<Session, Error> {
        let found = Self::list(at)?.into_iter().find(|session| session.name == name);
        found.ok_or(Error::NotFound)
    }

    /// Start a session, and say what became of it. Of two starts with one name, one gets
    /// [`Error::AlreadyExists`]; a failed start leaves nothing behind.
    fn start(at: &Location, request: &StartRequest) -> Result<Session, Error>;

    /// End a session and return when it has ended. What the engine can still tell of it stays.
    fn stop(at: &Location, request: &StopRequest) -> Result<(), Error>;

    /// Remove an ended session with all that the engine keeps of it. Where the engine keeps nothing,
    /// there is nothing to do, and that is a success.
    fn remove(at: &Location, name: &str) -> Result<(), Error>;

    /// The last `lines` lines of what the session printed; [`LogSource::Timed`] where `times` are
    /// wanted and known. By default: in the file that kst keeps.
    fn logs(at: &Location, name: &str, lines: u32, times: bool) -> Result<LogSource, Error> {
        let _ = (at, name, lines, times);
        Ok(LogSource::Kept)
    }

    /// How to connect the user's terminal to the session: a form that is a plan.
    fn attach(at: &Location, name: &str) -> Result<Plan, Error> {
        let _ = (at, name);
        Err(Error::unsupported("this backend cannot attach a terminal"))
    }

    /// Type `{keys}` or `{keys-file}` into the session, or paste `{paste-file}`.
    fn send(at: &Location, request: &SendRequest) -> Result<(), Error> {
        let _ = (at, request);
        Err(Error::unsupported("this backend cannot type into a session"))
    }

    /// How to run `{command}` beside the session's own command.
    fn exec(at: &Location, name: &str) -> Result<Plan, Error> {
        let _ = (at, name);
        Err(Error::unsupported("this backend cannot run a second command in a session"))
    }

    /// Where new output comes from. By default: from the file that kst keeps.
    fn follow(at: &Location, name: &str) -> Result<StreamSource, Error> {
        let _ = (at, name);
        Ok(StreamSource::Kept)
    }

    /// A command that ends when the session has, and prints its exit code. kst waits for sessions on
    /// this machine itself.
    fn wait(at: &Location, name: &str) -> Result<Plan, Error> {
        let _ = (at, name);
        Err(Error::unsupported("this backend cannot wait for a session"))
    }

    /// Send `{signal}` to the session's main process.
    fn signal(at: &Location, name: &str) -> Result<(), Error> {
        let _ = (at, name);
        Err(Error::unsupported("this backend cannot signal a session"))
    }

    /// A command that prints a line whenever a session may have changed.
    fn events(at: &Location) -> Result<Plan, Error> {
        let _ = at;
        Err(Error::unsupported("this backend tells no events"))
    }
}

/// A [`Backend`] as the exports of the component.
pub struct Adapter<B>(PhantomData<B>);

impl<B: Backend> Guest for Adapter<B> {
    fn describe() -> Description {
        B::describe()
    }

    fn probe(at: Location) -> Result<Health, Error> {
        B::probe(&at)
    }

    fn list(at: Location) -> Result<Vec<Session>, Error> {
        B::list(&at)
    }

    fn status(at: Location, name: String) -> Result<Session, Error> {
        B::status(&at, &name)
    }

    fn start(at: Location, request: StartRequest) -> Result<Session, Error> {
        B::start(&at, &request)
    }

    fn stop(at: Location, request: StopRequest) -> Result<(), Error> {
        B::stop(&at, &request)
    }

    fn remove(at: Location, name: String) -> Result<(), Error> {
        B::remove(&at, &name)
    }

    fn logs(at: Location, name: String, lines: u32, times: bool) -> Result<LogSource, Error> {
        B::logs(&at, &name, lines, times)
    }

    fn attach(at: Location, name: String) -> Result<Plan, Error> {
        B::attach(&at, &name)
    }

    fn send(at: Location, request: SendRequest) -> Result<(), Error> {
        B::send(&at, &request)
    }

    fn exec(at: Location, name: String) -> Result<Plan, Error> {
        B::exec(&at, &name)
    }

    fn follow(at: Location, name: String) -> Result<StreamSource, Error> {
        B::follow(&at, &name)
    }

    fn wait(at: Location, name: String) -> Result<Plan, Error> {
        B::wait(&at, &name)
    }

    fn signal(at: Location, name: String) -> Result<(), Error> {
        B::signal(&at, &name)
    }

    fn events(at: Location) -> Result<Plan, Error> {
        B::events(&at)
    }
}
