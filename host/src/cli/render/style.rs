//! Colours: few, and the same everywhere.

use anstyle::{AnsiColor, Style};
use kst::session::SessionState;

pub const PLAIN: Style = Style::new();
pub const BOLD: Style = Style::new().bold();
pub const DIM: Style = Style::new().dimmed();
pub const GOOD: Style = AnsiColor::Green.on_default();
pub const BAD: Style = AnsiColor::Red.on_default();
pub const ERROR: Style = AnsiColor::Red.on_default().bold();
pub const WARNING: Style = AnsiColor::Yellow.on_default().bold();
pub const HINT: Style = AnsiColor::Cyan.on_default();

/// A state's colour. `failed`: it ended with something other than 0.
pub fn state(state: SessionState, failed: bool) -> Style {
    match state {
        SessionState::Running => GOOD,
        SessionState::Exited if failed => BAD,
        SessionState::Unknown => AnsiColor::Yellow.on_default(),
        SessionState::Exited | SessionState::Stopped | SessionState::Defined => DIM,
    }
}
