//! What stands beside a session's program on this machine.
//!
//! An engine such as tmux is told to run `kst shim TICKET`. The ticket, a file that only its owner can
//! read and that is gone once read, holds what to run. So nothing of it stands on a command line, and
//! every engine, whoever wrote its backend, gets the exact arguments, the caller's environment and
//! directory, a truthful record of the end, and an end that reaches every process of the session.
//!
//! [`run`] is that program, [`record`] the writer of a session's log. Both load nothing else of kst.

mod again;
mod child;
mod gap;
mod life;
mod memory;
mod parting;
mod recorder;
mod report;
mod reserve;
mod ticket;
mod times;
mod watch;

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use crate::session::ledger::{Event, append_to};

pub use recorder::{record, wait_for_writer};
pub use report::{Inbox, Report, wait};
pub use ticket::Ticket;
pub(crate) use times::{Marks, marks};

use life::Life;

/// How long the shim tries to write into the ledger before it goes on without.
const PATIENCE: Duration = Duration::from_secs(10);

/// `kst shim TICKET`: run the program of a ticket, see it through, and return the exit code: the
/// program's own, 128 and the signal's number where a signal ended it, 127 where there is no such
/// program, 126 where it cannot be run, 125 where the ticket cannot be used.
///
/// It must be called from the main thread of a process that does nothing else: it blocks signals and
/// takes over every child. Besides the program's own end, these change what it does:
///
/// - HUP, INT, QUIT and TERM go to the program's process group (in place of TERM the ticket's own
///   signal); HUP and TERM are followed by CONT, and
///   TERM by HUP where the program ignores the one and not the other (an interactive shell).
///   USR1 and USR2 go to the program alone.
/// - After a TERM it stays until every process below it is gone, however far from its terminal, and
///   asks those that are left when the program has ended to end too; a HUP then ends it.
///   Without one it ends with the program, and leaves what the program left behind alone.
/// - Where the ticket has a restart policy that says so, the program is started again after its end, in
///   the same terminal, once a wait is over and what it left behind has ended too. From a TERM or a HUP on
///   it is not, nor where the ledger says that the session is being stopped; nor is it where INT or QUIT
///   come while it waits, which then have no program to go to.
/// - If Ctrl-Z stops the program it is continued, for no shell would do so.
///
/// Nothing that goes wrong with the ledger or the report keeps the program from running.
/// It keeps some room on the ledger's disk, so that the end can be written down where that is full.
pub fn run(ticket: &Path) -> i32 {
    // Before anything else: whatever comes from here on waits until there is somebody to pass it to.
    let signals = watch::block();
    let mut ticket = match Ticket::take(ticket) {
        Ok(ticket) => ticket,
        Err(error) => {
            complain(&format!("cannot use the ticket {}: {error}", ticket.display()));
            return 125;
        }
    };
    let me = rustix::process::getpid();
    let _ = rustix::process::set_child_subreaper(Some(me));
    match child::start(&ticket) {
        Ok(child) => {
            let (report, stop_signal) = (ticket.report.clone(), ticket.stop_signal);
            let log = ticket.log.take();
            let life = Life::begin(ticket, &child);
            report::send(&report, &Report::Started { pid: child.pid });
            memory::let_code_go();
            watch::watch(&signals, child, stop_signal, log.as_ref(), life)
        }
        Err(failure) => {
            let _ = append_to(&ticket.ledger, &Event::Failed { run: ticket.run.clone() }, PATIENCE);
            complain(&failure.what);
            let code = failure.code;
            report::send(&ticket.report, &Report::Failed { what: failure.what, code });
            code
        }
    }
}

/// Tell whoever looks at the terminal.
fn complain(what: &str) {
    let _ = writeln!(std::io::stderr(), "kst: {}", crate::text::escape_controls(what));
}

#[cfg(test)]
pub(crate) mod tests;
