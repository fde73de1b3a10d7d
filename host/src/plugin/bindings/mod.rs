//! The versions of the interface that this kst knows, each translated into the newest terms.

mod v0_1;

pub(super) use v0_1::instantiate;

/// The package that components are built against.
pub(super) const PACKAGE: &str = "kst:runner";

/// The versions that this kst can run, newest first.
pub(super) const VERSIONS: &[&str] = &["0.1.0"];
