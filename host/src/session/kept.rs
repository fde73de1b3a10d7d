//! The output of a run that the host keeps: a file that is written to its end, and the one before it
//! that was full (see [`crate::shim::record`]).

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::sync::Arc;

use jiff::Timestamp;
use rustix::fs::FlockOperation;
use rustix::io::Errno;

use super::ledger::Ledger;
use crate::shim::Marks;

/// How much of a log's end is looked at at once.
const CHUNK: u64 = 64 << 10;
/// How often to look again where the files are just being exchanged.
const TRIES: usize = 10;

/// A file of a log, open.
pub(crate) struct Part {
    file: File,
    /// Which file it is, whatever its name.
    number: (u64, u64),
    /// Up to where it was read.
    at: u64,
    /// What was noted of its times, once that was looked for.
    times: Option<(File, Marks)>,
}

impl Part {
    fn new(file: File) -> io::Result<Self> {
        let meta = file.metadata()?;
        Ok(Part { number: (meta.dev(), meta.ino()), file, at: 0, times: None })
    }

    /// The file.
    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// Which file it is.
    pub(crate) fn number(&self) -> (u64, u64) {
        self.number
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    /// Read on; 0 at its end.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut len = self.file.read_at(buffer, self.at)?;
        if len == 0 && self.len()? < self.at {
            // It was emptied, and begins anew.
            self.at = 0;
            self.times = None;
            len = self.file.read_at(buffer, 0)?;
        }
        self.at += len as u64;
        Ok(len)
    }

    /// Look for what is noted of its times now.
    fn learn_times(&mut self, ledger: &Ledger, run: &str) {
        let number = self.number.1;
        if let Some((file, marks)) = &mut self.times {
            if marks.read_on(file).is_ok() && !marks.is_broken() {
                return;
            }
            // It may have been begun anew.
            self.times = Marks::read(file, number)
                .and_then(|marks| file.try_clone().ok().map(|file| (file, marks)));
            return;
        }
        // In this order: what is put aside between the two looks was opened before.
        self.times = [false, true].into_iter().find_map(|older| {
            let file = ledger.open_times(run, older).ok()?;
            let marks = Marks::read(&file, number)?;
            Some((file, marks))
        });
    }

    fn marks(&self) -> Option<&Marks> {
        self.times.as_ref().map(|(_, marks)| marks).filter(|marks| !marks.is_empty())
    }

    /// What stands before a place, as much as is read at once, and where that begins.
    fn block_before<'b>(&self, to: u64, buffer: &'b mut [u8]) -> io::Result<(u64, &'b [u8])> {
        let from = to.saturating_sub(CHUNK);
        let length = usize::try_from(to - from).map_err(io::Error::other)?;
        let block = buffer.get_mut(..length).unwrap_or_default();
        self.file.read_exact_at(block, from)?;
        Ok((from, block))
    }

    /// Where the line begins that holds the byte at `place`, or begins there.
    fn line_at(&self, place: u64) -> io::Result<u64> {
        let mut buffer = vec![0; usize::try_from(CHUNK).map_err(io::Error::other)?];
        let mut to = place;
        while to > 0 {
            let (from, block) = self.block_before(to, &mut buffer)?;
            if let Some(feed) = memchr::memrchr(b'\n', block) {
                return Ok(from + feed as u64 + 1);
            }
            to = from;
        }
        Ok(0)
    }

    /// Go to where the last `lines` lines begin; returns how many fewer it has. A last line that has
    /// not ended counts.
    fn seek_back(&mut self, lines: u64, ends_here: bool) -> io::Result<u64> {
        let mut at = self.len()?;
        if lines == 0 {
            self.at = at;
            return Ok(0);
        }
        let mut left = lines;
        let mut buffer = vec![0; usize::try_from(CHUNK).map_err(io::Error::other)?];
        let mut last = ends_here;
        while at > 0 {
            let (from, block) = self.block_before(at, &mut buffer)?;
            for feed in memchr::memrchr_iter(b'\n', block) {
                // The end of the last line is not the beginning of another.
                if last && from + feed as u64 + 1 == at {
                    last = false;
                    continue;
                }
                left -= 1;
                if left == 0 {
                    self.at = from + feed as u64 + 1;
                    return Ok(0);
                }
            }
            last = false;
            at = from;
        }
        self.at = 0;
        Ok(left)
    }
}

/// A place in a log.
pub(crate) struct End {
    part: (u64, u64),
    place: u64,
}

/// A log that is read from some place on, over the exchange of its files.
pub(crate) struct Kept {
    ledger: Arc<Ledger>,
    run: String,
    /// What is to be read, the file being written last.
    parts: VecDeque<Part>,
    /// Whether something was thrown away before it was read.
    missed: bool,
}

impl Kept {
    /// The log of a run, from its beginning: as much of it as is still there.
    pub(crate) fn whole(ledger: Arc<Ledger>, run: &str) -> io::Result<Self> {
        let parts = open(&ledger, run)?;
        Ok(Kept { ledger, run: run.to_owned(), parts, missed: false })
    }

    /// The same, from where its last lines begin.
    pub(crate) fn last_lines(ledger: Arc<Ledger>, run: &str, lines: u32) -> io::Result<Self> {
        let mut kept = Kept::whole(ledger, run)?;
        if lines == u32::MAX {
            return Ok(kept);
        }
        let mut left = u64::from(lines);
        let mut ends_here = true;
        for part in kept.parts.iter_mut().rev() {
            // Whether anything follows decides what the end of a line at the end counts for.
            let empty = part.len()? == 0;
            left = part.seek_back(left, ends_here)?;
            ends_here &= empty;
        }
        Ok(kept)
    }

    /// Whether it is known of anything in it when that came; so it is of a log without a byte.
    pub(crate) fn knows_times(&mut self) -> io::Result<bool> {
        let mut empty = true;
        for part in &mut self.parts {
            part.learn_times(&self.ledger, &self.run);
            if part.marks().is_some() {
                return Ok(true);
            }
            empty &= part.len()? == 0;
        }
        Ok(empty)
    }

    /// Leave out the lines before the first that ended at `since` or later. Returns whether it is not
    /// known of some of them when they came.
    pub(crate) fn leave_out_before(&mut self, since: Timestamp) -> io::Result<bool> {
        let mut found = None;
        for (number, part) in self.parts.iter_mut().enumerate() {
            part.learn_times(&self.ledger, &self.run);
            if let Some(place) = part.marks().and_then(|marks| marks.since(since.as_millisecond()))
            {
                found = Some((number, place));
                break;
            }
        }
        let (number, place) = match found {
            Some(found) => found,
            None => (self.parts.len(), 0),
        };
        // What has no mark of its own came before the next one, and that is all.
        let unknown_before = |number: usize| match number.checked_sub(1) {
            Some(before) => self.parts.get(before).is_some_and(|part| {
                part.len().unwrap_or(0) > 0 && part.marks().is_none_or(Marks::is_broken)
            }),
            None => false,
        };
        let unknown = match self.parts.get(number).and_then(Part::marks) {
            Some(marks) if marks.first() == Some(place) => place > 0 || unknown_before(number),
            Some(_) => false,
            None => unknown_before(number),
        };
        for (each, part) in self.parts.iter_mut().enumerate() {
            if each < number {
                part.at = part.len()?;
            } else if each == number {
                part.at = part.at.max(part.line_at(place)?);
            }
        }
        Ok(unknown)
    }

    /// Where the last of what came before this time ends; `None` where there is none.
    pub(crate) fn end_before(&mut self, until: Timestamp) -> Option<End> {
        self.parts.iter_mut().rev().find_map(|part| {
            part.learn_times(&self.ledger, &self.run);
            let place = part.marks()?.until(until.as_millisecond())?;
            Some(End { part: part.number, place })
        })
    }

    /// Whether all before this was read.
    pub(crate) fn is_past(&self, end: &End) -> bool {
        self.parts.front().is_some_and(|part| part.number == end.part && part.at >= end.place)
    }

    /// When what was read last came, so many bytes of it: how much of it when, one after another.
    pub(crate) fn times(&mut self, length: usize) -> Vec<(usize, Option<Timestamp>)> {
        let mut times = Vec::new();
        let Some(part) = self.parts.front_mut() else { return vec![(length, None)] };
        // It was noted before it was written.
        part.learn_times(&self.ledger, &self.run);
        let end = part.at;
        let mut at = end.saturating_sub(length as u64);
        while at < end {
            let (time, until) = part.marks().map_or((None, end), |marks| marks.at(at));
            let until = until.min(end);
            let time = time.and_then(|time| Timestamp::from_millisecond(time).ok());
            times.push((usize::try_from(until - at).unwrap_or(length), time));
            at = until;
        }
        times
    }

    /// Read what comes next; 0 where there is nothing more now.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let alone = self.parts.len() <= 1;
            let Some(front) = self.parts.front_mut() else {
                self.parts = open(&self.ledger, &self.run)?;
                if self.parts.is_empty() {
                    return Ok(0);
                }
                continue;
            };
            let len = front.read(buffer)?;
            if len > 0 {
                return Ok(len);
            }
            if !alone {
                self.parts.pop_front();
                continue;
            }
            let number = front.number;
            let mut now = open(&self.ledger, &self.run)?;
            if now.back().is_none_or(|last| last.number == number) {
                return Ok(0);
            }
            // It is written no more; what was written before that was known is still to be read.
            let len = front.read(buffer)?;
            if len > 0 {
                return Ok(len);
            }
            let known = now.iter().position(|part| part.number == number);
            match known {
                Some(known) => drop(now.drain(..=known)),
                None => self.missed = true,
            }
            self.parts = now;
        }
    }

    /// Whether something was lost for being read too late, told once.
    pub(crate) fn has_missed(&mut self) -> bool {
        std::mem::take(&mut self.missed)
    }

    /// The file that is being read, if there is one.
    pub(crate) fn part(&self) -> Option<&Part> {
        self.parts.front()
    }

    /// Whether nobody writes the file that is being read. `None`: there is none.
    pub(crate) fn is_free(&self) -> Option<bool> {
        let file = self.part()?.file();
        match rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {
                let _ = rustix::fs::flock(file, FlockOperation::Unlock);
                Some(true)
            }
            Err(Errno::WOULDBLOCK) => Some(false),
            // Locks are not to be had there.
            Err(_) => Some(true),
        }
    }
}

/// Whether anybody writes the log of a run. `None`: that cannot be told.
pub(crate) fn is_written(ledger: &Ledger, run: &str) -> Option<bool> {
    let file = ledger.open_log(run, false).ok()?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Some(false),
        Err(Errno::WOULDBLOCK) => Some(true),
        Err(_) => None,
    }
}

/// The files of a log, the one being written last; none where it is not there.
fn open(ledger: &Ledger, run: &str) -> io::Result<VecDeque<Part>> {
    let part = |older: bool| match ledger.open_log(run, older) {
        Ok(file) => Part::new(file).map(Some),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    };
    for _ in 0..TRIES {
        let current = part(false)?;
        let older = part(true)?;
        let exchanged = match (&current, &older) {
            // Between the two looks the one became the other.
            (Some(current), Some(older)) => current.number == older.number,
            // Or it is being done at this moment.
            (None, Some(_)) => true,
            (_, None) => false,
        };
        if !exchanged {
            return Ok(older.into_iter().chain(current).collect());
        }
        std::thread::yield_now();
    }
    // Nobody puts a new one in its place: what there is of it is there.
    Ok(part(true)?.into_iter().chain(part(false)?).collect())
}
