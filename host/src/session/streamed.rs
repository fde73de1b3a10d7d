//! A log that is too much to be handed over at once: what a backend's plan prints, read as it comes.

use std::io::{self, BufRead, Cursor};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rustix::event::{EventfdFlags, eventfd};

use super::gathered::Gathering;
use super::host::Host;
use super::logs::{MOST, timed, times_unknown};
use super::sighting::Sighting;
use super::stamped::time_at;
use crate::door::{Call, CallLimits, Came, DoorError, PlannedCommand, Stream};
use crate::limits::Limit;
use crate::{Error, Result};

impl Host {
    /// What the plan `form` prints; nothing in a dry run. Where `times` are wanted, they must stand before
    /// its lines.
    pub(super) fn printing(
        &self,
        found: &Sighting,
        door: Arc<Call>,
        form: &str,
        times: bool,
    ) -> Result<Printing> {
        let (name, backend) = (found.status.name.clone(), found.status.backend.clone());
        let failed = |error: DoorError| error.into_error(&backend);
        let plan = door.plan(form).map_err(failed)?;
        if times && !plan.says_times {
            return Err(times_unknown(&backend, &name));
        }
        let limits = CallLimits::of(self.config().limits());
        let place = found.place();
        let broken = |error: io::Error| unreadable(&name, &place, &error);
        let never = eventfd(0, EventfdFlags::CLOEXEC).map_err(|error| broken(error.into()))?;
        let stream = match self.dry_run() {
            true => None,
            false => {
                let command = plan.command().map_err(failed)?;
                Some(Stream::start(command).map_err(broken)?)
            }
        };
        let (form, began) = (form.to_owned(), Instant::now());
        let (read, taken) = (Vec::new(), 0);
        Ok(Printing {
            name,
            place,
            backend,
            door,
            form,
            plan,
            limits,
            never,
            stream,
            began,
            read,
            taken,
        })
    }
}

/// The lines of a log without times.
pub(super) enum Plain {
    Text(Cursor<Vec<u8>>),
    Printed(Box<Printing>),
}

impl Plain {
    /// The next line; empty where there is none.
    fn line(&mut self) -> Result<Vec<u8>> {
        match self {
            Plain::Printed(printing) => Ok(printing.line()?.unwrap_or_default()),
            Plain::Text(text) => {
                let mut line = Vec::new();
                text.read_until(b'\n', &mut line)
                    .map_err(|error| Error::failed(error.to_string()))?;
                Ok(line)
            }
        }
    }
}

/// What a plan prints. It may do so for as long as an operation may take, and be silent for as long as a
/// run may.
pub(super) struct Printing {
    name: String,
    place: String,
    backend: String,
    door: Arc<Call>,
    form: String,
    plan: PlannedCommand,
    limits: CallLimits,
    never: OwnedFd,
    /// `None` when it has ended.
    stream: Option<Stream>,
    began: Instant,
    /// What was read, so many bytes of which were taken already.
    read: Vec<u8>,
    taken: usize,
}

impl Printing {
    /// Hand all of it to `take`, piece by piece.
    pub(super) fn all(mut self, mut take: impl FnMut(&[u8])) -> Result<()> {
        while self.next(|bytes, _| take(bytes))? {}
        Ok(())
    }

    /// Take in the lines, each of which begins with a time, as they stand in `plain`.
    pub(super) fn gather(mut self, mut plain: Plain, gathering: &mut Gathering<'_>) -> Result<()> {
        while let Some(line) = self.line()? {
            let text = plain.line()?;
            match time_of_end(&line, &text) {
                Some(time) => gathering.take(&text, Some(time)),
                None => {
                    let (time, line) = timed(&line);
                    gathering.take(line, time);
                }
            }
        }
        Ok(())
    }

    /// The next line with its end, or what stands after the last; `None` at the end of all.
    fn line(&mut self) -> Result<Option<Vec<u8>>> {
        let mut searched = self.taken;
        loop {
            let rest = self.read.get(searched..).unwrap_or_default();
            if let Some(end) = memchr::memchr(b'\n', rest) {
                let line = self.read.get(self.taken..=searched + end).map(<[u8]>::to_vec);
                self.taken = searched + end + 1;
                return Ok(line);
            }
            self.read.drain(..self.taken);
            self.taken = 0;
            searched = self.read.len();
            let more = self.next(|bytes, read| read.extend_from_slice(bytes))?;
            if !more || self.read.len() > MOST {
                let rest = std::mem::take(&mut self.read);
                return Ok(Some(rest).filter(|rest| !rest.is_empty()));
            }
        }
    }

    /// Take in what comes next. Returns whether there was any.
    fn next(&mut self, take: impl FnOnce(&[u8], &mut Vec<u8>)) -> Result<bool> {
        let Some(stream) = &mut self.stream else { return Ok(false) };
        let broken = |error: io::Error| unreadable(&self.name, &self.place, &error);
        let left = self.limits.operation_time.saturating_sub(self.began.elapsed());
        let came = match left.is_zero() {
            true => Came::Nothing,
            false => {
                let silence = left.min(self.limits.run_time);
                stream.next(&self.never, Some(silence)).map_err(broken)?
            }
        };
        match came {
            Came::Output(bytes) => take(bytes, &mut self.read),
            Came::Woken => {}
            Came::Nothing => {
                let error = out_of_time(&self.plan.program, self.began.elapsed(), &self.limits);
                return Err(error.into_error(&self.backend));
            }
            Came::End(status) => {
                self.stream = None;
                self.door.plan_ran(&self.form, &self.plan, self.began.elapsed(), status);
                if !status.success() {
                    return Err(broken(io::Error::other("the engine's client gave up")));
                }
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn unreadable(name: &str, place: &str, error: &io::Error) -> Error {
    let name = crate::text::escape_controls(name);
    Error::failed(format!("the output of '{name}' in {place} cannot be read: {error}"))
}

fn out_of_time(program: &Path, after: Duration, limits: &CallLimits) -> DoorError {
    if after >= limits.operation_time {
        return DoorError::OutOfTime { after: limits.operation_time };
    }
    let program = program.file_name().unwrap_or(program.as_os_str()).to_string_lossy().into_owned();
    DoorError::TimedOut { program, after: limits.run_time, of: Limit::RunTime }
}

/// The time of the last piece of a line: an engine may put one before each piece that it keeps, in the
/// midst of the line. `plain` is the line without times, which tells those that the program printed; it
/// may have grown since. `None` where it is another line.
fn time_of_end(line: &[u8], plain: &[u8]) -> Option<Timestamp> {
    // Most are in one piece.
    if let (Some(time), text) = timed(line)
        && let Some(text) = without_end(text)
        && without_end(plain) == Some(text)
    {
        return Some(time);
    }
    let (mut rest, mut left) = (line, plain);
    let mut time = None;
    loop {
        // A terminal's ends of lines may be told in one way here and in another there.
        rest = without_returns(rest);
        left = without_returns(left);
        if let Some((length, found)) = time_at(rest)
            && let Some((written, after)) = rest.split_at_checked(length)
            && (time.is_none() || !left.starts_with(written))
        {
            (time, rest) = (Some(found), after);
            continue;
        }
        match (rest.split_first(), left.split_first()) {
            (Some((one, after)), Some((other, later))) if one == other => {
                (rest, left) = (after, later);
            }
            (None, _) if !line.ends_with(b"\n") || left.is_empty() => return time,
            _ => return None,
        }
    }
}

/// A line without its end; none where it has not ended, which may be different later.
fn without_end(line: &[u8]) -> Option<&[u8]> {
    let text = line.strip_suffix(b"\n")?;
    let end = text.iter().rev().take_while(|&&byte| byte == b'\r').count();
    text.get(..text.len() - end)
}

fn without_returns(text: &[u8]) -> &[u8] {
    let returns = text.iter().take_while(|&&byte| byte == b'\r').count();
    text.get(returns..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: [&str; 3] = [
        "2026-11-23T05:36:12.284730582Z ",
        "2026-11-23T05:36:13.000000001+01:00 ",
        "2026-11-23T05:36:14-05:30 ",
    ];

    #[track_caller]
    fn is(line: &str, plain: &str, time: Option<&str>) {
        let time = time.map(|time| time.trim().parse().unwrap());
        assert_eq!(time_of_end(line.as_bytes(), plain.as_bytes()), time, "{line:?} of {plain:?}");
    }

    #[test]
    fn a_line_has_the_time_of_its_last_piece() {
        let [one, two, three] = AT;
        is(&format!("{one}a\r\n"), "a\n", Some(one));
        is(&format!("{one}name? {two}bob{three}\r\n"), "name? bob\r\n", Some(three));
        is(&format!("{one}a\r{two}\n"), "a\r\n", Some(two));
        is(&format!("{one}{one}a{one}\n"), "a\n", Some(one));
        is("a\n", "a\n", None);
    }

    #[test]
    fn the_programs_own_times_are_none() {
        let [one, two, three] = AT;
        is(&format!("{one}next {two}at\n"), &format!("next {two}at\n"), Some(one));
        is(&format!("{one}{two}\n"), &format!("{two}\n"), Some(one));
        is(&format!("{one}next {three}{two}at\n"), &format!("next {two}at\n"), Some(three));
    }

    #[test]
    fn another_line_tells_nothing_and_one_that_has_grown_does() {
        let [one, ..] = AT;
        is(&format!("{one}a\n"), "b\n", None);
        is(&format!("{one}a\n"), "ab\n", None);
        is(&format!("{one}a\n"), "", None);
        is(&format!("{one}$ "), "$ ls\n", Some(one));
        is(&format!("{one}$ "), "# ls\n", None);
    }
}
