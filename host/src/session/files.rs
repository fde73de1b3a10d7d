//! The constant files of plugins, on disk.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::door::{CheckedManifest, ConstFiles};
use crate::plugin::Digest;
use crate::private;

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
        open_to_others(state)?;
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

/// An error where others could put a file of theirs in the place of one of these.
fn open_to_others(state: &Path) -> Result<(), String> {
    match fs::File::open(state) {
        Ok(folder) => private::check(&folder)
            .map_err(|why| format!("the state folder {} is not safe: {why}", state.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(format!("the state folder {}: {error}", state.display())),
    }
}

impl ConstFiles for WrittenFiles {
    fn path(&self, name: &str) -> Result<PathBuf, String> {
        self.write(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;
    use crate::plugin::{Loader, built_in};

    #[test]
    fn nothing_is_given_out_of_a_folder_that_is_open_to_others() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        let source = built_in("tmux").expect("it is built in");
        let (plugin, _) =
            Loader::new(None, Limits::default()).load(&source, None).expect("it is sound");
        let mut manifest = plugin.manifest().manifest().clone();
        let rc = crate::door::ConstFile { name: "rc".into(), content: "a\n".into() };
        manifest.files.push(rc);
        let manifest = Arc::new(manifest.check().unwrap());
        let files = WrittenFiles::new(Some(state.clone()), source.digest(), manifest);
        let path = files.path("rc").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "a\n");
        for mode in [0o777, 0o750, 0o701] {
            fs::set_permissions(&state, fs::Permissions::from_mode(mode)).unwrap();
            assert!(files.path("rc").unwrap_err().contains("not safe"), "{mode:o}");
        }
        fs::set_permissions(&state, fs::Permissions::from_mode(0o700)).unwrap();
        assert_eq!(files.path("rc").unwrap(), path);
    }
}
