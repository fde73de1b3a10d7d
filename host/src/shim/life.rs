//! The lives of a session's program, one or several after each other, and what the ledger is told of
//! them.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

use super::again::Again;
use super::child::{self, Child};
use super::reserve::Reserve;
use super::{PATIENCE, Ticket, complain, memory};
use crate::session::ExitStatus;
use crate::session::ledger::{Event, append_to, compact_at, is_stopping};
use crate::session::processes::{self, Identity};

/// After so many restarts the ledger is looked through for lines that say nothing any more.
const TIDY: u32 = 32;

/// A program, from its first start to its last end.
pub(super) struct Life {
    ledger: PathBuf,
    run: String,
    shim: Identity,
    /// When the program that runs was started.
    began: Instant,
    /// When the one that has ended did.
    ended_at: Timestamp,
    /// Room for the last line. `None` once that is written.
    reserve: Option<Reserve>,
    /// What is started again, and when.
    again: Option<(Again, Ticket)>,
}

impl Life {
    /// Of a ticket's program, which is running now.
    pub(super) fn begin(mut ticket: Ticket, child: &Child) -> Self {
        let own = rustix::process::getpid().as_raw_nonzero().get().unsigned_abs();
        let policy = ticket.restart.take();
        let mut life = Life {
            ledger: ticket.ledger.clone(),
            run: ticket.run.clone(),
            shim: (own, processes::start_time(own).unwrap_or(0)),
            began: Instant::now(),
            ended_at: Timestamp::now(),
            reserve: None,
            again: policy.map(|policy| (Again::new(policy), ticket)),
        };
        life.note_running(child, None);
        // Before anybody hears of the session, and can fill the disk.
        life.reserve = Some(Reserve::hold(&life.ledger));
        life
    }

    /// The program has ended. How long to wait before it is started again; `None`: it is not, and its
    /// end is written down. `wanted`: whether nobody has asked for the end of the session.
    pub(super) fn ended(&mut self, exit: ExitStatus, wanted: bool) -> Option<Duration> {
        self.ended_at = Timestamp::now();
        let ran = self.began.elapsed();
        let again = self.again.as_mut().filter(|_| wanted);
        let wait = again.and_then(|(again, _)| again.after(exit, ran));
        // Whoever wants it to end writes that down before anything else.
        let Some(wait) = wait.filter(|_| !is_stopping(&self.ledger, &self.run)) else {
            self.over(exit);
            return None;
        };
        let to_come = SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX);
        self.note(&Event::Restarting {
            run: self.run.clone(),
            exit,
            at: self.ended_at,
            again_at: Timestamp::now().saturating_add(to_come).unwrap_or(Timestamp::MAX),
        });
        memory::let_code_go();
        Some(wait)
    }

    /// It is not started again: its last end was this one.
    pub(super) fn over(&mut self, exit: ExitStatus) {
        let event = Event::End { run: self.run.clone(), exit, at: self.ended_at };
        if let Some(reserve) = self.reserve.take() {
            reserve.write(&self.ledger, &event);
        }
    }

    /// Start it again. `Ok(None)`: somebody has asked for the end of the session.
    ///
    /// # Errors
    /// It cannot be started any more: the exit code that a shell would give.
    pub(super) fn start(&mut self) -> Result<Option<Child>, ExitStatus> {
        if is_stopping(&self.ledger, &self.run) {
            return Ok(None);
        }
        let Some((again, ticket)) = &mut self.again else { return Ok(None) };
        let count = again.count();
        let started = child::start(ticket);
        self.began = Instant::now();
        match started {
            Ok(child) => {
                self.note_running(&child, Some((Timestamp::now(), count)));
                if count.is_multiple_of(TIDY) {
                    compact_at(&self.ledger);
                }
                memory::let_code_go();
                Ok(Some(child))
            }
            Err(failure) => {
                complain(&failure.what);
                Err(ExitStatus::Code(failure.code))
            }
        }
    }

    fn note_running(&self, child: &Child, again: Option<(Timestamp, u32)>) {
        self.note(&Event::Running {
            run: self.run.clone(),
            shim_pid: self.shim.0,
            shim_start: self.shim.1,
            pid: child.pid,
            pid_start: processes::start_time(child.pid).unwrap_or(0),
            again,
        });
    }

    /// Write into the ledger, if that can be.
    fn note(&self, event: &Event) {
        let _ = append_to(&self.ledger, event, PATIENCE);
    }
}
