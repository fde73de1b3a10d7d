//! A session whose engine tells what it prints, by a client that runs as long as it is followed.

use std::os::fd::OwnedFd;
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::{LineFeeds, Message, Source, shown};
use crate::Error;
use crate::door::{Came, Operation, Stream};
use crate::plugin::StreamSource;
use crate::session::gathered::{LogOptions, Logs};
use crate::session::host::Host;
use crate::session::logs::{a_little_before, last_lines, times_unknown};
use crate::session::serve::{SessionProcesses, Trouble};
use crate::session::sighting::{Sighting, same_run};
use crate::session::stamped::Stamped;

/// How long nothing comes where the beginning is over.
const PAUSE: Duration = Duration::from_millis(250);
/// How long nothing comes where the engine is asked whether its session still runs: there are clients
/// that wait for ever for what will not come. That of podman does where a container's monitor is gone.
const SILENT: Duration = Duration::from_secs(10);
/// How long a client has to end by itself once its session has.
const GRACE: Duration = Duration::from_secs(2);
/// How long the beginning may take.
const LONGEST_BEGINNING: Duration = Duration::from_secs(10);

pub(super) struct Client<'h> {
    pub host: &'h Host,
    pub source: Source,
    /// Whether the times of what is printed must be known, and whether they are told.
    pub needs_times: bool,
    pub tells_times: bool,
    pub sender: SyncSender<Message>,
    pub stop: &'h OwnedFd,
}

/// With what to begin of that which was printed before.
#[derive(Clone, Copy, Default)]
pub(super) struct Begin {
    /// So many lines; all where it is `None`.
    pub lines: Option<u32>,
    /// What came since then.
    pub since: Option<Timestamp>,
}

impl Begin {
    fn options(self) -> LogOptions {
        LogOptions { lines: self.lines, since: self.since, times: true, ..LogOptions::default() }
    }
}

/// Why reading is over.
enum Over {
    /// There is no more.
    End,
    /// Nobody listens any more.
    Unheard,
}

impl Client<'_> {
    /// Read what `found` prints, and first what was printed before.
    pub(super) fn read(self, found: Sighting, begin: Begin) {
        let number = self.source.number;
        let last = match self.tell(found, begin) {
            Ok(Over::Unheard) => return,
            Ok(Over::End) => self.ended(),
            Err(error) => Message::Trouble(number, error),
        };
        let _ = self.sender.send(last);
    }

    /// Read all that a new run of the session prints.
    pub(super) fn read_again(self) {
        let found = self.find();
        let number = self.source.number;
        let _ = self.sender.send(Message::Again(number));
        match found {
            Ok(found) => self.read(found, Begin::default()),
            Err(error) => {
                let _ = self.sender.send(Message::Trouble(number, error));
            }
        }
    }

    fn find(&self) -> crate::Result<Sighting> {
        self.host.afresh().find_reached(&self.source.session.name, &self.source.filter())
    }

    /// Whether the engine says that it runs no more. One that cannot be asked does not say so.
    fn has_ended(&self, found: &Sighting) -> bool {
        match self.find() {
            Ok(seen) => !seen.is_running() || !same_run(&seen, found),
            Err(error) => matches!(error, Error::NotFound { .. }),
        }
    }

    /// That it has ended, and how, as far as its engine tells. One that has gone away itself has ended its
    /// clients, and that says nothing of the session.
    fn ended(&self) -> Message {
        let number = self.source.number;
        match self.find() {
            Ok(found) => Message::Ended(number, found.status.exit),
            Err(error @ (Error::Unavailable { .. } | Error::TimedOut { .. })) => {
                let place = shown(&self.source.session);
                let what = format!(
                    "whether '{}' in {place} still runs cannot be told: {error}",
                    self.source.session.name
                );
                Message::Trouble(number, Error::failed(what))
            }
            Err(_) => Message::Ended(number, None),
        }
    }

    fn tell(&self, found: Sighting, begin: Begin) -> crate::Result<Over> {
        let Some(plugin) = &found.plugin else { return Ok(Over::End) };
        if !found.is_running() {
            return self.tell_printed(&found, begin);
        }
        let lines = begin.lines;
        let name = &found.status.name;
        let mut request = found.request(Operation::Follow);
        request.lines = lines.filter(|lines| *lines < u32::MAX);
        request.times = self.needs_times;
        request.since = begin.since.and_then(a_little_before);
        let at = &found.location;
        let none = SessionProcesses::none();
        let served = self.host.serve(plugin, request, none, |guest| guest.follow(at, name));
        let (source, door) = match served {
            // It has ended since it was found.
            Err(Trouble::NotRunning) => return self.tell_printed(&found, begin),
            other => other.map_err(|trouble| trouble.error(name, &found.place()))?,
        };
        let StreamSource::Plan(form) = source else {
            let what = format!("nothing keeps the output of '{name}', which kst did not start");
            return Err(Error::Unsupported { backend: plugin.name().to_owned(), what });
        };
        let failed = |error: crate::door::DoorError| error.into_error(plugin.name());
        let plan = door.plan(&form).map_err(failed)?;
        if self.host.dry_run() {
            return Ok(Over::End);
        }
        let broken = |error: std::io::Error| {
            let place = shown(&self.source.session);
            Error::failed(format!("the output of '{name}' in {place} cannot be followed: {error}"))
        };
        if self.needs_times && !plan.says_times {
            return Err(times_unknown(plugin.name(), name));
        }
        let mut output =
            Printed { since: begin.since, time: None, stamped: None, feeds: LineFeeds::default() };
        output.stamped = self.needs_times.then(Stamped::default);
        let mut beginning = match lines {
            Some(_) if !plan.says_lines && self.needs_times => {
                let (before, beginning) = self.beginning_with_times(&found, begin);
                if let Some(before) = before {
                    // It is told by its times already.
                    output.since = None;
                    if let Over::Unheard = self.send_lines(&before, &mut output.time) {
                        return Ok(Over::Unheard);
                    }
                }
                beginning
            }
            Some(lines) if !plan.says_lines => self.beginning(&found, lines),
            _ => Beginning::Over,
        };
        let began = Instant::now();
        let mut stream = Stream::start(plan.command().map_err(failed)?).map_err(broken)?;
        let mut gone = false;
        let status = loop {
            let waits = beginning.pause().or(output.pause());
            let pause = waits.unwrap_or(if gone { GRACE } else { SILENT });
            let bytes = match stream.next(self.stop, Some(pause)).map_err(broken)? {
                Came::Output(bytes) => {
                    gone = false;
                    beginning.leave_out(bytes.to_vec())
                }
                Came::Nothing if beginning.pause().is_some() => beginning.end(),
                Came::Nothing if waits.is_some() => {
                    if let Over::Unheard = self.send_pieces(output.rest()) {
                        return Ok(Over::Unheard);
                    }
                    continue;
                }
                Came::Nothing if gone => break None,
                Came::Nothing => {
                    gone = self.has_ended(&found);
                    continue;
                }
                Came::Woken => return Ok(Over::Unheard),
                Came::End(status) => break Some(status),
            };
            if let Over::Unheard = self.send_pieces(output.pieces(&bytes)) {
                return Ok(Over::Unheard);
            }
        };
        if let Some(status) = status {
            door.plan_ran(&form, &plan, began.elapsed(), status);
        }
        let mut pieces = output.pieces(&beginning.end());
        pieces.extend(output.rest());
        pieces.push(Piece::Text(output.feeds.rest()));
        if let Over::Unheard = self.send_pieces(pieces) {
            return Ok(Over::Unheard);
        }
        match status {
            Some(status) if !status.success() => {
                Err(broken(std::io::Error::other("the engine's client gave up")))
            }
            _ => Ok(Over::End),
        }
    }

    /// Tell what one has printed that does not run.
    fn tell_printed(&self, found: &Sighting, begin: Begin) -> crate::Result<Over> {
        if self.needs_times {
            let logs = self.host.told_with_times(found, &begin.options())?;
            return Ok(self.send_lines(&logs, &mut None));
        }
        let text = self.host.told_by_backend(found, begin.lines.unwrap_or(u32::MAX))?;
        Ok(self.send(text))
    }

    /// What was printed before, and how to leave that out of a client's output that begins with all that
    /// there is.
    fn beginning_with_times(&self, found: &Sighting, begin: Begin) -> (Option<Logs>, Beginning) {
        let all = LogOptions { times: true, ..LogOptions::default() };
        match (self.host.told_at_once_with_times(found, &all), begin.lines) {
            (Ok(logs), _) => {
                let ended = memchr::memchr_iter(b'\n', logs.text()).count() as u64;
                (Some(logs.ended_lines(&begin.options())), Beginning::Lines(ended))
            }
            // It is too much to be read at once.
            (Err(_), Some(lines)) if lines < u32::MAX => (None, Beginning::last(lines)),
            (Err(_), _) => (None, Beginning::Over),
        }
    }

    /// What to leave out of a client's output that begins with all that there is.
    fn beginning(&self, found: &Sighting, lines: u32) -> Beginning {
        match self.host.told_at_once(found) {
            Ok(text) => {
                let ended = text.iter().filter(|&&byte| byte == b'\n').count() as u64;
                let all = ended + u64::from(!text.is_empty() && !text.ends_with(b"\n"));
                Beginning::Lines(all.saturating_sub(u64::from(lines)))
            }
            // It is too much to be read at once.
            Err(_) => Beginning::last(lines),
        }
    }

    fn send_lines(&self, logs: &Logs, time: &mut Option<Option<Timestamp>>) -> Over {
        let mut pieces = Vec::new();
        for (at, line) in logs.lines() {
            if *time != Some(at) {
                *time = Some(at);
                pieces.push(Piece::Time(at));
            }
            pieces.push(Piece::Text(line.to_vec()));
        }
        self.send_pieces(pieces)
    }

    fn send_pieces(&self, pieces: Vec<Piece>) -> Over {
        for piece in pieces {
            let sent = match piece {
                Piece::Text(text) => self.send(text),
                Piece::Time(time) if self.tells_times => {
                    match self.sender.send(Message::Time(self.source.number, time)) {
                        Ok(()) => Over::End,
                        Err(_) => Over::Unheard,
                    }
                }
                Piece::Time(_) => Over::End,
            };
            if let Over::Unheard = sent {
                return Over::Unheard;
            }
        }
        Over::End
    }

    fn send(&self, bytes: Vec<u8>) -> Over {
        if bytes.is_empty() {
            return Over::End;
        }
        match self.sender.send(Message::Output(self.source.number, bytes)) {
            Ok(()) => Over::End,
            Err(_) => Over::Unheard,
        }
    }
}

/// What is to be told.
enum Piece {
    Time(Option<Timestamp>),
    Text(Vec<u8>),
}

/// What a client prints, on its way.
struct Printed {
    /// What came before then is left out, until the first that did not.
    since: Option<Timestamp>,
    /// The time that was told last.
    time: Option<Option<Timestamp>>,
    /// Where times stand before the lines.
    stamped: Option<Stamped>,
    feeds: LineFeeds,
}

impl Printed {
    fn pieces(&mut self, bytes: &[u8]) -> Vec<Piece> {
        match &mut self.stamped {
            None => vec![Piece::Text(self.feeds.feed(bytes))],
            Some(stamped) => {
                let parts = stamped.feed(bytes, Timestamp::now());
                self.timed(parts)
            }
        }
    }

    /// How long to wait for what may be the rest of a time.
    fn pause(&self) -> Option<Duration> {
        self.stamped.as_ref().filter(|stamped| stamped.waits()).map(|_| PAUSE)
    }

    /// What was held back, for it might have been a time.
    fn rest(&mut self) -> Vec<Piece> {
        let rest = self.stamped.as_mut().map(Stamped::rest);
        rest.map(|rest| self.timed(vec![rest])).unwrap_or_default()
    }

    fn timed(&mut self, parts: Vec<(Option<Timestamp>, Vec<u8>)>) -> Vec<Piece> {
        let mut pieces = Vec::new();
        for (time, text) in parts {
            if self.since.is_some_and(|since| time.is_none_or(|time| time < since)) {
                continue;
            }
            self.since = None;
            if text.is_empty() {
                continue;
            }
            if self.time != Some(time) {
                self.time = Some(time);
                pieces.push(Piece::Time(time));
            }
            pieces.push(Piece::Text(self.feeds.feed(&text)));
        }
        pieces
    }
}

/// What was printed before the lines that were asked for.
enum Beginning {
    /// Nothing of it is left.
    Over,
    /// So many lines of it are left.
    Lines(u64),
    /// It is over with the first pause, and these are its last lines.
    Last { lines: u32, text: Vec<u8>, until: Instant },
}

impl Beginning {
    fn last(lines: u32) -> Self {
        Beginning::Last { lines, text: Vec::new(), until: Instant::now() + LONGEST_BEGINNING }
    }

    /// How long a pause tells that it is over.
    fn pause(&self) -> Option<Duration> {
        match self {
            Beginning::Last { .. } => Some(PAUSE),
            Beginning::Over | Beginning::Lines(_) => None,
        }
    }

    /// What is left of this output.
    fn leave_out(&mut self, mut bytes: Vec<u8>) -> Vec<u8> {
        match self {
            Beginning::Over => bytes,
            Beginning::Lines(left) => {
                let mut from = 0;
                while *left > 0 {
                    let rest = bytes.get(from..).unwrap_or_default();
                    let Some(end) = memchr::memchr(b'\n', rest) else { return Vec::new() };
                    from += end + 1;
                    *left -= 1;
                }
                *self = Beginning::Over;
                bytes.split_off(from)
            }
            Beginning::Last { lines, text, until } => {
                text.extend(bytes);
                if Instant::now() >= *until {
                    return self.end();
                }
                *text = last_lines(text, *lines);
                Vec::new()
            }
        }
    }

    /// It is over; what of it was asked for.
    fn end(&mut self) -> Vec<u8> {
        match std::mem::replace(self, Beginning::Over) {
            Beginning::Last { lines, text, .. } => last_lines(&text, lines),
            Beginning::Over | Beginning::Lines(_) => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_before_those_that_were_asked_for_are_left_out() {
        let mut beginning = Beginning::Lines(2);
        let parts: [&[u8]; 4] = [b"one\ntw", b"o", b"\nthr", b"ee\nfour"];
        let left: Vec<u8> =
            parts.iter().flat_map(|part| beginning.leave_out(part.to_vec())).collect();
        assert_eq!(left, b"three\nfour");
        assert_eq!(Beginning::Lines(0).leave_out(b"one".to_vec()), b"one");
        assert_eq!(Beginning::Over.leave_out(b"one\n".to_vec()), b"one\n");
    }

    #[test]
    fn what_came_before_the_first_pause_is_the_beginning() {
        let until = Instant::now() + LONGEST_BEGINNING;
        let mut beginning = Beginning::Last { lines: 2, text: Vec::new(), until };
        for part in [b"one\ntwo\nth".as_slice(), b"ree\n"] {
            assert_eq!(beginning.leave_out(part.to_vec()), b"");
            assert_eq!(beginning.pause(), Some(PAUSE));
        }
        assert_eq!(beginning.end(), b"two\nthree\n");
        assert_eq!(beginning.leave_out(b"four\n".to_vec()), b"four\n");
        assert_eq!((beginning.end(), beginning.pause()), (Vec::new(), None));
        // Without a pause it has an end all the same.
        let mut endless = Beginning::Last { lines: 1, text: Vec::new(), until: Instant::now() };
        assert_eq!(endless.leave_out(b"one\ntwo\n".to_vec()), b"two\n");
    }
}
