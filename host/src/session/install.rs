//! The user's plugins folder: components put into it and taken out of it.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::approvals::{Before, Review, denied};
use super::backends::{PluginInfo, Trust, installed};
use super::host::Host;
use super::model::SessionState;
use super::survey::Filter;
use crate::door::Changes;
use crate::plugin::{BUILT_IN_NAMES, Digest};
use crate::text::{escape_controls, shown_path};
use crate::{Error, Result, ownership};

/// What became of an installation.
#[derive(Debug, Clone)]
pub struct Installed {
    /// The component.
    pub plugin: PluginInfo,
    /// Where it is now.
    pub file: PathBuf,
    /// The digest of the one whose place it took.
    pub replaced: Option<String>,
}

/// What became of a removal.
#[derive(Debug, Clone)]
pub struct Removed {
    /// The files that are gone.
    pub files: Vec<PathBuf>,
    /// The digests of components of this name that are still approved.
    pub approved: Vec<String>,
    /// The sessions of this backend that still run.
    pub running: Vec<String>,
}

impl Host {
    /// Copy a component into the user's plugins folder, in the place of an older one of its name.
    /// `confirm` sees it, and hears whether it has to be approved; without its yes nothing is done.
    /// A dry run does nothing after that.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] if it says no, or where others can write to the folder;
    /// [`Error::Plugin`] where it is none that this kst can run; [`Error::Failed`] where it cannot be
    /// written.
    pub fn install(
        &self,
        file: &Path,
        confirm: &mut dyn FnMut(&Review, bool) -> bool,
    ) -> Result<Installed> {
        let (source, mut review) = self.plugin_files().review(file)?;
        let folder = self.plugins_folder()?;
        let name = review.plugin.name.clone();
        let target = folder.join(format!("{name}.wasm"));
        let old = self.installed_as(&name);
        let replaced = old.iter().find_map(|file| self.plugin_files().read(file).ok());
        let replaced =
            replaced.map(|old| old.digest().to_string()).filter(|old| *old != review.plugin.digest);
        if let Some(before) = self.before(replaced.as_deref(), &review)? {
            review.before = Some(before);
        }
        let needs_approval = review.plugin.trusted == Trust::No;
        if !confirm(&review, needs_approval) {
            return Err(denied(file));
        }
        let done = Installed { plugin: review.plugin.clone(), file: target.clone(), replaced };
        if self.dry_run() {
            return Ok(done);
        }
        let trust = self.plugin_files().trust();
        match &review.plugin.manifest {
            Some(manifest) if needs_approval => {
                trust.approve(&source.digest(), manifest.manifest(), Some(&target))?;
            }
            _ => trust.moved(&source.digest(), &target)?,
        }
        put(&folder, &target, source.bytes()).map_err(|error| {
            Error::failed(format!("{} cannot be written: {error}", shown_path(&target)))
        })?;
        for other in old.iter().filter(|old| **old != target) {
            remove(other)?;
        }
        let trusted = if needs_approval { Trust::Approved } else { review.plugin.trusted };
        Ok(Installed { plugin: PluginInfo { trusted, ..done.plugin }, ..done })
    }

    /// Take a backend's component out of the user's plugins folder. Its approval stays. A dry run
    /// only looks.
    ///
    /// # Errors
    ///
    /// [`Error::BackendNotFound`] where none of that name is installed; [`Error::Refused`] while
    /// sessions of it run, without `force`.
    pub fn uninstall(&self, name: &str, force: bool) -> Result<Removed> {
        let files = self.installed_as(name);
        if files.is_empty() {
            return Err(self.not_installed(name));
        }
        let filter = Filter { backend: Some(name.to_owned()), location: None };
        let listed = self.list(&filter).map(|listing| listing.sessions).unwrap_or_default();
        let running = listed.into_iter().filter(|session| {
            // Of those that nobody can ask, nobody knows that they have ended.
            let over = [SessionState::Exited, SessionState::Stopped, SessionState::Defined];
            session.ours && !over.contains(&session.state)
        });
        let running: Vec<String> = running.map(|session| session.name).collect();
        if !running.is_empty() && !force {
            return Err(Error::Refused {
                what: format!(
                    "sessions of the backend {name} run: {}",
                    running.iter().map(|name| escape_controls(name)).collect::<Vec<_>>().join(", ")
                ),
                advice: Some("stop them first, or remove it all the same with --force".into()),
            });
        }
        if !self.dry_run() {
            files.iter().try_for_each(|file| remove(file))?;
        }
        let approved = self.plugin_files().trust().all()?;
        let approved = approved.into_iter().filter(|(_, one)| one.manifest.name == name);
        Ok(Removed { files, approved: approved.map(|(digest, _)| digest).collect(), running })
    }

    /// The installed files of this backend: by their own name, and by what was approved of them.
    fn installed_as(&self, name: &str) -> Vec<PathBuf> {
        let trust = self.plugin_files().trust();
        let is_it = |file: &PathBuf| {
            let approval = self
                .plugin_files()
                .read(file)
                .ok()
                .and_then(|source| trust.get(&source.digest()).ok().flatten());
            match approval {
                Some(approval) => approval.manifest.name == name,
                None => file.file_stem().is_some_and(|stem| stem == name),
            }
        };
        installed(self.folders()).into_iter().filter(is_it).collect()
    }

    fn not_installed(&self, name: &str) -> Error {
        let shown = escape_controls(name);
        let advice = match self.config().plugins().get(name) {
            Some(file) => format!("the config names it: {}", file.place()),
            None if BUILT_IN_NAMES.contains(&name) => {
                format!("{shown} is a part of kst, and goes with it")
            }
            None => "see what there is: kst plugin list".to_owned(),
        };
        Error::Plugin {
            file: PathBuf::from(name),
            what: "no backend of this name is in your plugins folder".into(),
            advice: Some(advice),
        }
    }

    /// How the new one differs from the one whose place it takes, where that is known.
    fn before(&self, digest: Option<&str>, review: &Review) -> Result<Option<Before>> {
        let (Some(digest), Some(after)) = (digest, &review.plugin.manifest) else {
            return Ok(None);
        };
        let approval = match digest.parse::<Digest>() {
            Ok(digest) => self.plugin_files().trust().get(&digest)?,
            Err(_) => None,
        };
        Ok(approval.map(|approval| Before {
            digest: digest.to_owned(),
            changes: Changes::between(&approval.manifest, after.manifest()),
            approved_at: approval.approved_at,
        }))
    }

    /// The folder, made if missing.
    fn plugins_folder(&self) -> Result<PathBuf> {
        let data = self.folders().data.as_ref().ok_or_else(|| Error::Failed {
            what: "there is no folder to keep plugins in".into(),
            advice: Some("set HOME or XDG_DATA_HOME".into()),
        })?;
        let folder = data.join("plugins");
        let failed = |error: io::Error| {
            Error::failed(format!("{} cannot be used: {error}", shown_path(&folder)))
        };
        if !self.dry_run() {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(failed)?;
        }
        match fs::metadata(&folder) {
            Ok(meta) => ownership::check(&folder, &meta)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.dry_run() => {}
            Err(error) => return Err(failed(error)),
        }
        Ok(folder)
    }
}

/// Put a file in its place, whole or not at all.
fn put(folder: &Path, target: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(target).map_err(|error| error.error)?;
    fs::File::open(folder)?.sync_all()
}

fn remove(file: &Path) -> Result<()> {
    fs::remove_file(file)
        .map_err(|error| Error::failed(format!("{} cannot be removed: {error}", shown_path(file))))
}
