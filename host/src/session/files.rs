//! The constant files of plugins, on disk.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::PathBuf;
use std::sync::Arc;

use crate::door::{CheckedManifest, ConstFiles};
use crate::plugin::Digest;

/// Writes a plugin's constant files into kst's state folder, under the plugin's digest.
pub(crate) struct WrittenFiles {
    state: Option<PathBuf>,
    digest: Digest,
    manifest: Arc<CheckedManifest>,
}

impl WrittenFiles {
    pub(crate) fn new(
        state: Option<PathBuf>,
        digest: Digest,
        manifest: Arc<CheckedManifest>,
    ) -> Self {
        WrittenFiles { state, digest, manifest }
    }

    fn write(&self, name: &str) -> Result<PathBuf, String> {
        let file = self
            .manifest
            .manifest()
            .files
            .iter()
            .find(|file| file.name == name)
            .ok_or_else(|| format!("the plugin has no file '{name}'"))?;
        let state = self.state.as_ref().ok_or("there is no folder to write it in: set HOME")?;
        let folder = state.join("files").join(self.digest.hex());
        let path = folder.join(&file.name);
        // The content is constant: what is there and the same stays as it is.
        if fs::read_to_string(&path).is_ok_and(|content| content == file.content) {
            return Ok(path);
        }
        let failed = |error: std::io::Error| format!("{}: {error}", path.display());
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(failed)?;
        let mut temporary = tempfile::NamedTempFile::new_in(&folder).map_err(failed)?;
        std::io::Write::write_all(&mut temporary, file.content.as_bytes()).map_err(failed)?;
        temporary.as_file().set_permissions(fs::Permissions::from_mode(0o400)).map_err(failed)?;
        temporary.persist(&path).map_err(|error| failed(error.error))?;
        Ok(path)
    }
}

impl ConstFiles for WrittenFiles {
    fn path(&self, name: &str) -> Result<PathBuf, String> {
        self.write(name)
    }
}
