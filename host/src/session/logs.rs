//! What a session printed.

use std::io::{self, Cursor};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::gathered::{Gathered, Gathering, LogOptions, Logs};
use super::host::Host;
use super::kept::Kept;
use super::ledger::{Entry, Ledger};
use super::model::SessionState;
use super::serve::SessionProcesses;
use super::sighting::Sighting;
use super::streamed::Plain;
use super::survey::Filter;
use crate::door::{Operation, Placement, Request};
use crate::plugin::LogSource;
use crate::shim::wait_for_writer;
use crate::{Error, Result};

/// How long the writer of a log may need after its session ended. On a busy machine tmux takes seconds
/// to pass on what a program printed last.
pub(super) const WRITER_PATIENCE: Duration = Duration::from_secs(10);
/// So many lines are kept of a container's output where all of it is too much to be read at once.
const LINES_KEPT: u32 = 10_000;
/// How much of a log is read at once.
const CHUNK: usize = 64 << 10;
/// The longest time before a line, and more.
const LONGEST_TIME: usize = 64;
/// More than this is not returned, however long the lines are.
pub(super) const MOST: usize = 64 << 20;

impl Host {
    /// The last `lines` lines that a session printed, while it runs and after it ended. Lines end
    /// in a line feed; whatever else the program printed is there as it was, escape sequences too.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], [`Error::Ambiguous`], or why the backend could not be asked.
    pub fn logs(&self, name: &str, filter: &Filter, lines: u32) -> Result<Vec<u8>> {
        let found = self.find_to_read(name, filter)?;
        match &found.entry {
            Some(entry) if is_here(&found) => self.kept(entry, lines),
            _ => self.told_by_backend(&found, lines),
        }
    }

    /// The lines of a session that are asked for, with their times if those are.
    ///
    /// The time of a line is that at which its end was printed: for a session on this machine when kst
    /// received it, by this machine's clock, to a hundredth of a second; else when its engine did.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], [`Error::Ambiguous`], or why the backend could not be asked;
    /// [`Error::Unsupported`] where times are needed and nobody knows them.
    pub fn logs_with(&self, name: &str, filter: &Filter, options: &LogOptions) -> Result<Logs> {
        if !options.needs_times() {
            let text = match options.previous {
                true => self.previous_logs(name, filter, options.most()),
                false => self.logs(name, filter, options.most()),
            };
            return text.map(Logs::untimed);
        }
        if options.previous {
            let (entry, backend) = self.find_previous(name, filter)?;
            return self.kept_with_times(&entry, &backend, options);
        }
        let found = self.find_to_read(name, filter)?;
        match &found.entry {
            Some(entry) if is_here(&found) => {
                self.kept_with_times(entry, &found.status.backend, options)
            }
            _ => self.told_with_times(&found, options),
        }
    }

    /// The session, with all that it printed where it is read, or nothing more to wait for.
    fn find_to_read(&self, name: &str, filter: &Filter) -> Result<Sighting> {
        let found = self.find_reached(name, filter)?;
        if found.status.state == SessionState::Defined {
            return Err(not_started(name));
        }
        if let Some(entry) = &found.entry
            && is_here(&found)
            && !found.is_running()
        {
            // What the program printed last may still be on its way to the file.
            let ended = entry.end.map(|(_, at)| Timestamp::now().duration_since(at));
            let since = ended.and_then(|since| Duration::try_from(since).ok());
            let left = match entry.log.exists() {
                // Whoever still writes it has something to write.
                true => WRITER_PATIENCE,
                false => WRITER_PATIENCE.saturating_sub(since.unwrap_or_default()),
            };
            if !wait_for_writer(&entry.log, left) && entry.log.exists() {
                let shown = crate::text::escape_controls(name);
                self.warn(&format!("the last output of '{shown}' is still on its way"));
            }
        }
        self.warn_if_not_kept(std::slice::from_ref(&found));
        Ok(found)
    }

    /// Say so where nothing can be kept at this moment of what one of these prints.
    pub(super) fn warn_if_not_kept(&self, found: &[Sighting]) {
        let kept = |seen: &&Sighting| seen.entry.is_some() && is_here(seen) && seen.is_running();
        for gone in found.iter().filter(kept).filter(|seen| !seen.in_engine) {
            let shown = crate::text::escape_controls(&gone.status.name);
            self.warn(&format!("nothing keeps what '{shown}' prints now: its engine has gone"));
        }
        if found.iter().any(|seen| kept(&seen))
            && let Some(ledger) = self.known_ledger()
            && let Some(error) = ledger.why_no_logs()
        {
            let folder = ledger.path().join("logs");
            let folder = crate::text::shown_path(&folder);
            self.warn(&format!("what is printed now may be missing: {folder}: {error}"));
        }
    }

    /// The last lines that the run before a session's last one printed: it is kept when that is
    /// started, until another one is or the session is removed.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], [`Error::Ambiguous`]; [`Error::Failed`] where there was none before.
    pub fn previous_logs(&self, name: &str, filter: &Filter, lines: u32) -> Result<Vec<u8>> {
        let (entry, _) = self.find_previous(name, filter)?;
        self.kept(&entry, lines)
    }

    /// The run before a session's last one, and its backend.
    fn find_previous(&self, name: &str, filter: &Filter) -> Result<(Arc<Entry>, String)> {
        let found = self.find(name, filter)?;
        let entries = self.entries_named(name);
        let last = found.entry.as_ref().and_then(|entry| {
            let earlier = |other: &&Arc<Entry>| {
                other.backend == entry.backend
                    && other.location == entry.location
                    && other.number < entry.number
                    && other.is_made()
            };
            entries.iter().filter(earlier).max_by_key(|other| other.number)
        });
        match last {
            Some(entry) => Ok((Arc::clone(entry), found.status.backend)),
            None => Err(Error::Failed {
                what: format!("nothing is kept of a run of '{name}' before this one"),
                advice: Some(format!("the output of the last one: kst logs {name}")),
            }),
        }
    }

    /// Keep what an ended session of kst's printed, where its engine is about to forget it. It is not
    /// worth failing for.
    pub(super) fn keep_log(&self, found: &Sighting, entry: &Entry, ledger: &Ledger) {
        if entry.here || self.dry_run() {
            return;
        }
        let most = usize::try_from(self.config().history()).unwrap_or(usize::MAX);
        let all = LogOptions { times: true, ..LogOptions::default() };
        let logs = self
            .told_with_times(found, &all)
            .or_else(|_| self.told_by_backend(found, u32::MAX).map(Logs::untimed))
            // It is more than its backend hands over.
            .or_else(|_| self.told_by_backend(found, LINES_KEPT).map(Logs::untimed));
        let kept = logs.and_then(|logs| {
            let from = logs.text().len().saturating_sub(most);
            ledger.save_log(&entry.run, logs.text().get(from..).unwrap_or_default())?;
            ledger.save_times(&entry.run, &logs.places_after(from));
            Ok(())
        });
        if let Err(error) = kept {
            let name = &entry.name;
            self.warn(&format!("what '{name}' printed before is not kept: {error}"));
        }
    }

    /// The end of a log that the host keeps.
    fn kept(&self, entry: &Entry, lines: u32) -> Result<Vec<u8>> {
        let failed = |error| unreadable(entry, &error);
        let Some(ledger) = self.known_ledger() else { return Ok(Vec::new()) };
        // Through the folder that was checked, and no link in it is followed. Where there is no log,
        // it has printed nothing yet.
        let mut last = Last::default();
        let kept = Kept::last_lines(Arc::new(ledger), &entry.run, lines);
        kept.and_then(|kept| read_all(kept, &mut last)).map_err(failed)?;
        Ok(self.last(&entry.name, last, lines))
    }

    /// The last lines of what was read, with a warning where there would be more.
    fn last(&self, name: &str, last: Last, lines: u32) -> Vec<u8> {
        let (text, cut) = last.lines(lines);
        if cut {
            self.warn_of_cut(name);
        }
        text
    }

    fn warn_of_cut(&self, name: &str) {
        let shown = crate::text::escape_controls(name);
        self.warn(&format!("only the last {} MiB of what '{shown}' printed are told", MOST >> 20));
    }

    /// The last lines that a backend tells.
    pub(super) fn told_by_backend(&self, found: &Sighting, lines: u32) -> Result<Vec<u8>> {
        self.told(found, lines, true)
    }

    /// All that a backend tells, where it is not too much for it to be handed over at once.
    pub(super) fn told_at_once(&self, found: &Sighting) -> Result<Vec<u8>> {
        self.told(found, u32::MAX, false)
    }

    fn told(&self, found: &Sighting, lines: u32, streamed: bool) -> Result<Vec<u8>> {
        let name = &found.status.name;
        let Some(plugin) = &found.plugin else { return Ok(Vec::new()) };
        let mut request = found.request(Operation::Logs);
        request.lines = Some(lines);
        let at = &found.location;
        let none = SessionProcesses::none();
        let source = self.serve(plugin, request, none, |guest| guest.logs(at, name, lines, false));
        match source {
            Ok((LogSource::Text(text) | LogSource::Timed(text), _)) => {
                Ok(last_lines(&with_line_feeds(&text), lines))
            }
            Ok((LogSource::Plan(_), _)) if !streamed => Err(too_much(name)),
            Ok((LogSource::Plan(form), door)) => {
                let mut last = Last::default();
                self.printing(found, door, &form, false)?.all(|bytes| last.take(bytes))?;
                Ok(self.last(name, last, lines))
            }
            Ok((LogSource::Kept, _)) => Err(Error::Unsupported {
                backend: plugin.name().to_owned(),
                what: format!("nothing keeps the output of '{name}', which kst did not start"),
            }),
            Err(trouble) => Err(trouble.error(name, &found.place())),
        }
    }

    /// The lines that are asked for of what a backend tells, of which the times must be known.
    pub(super) fn told_with_times(&self, found: &Sighting, options: &LogOptions) -> Result<Logs> {
        self.told_timed(found, options, true)
    }

    /// The same, where it is not too much for the backend to hand it over at once.
    pub(super) fn told_at_once_with_times(
        &self,
        found: &Sighting,
        options: &LogOptions,
    ) -> Result<Logs> {
        self.told_timed(found, options, false)
    }

    fn told_timed(&self, found: &Sighting, options: &LogOptions, streamed: bool) -> Result<Logs> {
        let name = &found.status.name;
        let Some(plugin) = &found.plugin else { return Ok(Logs::default()) };
        if options.until.is_some_and(|until| until <= Timestamp::UNIX_EPOCH) {
            return Ok(Logs::default());
        }
        let mut request = found.request(Operation::Logs);
        request.times = true;
        request.since = options.since.and_then(a_little_before);
        request.until = options.until.map(|until| until.saturating_add(A_LITTLE).unwrap_or(until));
        // The last of all are not the last before a time.
        let lines = options.lines.filter(|_| options.until.is_none()).unwrap_or(u32::MAX);
        request.lines = Some(lines);
        let at = &found.location;
        let none = SessionProcesses::none();
        let plain = Request { times: false, ..request.clone() };
        let source = self.serve(plugin, request, none, |guest| guest.logs(at, name, lines, true));
        let mut gathering = Gathering::new(options);
        match source {
            Ok((LogSource::Timed(text), _)) => {
                for line in text.split_inclusive(|&byte| byte == b'\n') {
                    let (time, line) = timed(line);
                    gathering.take(line, time);
                }
            }
            Ok((LogSource::Plan(_), _)) if !streamed => return Err(too_much(name)),
            Ok((LogSource::Plan(form), door)) => {
                let timed = self.printing(found, door, &form, true)?;
                let none = SessionProcesses::none();
                let plain =
                    self.serve(plugin, plain, none, |guest| guest.logs(at, name, lines, false));
                let plain = match plain {
                    Ok((LogSource::Text(text), _)) => Plain::Text(Cursor::new(text)),
                    Ok((LogSource::Plan(form), door)) => {
                        Plain::Printed(Box::new(self.printing(found, door, &form, false)?))
                    }
                    _ => Plain::Text(Cursor::default()),
                };
                timed.gather(plain, &mut gathering)?;
            }
            Ok((LogSource::Text(_) | LogSource::Kept, _)) => {
                return Err(times_unknown(plugin.name(), name));
            }
            Err(trouble) => return Err(trouble.error(name, &found.place())),
        }
        Ok(self.gathered(name, gathering.end()))
    }

    /// The lines, with a warning where some are missing.
    fn gathered(&self, name: &str, gathered: Gathered) -> Logs {
        if gathered.unknown {
            self.warn_of_unknown(name);
        }
        if gathered.cut {
            self.warn_of_cut(name);
        }
        gathered.logs
    }

    fn warn_of_unknown(&self, name: &str) {
        let shown = crate::text::escape_controls(name);
        self.warn(&format!(
            "of some lines of '{shown}' it is not known when they were printed: they are left out"
        ));
    }

    /// The lines that are asked for of a log that the host keeps, of which the times must be known.
    fn kept_with_times(&self, entry: &Entry, backend: &str, options: &LogOptions) -> Result<Logs> {
        let failed = |error| unreadable(entry, &error);
        let Some(ledger) = self.known_ledger().map(Arc::new) else { return Ok(Logs::default()) };
        let kept = match (options.since, options.until, options.lines) {
            (None, None, Some(lines)) => Kept::last_lines(ledger, &entry.run, lines),
            _ => Kept::whole(ledger, &entry.run),
        };
        let mut kept = kept.map_err(failed)?;
        if !kept.knows_times().map_err(failed)? {
            return Err(times_unknown(backend, &entry.name));
        }
        let unknown = match options.since {
            Some(since) => kept.leave_out_before(since).map_err(failed)?,
            None => false,
        };
        let end = match options.until {
            Some(until) => match kept.end_before(until) {
                Some(end) => Some(end),
                None => return Ok(Logs::default()),
            },
            None => None,
        };
        let mut gathering = Gathering::new(options);
        let mut buffer = vec![0; CHUNK];
        while !end.as_ref().is_some_and(|end| kept.is_past(end)) {
            let length = kept.read(&mut buffer).map_err(failed)?;
            if length == 0 {
                break;
            }
            let mut rest = buffer.get(..length).unwrap_or_default();
            for (length, time) in kept.times(length) {
                let (part, later) = rest.split_at(length.min(rest.len()));
                gathering.take(part, time);
                rest = later;
            }
        }
        let mut gathered = gathering.end();
        gathered.unknown |= unknown;
        Ok(self.gathered(&entry.name, gathered))
    }
}

/// How much more engines are asked for: some take a bound for a time, some not, and the host picks.
const A_LITTLE: SignedDuration = SignedDuration::from_millis(1);

/// The time from which on an engine is asked for output; `None` for all.
pub(super) fn a_little_before(since: Timestamp) -> Option<Timestamp> {
    since.checked_sub(A_LITTLE).ok().filter(|since| *since > Timestamp::UNIX_EPOCH)
}

/// A line and the time that it begins with.
pub(super) fn timed(line: &[u8]) -> (Option<Timestamp>, &[u8]) {
    let end = line.iter().take(LONGEST_TIME).position(|&byte| byte == b' ');
    let parts = end.and_then(|end| Some((line.get(..end)?, line.get(end + 1..)?)));
    let time = |time: &[u8]| std::str::from_utf8(time).ok()?.parse().ok();
    match parts.and_then(|(before, line)| Some((time(before)?, line))) {
        Some((time, line)) => (Some(time), line),
        None => (None, line),
    }
}

/// Whether its sessions' processes are on this machine, where the host keeps what they print.
fn is_here(found: &Sighting) -> bool {
    found
        .plugin
        .as_ref()
        .is_some_and(|plugin| plugin.manifest().manifest().placement == Placement::Here)
}

fn unreadable(entry: &Entry, error: &io::Error) -> Error {
    let (name, log) = (&entry.name, entry.log.display());
    Error::failed(format!("the output of '{name}' cannot be read: {log}: {error}"))
}

/// Why nothing can be told of the times of a session's output.
pub(super) fn times_unknown(backend: &str, name: &str) -> Error {
    Error::Unsupported {
        backend: backend.to_owned(),
        what: format!("nobody noted when '{name}' printed what it printed"),
    }
}

/// Why a session that is only defined has no output.
pub(super) fn not_started(name: &str) -> Error {
    Error::NotFound {
        name: name.to_owned(),
        advice: Some(format!("the config defines it; start it with 'kst start {name}'")),
    }
}

/// Why a log is not read where reading it twice would take too long.
fn too_much(name: &str) -> Error {
    let name = crate::text::escape_controls(name);
    Error::failed(format!("what '{name}' printed is too much to be handed over at once"))
}

/// The last of what is read.
#[derive(Default)]
struct Last {
    text: Vec<u8>,
    /// Whether there was more before it.
    cut: bool,
}

impl Last {
    fn take(&mut self, bytes: &[u8]) {
        self.text.extend_from_slice(bytes);
        if self.text.len() > 2 * MOST {
            self.cut();
        }
    }

    fn cut(&mut self) {
        let more = self.text.len().saturating_sub(MOST);
        self.text.drain(..more);
        self.cut |= more > 0;
    }

    /// The last lines, and whether more of them are missing.
    fn lines(mut self, lines: u32) -> (Vec<u8>, bool) {
        self.cut();
        let half = match self.cut {
            true => memchr::memchr(b'\n', &self.text).map_or(0, |end| end + 1),
            false => 0,
        };
        let text = with_line_feeds(self.text.get(half..).unwrap_or_default());
        let last = last_lines(&text, lines);
        let cut = self.cut && lines > 0 && last.len() == text.len();
        (last, cut)
    }
}

/// Read what there is now.
fn read_all(mut kept: Kept, last: &mut Last) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK];
    loop {
        match kept.read(&mut buffer)? {
            0 => return Ok(()),
            length => last.take(buffer.get(..length).unwrap_or_default()),
        }
    }
}

/// The last lines of a text; its last line counts whether or not it has ended.
pub(super) fn last_lines(text: &[u8], lines: u32) -> Vec<u8> {
    if lines == 0 || text.is_empty() {
        return Vec::new();
    }
    let end = text.len() - usize::from(text.ends_with(b"\n"));
    let mut left = lines;
    let mut from = 0;
    for at in (0..end).rev() {
        if text.get(at) == Some(&b'\n') {
            left -= 1;
            if left == 0 {
                from = at + 1;
                break;
            }
        }
    }
    text.get(from..).unwrap_or_default().to_vec()
}

/// Terminals end lines in CR LF; here they end in LF.
pub(super) fn with_line_feeds(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        if byte == b'\r' {
            let mut returns = 1;
            while bytes.next_if_eq(&b'\r').is_some() {
                returns += 1;
            }
            if bytes.peek() != Some(&b'\n') {
                out.extend(std::iter::repeat_n(b'\r', returns));
            }
        } else {
            out.push(byte);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_begins_with_a_whole_line() {
        let mut last = Last::default();
        last.take(b"begins ");
        last.take(&b"0123456789abcd\n".repeat(MOST / 15 + 1));
        let (text, cut) = last.lines(u32::MAX);
        assert!(cut && text.len() <= MOST && text.starts_with(b"0123456789abcd\n"));
        let mut last = Last::default();
        last.take(b"one\ntwo\n");
        assert_eq!(last.lines(2), (b"one\ntwo\n".to_vec(), false));
    }

    #[test]
    fn the_last_lines_are_exactly_as_many_as_asked_for() {
        let text = b"1\n2\n3\n4\n5\n";
        assert_eq!(last_lines(text, 2), b"4\n5\n");
        assert_eq!(last_lines(text, 5), text);
        assert_eq!(last_lines(text, 50), text);
        assert_eq!(last_lines(text, 0), b"");
        assert_eq!(last_lines(b"1\n2\n3", 2), b"2\n3");
        assert_eq!(last_lines(b"\n\n\n", 2), b"\n\n");
        assert_eq!(last_lines(b"", 3), b"");
    }

    #[test]
    fn terminal_line_ends_become_line_feeds() {
        assert_eq!(with_line_feeds(b"a\r\nb\r\r\nc\rd\r"), b"a\nb\nc\rd\r");
    }

    #[test]
    fn a_time_before_a_line_is_no_part_of_it() {
        let time = "2026-11-23T05:31:13.25Z".parse().ok();
        assert_eq!(timed(b"2026-11-23T05:31:13.25Z a b\n"), (time, &b"a b\n"[..]));
        for line in
            [&b"a b\n"[..], b" a\n", b"", b"\n", b"2026-11-23T05:31:13.25Z\n", b"\xff\xff x"]
        {
            assert_eq!(timed(line), (None, line));
        }
    }
}
