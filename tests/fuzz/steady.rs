//! The same made-up inputs each time, for the ordinary tests: they call what the fuzzers call.

use std::path::Path;

/// The files of a folder of the project that end so, in the order of their names.
pub fn files(folder: &str, ending: &str) -> Vec<Vec<u8>> {
    let folders = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let folder = folders.map(|root| root.join(folder)).find(|folder| folder.is_dir());
    let folder = folder.expect("a folder of the project");
    let entries = std::fs::read_dir(folder).expect("a folder of seeds");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("a seed").path()).collect();
    files.retain(|file| file.to_string_lossy().ends_with(ending));
    files.sort();
    files.iter().map(|file| std::fs::read(file).expect("a seed")).collect()
}

/// Call `target` with the seeds, and then with so many inputs made from them.
pub fn run(seeds: &[Vec<u8>], count: u32, target: impl Fn(&[u8])) {
    assert!(!seeds.is_empty(), "there are no seeds");
    for seed in seeds {
        target(seed);
    }
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for _ in 0..count {
        target(&made(seeds, &mut random));
    }
}

/// An input: a seed with a few changes.
fn made(seeds: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut data = seeds[random.below(seeds.len())].clone();
    for _ in 0..=random.below(4) {
        let at = random.below(data.len() + 1);
        let end = (at + 1 + random.below(16)).min(data.len());
        match random.below(6) {
            0 => data.insert(at, random.byte()),
            1 => {
                if let Some(byte) = data.get_mut(at) {
                    *byte ^= 1 << random.below(8);
                }
            }
            2 => drop(data.drain(at..end)),
            3 => {
                let again = data[at..end].to_vec();
                data.splice(at..at, again);
            }
            4 => {
                let piece = PIECES[random.below(PIECES.len())].as_bytes();
                data.splice(at..at, piece.iter().copied());
            }
            _ => {
                let other = &seeds[random.below(seeds.len())];
                let from = random.below(other.len() + 1);
                let to = (from + random.below(40)).min(other.len());
                data.splice(at..end, other[from..to].iter().copied());
            }
        }
    }
    data
}

/// What means something to one target or another.
const PIECES: &[&str] = &[
    "\0",
    "\n",
    "\t",
    " ",
    "-",
    "--",
    ";",
    "#",
    "#{",
    "#(",
    "%",
    "[",
    "]...",
    "{name}",
    "{id}",
    "{keys:sh}",
    "{launch}",
    "{option-volumes}",
    "{?force}",
    "<word>",
    "<int>",
    "<word>...",
    "{any}...",
    "'",
    "\"",
    "\\",
    "{*}",
    "{pids}",
    "&a ",
    "*a",
    "ops:",
    "<<:",
    "include",
    "\u{1b}[",
    "\u{202e}",
    "é",
    "$1",
    "4294967296",
    "-1",
    "(Detached)",
    "\\u00",
    "null",
    "\r\n",
    "0001-01-01T",
];

/// xorshift64*
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() >> 33) as usize % end.max(1)
    }

    fn byte(&mut self) -> u8 {
        (self.next() >> 40) as u8
    }
}
