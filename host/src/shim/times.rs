//! When the output of a session came: a small file of marks beside its log, which stays what the
//! program printed and nothing else.
//!
//! It begins with a word that says what it is and the number of the log's file, so that it is never
//! taken for another's. Each mark has a time, in milliseconds since 1970, and the place in the log of
//! what came from then on; each is checked together with all before it. Where one is not as it was
//! written, what follows has no known time: never a wrong one.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fs::{CWD, Mode, OFlags};

/// What such a file begins with.
const WORD: [u8; 8] = *b"ksttime1";
/// The head: the word, and the number of the log's file.
const HEAD: usize = 16;
/// A mark: six bytes of time, six of place, four to check it.
const MARK: usize = 16;

/// How long after a mark there is no other: what comes meanwhile counts as having come with it.
const APART: Duration = Duration::from_millis(10);
/// The same where the marks have grown to half of the log: a program prints a little at a time.
const FURTHER: Duration = Duration::from_secs(1);
/// The same where they have grown larger than the log.
const FURTHEST: Duration = Duration::from_secs(60);
/// So many bytes of marks are no matter.
const FEW: u64 = 64 << 10;
/// More than this is not read.
const MOST: u64 = 256 << 20;

/// The marks of a log that is being written. Whatever goes wrong with them is no matter to the log:
/// its times are then not known.
pub(super) struct Times {
    path: PathBuf,
    /// `None` where there can be none.
    file: Option<File>,
    /// The number of the log's file.
    log: u64,
    /// How long the file is; 0 where even its head is still to be written.
    length: u64,
    check: u32,
    /// When the last mark was made.
    last: Option<SystemTime>,
}

impl Times {
    /// The marks of the log `file`, which has this path, and now `length` bytes.
    pub(super) fn begin(log: &Path, file: &File, length: u64) -> Self {
        let number = file.metadata().map_or(0, |meta| meta.ino());
        let path = beside(log);
        let mut times = Times {
            file: path.as_deref().and_then(|path| open(path).ok()),
            path: path.unwrap_or_default(),
            log: number,
            length: 0,
            check: 0,
            last: None,
        };
        let known = times.file.as_ref().and_then(|file| Marks::read(file, number));
        match known {
            // Somebody else wrote the log before, and all that they noted is there.
            Some(marks) if length > 0 && marks.is_whole() => {
                (times.length, times.check) = (marks.length, marks.check);
            }
            _ => times.begin_anew(),
        }
        times
    }

    /// Note that what comes now comes to this place of the log; called before it is written there.
    pub(super) fn mark(&mut self, place: u64) {
        if self.length == 0 {
            self.begin_anew();
        }
        let Some(file) = self.file.as_mut().filter(|_| self.length > 0) else { return };
        let now = SystemTime::now();
        let apart = match self.length {
            length if length <= FEW + place / 2 => APART,
            length if length <= FEW + place => FURTHER,
            _ => FURTHEST,
        };
        // A clock that was set back tells so by an error.
        if let Some(Ok(passed)) = self.last.map(|last| now.duration_since(last))
            && passed < apart
        {
            return;
        }
        let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let (time, check) = mark(self.check, since.as_millis() as u64, place);
        if file.write_all(&time).is_ok() {
            (self.check, self.last) = (check, Some(now));
            self.length += MARK as u64;
        } else {
            // With one missing, what follows would seem older than it is.
            self.begin_anew();
        }
    }

    /// The log has taken the place of the one before it; with it goes this.
    pub(super) fn put_aside(&self) {
        let older = older(&self.path);
        if std::fs::rename(&self.path, &older).is_err() {
            // What is there belongs to a log that is gone.
            let _ = std::fs::remove_file(older);
        }
    }

    /// Leave nothing of them.
    pub(super) fn remove(self) {
        let _ = std::fs::remove_file(&self.path);
    }

    fn begin_anew(&mut self) {
        let Some(file) = &mut self.file else { return };
        let head = head(self.log);
        let begun = file.set_len(0).and_then(|()| file.write_all(&head));
        (self.length, self.check, self.last) = (HEAD as u64, hash(0, &head), None);
        if begun.is_err() {
            // A head in part is none, and there is another try with the next mark.
            let _ = file.set_len(0);
            self.length = 0;
        }
    }
}

/// The marks of one log, read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    /// The places, in their order, and the times.
    marks: Vec<(u64, i64)>,
    /// How much of the file was read, its head included, and the check of that.
    length: u64,
    check: u32,
    /// From here on nothing is known.
    broken: bool,
    /// Whether the last mark is cut short.
    cut: bool,
}

impl Marks {
    /// The marks in `file`; `None` if they are not of the log of this number.
    pub(crate) fn read(file: &File, log: u64) -> Option<Self> {
        let mut found = [0; HEAD];
        file.read_exact_at(&mut found, 0).ok()?;
        let head = head(log);
        if found != head {
            return None;
        }
        let mut marks = Marks { length: HEAD as u64, check: hash(0, &head), ..Marks::default() };
        marks.read_on(file).ok()?;
        Some(marks)
    }

    /// Take in what was noted since.
    pub(crate) fn read_on(&mut self, file: &File) -> io::Result<()> {
        let length = file.metadata()?.len().min(MOST);
        if length < self.length {
            // It was begun anew: something went wrong with it.
            self.broken = true;
        }
        if self.broken || length <= self.length {
            return Ok(());
        }
        let mut bytes = vec![0; usize::try_from(length - self.length).map_err(io::Error::other)?];
        file.read_exact_at(&mut bytes, self.length)?;
        let (whole, rest) = bytes.as_chunks::<MARK>();
        self.cut = !rest.is_empty();
        for found in whole {
            let (time, place) = values(found);
            let (expected, check) = mark(self.check, time, place);
            let follows = self.marks.last().is_none_or(|(last, _)| place >= *last);
            let Some(time) = i64::try_from(time).ok().filter(|_| expected == *found && follows)
            else {
                self.broken = true;
                break;
            };
            self.marks.pop_if(|(last, _)| *last == place);
            self.marks.push((place, time));
            self.check = check;
            self.length += MARK as u64;
        }
        Ok(())
    }

    /// The first place of what came at this time or later.
    pub(crate) fn since(&self, time: i64) -> Option<u64> {
        let known = self.marks.len().saturating_sub(usize::from(self.broken));
        self.marks.iter().take(known).find(|(_, at)| *at >= time).map(|(place, _)| *place)
    }

    /// Where the last of what came before this time ends.
    pub(crate) fn until(&self, time: i64) -> Option<u64> {
        let last = self.marks.iter().rposition(|(_, at)| *at < time)?;
        Some(self.marks.get(last + 1).map_or(u64::MAX, |(place, _)| *place))
    }

    /// The first place whose time is known.
    pub(crate) fn first(&self) -> Option<u64> {
        self.marks.first().map(|(place, _)| *place)
    }

    /// Whether nothing is noted.
    pub(crate) fn is_empty(&self) -> bool {
        self.marks.is_empty()
    }

    /// Whether what follows the last but one is not known.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken
    }

    fn is_whole(&self) -> bool {
        !self.broken && !self.cut
    }

    /// When the byte at this place came, in milliseconds since 1970; and up to where that is so.
    pub(crate) fn at(&self, place: u64) -> (Option<i64>, u64) {
        let next = self.marks.partition_point(|(from, _)| *from <= place);
        let until = self.marks.get(next).map_or(u64::MAX, |(from, _)| *from);
        let mark = next.checked_sub(1).and_then(|last| self.marks.get(last));
        match mark {
            // How far the last one goes is not known.
            Some(_) if self.broken && next == self.marks.len() => (None, until),
            Some((_, time)) => (Some(*time), until),
            None => (None, until),
        }
    }
}

/// All marks of a log of this number, at these places and with these times.
pub(crate) fn marks(log: u64, places: &[(u64, i64)]) -> Vec<u8> {
    let head = head(log);
    let (mut bytes, mut check) = (head.to_vec(), hash(0, &head));
    let mut last = None;
    for (place, time) in places {
        if last.replace(time) != Some(time) {
            let (mark, next) = mark(check, u64::try_from(*time).unwrap_or_default(), *place);
            bytes.extend_from_slice(&mark);
            check = next;
        }
    }
    bytes
}

/// The file of the marks of a log, in a folder of their own; `None` for a log that is not where the
/// logs of runs are.
fn beside(log: &Path) -> Option<PathBuf> {
    Some(log.parent()?.parent()?.join("times").join(log.file_stem()?))
}

fn older(path: &Path) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(".1");
    path.into()
}

fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDWR
        | OFlags::APPEND
        | OFlags::CREATE
        | OFlags::NOFOLLOW
        | OFlags::CLOEXEC
        | OFlags::NONBLOCK;
    let file = File::from(rustix::fs::openat(CWD, path, flags, Mode::from_raw_mode(0o600))?);
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::ErrorKind::InvalidInput.into()),
    }
}

fn head(log: u64) -> [u8; HEAD] {
    let mut head = [0; HEAD];
    let (word, number) = head.split_at_mut(WORD.len());
    word.copy_from_slice(&WORD);
    number.copy_from_slice(&log.to_le_bytes());
    head
}

/// A mark that follows what has this check, and the check of both.
fn mark(before: u32, time: u64, place: u64) -> ([u8; MARK], u32) {
    let mut bytes = [0; MARK];
    let (values, end) = bytes.split_at_mut(12);
    let (first, second) = values.split_at_mut(6);
    first.copy_from_slice(time.to_le_bytes().first_chunk::<6>().unwrap_or(&[0; 6]));
    second.copy_from_slice(place.to_le_bytes().first_chunk::<6>().unwrap_or(&[0; 6]));
    let check = hash(before, values);
    end.copy_from_slice(&check.to_le_bytes());
    (bytes, check)
}

/// The time and the place of a mark.
fn values(mark: &[u8; MARK]) -> (u64, u64) {
    let number = |from: usize| {
        let mut bytes = [0; 8];
        let (six, _) = bytes.split_at_mut(6);
        six.copy_from_slice(mark.get(from..from + 6).unwrap_or(&[0; 6]));
        u64::from_le_bytes(bytes)
    };
    (number(0), number(6))
}

/// FNV-1a: it finds what went wrong, and nobody means harm here who could not write all of it anew.
fn hash(before: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(before ^ 0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    })
}

#[cfg(test)]
mod tests;
