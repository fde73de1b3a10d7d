//! What stands beside a session's program on this machine.
//!
//! An engine such as tmux is told to run `kst shim TICKET`. The ticket, a file that only its owner can
//! read and that is gone once read, holds what to run. So nothing of it stands on a command line, and
//! every engine, whoever wrote its backend, gets the exact arguments, the caller's environment and
//! directory, a truthful record of the end, and an end that reaches every process of the session.
//!
//! [`run`] is that program, [`record`] the writer of a session's log. Both load nothing else of kst.

mod child;
mod gap;
mod memory;
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
use crate::session::processes;

pub use recorder::{record, wait_for_writer};
pub use report::{Inbox, Report, wait};
pub use ticket::Ticket;
pub(crate) use times::{Marks, marks};

use reserve::Reserve;

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
/// - If Ctrl-Z stops the program it is continued, for no shell would do so.
///
/// Nothing that goes wrong with the ledger or the report keeps the program from running.
/// It keeps some room on the ledger's disk, so that the end can be written down where that is full.
pub fn run(ticket: &Path) -> i32 {
    // Before anything else: whatever comes from here on waits until there is somebody to pass it to.
    let signals = watch::block();
    let ticket = match Ticket::take(ticket) {
        Ok(ticket) => ticket,
        Err(error) => {
            complain(&format!("cannot use the ticket {}: {error}", ticket.display()));
            return 125;
        }
    };
    let me = rustix::process::getpid();
    let _ = rustix::process::set_child_subreaper(Some(me));
    let own = me.as_raw_nonzero().get().unsigned_abs();
    match child::start(&ticket) {
        Ok(child) => {
            note(
                &ticket,
                &Event::Running {
                    run: ticket.run.clone(),
                    shim_pid: own,
                    shim_start: processes::start_time(own).unwrap_or(0),
                    pid: child.pid,
                    pid_start: processes::start_time(child.pid).unwrap_or(0),
                },
            );
            // Before anybody hears of the session, and can fill the disk.
            let mut reserve = Some(Reserve::hold(&ticket.ledger));
            report::send(&ticket.report, &Report::Started { pid: child.pid });
            let Ticket { ledger, run, stop_signal, log, .. } = ticket;
            memory::let_code_go();
            watch::watch(&signals, &child, stop_signal, log.as_ref(), &mut |exit| {
                let event = Event::End { run: run.clone(), exit, at: jiff::Timestamp::now() };
                if let Some(reserve) = reserve.take() {
                    reserve.write(&ledger, &event);
                }
            })
        }
        Err(failure) => {
            note(&ticket, &Event::Failed { run: ticket.run.clone() });
            complain(&failure.what);
            let code = failure.code;
            report::send(&ticket.report, &Report::Failed { what: failure.what, code });
            code
        }
    }
}

/// Write into the ledger, if that can be.
fn note(ticket: &Ticket, event: &Event) {
    let _ = append_to(&ticket.ledger, event, PATIENCE);
}

/// Tell whoever looks at the terminal.
fn complain(what: &str) {
    let _ = writeln!(std::io::stderr(), "kst: {}", crate::text::escape_controls(what));
}

#[cfg(test)]
pub(crate) mod tests;
