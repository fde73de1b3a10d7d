//! The backends there are, and their plugins, loaded when they are first needed.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::approvals::{Approvals, Ask, Review, denied};
use crate::config::Config;
use crate::door::{Manifest, Programs};
use crate::folders::Folders;
use crate::guard::Guard;
use crate::plugin::{
    BUILT_IN_NAMES, Loader, Origin, Plugin, Source, TrustFile, Warmth, built_in, is_empty_wasi,
    vetted,
};
use crate::text::nearest;
use crate::{Error, Result, ownership};

/// All backends of a host.
pub(crate) struct Backends {
    loader: Arc<Loader>,
    approvals: Approvals,
    /// Where the components that are not built in are, by backend name; or why one cannot be used.
    others: BTreeMap<String, Result<Arc<Stranger>, Unusable>>,
    /// The backend of the first `--plugin`.
    preferred: Option<String>,
    loaded: Mutex<HashMap<String, Arc<Plugin>>>,
    /// The backends for which the user said no.
    denied: Mutex<HashSet<String>>,
}

/// A component that is not built in and may run, and what was shown of it when it was approved
/// (`None`: it is vetted, or the config approves this very content).
pub(super) struct Stranger {
    pub(super) source: Source,
    pub(super) approved: Option<Manifest>,
}

/// Why a backend of the config or of the plugins folder cannot be used. Kept as parts, since an
/// error is given out more than once.
#[derive(Debug, Clone)]
struct Unusable {
    what: String,
    advice: Option<String>,
    refused: bool,
    /// The config names it; else it lies in the plugins folder.
    configured: bool,
    file: PathBuf,
}

impl Unusable {
    fn of(file: &Path, error: &Error, configured: bool) -> Self {
        Unusable {
            what: match error {
                Error::Plugin { what, .. } => what.clone(),
                other => other.to_string(),
            },
            advice: error.advice().map(str::to_owned),
            refused: matches!(error, Error::Refused { .. }),
            configured,
            file: file.to_owned(),
        }
    }

    fn error(&self) -> Error {
        let (what, advice) = (self.what.clone(), self.advice.clone());
        if self.refused {
            Error::Refused { what, advice }
        } else {
            Error::Plugin { file: self.file.clone(), what, advice }
        }
    }
}

impl Backends {
    /// Find all backends. `explicit` are the files of `--plugin`, `kst` the program that compiles,
    /// where this is none.
    ///
    /// # Errors
    ///
    /// An explicit one that cannot be used is an error at once; any other only when it is needed.
    pub(crate) fn find(
        folders: &Folders,
        config: &Config,
        explicit: &[PathBuf],
        programs: Arc<Programs>,
        ask: Option<Ask>,
        kst: Option<PathBuf>,
    ) -> Result<Backends> {
        let trust = TrustFile::new(folders.data.as_deref());
        let pins = config.plugin_digests().clone();
        let loader = Arc::new(Loader::new(folders.cache.clone(), config.limits().clone()));
        if let Some(kst) = kst {
            loader.set_program(kst);
        }
        let installed = installed(folders);
        let in_config = config.plugins().values().map(|file| file.value.clone());
        let given = in_config.chain(installed.iter().cloned()).collect();
        let approvals = Approvals::new(trust, Arc::clone(&loader), programs, ask, pins, given);
        let mut others = BTreeMap::new();
        let mut preferred = None;
        for file in explicit {
            let stranger = approvals.stranger(loader.read(file)?, file, None, true)?;
            let name = name_of(&stranger, &loader)?;
            check_free(&name, file, &stranger.source)?;
            preferred.get_or_insert_with(|| name.clone());
            others.insert(name, Ok(Arc::new(stranger)));
        }
        for (name, file) in config.plugins() {
            if others.contains_key(name) {
                continue;
            }
            let file = &file.value;
            let found = loader
                .read(file)
                .and_then(|source| {
                    check_free(name, file, &source)?;
                    approvals.stranger(source, file, Some(name), false)
                })
                .and_then(|stranger| {
                    let own = name_of(&stranger, &loader)?;
                    check_called(&own, name, file, "the config")?;
                    Ok(Arc::new(stranger))
                });
            others.insert(name.clone(), found.map_err(|error| Unusable::of(file, &error, true)));
        }
        for file in installed {
            let found = in_a_safe_folder(&file).and_then(|()| {
                let stranger = approvals.stranger(loader.read(&file)?, &file, None, false)?;
                let name = name_of(&stranger, &loader)?;
                check_free(&name, &file, &stranger.source)?;
                Ok((name, stranger))
            });
            match found {
                Ok((name, stranger)) => {
                    others.entry(name).or_insert_with(|| Ok(Arc::new(stranger)));
                }
                Err(error) => {
                    // Its name is not known before it is approved; the file's is the best there is.
                    let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                    if !BUILT_IN_NAMES.contains(&&*name) {
                        others
                            .entry(name)
                            .or_insert_with(|| Err(Unusable::of(&file, &error, false)));
                    }
                }
            }
        }
        Ok(Backends {
            loader,
            approvals,
            others,
            preferred,
            loaded: Mutex::default(),
            denied: Mutex::default(),
        })
    }

    /// The names of all backends, built-in ones first.
    pub(crate) fn names(&self) -> Vec<String> {
        let built_in = BUILT_IN_NAMES.iter().map(|name| (*name).to_owned());
        built_in.chain(self.others.keys().cloned()).collect()
    }

    /// The backend of the first `--plugin`, which is the one to start sessions in.
    pub(crate) fn preferred(&self) -> Option<&str> {
        self.preferred.as_deref()
    }

    /// Say where the `kst` program is, which compiles.
    pub(super) fn set_program(&self, program: PathBuf) {
        self.loader.set_program(program);
    }

    /// Read a component's file.
    pub(super) fn read(&self, file: &Path) -> Result<Source> {
        self.loader.read(file)
    }

    /// The approvals file.
    pub(crate) fn trust(&self) -> &TrustFile {
        &self.approvals.trust
    }

    /// Approve a component for good.
    pub(super) fn approve(&self, source: &Source, manifest: &Manifest) -> Result<()> {
        self.approvals.approve(source, manifest)
    }

    /// What the user has to see of a component before it is approved, and its bytes' digest and
    /// manifest.
    pub(crate) fn review(&self, file: &Path) -> Result<(Source, Review)> {
        let source = self.loader.read(file)?;
        let review = self.approvals.review(&source, file)?;
        Ok((source, review))
    }

    /// Ask whether a backend may be used that somebody named, and that nobody approved.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] where the user says no. Where nobody can be asked, and for any other
    /// trouble, [`Backends::get`] tells.
    pub(crate) fn ask_for(&self, name: &str) -> Result<()> {
        let Some(Err(unusable)) = self.others.get(name) else { return Ok(()) };
        let lock = || self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if !unusable.refused || !self.approvals.can_ask() || lock().contains_key(name) {
            return Ok(());
        }
        let file = &unusable.file;
        let mut no = self.denied.lock().unwrap_or_else(PoisonError::into_inner);
        if no.contains(name) {
            return Err(denied(file));
        }
        if !unusable.configured {
            in_a_safe_folder(file)?;
        }
        let source = self.loader.read(file)?;
        let configured = unusable.configured.then_some(name);
        let stranger =
            self.approvals.stranger(source, file, configured, true).inspect_err(|_| {
                no.insert(name.to_owned());
            })?;
        let own = name_of(&stranger, &self.loader)?;
        let by = if unusable.configured { "the config" } else { "its file" };
        check_called(&own, name, file, by)?;
        let plugin = self.load_stranger(&stranger)?;
        lock().insert(name.to_owned(), Arc::new(plugin));
        Ok(())
    }

    fn load_stranger(&self, stranger: &Stranger) -> Result<Plugin> {
        self.loader.load(&stranger.source, stranger.approved.as_ref()).map(|(plugin, _)| plugin)
    }

    /// The plugin of a backend, loaded at the first call.
    ///
    /// # Errors
    ///
    /// [`Error::BackendNotFound`], or why its plugin cannot be used.
    pub(crate) fn get(&self, name: &str) -> Result<Arc<Plugin>> {
        let lock = || self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(plugin) = lock().get(name) {
            return Ok(Arc::clone(plugin));
        }
        let plugin = Arc::new(self.load(name)?);
        Ok(Arc::clone(lock().entry(name.to_owned()).or_insert(plugin)))
    }

    fn load(&self, name: &str) -> Result<Plugin> {
        if let Some(source) = built_in(name) {
            return self.loader.load(&source, None).map(|(plugin, _)| plugin);
        }
        match self.others.get(name) {
            Some(Ok(stranger)) => self.load_stranger(stranger),
            Some(Err(unusable)) => Err(unusable.error()),
            None => Err(self.not_found(name)),
        }
    }

    fn not_found(&self, name: &str) -> Error {
        let names = self.names();
        let close = nearest(name, names.iter().map(String::as_str));
        let advice = match (close, name) {
            (_, "podman" | "docker") if names.iter().any(|name| name == "container") => {
                format!("use '--backend container -o runtime={name}'")
            }
            (Some(close), _) => format!("did you mean '{close}'?"),
            (None, _) => {
                format!("there are: {}; give another one by '--plugin FILE.wasm'", names.join(", "))
            }
        };
        Error::BackendNotFound { backend: name.to_owned(), advice: Some(advice) }
    }

    /// Load a component whether or not it is trusted, to look at it. Nothing of it runs but its own
    /// description of itself, with the door shut.
    pub(crate) fn inspect(&self, file: &Path) -> Result<(Plugin, Warmth)> {
        self.loader.load(&self.loader.read(file)?, None)
    }
}

/// The backend's name, as it was approved, or as the component says where its very content is.
fn name_of(stranger: &Stranger, loader: &Loader) -> Result<String> {
    if let Some(approved) = &stranger.approved {
        return Ok(approved.name.clone());
    }
    let digest = stranger.source.digest;
    let same = |name: &&&str| built_in(name).is_some_and(|one| one.digest == digest);
    match BUILT_IN_NAMES.iter().find(same) {
        Some(name) => Ok((*name).to_owned()),
        None => loader.load(&stranger.source, None).map(|(plugin, _)| plugin.name().to_owned()),
    }
}

/// Whether a backend has the name that it goes by.
fn check_called(own: &str, name: &str, file: &Path, by: &str) -> Result<()> {
    if own == name {
        return Ok(());
    }
    Err(Error::Plugin {
        file: file.to_owned(),
        what: format!("its backend is called {own}, and {by} calls it {name}"),
        advice: Some(match by {
            "the config" => format!("name it ops.plugins.{own}"),
            _ => format!("use --backend {own}"),
        }),
    })
}

/// A stranger cannot take the name of a built-in backend; the very same component may.
pub(super) fn check_free(name: &str, file: &Path, source: &Source) -> Result<()> {
    let taken = BUILT_IN_NAMES.contains(&name) && Guard::BuiltInNames.holds();
    if !taken || vetted(&source.digest) {
        return Ok(());
    }
    Err(Error::Plugin {
        file: file.to_owned(),
        what: format!("its backend is called {name}, which is the name of a built-in one"),
        advice: Some("ask its author for another name".into()),
    })
}

/// The components in the user's plugins folder, in the order of their names.
pub(super) fn installed(folders: &Folders) -> Vec<PathBuf> {
    let Some(data) = &folders.data else { return Vec::new() };
    let Ok(entries) = std::fs::read_dir(data.join("plugins")) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "wasm"))
        .collect();
    files.sort();
    files
}

/// Whether the folder of an installed component is the user's: who else can write there chooses which
/// components there are.
fn in_a_safe_folder(file: &Path) -> Result<()> {
    let Some(folder) = file.parent() else { return Ok(()) };
    let meta = std::fs::metadata(folder)
        .map_err(|error| Error::failed(format!("{} cannot be read: {error}", folder.display())))?;
    ownership::check(folder, &meta)
}

/// How a plugin is trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// Built with this release.
    Vetted,
    /// The user approved it.
    Approved,
    /// The user's config approves it, by its digest.
    Config,
    /// The user approved it for this command alone.
    Once,
    /// The user approved the file, and it has another content now.
    Changed,
    /// Nobody approved it.
    No,
}

/// Everything that can be told of a plugin.
#[derive(Debug, Clone)]
pub struct PluginInfo {
    /// The backend's name, as far as it is known.
    pub name: String,
    /// What it declared; `None` where it could not be loaded.
    pub manifest: Option<Arc<crate::door::CheckedManifest>>,
    /// `sha256:…`; empty where the file could not be read.
    pub digest: String,
    /// Where it is from.
    pub origin: Origin,
    /// Whether it may run.
    pub trusted: Trust,
    /// Its size in bytes.
    pub size: u64,
    /// The interfaces that it imports.
    pub imports: Vec<String>,
    /// Why it cannot be used.
    pub problem: Option<String>,
    /// What to do about that.
    pub advice: Option<String>,
}

impl PluginInfo {
    /// What it imports, in two parts: what there is something behind, and the interfaces of a WASI in
    /// which there is nothing.
    pub fn imports_apart(&self) -> (Vec<&str>, Vec<&str>) {
        self.imports.iter().map(String::as_str).partition(|import| !is_empty_wasi(import))
    }
}

impl Backends {
    /// Every plugin, those that cannot be used too.
    pub(crate) fn infos(&self) -> Vec<PluginInfo> {
        self.names()
            .into_iter()
            .map(|name| match self.get(&name) {
                Ok(plugin) => {
                    let mut info = self.info(&plugin);
                    if info.trusted == Trust::No {
                        // It is in use, and nothing else approves.
                        info.trusted = Trust::Config;
                    }
                    info
                }
                Err(error) => {
                    let unusable = match self.others.get(&name) {
                        Some(Err(unusable)) => Some(unusable),
                        _ => None,
                    };
                    let file =
                        unusable.map_or_else(|| PathBuf::from(&name), |one| one.file.clone());
                    let source = self.loader.read(&file).ok();
                    PluginInfo {
                        name,
                        manifest: None,
                        digest: source
                            .as_ref()
                            .map(|source| source.digest.to_string())
                            .unwrap_or_default(),
                        trusted: self.approvals.altered(&file),
                        origin: Origin::File(file),
                        size: source.map_or(0, |source| source.bytes.len() as u64),
                        imports: Vec::new(),
                        problem: Some(error.to_string()),
                        advice: error.advice().map(str::to_owned),
                    }
                }
            })
            .collect()
    }

    /// What can be told of a loaded plugin.
    pub(crate) fn info(&self, plugin: &Plugin) -> PluginInfo {
        info(plugin, self.approvals.how(&plugin.digest()))
    }
}

/// What can be told of a loaded plugin that is trusted so.
pub(super) fn info(plugin: &Plugin, trusted: Trust) -> PluginInfo {
    PluginInfo {
        name: plugin.name().to_owned(),
        manifest: Some(Arc::clone(plugin.manifest())),
        digest: plugin.digest().to_string(),
        origin: plugin.origin().clone(),
        trusted,
        size: plugin.size() as u64,
        imports: plugin.imports(),
        problem: None,
        advice: None,
    }
}
