//! Output that could not be kept, and how the log tells of it.

use std::io;

/// What is missing in a log at the place where it is written.
#[derive(Debug, Default)]
pub(super) struct Gap {
    bytes: u64,
    /// Why it could not be written, as the first of it was to be.
    why: String,
    /// Whether the log says that it begins.
    told: bool,
}

impl Gap {
    /// Whether anything is missing.
    pub(super) fn is_open(&self) -> bool {
        self.bytes > 0
    }

    /// So many bytes could not be written.
    pub(super) fn add(&mut self, bytes: usize, why: &io::Error) {
        if !self.is_open() {
            self.why = why.to_string();
        }
        self.bytes = self.bytes.saturating_add(bytes as u64);
    }

    /// The line for the place where it begins.
    pub(super) fn beginning(&self) -> String {
        format!("[kst: what was printed from here on is missing: {}]\n", self.why)
    }

    /// That the line was written.
    pub(super) fn is_told(&mut self) {
        self.told = true;
    }

    /// The line for the place where the output goes on.
    pub(super) fn end(&self) -> String {
        match self.told {
            true => format!("[kst: it goes on here, after {} bytes]\n", self.bytes),
            false => format!("[kst: {} bytes are missing here: {}]\n", self.bytes, self.why),
        }
    }
}
