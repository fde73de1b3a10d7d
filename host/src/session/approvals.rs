//! What is not approved yet: what the user is shown of it, and what the answer means.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::backends::{PluginInfo, Stranger, Trust, check_free, info};
use crate::config::Sourced;
use crate::door::{Amounts, Changes, Manifest, Programs, amounts};
use crate::guard::Guard;
use crate::plugin::{
    Approval, BUILT_IN_NAMES, Digest, Loader, ProgramApproval, Source, TrustFile, vetted,
};
use crate::text::shown_path;
use crate::{Error, Result, ownership};

/// Asks the user whether something may be used that nobody approved.
pub type Ask = Arc<dyn Fn(&Question<'_>) -> Answer + Send + Sync>;

/// What the user is asked.
#[derive(Debug)]
pub enum Question<'a> {
    /// May this component be used?
    Plugin(&'a Review),
    /// May this program be run, which the config of a directory chose?
    Program(&'a ProgramReview),
}

/// What the user says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// For this process.
    Once,
    /// From now on.
    Always,
    /// No.
    No,
}

/// A component that nobody approved, as its user has to see it.
#[derive(Debug, Clone)]
pub struct Review {
    /// What it is.
    pub plugin: PluginInfo,
    /// What it amounts to.
    pub amounts: Amounts,
    /// Each program that it names, and the file that it would be; or why it is none.
    pub programs: Vec<(String, Result<PathBuf, String>)>,
    /// A component of the same name that was approved before.
    pub before: Option<Before>,
}

/// What was approved before under the same name.
#[derive(Debug, Clone)]
pub struct Before {
    /// Its digest.
    pub digest: String,
    /// When it was approved.
    pub approved_at: String,
    /// What is otherwise in the new one.
    pub changes: Changes,
}

/// A program that a directory's config chose.
#[derive(Debug, Clone)]
pub struct ProgramReview {
    /// What would be approved.
    pub choice: ProgramApproval,
    /// The file and line that choose it.
    pub place: String,
    /// What that setting says.
    pub value: String,
    /// What would be run without it.
    pub instead_of: Option<PathBuf>,
    /// Whether another content, or another path, was approved for this setting before.
    pub changed: bool,
}

/// Decides what of strangers may be used, and asks where that is not known.
pub(crate) struct Approvals {
    pub(super) trust: TrustFile,
    loader: Arc<Loader>,
    programs: Arc<Programs>,
    ask: Option<Ask>,
    pins: BTreeMap<String, Sourced<Digest>>,
    /// The files that the config and the plugins folder give.
    given: Vec<PathBuf>,
    once: Mutex<HashMap<Digest, Manifest>>,
}

impl Approvals {
    /// With the approvals of this file, and those by digest of the config (by backend name). `given`
    /// are the components' files of the config and the plugins folder.
    pub(super) fn new(
        trust: TrustFile,
        loader: Arc<Loader>,
        programs: Arc<Programs>,
        ask: Option<Ask>,
        pins: BTreeMap<String, Sourced<Digest>>,
        given: Vec<PathBuf>,
    ) -> Self {
        Approvals { trust, loader, programs, ask, pins, given, once: Mutex::default() }
    }

    /// Whether there is somebody to ask.
    pub(super) fn can_ask(&self) -> bool {
        self.ask.is_some()
    }

    /// Whether a component may run, and what of it was approved. `configured` is its name in the
    /// config.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] where it may not; with `ask`, the user was asked.
    pub(super) fn stranger(
        &self,
        source: Source,
        file: &Path,
        configured: Option<&str>,
        ask: bool,
    ) -> Result<Stranger> {
        if vetted(&source.digest) || !Guard::Approval.holds() {
            return Ok(Stranger { source, approved: None });
        }
        let pin = configured.and_then(|name| self.pins.get(name));
        if let Some(pin) = pin.filter(|pin| pin.value != source.digest) {
            return Err(Error::Refused {
                what: format!(
                    "{} is not what the config names: it is {}, and {} says {}",
                    shown_path(file),
                    source.digest,
                    pin.place(),
                    pin.value
                ),
                advice: Some(
                    "if you mean the new one, read what `kst plugin inspect` shows of it, and \
                     write its digest there"
                        .into(),
                ),
            });
        }
        if let Some(approval) = self.trust.get(&source.digest)? {
            return Ok(Stranger { source, approved: Some(approval.manifest) });
        }
        if let Some(pin) = pin.filter(|pin| !pin.from_working_dir) {
            own(&pin.file)?;
            return Ok(Stranger { source, approved: None });
        }
        if let Some(manifest) = self.lock().get(&source.digest) {
            let approved = Some(manifest.clone());
            return Ok(Stranger { source, approved });
        }
        if ask && self.ask.is_some() {
            let manifest = self.asked(&source, file)?;
            return Ok(Stranger { source, approved: Some(manifest) });
        }
        Err(self.refused(&source, file))
    }

    /// Ask the user; what was approved.
    fn asked(&self, source: &Source, file: &Path) -> Result<Manifest> {
        let review = self.review(source, file)?;
        let Some(manifest) = review.plugin.manifest.as_ref() else {
            return Err(self.refused(source, file));
        };
        let manifest = manifest.manifest().clone();
        let answer = self.ask.as_ref().map(|ask| ask(&Question::Plugin(&review)));
        match answer {
            Some(Answer::Always) => self.approve(source, &manifest)?,
            Some(Answer::Once) => {
                self.lock().insert(source.digest, manifest.clone());
            }
            Some(Answer::No) => return Err(denied(file)),
            None => return Err(self.refused(source, file)),
        }
        Ok(manifest)
    }

    /// Keep an approval for good. Where the same file was approved before with the same commands, that
    /// approval goes: its content was built over, and an author's loop of building and trying would
    /// leave one each time. It stays where another file that kst is given still has that content.
    pub(super) fn approve(&self, source: &Source, manifest: &Manifest) -> Result<()> {
        let file = source.origin.file();
        let others = self.given.iter().filter(|given| Some(given.as_path()) != file);
        let in_use: HashSet<String> = others
            .filter_map(|given| self.loader.read(given).ok())
            .map(|given| given.digest().to_string())
            .collect();
        self.trust.approve_instead(&source.digest, manifest, file, |digest, old| {
            old.file.is_some()
                && old.file.as_deref() == file
                && Changes::between(&old.manifest, manifest).is_empty()
                && !in_use.contains(digest)
        })
    }

    /// Everything that the user has to see of a component. Nothing of it runs but its description of
    /// itself, which can run nothing.
    pub(super) fn review(&self, source: &Source, file: &Path) -> Result<Review> {
        let (plugin, _) = self.loader.load(source, None)?;
        check_free(plugin.name(), file, source)?;
        let manifest = plugin.manifest().manifest();
        let programs = manifest.programs.iter().map(|program| {
            let path = self.programs.resolve(&program.id).map_err(|error| error.to_string());
            (program.id.clone(), path)
        });
        Ok(Review {
            programs: programs.collect(),
            amounts: amounts(manifest, BUILT_IN_NAMES),
            before: self.before(manifest, &source.digest)?,
            plugin: info(&plugin, self.how(&source.digest)),
        })
    }

    /// How far a component is trusted, wherever it lies.
    pub(super) fn how(&self, digest: &Digest) -> Trust {
        if vetted(digest) {
            Trust::Vetted
        } else if matches!(self.trust.get(digest), Ok(Some(_))) {
            Trust::Approved
        } else if self.lock().contains_key(digest) {
            Trust::Once
        } else {
            Trust::No
        }
    }

    /// The last component of this name that was approved, if it is another one.
    fn before(&self, manifest: &Manifest, digest: &Digest) -> Result<Option<Before>> {
        let all = self.trust.all()?;
        let same = |(known, approval): &(String, Approval)| {
            approval.manifest.name == manifest.name && *known != digest.to_string()
        };
        let last =
            all.into_iter().filter(same).max_by_key(|(_, approval)| approval.approved_at.clone());
        Ok(last.map(|(digest, approval)| Before {
            digest,
            changes: Changes::between(&approval.manifest, manifest),
            approved_at: approval.approved_at,
        }))
    }

    fn refused(&self, source: &Source, file: &Path) -> Error {
        let now = source.digest;
        let why = match source.origin.file().and_then(|file| self.approved_here(file)) {
            Some(date) => format!("it changed since you approved it on {date}, and is now {now}"),
            None => format!("nobody approved {now}"),
        };
        Error::Refused {
            what: format!("{} is not trusted: {why}", shown_path(file)),
            advice: Some(format!(
                "see what it could run and approve it: kst plugin trust {}",
                shell_words::quote(&file.display().to_string())
            )),
        }
    }

    /// When something was approved in this file, whose content is not approved.
    fn approved_here(&self, file: &Path) -> Option<String> {
        let known = self.trust.all().unwrap_or_default();
        let here = known.into_values().filter(|one| one.file.as_deref() == Some(file));
        here.map(|approval| approval.approved_at).max()
    }

    /// Whether a file that cannot be used was approved once.
    pub(super) fn altered(&self, file: &Path) -> Trust {
        match self.approved_here(&std::path::absolute(file).unwrap_or_else(|_| file.to_owned())) {
            Some(_) => Trust::Changed,
            None => Trust::No,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Digest, Manifest>> {
        self.once.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The user said no.
pub(super) fn denied(file: &Path) -> Error {
    Error::Refused { what: format!("{} was not approved", shown_path(file)), advice: None }
}

/// A config approves where only its user, or root, can have written it.
fn own(config: &Path) -> Result<()> {
    let folder = config.parent().unwrap_or(Path::new("/"));
    for path in [config, folder] {
        let meta = std::fs::metadata(path).map_err(|error| {
            Error::failed(format!("{} cannot be read: {error}", shown_path(path)))
        })?;
        ownership::check(path, &meta)?;
    }
    Ok(())
}
