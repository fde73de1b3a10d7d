//! Components that do not come with kst.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use super::{Key, World, project};

/// `screen.wasm`, built once a run as its author would build it.
pub fn screen_plugin() -> PathBuf {
    static PLUGIN: OnceLock<PathBuf> = OnceLock::new();
    let built = PLUGIN.get_or_init(|| {
        let output = Command::new("make")
            .arg("plugins")
            .current_dir(project())
            // What cargo tells the test is not for the cargo that this starts.
            .env_remove("CARGO_TARGET_DIR")
            .env_remove("RUSTFLAGS")
            .output()
            .expect("make can be run");
        assert!(
            output.status.success(),
            "make plugins failed:\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
        project().join("screen.wasm")
    });
    built.clone()
}

/// The same component with another digest: with a custom section at its end, which means nothing.
pub fn edited(component: &[u8]) -> Vec<u8> {
    // Its id, its length, and its content: a name with its length before it.
    let section = [&[0, 5, 4][..], b"note"].concat();
    [component, &section].concat()
}

impl World {
    /// Approves a component as its user does: on a terminal, having been shown its forms.
    #[track_caller]
    pub fn trust(&self, plugin: &std::path::Path) {
        let plugin = plugin.to_str().expect("paths of the project are UTF-8");
        let mut terminal = self.terminal(["plugin", "trust", plugin]);
        terminal.shows_when("it asks", |screen| screen.trim_end().ends_with(['?', ':', ']']));
        terminal.types("yes");
        terminal.press(Key::Enter);
        assert_eq!(terminal.exits(), Some(0), "{}", terminal.screen());
    }
}
