//! Taking the dead lines out of the ledger.

use std::collections::{HashMap, HashSet};
use std::io::{self, Read, Seek};

use cap_std::fs::Dir;

use super::event::Line;
use super::{FILE, PATIENCE, file};
use crate::private;

/// Below this many dead lines the file stays as it is.
const FEW: usize = 64;

/// Rewrite the ledger without the runs that were removed, and without what a later line of the same run
/// says anew, if most of its lines are about those.
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
    // A program that is started again and again leaves two lines each time, of which the last ones say
    // all that is to be known.
    let told_anew = |line: &Line<'_>| match &*line.event {
        "running" => Some(0),
        "restarting" => Some(1),
        _ => None,
    };
    let mut last = HashMap::new();
    for (at, line) in lines().enumerate() {
        if let Some(line) = parse(line)
            && let Some(kind) = told_anew(&line)
        {
            last.insert((line.run, kind), at);
        }
    }
    let mut living = Vec::with_capacity(text.len());
    let (mut alive, mut dead) = (0usize, 0usize);
    for (at, line) in lines().enumerate() {
        let keep = match parse(line) {
            Some(parsed) if removed.contains(&parsed.run) => false,
            Some(parsed) => {
                told_anew(&parsed).is_none_or(|kind| last.get(&(parsed.run, kind)) == Some(&at))
            }
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
