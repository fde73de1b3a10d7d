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

/// The same, and larger by so many bytes.
pub fn padded(component: &[u8], by: u32) -> Vec<u8> {
    let mut larger = component.to_vec();
    // A custom section without a meaning: its length in groups of seven bits, and an empty name.
    larger.push(0);
    larger.extend((0..4).map(|group| (by >> (7 * group)) as u8 | 0x80));
    larger.push((by >> 28) as u8);
    larger.resize(larger.len() + by as usize, 0);
    larger
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
