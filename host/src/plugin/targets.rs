//! What the fuzzers call: a file's bytes, from reading it to the manifest. See `tests/fuzz`.

use std::cell::OnceCell;

use super::loader::Loader;
use crate::limits::Limits;

thread_local! {
    /// Written again for each input.
    static FOLDER: OnceCell<tempfile::TempDir> = const { OnceCell::new() };
}

/// Whatever the bytes are, they are a backend whose manifest keeps all rules, or refused in sentences
/// of plain text. Returns whether they are one.
///
/// # Panics
///
/// Where that does not hold.
pub fn component(data: &[u8]) -> bool {
    FOLDER.with(|folder| {
        let folder = folder.get_or_init(|| tempfile::tempdir().expect("a folder"));
        let path = folder.path().join("made.wasm");
        std::fs::write(&path, data).expect("a file of our own can be written");
        let loader = Loader::new(None, Limits::default());
        let loaded = loader.read(&path).and_then(|source| {
            assert_eq!(source.bytes(), data);
            loader.load(&source, None)
        });
        match loaded {
            Ok((plugin, _)) => {
                let shown = crate::door::render(plugin.manifest().manifest());
                assert!(!shown.contains(|c: char| c.is_control() && c != '\n'), "{shown:?}");
                assert!(plugin.imports().iter().all(|import| !import.contains(char::is_control)));
                true
            }
            Err(error) => {
                let error = error.to_string();
                assert!(
                    !error.is_empty() && !error.contains(|c: char| c.is_control() && c != '\n'),
                    "{error:?}"
                );
                false
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::source::built_in;

    #[test]
    fn components_made_up() {
        let mut seeds = crate::steady::files("tests/components", ".wasm");
        // Each that computes for ever takes its five seconds.
        seeds.retain(|seed| seed.len() > 8);
        seeds.push(built_in("tmux").expect("it is built in").bytes().to_vec());
        let taken = std::cell::Cell::new(0);
        crate::steady::run(&seeds, 150, |data| taken.set(taken.get() + u32::from(component(data))));
        assert!(taken.get() > 0);
    }

    #[test]
    fn a_backend_is_one() {
        assert!(component(built_in("tmux").expect("it is built in").bytes()));
    }
}
