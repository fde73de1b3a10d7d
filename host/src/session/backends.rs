//! The backends there are, and their plugins, loaded when they are first needed.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::config::Config;
use crate::folders::Folders;
use crate::guard::Guard;
use crate::plugin::{
    Approval, BUILT_IN_NAMES, Origin, Plugin, Source, TrustFile, Warmth, built_in, read_component,
    vetted,
};
use crate::text::nearest;
use crate::{Error, Result, ownership};

/// All backends of a host.
pub(crate) struct Backends {
    cache: Option<PathBuf>,
    trust: TrustFile,
    /// Where the components that are not built in are, by backend name; or why one cannot be used.
    others: BTreeMap<String, Result<Arc<Stranger>, Unusable>>,
    /// The backend of the first `--plugin`.
    preferred: Option<String>,
    loaded: Mutex<HashMap<String, Arc<Plugin>>>,
}

/// A component that is not built in, and what the user approved of it (`None`: it is vetted).
struct Stranger {
    source: Source,
    approval: Option<Approval>,
}

/// Why a backend of the config or of the plugins folder cannot be used. Kept as parts, since an
/// error is given out more than once.
#[derive(Debug, Clone)]
struct Unusable {
    what: String,
    advice: Option<String>,
    refused: bool,
    file: PathBuf,
}

impl Unusable {
    fn of(file: &Path, error: &Error) -> Self {
        Unusable {
            what: match error {
                Error::Plugin { what, .. } => what.clone(),
                other => other.to_string(),
            },
            advice: error.advice().map(str::to_owned),
            refused: matches!(error, Error::Refused { .. }),
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
    /// Find all backends. `explicit` are the files of `--plugin`.
    ///
    /// # Errors
    ///
    /// An explicit one that cannot be used is an error at once; any other only when it is needed.
    pub(crate) fn find(
        folders: &Folders,
        config: &Config,
        explicit: &[PathBuf],
    ) -> Result<Backends> {
        let trust = TrustFile::new(folders.data.as_deref());
        let mut others = BTreeMap::new();
        let mut preferred = None;
        for file in explicit {
            let stranger = Self::stranger(&trust, file, read_component(file)?)?;
            let name = Self::name_of(&stranger)?;
            check_free(&name, file, &stranger.source)?;
            preferred.get_or_insert_with(|| name.clone());
            others.insert(name, Ok(Arc::new(stranger)));
        }
        for (name, file) in config.plugins() {
            if others.contains_key(name) {
                continue;
            }
            let file = &file.value;
            let found = read_component(file)
                .and_then(|source| {
                    check_free(name, file, &source)?;
                    Self::stranger(&trust, file, source)
                })
                .and_then(|stranger| {
                    let own = Self::name_of(&stranger)?;
                    if own == *name {
                        return Ok(Arc::new(stranger));
                    }
                    Err(Error::Plugin {
                        file: file.clone(),
                        what: format!(
                            "its backend is called {own}, and the config calls it {name}"
                        ),
                        advice: Some(format!("name it ops.plugins.{own}")),
                    })
                });
            others.insert(name.clone(), found.map_err(|error| Unusable::of(file, &error)));
        }
        for file in installed(folders) {
            let found = in_a_safe_folder(&file).and_then(|()| {
                let stranger = Self::stranger(&trust, &file, read_component(&file)?)?;
                let name = Self::name_of(&stranger)?;
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
                        others.entry(name).or_insert_with(|| Err(Unusable::of(&file, &error)));
                    }
                }
            }
        }
        Ok(Backends {
            cache: folders.cache.clone(),
            trust,
            others,
            preferred,
            loaded: Mutex::default(),
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

    /// The approvals file.
    pub(crate) fn trust(&self) -> &TrustFile {
        &self.trust
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
        let load = |source: &Source, approval: Option<&Approval>| {
            let approved = approval.map(|approval| &approval.manifest);
            Plugin::load(source, self.cache.as_deref(), approved).map(|(plugin, _)| plugin)
        };
        if let Some(source) = built_in(name) {
            return load(&source, None);
        }
        match self.others.get(name) {
            Some(Ok(stranger)) => load(&stranger.source, stranger.approval.as_ref()),
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
        Plugin::load(&read_component(file)?, self.cache.as_deref(), None)
    }

    /// Whether a digest may run, and what was approved of it.
    fn stranger(trust: &TrustFile, file: &Path, source: Source) -> Result<Stranger> {
        if vetted(&source.digest) || !Guard::Approval.holds() {
            return Ok(Stranger { source, approval: None });
        }
        match trust.get(&source.digest)? {
            Some(approval) => Ok(Stranger { source, approval: Some(approval) }),
            None => Err(Error::Refused {
                what: format!(
                    "{} is not trusted: nobody approved {}",
                    file.display(),
                    source.digest
                ),
                advice: Some(format!(
                    "see what it could run and approve it: kst plugin trust {}",
                    shell_words::quote(&file.display().to_string())
                )),
            }),
        }
    }

    fn name_of(stranger: &Stranger) -> Result<String> {
        match &stranger.approval {
            Some(approval) => Ok(approval.manifest.name.clone()),
            None => {
                let digest = stranger.source.digest;
                let same = |name: &&&str| built_in(name).is_some_and(|one| one.digest == digest);
                match BUILT_IN_NAMES.iter().find(same) {
                    Some(name) => Ok((*name).to_owned()),
                    None => Plugin::load(&stranger.source, None, None)
                        .map(|(plugin, _)| plugin.name().to_owned()),
                }
            }
        }
    }
}

/// A stranger cannot take the name of a built-in backend; the very same component may.
fn check_free(name: &str, file: &Path, source: &Source) -> Result<()> {
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
fn installed(folders: &Folders) -> Vec<PathBuf> {
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

impl Backends {
    /// Every plugin, those that cannot be used too.
    pub(crate) fn infos(&self) -> Vec<PluginInfo> {
        self.names()
            .into_iter()
            .map(|name| match self.get(&name) {
                Ok(plugin) => self.info(&plugin),
                Err(error) => {
                    let unusable = match self.others.get(&name) {
                        Some(Err(unusable)) => Some(unusable),
                        _ => None,
                    };
                    let file =
                        unusable.map_or_else(|| PathBuf::from(&name), |one| one.file.clone());
                    let source = read_component(&file).ok();
                    PluginInfo {
                        name,
                        manifest: None,
                        digest: source
                            .as_ref()
                            .map(|source| source.digest.to_string())
                            .unwrap_or_default(),
                        origin: Origin::File(file),
                        trusted: Trust::No,
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
        let trust = if vetted(&plugin.digest()) {
            Trust::Vetted
        } else if matches!(self.trust.get(&plugin.digest()), Ok(Some(_))) {
            Trust::Approved
        } else {
            Trust::No
        };
        PluginInfo {
            name: plugin.name().to_owned(),
            manifest: Some(Arc::clone(plugin.manifest())),
            digest: plugin.digest().to_string(),
            origin: plugin.origin().clone(),
            trusted: trust,
            size: plugin.size() as u64,
            imports: plugin.imports(),
            problem: None,
            advice: None,
        }
    }
}
