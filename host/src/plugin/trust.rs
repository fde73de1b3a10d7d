//! What the user has approved: components by digest, each with what it declared then, and programs
//! that a directory's config chose.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, OFlags, flock};
use serde::{Deserialize, Serialize};

use super::digest::Digest;
use crate::door::Manifest;
use crate::{Error, Result, ownership};

/// The file `trust.json` in kst's data folder: readable, mode 0600, replaced as a whole. One that
/// somebody else could have written approves nothing.
///
/// Writers take turns by a lock and write a new file beside the old one, which then takes its place:
/// whoever reads, or is killed while writing, finds the one or the other.
#[derive(Debug, Clone)]
pub struct TrustFile {
    folder: Option<PathBuf>,
}

/// One approval. The manifest in it binds from then on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// When, RFC 3339 in UTC.
    pub approved_at: String,
    /// The file that it was approved in. It counts wherever it lies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// What the component declared, and what was shown.
    pub manifest: Manifest,
}

/// A program that the config of a directory chose, and that its user approved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgramApproval {
    /// What it is to be run as: `tmux`.
    pub program: String,
    /// Its absolute path.
    pub path: PathBuf,
    /// The digest of that file's content.
    pub digest: Digest,
    /// The config file that chose it.
    pub config: PathBuf,
    /// When, RFC 3339 in UTC; empty where it is to be approved.
    #[serde(default)]
    pub approved_at: String,
}

impl ProgramApproval {
    /// Whether this approves what the other asks for.
    fn covers(&self, other: &ProgramApproval) -> bool {
        (&self.program, &self.path, &self.digest, &self.config)
            == (&other.program, &other.path, &other.digest, &other.config)
    }
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Content {
    version: u32,
    plugins: BTreeMap<String, Approval>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    programs: Vec<ProgramApproval>,
}

const VERSION: u32 = 1;

/// The new file, before it takes the old one's place. Who holds the lock writes it, and so it is only
/// ever one, whoever was killed before.
const UNFINISHED: &str = "trust.json.new";

impl TrustFile {
    /// The trust file in this data folder. It need not exist.
    pub fn new(folder: Option<&Path>) -> Self {
        TrustFile { folder: folder.map(Path::to_owned) }
    }

    /// What was approved for this digest.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] where the file is there and cannot be read or understood: that is not the
    /// same as nothing being approved. [`Error::Refused`] where it or its folder belongs to somebody
    /// else (root apart) or can be written by others, or it is no regular file.
    pub fn get(&self, digest: &Digest) -> Result<Option<Approval>> {
        Ok(self.read()?.plugins.remove(&digest.to_string()))
    }

    /// Every approved component, by its digest's text.
    ///
    /// # Errors
    ///
    /// As [`TrustFile::get`].
    pub fn all(&self) -> Result<BTreeMap<String, Approval>> {
        Ok(self.read()?.plugins)
    }

    /// Whether this choice of a program was approved.
    ///
    /// # Errors
    ///
    /// As [`TrustFile::get`].
    pub fn has_program(&self, choice: &ProgramApproval) -> Result<bool> {
        Ok(self.read()?.programs.iter().any(|known| known.covers(choice)))
    }

    /// Whether any choice of a program was approved for this setting.
    ///
    /// # Errors
    ///
    /// As [`TrustFile::get`].
    pub(crate) fn has_program_for(&self, program: &str, config: &Path) -> Result<bool> {
        let same = |known: &ProgramApproval| known.program == program && known.config == config;
        Ok(self.read()?.programs.iter().any(same))
    }

    /// The approved choices of programs that `which` picks.
    pub(crate) fn programs(
        &self,
        which: impl Fn(&ProgramApproval) -> bool,
    ) -> Result<Vec<ProgramApproval>> {
        Ok(self.read()?.programs.into_iter().filter(|known| which(known)).collect())
    }

    /// Note where an approved component lies from now on.
    pub(crate) fn moved(&self, digest: &Digest, file: &Path) -> Result<()> {
        let digest = digest.to_string();
        let known = self.read()?.plugins.remove(&digest);
        if known.is_none_or(|approval| approval.file.as_deref() == Some(file)) {
            return Ok(());
        }
        self.edit(|content| {
            if let Some(approval) = content.plugins.get_mut(&digest) {
                approval.file = Some(file.to_owned());
            }
        })
    }

    /// Approve a component, which lies in this file.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] where the file cannot be read or written.
    pub fn approve(&self, digest: &Digest, manifest: &Manifest, file: Option<&Path>) -> Result<()> {
        self.approve_instead(digest, manifest, file, |_, _| false)
    }

    /// The same, in the place of the approvals that `old` picks, by digest and approval.
    ///
    /// # Errors
    ///
    /// As [`TrustFile::approve`].
    pub(crate) fn approve_instead(
        &self,
        digest: &Digest,
        manifest: &Manifest,
        file: Option<&Path>,
        old: impl Fn(&str, &Approval) -> bool,
    ) -> Result<()> {
        let (manifest, file) = (manifest.clone(), file.map(Path::to_owned));
        self.edit(|content| {
            content.plugins.retain(|digest, approval| !old(digest, approval));
            let approval = Approval { approved_at: now(), file, manifest };
            content.plugins.insert(digest.to_string(), approval);
        })
    }

    /// Approve a program that a directory's config chose.
    ///
    /// # Errors
    ///
    /// As [`TrustFile::approve`].
    pub fn approve_program(&self, choice: &ProgramApproval) -> Result<()> {
        self.edit(|content| {
            content.programs.retain(|known| !known.covers(choice));
            content.programs.push(ProgramApproval { approved_at: now(), ..choice.clone() });
        })
    }

    /// Withdraw the approvals of the components that `which` picks, by digest and approval; they are
    /// returned.
    ///
    /// # Errors
    ///
    /// As [`TrustFile::approve`].
    pub fn withdraw(
        &self,
        which: impl Fn(&str, &Approval) -> bool,
    ) -> Result<BTreeMap<String, Approval>> {
        if !self.read()?.plugins.iter().any(|(digest, approval)| which(digest, approval)) {
            return Ok(BTreeMap::new());
        }
        let mut gone = BTreeMap::new();
        self.edit(|content| {
            content.plugins.retain(|digest, approval| {
                let keep = !which(digest, approval);
                if !keep {
                    gone.insert(digest.clone(), approval.clone());
                }
                keep
            });
        })?;
        Ok(gone)
    }

    /// Withdraw the approvals of the programs that `which` picks; they are returned.
    ///
    /// # Errors
    ///
    /// As [`TrustFile::approve`].
    pub fn withdraw_programs(
        &self,
        which: impl Fn(&ProgramApproval) -> bool,
    ) -> Result<Vec<ProgramApproval>> {
        if !self.read()?.programs.iter().any(&which) {
            return Ok(Vec::new());
        }
        let mut gone = Vec::new();
        self.edit(|content| {
            let (away, kept) = std::mem::take(&mut content.programs).into_iter().partition(&which);
            (gone, content.programs) = (away, kept);
        })?;
        Ok(gone)
    }

    /// Change the file, alone: what another process writes at the same time is not lost.
    fn edit(&self, change: impl FnOnce(&mut Content)) -> Result<()> {
        let folder = self.folder.as_ref().ok_or_else(|| Error::Failed {
            what: "there is no folder to keep approvals in".into(),
            advice: Some("set HOME or XDG_DATA_HOME".into()),
        })?;
        let failed = |error: std::io::Error| {
            Error::failed(format!("the approval cannot be kept in {}: {error}", folder.display()))
        };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
        let lock = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
            .open(folder.join("trust.lock"))
            .map_err(failed)?;
        flock(&lock, FlockOperation::LockExclusive).map_err(|error| failed(error.into()))?;
        let mut content = self.read()?;
        content.version = VERSION;
        change(&mut content);
        let mut text = serde_json::to_string_pretty(&content)
            .map_err(|error| Error::failed(format!("the approval cannot be written: {error}")))?;
        text.push('\n');
        let unfinished = folder.join(UNFINISHED);
        write_new(&unfinished, text.as_bytes())
            .and_then(|()| fs::rename(&unfinished, folder.join("trust.json")))
            // What was said to be done has to be there after a crash of the machine, too.
            .and_then(|()| fs::File::open(folder)?.sync_all())
            .map_err(failed)
    }

    fn read(&self) -> Result<Content> {
        let Some(folder) = &self.folder else { return Ok(Content::default()) };
        let path = folder.join("trust.json");
        let Some(mut file) = ownership::open(&path)? else { return Ok(Content::default()) };
        let in_folder = fs::metadata(folder).map_err(|error| {
            Error::failed(format!("{} cannot be read: {error}", path.display()))
        })?;
        // Who can write there can put an earlier file of the user's back.
        ownership::check(folder, &in_folder)?;
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(|error| {
            Error::failed(format!("{} cannot be read: {error}", path.display()))
        })?;
        let content: Content = serde_json::from_str(&text).map_err(|error| Error::Failed {
            what: format!("{} cannot be understood: {error}", path.display()),
            advice: Some("mend it, or remove it and approve your plugins again".into()),
        })?;
        if content.version != VERSION {
            return Err(Error::failed(format!(
                "{} is of version {}, which this kst does not know",
                path.display(),
                content.version
            )));
        }
        Ok(content)
    }
}

/// Write a file that was not there, with its content on the disk before this returns.
fn write_new(path: &Path, content: &[u8]) -> std::io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests;
