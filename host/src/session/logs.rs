//! What a session printed.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::time::Duration;

use super::host::Host;
use super::ledger::Entry;
use super::model::SessionState;
use super::serve::SessionProcesses;
use super::sighting::Sighting;
use super::survey::Filter;
use crate::door::{Operation, Placement};
use crate::plugin::LogSource;
use crate::shim::wait_for_writer;
use crate::{Error, Result};

/// How long the writer of a log may need after its session ended. On a busy machine tmux takes seconds
/// to pass on what a program printed last.
const WRITER_PATIENCE: Duration = Duration::from_secs(10);
/// How much of a log's end is read at once.
const CHUNK: u64 = 64 << 10;
/// More than this is not returned, however long the lines are.
const MOST: usize = 64 << 20;

impl Host {
    /// The last `lines` lines that a session printed, while it runs and after it ended. Lines end
    /// in a line feed; whatever else the program printed is there as it was, escape sequences too.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], [`Error::Ambiguous`], or why the backend could not be asked.
    pub fn logs(&self, name: &str, filter: &Filter, lines: u32) -> Result<Vec<u8>> {
        let found = self.find_reached(name, filter)?;
        if found.status.state == SessionState::Defined {
            return Err(Error::NotFound {
                name: name.to_owned(),
                advice: Some(format!("the config defines it; start it with 'kst start {name}'")),
            });
        }
        let here = found
            .plugin
            .as_ref()
            .is_some_and(|plugin| plugin.manifest().manifest().placement == Placement::Here);
        match &found.entry {
            Some(entry) if here => {
                if !found.is_running() {
                    // What the program printed last may still be on its way to the file.
                    wait_for_writer(&entry.log, WRITER_PATIENCE);
                }
                self.kept(entry, lines)
            }
            _ => self.told_by_backend(&found, lines),
        }
    }

    /// The end of a log that the host keeps.
    fn kept(&self, entry: &Entry, lines: u32) -> Result<Vec<u8>> {
        let failed = |error: io::Error| {
            Error::failed(format!(
                "the output of '{}' cannot be read: {}: {error}",
                entry.name,
                entry.log.display()
            ))
        };
        let Some(ledger) = self.known_ledger() else { return Ok(Vec::new()) };
        // Through the folder that was checked, and no link in it is followed.
        match ledger.open_log(&entry.run) {
            Ok(file) => tail(file, lines)
                .map(|text| last_lines(&with_line_feeds(&text), lines))
                .map_err(failed),
            // It has printed nothing yet.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(failed(error)),
        }
    }

    fn told_by_backend(&self, found: &Sighting, lines: u32) -> Result<Vec<u8>> {
        let name = &found.status.name;
        let Some(plugin) = &found.plugin else { return Ok(Vec::new()) };
        let mut request = found.request(Operation::Logs);
        request.lines = Some(lines);
        let at = &found.location;
        let none = SessionProcesses::none();
        let source = self.serve(plugin, request, none, |guest| guest.logs(at, name, lines));
        match source {
            Ok((LogSource::Text(text), _)) => Ok(last_lines(&with_line_feeds(&text), lines)),
            Ok((LogSource::Kept, _)) => Err(Error::Unsupported {
                backend: plugin.name().to_owned(),
                what: format!("nothing keeps the output of '{name}', which kst did not start"),
            }),
            Err(trouble) => Err(trouble.error(name, &found.place())),
        }
    }
}

/// Read as much of a file's end as holds so many lines.
fn tail(mut file: File, lines: u32) -> io::Result<Vec<u8>> {
    let mut at = file.seek(SeekFrom::End(0))?;
    let mut blocks: Vec<Vec<u8>> = Vec::new();
    let (mut feeds, mut size) = (0usize, 0usize);
    // One more than asked for: the last line's end is not another line.
    while at > 0 && feeds <= lines as usize && size < MOST {
        let length = at.min(CHUNK);
        at -= length;
        file.seek(SeekFrom::Start(at))?;
        let mut block = vec![0; usize::try_from(length).map_err(io::Error::other)?];
        file.read_exact(&mut block)?;
        feeds += block.iter().filter(|&&byte| byte == b'\n').count();
        size += block.len();
        blocks.push(block);
    }
    blocks.reverse();
    Ok(blocks.concat())
}

/// The last lines of a text; its last line counts whether or not it has ended.
fn last_lines(text: &[u8], lines: u32) -> Vec<u8> {
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
fn with_line_feeds(text: &[u8]) -> Vec<u8> {
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
    use std::io::Write;

    use super::*;

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
    fn a_tail_is_read_from_the_end_alone_and_is_whole() {
        let mut file = tempfile::tempfile().expect("a temporary file");
        let text: String = (0..50_000).map(|number| format!("line {number}\n")).collect();
        file.write_all(text.as_bytes()).expect("written");
        let read = tail(file.try_clone().expect("clone"), 10).expect("read");
        assert!(read.len() < 200_000, "{}", read.len());
        assert_eq!(last_lines(&read, 2), b"line 49998\nline 49999\n");
        let all = tail(file, 100_000).expect("read");
        assert_eq!(all, text.as_bytes());
    }
}
