//! The host: everything that operations on sessions need, set up once.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::backends::{Backends, PluginInfo, Trust};
use super::files::WrittenFiles;
use super::ledger::{Entry, Ledger};
use super::model::{OptionValue, SessionConfig};
use super::processes;
use crate::config::Config;
use crate::door::{About, Audit, Audited, ConstFiles, Locations, Observer, Programs, Silent};
use crate::folders::Folders;
use crate::guard::Guard;
use crate::plugin::Plugin;
use crate::{Error, Result};

/// The backend of sessions for which nobody says another.
const DEFAULT_BACKEND: &str = "tmux";

/// What a [`Host`] is made from.
pub struct HostSettings {
    /// Where kst keeps things.
    pub folders: Folders,
    /// The config, already read.
    pub config: Config,
    /// Components besides those that are built in: the files of `--plugin`.
    pub plugins: Vec<PathBuf>,
    /// The `kst` program, which stands beside sessions on this machine as their shim. `None`: the
    /// running program, which is right for `kst` itself and wrong for anything else.
    pub program: Option<PathBuf>,
    /// Run what reads, and stop at the first change.
    pub dry_run: bool,
    /// Hears of every command that is run.
    pub observer: Arc<dyn Observer + Send + Sync>,
    /// Warn of engines that do not run even where no session of theirs is known.
    pub verbose: bool,
    /// Hears what went wrong without being an error: a backend that could not be asked.
    pub warn: Arc<dyn Fn(&str) + Send + Sync>,
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
    entries: Mutex<Option<Arc<Vec<Entry>>>>,
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
    /// chooses a program ([`Error::Refused`]).
    pub fn new(settings: HostSettings) -> Result<Host> {
        let backends = Backends::find(&settings.folders, &settings.config, &settings.plugins)?;
        let mut overrides = std::collections::BTreeMap::new();
        for (id, program) in settings.config.program_overrides() {
            let foreign = program.from_working_dir && program.value != *id;
            if foreign && Guard::DirectoryConfig.holds() {
                return Err(Error::Refused {
                    what: format!(
                        "{}: the config of a directory cannot choose the program that is run as \
                         {id} ('{}')",
                        program.place(),
                        crate::text::escape_controls(&program.value)
                    ),
                    advice: Some(
                        "if you mean it, put the setting into your own config \
                         (~/.config/kstlib.conf.yml), or name this file with --config"
                            .into(),
                    ),
                });
            }
            overrides.insert(id.clone(), program.value.clone().into());
        }
        let programs = Arc::new(Programs::new(std::env::var_os("PATH"), overrides));
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
        confirm: &mut dyn FnMut(&PluginInfo) -> bool,
    ) -> Result<PluginInfo> {
        let (plugin, _) = self.backends.inspect(file)?;
        let info = self.backends.info(&plugin);
        if info.trusted != Trust::No {
            return Ok(info);
        }
        if !confirm(&info) {
            return Err(Error::Refused {
                what: format!("{} was not approved", file.display()),
                advice: None,
            });
        }
        self.backends.trust().approve(&plugin.digest(), plugin.manifest().manifest())?;
        Ok(PluginInfo { trusted: Trust::Approved, ..info })
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
    pub(crate) fn entries(&self) -> Arc<Vec<Entry>> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(entries.get_or_insert_with(|| {
            Arc::new(self.known_ledger().map(|ledger| ledger.load()).unwrap_or_default())
        }))
    }

    /// What the ledger knows of one name at this moment.
    pub(crate) fn entries_named(&self, name: &str) -> Arc<Vec<Entry>> {
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

    /// This host, with the ledger to be read anew: for another look after something was done.
    pub(crate) fn afresh(&self) -> &Host {
        *self.entries.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self
    }

    /// Say where the `kst` program is.
    pub(crate) fn set_program(&mut self, program: PathBuf) {
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
        all.extend(started.map(|entry| entry.location));
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
