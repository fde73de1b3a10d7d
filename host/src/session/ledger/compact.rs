//! Taking the dead lines out of the ledger.

use std::collections::HashSet;
use std::io::{self, Read, Seek};

use cap_std::fs::Dir;

use super::event::Line;
use super::{FILE, PATIENCE, file};
use crate::private;

/// Below this many dead lines the file stays as it is.
const FEW: usize = 64;

/// Rewrite the ledger without the runs that were removed, if most of its lines are about those.
pub(super) fn compact_if_worthwhile(folder: &Dir) -> io::Result<()> {
    if living(&file::read(folder)).is_none() {
        return Ok(());
    }
    // Appenders wait for this lock, and look again which file it is that they have locked.
    let (mut file, _) = file::lock(folder, PATIENCE)?;
    let mut text = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut text)?;
    match living(&text) {
        Some(living) => private::write_whole(folder, FILE, &living, true),
        None => Ok(()),
    }
}

/// The lines that still matter; `None` if leaving the others out is not worth it. Lines that are
/// whole but not understood stay: a newer kst may have written them.
fn living(text: &[u8]) -> Option<Vec<u8>> {
    let lines = || text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    let parse = |line| serde_json::from_slice::<Line<'_>>(line).ok();
    let removed: HashSet<_> = lines()
        .filter_map(parse)
        .filter(|line| &*line.event == "removed")
        .map(|line| line.run)
        .collect();
    let mut living = Vec::with_capacity(text.len());
    let (mut alive, mut dead) = (0usize, 0usize);
    for line in lines() {
        let keep = match parse(line) {
            Some(parsed) => !removed.contains(&parsed.run),
            None => serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok(),
        };
        if keep {
            alive += 1;
            living.extend_from_slice(line);
            living.push(b'\n');
        } else {
            dead += 1;
        }
    }
    (dead > FEW && dead > alive).then_some(living)
}
