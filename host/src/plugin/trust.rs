//! What the user has approved: components by digest, each with what it declared then.

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
#[derive(Debug, Clone)]
pub struct TrustFile {
    folder: Option<PathBuf>,
}

/// One approval. The manifest in it binds from then on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// When, RFC 3339 in UTC.
    pub approved_at: String,
    /// What the component declared, and what was shown.
    pub manifest: Manifest,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Content {
    version: u32,
    plugins: BTreeMap<String, Approval>,
}

const VERSION: u32 = 1;

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

    /// Approve a component.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] where the file cannot be read or written.
    pub fn approve(&self, digest: &Digest, manifest: &Manifest) -> Result<()> {
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
        let approved_at = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        content
            .plugins
            .insert(digest.to_string(), Approval { approved_at, manifest: manifest.clone() });
        let text = serde_json::to_string_pretty(&content)
            .map_err(|error| Error::failed(format!("the approval cannot be written: {error}")))?;
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
        file.write_all(text.as_bytes()).map_err(failed)?;
        file.write_all(b"\n").map_err(failed)?;
        file.as_file().sync_all().map_err(failed)?;
        file.persist(folder.join("trust.json")).map_err(|error| failed(error.error))?;
        Ok(())
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

#[cfg(test)]
mod tests;
