//! The host: everything that operations on sessions need, set up once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::approvals::{Ask, ProgramReview, Review, denied};
use super::backends::{Backends, PluginInfo, Trust};
use super::chosen;
use super::files::WrittenFiles;
use super::ledger::{Ahead, Entry, Ledger};
use super::model::{OptionValue, SessionConfig};
use super::processes;
use crate::config::Config;
use crate::door::{About, Audit, Audited, ConstFiles, Locations, Observer, Programs, Silent};
use crate::folders::Folders;
use crate::plugin::{BUILT_IN_NAMES, Plugin, ProgramApproval, TrustFile};
use crate::text::shown_path;
use crate::{Error, Result};

/// The backend of sessions for which nobody says another.
const DEFAULT_BACKEND: &str = "tmux";

/// How much of a digest names a component: `sha256:` and as many digits as `kst plugin list` shows.
const SHORTEST_DIGEST: usize = 19;

/// An approval that was withdrawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Withdrawn {
    /// The backend's name.
    pub name: String,
    /// The component's digest.
    pub digest: String,
}

/// What a [`Host`] is made from.
pub struct HostSettings {
    /// Where kst keeps things.
    pub folders: Folders,
    /// The config, already read.
    pub config: Config,
    /// Components besides those that are built in: the files of `--plugin`.
    pub plugins: Vec<PathBuf>,
    /// The `kst` program, which stands beside sessions on this machine as their shim, and compiles
    /// components within bounds. `None`: the running program, which is right for `kst` itself and wrong
    /// for anything else.
    pub program: Option<PathBuf>,
    /// Run what reads, and stop at the first change.
    pub dry_run: bool,
    /// Hears of every command that is run.
    pub observer: Arc<dyn Observer + Send + Sync>,
    /// Warn of engines that do not run even where no session of theirs is known.
    pub verbose: bool,
    /// Hears what went wrong without being an error: a backend that could not be asked.
    pub warn: Arc<dyn Fn(&str) + Send + Sync>,
    /// Asks the user about a component or a program that nobody approved. `None`: it is refused.
    pub ask: Option<Ask>,
    /// Leave out the programs that a directory's config chose and nobody approved, where they would
    /// be an error: for what runs no program.
    pub without_chosen_programs: bool,
}

impl HostSettings {
    /// The folders of the environment, no config, nobody listening.
    pub fn new(config: Config) -> Self {
        HostSettings {
            folders: Folders::from_env(),
            config,
            plugins: Vec::new(),
            program: None,
            dry_run: false,
            observer: Arc::new(Silent),
            verbose: false,
            warn: Arc::new(|_| {}),
            ask: None,
            without_chosen_programs: false,
        }
    }
}

/// The host of all backends: finds, starts, stops, lists sessions.
///
/// ```no_run
/// use kst::config::Config;
/// use kst::session::{Filter, Host, HostSettings};
///
/// # fn main() -> kst::Result<()> {
/// let host = Host::new(HostSettings::new(Config::empty()))?;
/// for session in host.list(&Filter::default())?.sessions {
///     println!("{} {} in {}", session.name, session.state, session.backend);
/// }
/// # Ok(())
/// # }
/// ```
pub struct Host {
    settings: HostSettings,
    backends: Backends,
    programs: Arc<Programs>,
    audit: Arc<Audit>,
    entries: Mutex<Option<Arc<Vec<Arc<Entry>>>>>,
    boot: OnceLock<Option<String>>,
}

impl Host {
    /// Begin to set up what hosts share, on a thread of its own. A program that will need a host
    /// saves some time by calling this before it reads its arguments and its config.
    pub fn warm_up() {
        crate::plugin::start_ticking();
    }

    /// Set up a host. Nothing is run or compiled yet.
    ///
    /// # Errors
    ///
    /// A component of [`HostSettings::plugins`] cannot be used; the working directory's config
    /// chooses a program that nobody approved ([`Error::Refused`]).
    pub fn new(settings: HostSettings) -> Result<Host> {
        let trust = TrustFile::new(settings.folders.data.as_deref());
        let ask = settings.ask.clone();
        let lenient = settings.without_chosen_programs;
        let overrides = chosen::overrides(&settings.config, &trust, ask.as_ref(), lenient)?;
        let programs = Arc::new(Programs::new(std::env::var_os("PATH"), overrides));
        let backends = Backends::find(
            &settings.folders,
            &settings.config,
            &settings.plugins,
            Arc::clone(&programs),
            ask,
            settings.program.clone(),
        )?;
        let audit = Arc::new(Audit::new(settings.folders.state.as_deref()));
        Ok(Host {
            settings,
            backends,
            programs,
            audit,
            entries: Mutex::new(None),
            boot: OnceLock::new(),
        })
    }

    /// The config in use.
    pub fn config(&self) -> &Config {
        &self.settings.config
    }

    /// The names of all backends.
    pub fn backends(&self) -> Vec<String> {
        self.backends.names()
    }

    /// The backend of sessions for which nobody says another.
    pub fn default_backend(&self) -> String {
        match (self.backends.preferred(), self.config().default_backend()) {
            (Some(preferred), _) => preferred.to_owned(),
            (None, Some(configured)) => configured.value.clone(),
            (None, None) => DEFAULT_BACKEND.to_owned(),
        }
    }

    /// The backend of the first of [`HostSettings::plugins`].
    pub(crate) fn preferred_backend(&self) -> Option<&str> {
        self.backends.preferred()
    }

    /// Every plugin, those that cannot be used too.
    pub fn plugins(&self) -> Vec<PluginInfo> {
        self.backends.infos()
    }

    /// Look at a component, trusted or not. Nothing of it runs but its description of itself, which
    /// can run nothing.
    ///
    /// # Errors
    ///
    /// [`Error::Plugin`] where it is none that this kst can run.
    pub fn inspect(&self, file: &Path) -> Result<PluginInfo> {
        let (plugin, _) = self.backends.inspect(file)?;
        Ok(self.backends.info(&plugin))
    }

    /// Approve a component by its digest, if `confirm` says so after seeing it.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] if it says no; [`Error::Plugin`] where it is none that this kst can run.
    pub fn trust(
        &self,
        file: &Path,
        confirm: &mut dyn FnMut(&Review) -> bool,
    ) -> Result<PluginInfo> {
        let (source, review) = self.backends.review(file)?;
        let info = review.plugin.clone();
        let Some(manifest) = info.manifest.as_ref().filter(|_| info.trusted == Trust::No) else {
            return Ok(info);
        };
        if !confirm(&review) {
            return Err(denied(file));
        }
        if !self.dry_run() {
            self.backends.approve(&source, manifest.manifest())?;
        }
        Ok(PluginInfo { trusted: Trust::Approved, ..info })
    }

    /// Withdraw approvals: of the components of this name, of this digest (or the beginning of one),
    /// or of this file. A dry run only looks.
    ///
    /// # Errors
    ///
    /// [`Error::Plugin`] where nothing of the kind is approved; [`Error::Ambiguous`] where several
    /// digests begin so.
    pub fn untrust(&self, what: &Path) -> Result<Vec<Withdrawn>> {
        let all = self.backends.trust().all()?;
        let text = what.to_string_lossy();
        let digests: Vec<String> = if text.starts_with("sha256:") && text.len() >= SHORTEST_DIGEST {
            let lower = text.to_ascii_lowercase();
            all.keys().filter(|digest| digest.starts_with(&lower)).cloned().collect()
        } else {
            all.iter()
                .filter(|(_, approval)| approval.manifest.name == *text)
                .map(|(digest, _)| digest.clone())
                .collect()
        };
        if text.starts_with("sha256:") && digests.len() > 1 {
            return Err(Error::Ambiguous {
                name: text.into_owned(),
                places: digests,
                advice: Some("write more digits of the one that you mean".into()),
            });
        }
        let digests = match digests.is_empty() {
            false => digests,
            true => self.approved_of_file(what, &all)?,
        };
        let gone: Vec<Withdrawn> = all
            .into_iter()
            .filter(|(digest, _)| digests.contains(digest))
            .map(|(digest, approval)| Withdrawn { name: approval.manifest.name, digest })
            .collect();
        if !self.dry_run() {
            self.backends.trust().withdraw(|digest, _| digests.iter().any(|one| one == digest))?;
        }
        Ok(gone)
    }

    /// How many components are approved, by their names, that are none of these.
    ///
    /// # Errors
    ///
    /// The approvals cannot be read.
    pub fn approved_besides(&self, plugins: &[PluginInfo]) -> Result<BTreeMap<String, usize>> {
        let mut besides = BTreeMap::new();
        for (digest, approval) in self.backends.trust().all()? {
            if !plugins.iter().any(|plugin| plugin.digest == digest) {
                *besides.entry(approval.manifest.name).or_default() += 1;
            }
        }
        Ok(besides)
    }

    /// The approved digests of what lies, or lay, in this file.
    fn approved_of_file(
        &self,
        file: &Path,
        all: &BTreeMap<String, crate::plugin::Approval>,
    ) -> Result<Vec<String>> {
        let path = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
        let content = self.backends.read(file).map(|source| source.digest().to_string());
        let digests: Vec<String> = all
            .iter()
            .filter(|(digest, approval)| {
                approval.file.as_ref() == Some(&path)
                    || content.as_ref().is_ok_and(|content| content == *digest)
            })
            .map(|(digest, _)| digest.clone())
            .collect();
        if !digests.is_empty() {
            return Ok(digests);
        }
        let shown = shown_path(file);
        let advice = if BUILT_IN_NAMES.iter().any(|name| **name == *shown) {
            format!("{shown} is a part of kst, and trusted as kst is")
        } else if let Some(pin) = self.config().plugin_digests().get(&shown) {
            format!("the config approves it: remove its digest from {}", pin.place())
        } else {
            "give a backend's name, a digest or a component's file, as `kst plugin list` shows them"
                .to_owned()
        };
        Err(Error::Plugin {
            file: file.to_owned(),
            what: "nothing is approved by this name, digest or file".into(),
            advice: Some(advice),
        })
    }

    /// The programs that the config of the working directory chose and nobody approved; what cannot
    /// be approved is an error of its own.
    pub fn unapproved_programs(&self) -> Vec<Result<ProgramReview>> {
        chosen::unapproved(self.config(), self.backends.trust())
    }

    /// Approve a program that the config of a directory chose.
    ///
    /// # Errors
    ///
    /// The approval cannot be kept.
    pub fn trust_program(&self, review: &ProgramReview) -> Result<()> {
        match self.dry_run() {
            true => Ok(()),
            false => self.backends.trust().approve_program(&review.choice),
        }
    }

    /// Withdraw the approvals of the programs that the working directory's config chose, now or
    /// before. A dry run only looks.
    ///
    /// # Errors
    ///
    /// The approvals cannot be read or written.
    pub fn untrust_programs(&self, folder: &Path) -> Result<Vec<ProgramApproval>> {
        let folder = std::fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
        let here = |known: &ProgramApproval| {
            self.config().files().contains(&known.config) && known.config.starts_with(&folder)
                || known.config == folder.join(crate::config::FILE_NAME)
        };
        match self.dry_run() {
            true => self.backends.trust().programs(here),
            false => self.backends.trust().withdraw_programs(here),
        }
    }

    /// Whether the places of a backend are sockets (tmux). `false` for one that cannot be used.
    pub fn has_sockets(&self, backend: &str) -> bool {
        self.backend(backend).is_ok_and(|plugin| {
            matches!(plugin.manifest().manifest().locations, Locations::Sockets(_))
        })
    }

    /// A backend's plugin.
    pub(crate) fn backend(&self, name: &str) -> Result<Arc<Plugin>> {
        self.backends.get(name)
    }

    /// Ask about a backend that somebody named, if nobody approved it.
    pub(crate) fn ask_for(&self, name: &str) -> Result<()> {
        self.backends.ask_for(name)
    }

    pub(super) fn plugin_files(&self) -> &Backends {
        &self.backends
    }

    pub(crate) fn folders(&self) -> &Folders {
        &self.settings.folders
    }

    pub(crate) fn programs(&self) -> Arc<Programs> {
        Arc::clone(&self.programs)
    }

    /// What backends have had run, and what was refused to them.
    pub fn audit(&self) -> &Audit {
        &self.audit
    }

    /// Who hears of what is done: the audit log and the caller's observer.
    pub(crate) fn observer(&self, about: About) -> Arc<dyn Observer + Send + Sync> {
        let next = Arc::clone(&self.settings.observer);
        Arc::new(Audited::new(Arc::clone(&self.audit), about, next))
    }

    pub(crate) fn dry_run(&self) -> bool {
        self.settings.dry_run
    }

    pub(crate) fn tells_all(&self) -> bool {
        self.settings.verbose
    }

    pub(crate) fn warn(&self, text: &str) {
        (self.settings.warn)(text);
    }

    /// The constant files of a plugin, written when a form first needs one.
    pub(crate) fn files(&self, plugin: &Plugin) -> Arc<dyn ConstFiles + Send + Sync> {
        Arc::new(WrittenFiles::new(
            self.settings.folders.state.clone(),
            plugin.digest(),
            Arc::clone(plugin.manifest()),
        ))
    }

    /// What the ledger knows, read when it is first asked. Empty where there is none.
    pub(crate) fn entries(&self) -> Arc<Vec<Arc<Entry>>> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(entries.get_or_insert_with(|| {
            Arc::new(self.known_ledger().map(|ledger| ledger.load()).unwrap_or_default())
        }))
    }

    /// Take what was loaded while the engines were asked for what the ledger knows now, if nothing was
    /// written since.
    pub(crate) fn use_if_unchanged(&self, ledger: &Ledger, ahead: Ahead) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.is_none() {
            *entries = ledger.unchanged(ahead).map(Arc::new);
        }
    }

    /// What the ledger knows of one name at this moment.
    pub(crate) fn entries_named(&self, name: &str) -> Arc<Vec<Arc<Entry>>> {
        Arc::new(self.known_ledger().map(|ledger| ledger.load_named(name)).unwrap_or_default())
    }

    /// The state folder, if there can be one.
    pub(crate) fn state(&self) -> Option<&Path> {
        self.settings.folders.state.as_deref()
    }

    /// The ledger, to read in, where there is one that is the user's alone.
    pub(crate) fn known_ledger(&self) -> Option<Ledger> {
        self.state().and_then(Ledger::open_read)
    }

    /// Whether the user is to be told of a topic that is worth being told of once. It is not asked
    /// twice, unless that cannot be kept.
    pub fn first_time(&self, topic: &str) -> bool {
        self.ledger().map_or(true, |ledger| ledger.first_time(topic))
    }

    /// This host, with the ledger to be read anew: for another look after something was done.
    pub(crate) fn afresh(&self) -> &Host {
        *self.entries.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self
    }

    /// Say where the `kst` program is.
    pub(crate) fn set_program(&mut self, program: PathBuf) {
        self.backends.set_program(program.clone());
        self.settings.program = Some(program);
    }

    /// The ledger, to write in.
    ///
    /// # Errors
    ///
    /// There is no state folder, or it cannot be written.
    pub(crate) fn ledger(&self) -> Result<Ledger> {
        let state = self.settings.folders.state.as_deref().ok_or_else(|| Error::Failed {
            what: "there is no folder to keep track of sessions in".into(),
            advice: Some("set HOME or XDG_STATE_HOME".into()),
        })?;
        Ledger::open(state)
    }

    /// Which boot of the machine this is.
    pub(crate) fn boot(&self) -> Option<&str> {
        self.boot.get_or_init(processes::boot_id).as_deref()
    }

    /// The program that stands beside sessions.
    pub(crate) fn shim_program(&self) -> Result<PathBuf> {
        let (path, advice) = match &self.settings.program {
            Some(path) => (path.clone(), "install kst, or say where it is (its absolute path)"),
            None => (
                std::env::current_exe()
                    .map_err(|error| Error::failed(format!("kst cannot find itself: {error}")))?,
                "it was replaced or removed while it ran; run the command again",
            ),
        };
        if path.is_absolute() && path.is_file() {
            return Ok(path);
        }
        Err(Error::Failed {
            what: format!(
                "the kst program, which stands beside each session, is not there: {}",
                path.display()
            ),
            advice: Some(advice.into()),
        })
    }

    /// The location that a session's definition names, of a backend whose options name one. It is
    /// read off the definition without loading the backend, for the built-in names of that option
    /// are the config's.
    pub(crate) fn defined_location(
        &self,
        backend: &str,
        defined: &SessionConfig,
    ) -> Option<String> {
        let named = defined.location.clone().or_else(|| {
            let plugin = self.backend(backend).ok()?;
            let option = plugin.manifest().manifest().location_option.as_ref()?;
            match defined.options.get(&option.name)? {
                OptionValue::Text(name) => Some(name.clone()),
                _ => None,
            }
        });
        named.or_else(|| self.config_location(backend))
    }

    /// The location that the config prefers for a backend (`container_runtime`).
    pub(crate) fn config_location(&self, backend: &str) -> Option<String> {
        self.config().preferred_locations().get(backend).map(|preferred| preferred.value.clone())
    }

    /// Where a backend is to be looked at, if not everywhere: where the config prefers one location,
    /// that, those that its sessions name, and those where kst has started something.
    pub(crate) fn locations_in_use(&self, plugin: &Plugin) -> Vec<String> {
        let manifest = plugin.manifest().manifest();
        if !matches!(manifest.locations, Locations::Programs(_)) {
            return Vec::new();
        }
        let Some(preferred) = self.config_location(plugin.name()) else { return Vec::new() };
        let mut all = vec![preferred];
        // Not by `entries`: those are to be read after the engines were asked.
        let entries = self.known_ledger().map(|ledger| ledger.load()).unwrap_or_default();
        let started = entries.into_iter().filter(|entry| entry.backend == plugin.name());
        all.extend(started.map(|entry| entry.location.clone()));
        for (_, defined) in self.config().sessions() {
            let Ok(defined) = defined else { continue };
            let backend = defined.backend.clone().unwrap_or_else(|| self.default_backend());
            if backend == plugin.name() {
                all.extend(self.defined_location(&backend, defined));
            }
        }
        all
    }
}
