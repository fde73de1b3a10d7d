//! The config's sessions together: brought up in the order in which they need each other, and taken
//! down in the reverse.

mod brought;
mod down;
mod plan;
mod ready;
mod stage;
mod up;

pub use down::DownOptions;
pub use plan::{Plan, Step};
pub use stage::{OnStage, Stage};
pub use up::UpOptions;
