//! A component that can be called: compiled, described, held to what it declared.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use wasmtime::Engine;
use wasmtime::component::Component;

use super::bindings::{self, PACKAGE, VERSIONS};
use super::cache::Cache;
use super::code::Code;
use super::digest::Digest;
use super::engine::engine;
use super::guest::{Fault, Guest};
use super::instance::store;
use super::limits::GuestLimits;
use super::loader::Loader;
use super::source::{Origin, Source};
use super::wasi;
use crate::door::{Call, CheckedManifest, Manifest};
use crate::guard::Guard;
use crate::{Error, Result};

/// A component, ready to be called.
pub struct Plugin {
    compiled: Compiled,
    engine: &'static Engine,
    manifest: Arc<CheckedManifest>,
    digest: Digest,
    origin: Origin,
    size: usize,
    limits: GuestLimits,
}

/// A compiled component, and what its code lies in. The fields stand in
/// the order in which they have to go: wasmtime looks at the code again when the component is dropped.
struct Compiled {
    component: Component,
    _code: Code,
}

/// Who hears of components that are compiled.
static COMPILING: OnceLock<fn(&Path, usize)> = OnceLock::new();

/// Have `tell` called, with its file and its size in bytes, before a component is compiled: that is done
/// once for each and may take seconds. For the whole process; the first call counts.
pub fn on_compiling(tell: fn(&Path, usize)) {
    let _ = COMPILING.set(tell);
}

/// Whether compiled code was at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Warmth {
    /// It came from the cache.
    Cached,
    /// The component was compiled.
    Compiled,
}

impl Plugin {
    /// Load a component. `approved` is what the user approved, for a component that is not
    /// vetted: it binds, whatever the component says now.
    ///
    /// # Errors
    ///
    /// [`Error::Plugin`] where it is none that this kst can run; [`Error::PluginFault`] where it
    /// breaks a rule or a limit when asked to describe itself.
    pub(super) fn load(
        source: &Source,
        loader: &Loader,
        approved: Option<&Manifest>,
    ) -> Result<(Plugin, Warmth)> {
        let wrong = |what: String, advice: Option<String>| Error::Plugin {
            file: source.origin.path(),
            what,
            advice,
        };
        let engine = engine().map_err(|what| Error::failed(format!("wasmtime: {what}")))?;
        let cache = Cache::open(loader.cache.as_deref());
        let limits = loader.guest_limits();
        let kept = cache.get(engine, &source.digest).and_then(|entry| {
            let manifest = serde_json::from_slice::<Manifest>(&entry.manifest).ok()?;
            // The folder is closed to others, and the bytes were checked against the digest that kst
            // wrote with them.
            let component = load(engine, &entry.code).ok()?;
            Some((Compiled { component, _code: entry.code }, manifest))
        });
        let (compiled, described, warmth) = match kept {
            Some((compiled, manifest)) => (compiled, manifest, Warmth::Cached),
            None => {
                if let Some(tell) = COMPILING.get() {
                    tell(&source.origin.path(), source.bytes.len());
                }
                let code = loader.compile(&source.bytes).map_err(|what| wrong(what, None))?;
                let component = load(engine, &code)
                    .map_err(|error| wrong(format!("its code cannot be loaded: {error}"), None))?;
                check_interface(engine, &component)
                    .map_err(|(what, advice)| wrong(what, advice))?;
                let described = describe(engine, &component, limits).map_err(|Fault(what)| {
                    wrong(format!("it cannot describe itself: {what}"), None)
                })?;
                if let Ok(manifest) = serde_json::to_vec(&described) {
                    cache.put(engine, &source.digest, &manifest, code.bytes());
                }
                (Compiled { component, _code: code }, described, Warmth::Compiled)
            }
        };
        let approved = approved.filter(|_| Guard::ApprovedCopy.holds());
        let manifest = approved.cloned().unwrap_or(described);
        let name = manifest.name.clone();
        let manifest = manifest.check().map_err(|error| Error::PluginFault {
            backend: crate::text::escape_controls(&name),
            what: format!("its description breaks a rule: {error}"),
        })?;
        let plugin = Plugin {
            compiled,
            engine,
            manifest: Arc::new(manifest),
            digest: source.digest,
            origin: source.origin.clone(),
            size: source.bytes.len(),
            limits,
        };
        Ok((plugin, warmth))
    }

    /// The backend's name.
    pub fn name(&self) -> &str {
        &self.manifest.manifest().name
    }

    /// What it declared.
    pub fn manifest(&self) -> &Arc<CheckedManifest> {
        &self.manifest
    }

    /// The digest of its bytes.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Where it is from.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Its size in bytes.
    pub fn size(&self) -> usize {
        self.size
    }

    /// The interfaces that it imports.
    pub fn imports(&self) -> Vec<String> {
        let component_type = self.compiled.component.component_type();
        component_type.imports(self.engine).map(|(name, _)| name.to_owned()).collect()
    }

    /// The limits that each call is under.
    pub(crate) fn limits(&self) -> &GuestLimits {
        &self.limits
    }

    /// A fresh instance for one call through this door.
    pub(crate) fn instantiate(&self, door: Arc<Call>) -> Result<impl Guest, Fault> {
        bindings::instantiate(store(self.engine, self.limits, Some(door)), &self.compiled.component)
    }
}

/// A component of this code, which wasmtime made, here or in a child, now or when it was kept.
fn load(engine: &Engine, code: &Code) -> wasmtime::Result<Component> {
    // SAFETY: it is code that wasmtime made, as the callers say. It cannot be written to, and the plugin
    // keeps it for longer than the component: an instance, which has it too, borrows from the plugin.
    unsafe { Component::deserialize_raw(engine, code.memory()) }
}

/// Ask a component what it is, with the door shut.
fn describe(
    engine: &'static Engine,
    component: &Component,
    limits: GuestLimits,
) -> Result<Manifest, Fault> {
    bindings::instantiate(store(engine, limits, None), component)?.describe()
}

/// Whether this kst offers what the component imports, and the component exports a backend, both in
/// one version. Read off the types, before anything of the component runs.
fn check_interface(engine: &Engine, component: &Component) -> Result<(), (String, Option<String>)> {
    let component_type = component.component_type();
    for (import, _) in component_type.imports(engine) {
        let import = crate::text::escape_controls(import);
        match version_of(&import) {
            None if wasi::offers(&import) => {}
            Some(version) if VERSIONS.contains(&version) => {}
            Some(version) => return Err(other_version(version)),
            None => {
                return Err((
                    format!(
                        "it wants {import}, and a backend gets nothing but {PACKAGE} and an empty \
                         WASI 0.2"
                    ),
                    Some("its author builds it without what that is for".into()),
                ));
            }
        }
    }
    let backend = |name: &str| name.starts_with("kst:runner/backend@");
    match component_type.exports(engine).find(|(name, _)| backend(name)) {
        Some((name, _)) => match version_of(name) {
            Some(version) if VERSIONS.contains(&version) => Ok(()),
            version => Err(other_version(version.unwrap_or("?"))),
        },
        None => Err((
            format!("it is a component, but not a backend: it does not export {PACKAGE}/backend"),
            None,
        )),
    }
}

fn other_version(version: &str) -> (String, Option<String>) {
    (
        format!("it was built for {PACKAGE}@{version}; this kst runs {}", VERSIONS.join(", ")),
        Some("use a kst or a plugin of the other's version".into()),
    )
}

/// The version in `kst:runner/INTERFACE@VERSION`.
fn version_of(name: &str) -> Option<&str> {
    let interface = name.strip_prefix(PACKAGE)?.strip_prefix('/')?;
    interface.split_once('@').map(|(_, version)| version)
}
