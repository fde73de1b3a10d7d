//! What the fuzzers call: a config file, from its bytes to what it says. See `tests/fuzz`.

use std::cell::OnceCell;

use super::{Config, Sources};
use crate::folders::Folders;

/// The formats, by the endings of their files.
const ENDINGS: [&str; 4] = ["yml", "json", "toml", "ini"];

thread_local! {
    /// Written to again for each input.
    static FOLDER: OnceCell<tempfile::TempDir> = const { OnceCell::new() };
}

/// A config file of the format that the first byte says; it can include itself, and another one
/// beside it. Returns whether it defines a session.
///
/// # Panics
///
/// Where what is wrong with it is not said in plain text of one line.
pub fn config(data: &[u8]) -> bool {
    let Some((&how, text)) = data.split_first() else { return false };
    FOLDER.with(|folder| {
        let folder = folder.get_or_init(|| {
            let folder = tempfile::tempdir().expect("a folder");
            let included = "ops:\n  sessions:\n    other: {command: sleep 1}\n";
            std::fs::write(folder.path().join("part.yml"), included).expect("a file");
            folder
        });
        let file = folder.path().join(format!("made.{}", ENDINGS[usize::from(how) % 4]));
        std::fs::write(&file, text).expect("a file of our own can be written");
        let sources = Sources {
            folders: Folders { home: Some(folder.path().to_owned()), ..Folders::default() },
            working_dir: folder.path().to_owned(),
            explicit: Some(file),
        };
        let config = match Config::load(&sources) {
            Ok(config) => config,
            Err(error) => {
                plain(&error.to_string());
                return false;
            }
        };
        let lines = text.iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
        for problem in config.problems() {
            plain(&problem.to_string());
            assert!(problem.line.is_none_or(|line| line >= 1), "{problem:?}");
            assert!(problem.line.is_none_or(|line| line <= lines.max(3) + 1), "{problem:?}");
            let _ = (problem.to_error(), problem.is_of_another_session(Some("web")));
        }
        let leaves = config.show();
        let _ = (leaves.leaves().len(), leaves.to_json());
        let names: Vec<String> = config.sessions().map(|(name, _)| name.to_owned()).collect();
        for name in &names {
            let _ = config.session_key(name, "command");
            match config.session(name) {
                Ok(session) => {
                    let session = session.expect("it is among the sessions");
                    assert_eq!(session.name, *name);
                    crate::session::validate::session_name(name).expect("a name that was checked");
                }
                Err(error) => plain(&error.to_string()),
            }
        }
        names.iter().any(|name| name != "other" && config.session(name).is_ok())
    })
}

/// One line, with nothing in it that a terminal would act on.
fn plain(text: &str) {
    assert!(!text.is_empty() && !text.contains(char::is_control), "{text:?}");
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::steady;

    #[test]
    fn files_made_up() {
        let defined = Cell::new(0_u32);
        let seeds = steady::files("tests/fuzz/seeds/config", "");
        steady::run(&seeds, 4000, |data| defined.set(defined.get() + u32::from(config(data))));
        assert!(defined.get() > 100, "only {}", defined.get());
    }
}
