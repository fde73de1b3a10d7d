//! How components become plugins: read, compiled and loaded under the limits that apply.

use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use super::code::Code;
use super::compiler;
use super::limits::GuestLimits;
use super::loaded::{Plugin, Warmth};
use super::source::{Source, read_component};
use crate::Result;
use crate::door::Manifest;
use crate::limits::Limits;

/// Loads components. There is one for all of a host's.
#[derive(Debug)]
pub(crate) struct Loader {
    /// Where compiled code is kept.
    pub(super) cache: Option<PathBuf>,
    limits: Limits,
    /// Where `kst` is, for a program that is something else.
    program: RwLock<Option<PathBuf>>,
}

impl Loader {
    /// With this folder for compiled code, and these limits.
    pub(crate) fn new(cache: Option<PathBuf>, limits: Limits) -> Self {
        Loader { cache, limits, program: RwLock::default() }
    }

    /// Say where `kst` is, which compiles.
    pub(crate) fn set_program(&self, program: PathBuf) {
        *self.program.write().unwrap_or_else(PoisonError::into_inner) = Some(program);
    }

    /// Read a component's file.
    ///
    /// # Errors
    ///
    /// As [`read_component`].
    pub(crate) fn read(&self, file: &Path) -> Result<Source> {
        read_component(file, &self.limits)
    }

    /// Load a component. `approved` is what the user approved, for one that is not vetted.
    ///
    /// # Errors
    ///
    /// As [`Plugin::load`].
    pub(crate) fn load(
        &self,
        source: &Source,
        approved: Option<&Manifest>,
    ) -> Result<(Plugin, Warmth)> {
        Plugin::load(source, self, approved)
    }

    /// Compile a component. What went wrong is a sentence about it.
    pub(super) fn compile(&self, component: &[u8]) -> Result<Code, String> {
        let program = self.program.read().unwrap_or_else(PoisonError::into_inner).clone();
        compiler::compile(component, &self.limits, program.as_deref())
    }

    /// What calls may use up.
    pub(super) fn guest_limits(&self) -> GuestLimits {
        GuestLimits::of(&self.limits)
    }
}
