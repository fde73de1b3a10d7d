//! Results as text and as JSON. Nothing here prints; whatever a stranger chose is escaped.
//!
//! Text carries its styles as ANSI sequences, which the output leaves out where they are not wanted.

pub mod audit;
pub mod doctor;
pub mod health;
pub mod json;
pub mod list;
pub mod plugin;
pub mod problem;
pub mod review;
pub mod settings;
pub mod status;
pub mod style;
pub mod table;
pub mod time;
pub mod together;
pub mod words;

#[cfg(test)]
pub mod sample;
