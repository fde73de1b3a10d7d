//! Who stands below a process, by what the kernel tells of each one's children: that costs what these
//! are, where reading all of `/proc` costs what everybody's are.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use super::Process;

/// How often the walk is begun anew for processes that ended or moved while it was under way.
const TRIES: usize = 20;

/// Each thread of a process with its children, as the kernel prints them.
type Children = Vec<(u32, Vec<u32>)>;

/// Whether this kernel tells of children: Linux may be built without.
fn are_told() -> bool {
    static TOLD: OnceLock<bool> = OnceLock::new();
    *TOLD.get_or_init(|| Path::new("/proc/thread-self/children").exists())
}

/// The processes below `roots`, without these, zombies included: every one that was below them all
/// the while. `None`: the kernel does not tell, or there is no end of changes.
pub(super) fn below(roots: &[u32]) -> Option<Vec<Process>> {
    if !are_told() {
        return None;
    }
    let mut ended = HashSet::new();
    (0..TRIES).find_map(|_| walk(roots, &mut ended))
}

/// One walk. `None`: somebody has ended meanwhile whose children went to one who may have been looked
/// at already. Those who have are kept in `ended`, for a second time it is no news.
fn walk(roots: &[u32], ended: &mut HashSet<u32>) -> Option<Vec<Process>> {
    let given: HashSet<u32> = roots.iter().copied().collect();
    let mut seen = given.clone();
    let mut open: Vec<u32> = roots.to_vec();
    let mut found = Vec::new();
    while let Some(pid) = open.pop() {
        let children = children_of(pid);
        // Only now: one that is alive had these children until here.
        let process = Process::read(pid);
        if process.as_ref().is_none_or(Process::ended) && ended.insert(pid) {
            return None;
        }
        if !given.contains(&pid) {
            found.extend(process);
        }
        for (_, children) in children? {
            open.extend(children.into_iter().filter(|child| seen.insert(*child)));
        }
    }
    Some(found)
}

/// The children of a process; none where there is no such process. `None`: they changed all the while.
///
/// Of a list that is read while one in it goes, the kernel may leave out another. Two readings that
/// are the same have left out nobody: the one that went stands in the first alone.
fn children_of(pid: u32) -> Option<Children> {
    let mut before = read_children(pid);
    for _ in 0..TRIES {
        let now = read_children(pid);
        if now == before {
            return Some(now);
        }
        before = now;
    }
    None
}

fn read_children(pid: u32) -> Children {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let mut children: Children = threads
        .filter_map(|thread| {
            let number = thread.file_name().to_str()?.parse().ok()?;
            let text = fs::read_to_string(thread.path().join("children")).ok()?;
            let pids = text.split_ascii_whitespace().filter_map(|pid| pid.parse().ok());
            Some((number, pids.collect()))
        })
        .collect();
    children.sort_unstable();
    children
}
