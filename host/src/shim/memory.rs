//! Giving back memory before a long wait.

use std::fs;
use std::num::NonZeroUsize;
use std::ptr;

use nix::libc;

/// Let go of the pages of program code that this process has touched so far: most of a shim's
/// memory is code that it runs once, at the start. What is run again is read again, from the page
/// cache as a rule.
pub(super) fn let_code_go() {
    let Ok(maps) = fs::read_to_string("/proc/self/maps") else { return };
    for (start, length) in maps.lines().filter_map(code) {
        // SAFETY: the range is one mapping of this process, of a file, that cannot be written to and
        // never was (see `code`): the kernel brings its pages back as they were when they are next
        // used. That it fails is no matter.
        unsafe {
            libc::madvise(
                ptr::with_exposed_provenance_mut(start.get()),
                length,
                libc::MADV_DONTNEED,
            );
        }
    }
}

/// Start and length of a mapping that holds code, or the constants that stand before it in the
/// file. Other mappings that cannot be written to now may have been, while the program was loaded.
fn code(line: &str) -> Option<(NonZeroUsize, usize)> {
    let mut fields = line.split_ascii_whitespace();
    let (start, end) = fields.next()?.split_once('-')?;
    let (access, offset) = (fields.next()?, fields.next()?);
    let is_file = fields.nth(2)?.starts_with('/');
    let at_start = offset.bytes().all(|digit| digit == b'0');
    if !is_file || !(access == "r-xp" || access == "r--p" && at_start) {
        return None;
    }
    let start = usize::from_str_radix(start, 16).ok()?;
    let length = usize::from_str_radix(end, 16).ok()?.checked_sub(start)?;
    Some((NonZeroUsize::new(start)?, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_never_written_is_let_go() {
        let part = |line| code(line).map(|(start, length)| (start.get(), length));
        let text = "005ab000-013b2000 r-xp 003aa000 fe:00 4242                    /usr/bin/kst";
        assert_eq!(part(text), Some((0x5ab000, 0xe07000)));
        let constants = "00200000-005ab000 r--p 00000000 fe:00 4242       /usr/bin/kst (deleted)";
        assert_eq!(part(constants), Some((0x200000, 0x3ab000)));
        for other in [
            // Relocated while the program was loaded, then closed to writing.
            "013b2000-013be000 r--p 011b0000 fe:00 4242                    /usr/bin/kst",
            "013be000-013c0000 rw-p 011bd000 fe:00 4242                    /usr/bin/kst",
            "7ffd1000-7ffd3000 r-xp 00000000 00:00 0                       [vdso]",
            "7f001000-7f002000 r-xp 00000000 00:00 0",
            "",
        ] {
            assert_eq!(part(other), None, "{other}");
        }
    }

    #[test]
    fn a_process_goes_on_without_its_code_in_memory() {
        let_code_go();
        assert_eq!("12".repeat(2).parse(), Ok(1212));
    }
}
