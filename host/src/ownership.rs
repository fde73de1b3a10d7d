//! Whether nobody but the user could have written a file: what approvals and components come from.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;
use rustix::io::Errno;

use crate::Error;
use crate::guard::Guard;
use crate::text::shown_path;

/// Whether a file or folder belongs to the user or to root, and nobody else can write to it.
///
/// # Errors
///
/// [`Error::Refused`], with what to do about it.
pub(crate) fn check(path: &Path, meta: &Metadata) -> Result<(), Error> {
    check_owner(path, meta)?;
    let shown = shown_path(path);
    if meta.mode() & 0o022 != 0 && Guard::OwnFile.holds() {
        return Err(Error::Refused {
            what: format!("{shown}: others can write to it"),
            advice: Some(format!("chmod go-w {}", shell_words::quote(&shown))),
        });
    }
    Ok(())
}

/// Whether nobody but the user and root can have a path lead elsewhere, once it was looked at: who
/// owns the folders above it, and the links in it, and who else can rename what is in them.
///
/// # Errors
///
/// [`Error::Refused`], with what to do about it.
pub(crate) fn check_way(path: &Path) -> Result<(), Error> {
    let failed = |path: &Path, error: io::Error| {
        Error::failed(format!("{} cannot be looked at: {error}", shown_path(path)))
    };
    let real = std::fs::canonicalize(path).map_err(|error| failed(path, error))?;
    for step in [path, &real].into_iter().flat_map(|path| path.ancestors().skip(1)) {
        check_owner(step, &step.symlink_metadata().map_err(|error| failed(step, error))?)?;
        let meta = step.metadata().map_err(|error| failed(step, error))?;
        check_owner(step, &meta)?;
        // In a sticky folder, each renames his own alone.
        if meta.mode() & 0o1002 == 0o002 && Guard::OwnFile.holds() {
            return Err(Error::Refused {
                what: format!("{}: others can write to it", shown_path(step)),
                advice: Some("copy the program into a folder of yours".into()),
            });
        }
    }
    check_owner(path, &path.symlink_metadata().map_err(|error| failed(path, error))?)
}

fn check_owner(path: &Path, meta: &Metadata) -> Result<(), Error> {
    let user = rustix::process::geteuid().as_raw();
    let shown = shown_path(path);
    if meta.uid() != user && meta.uid() != 0 && Guard::OwnFile.holds() {
        return Err(Error::Refused {
            what: format!("{shown}: it belongs to another user (number {})", meta.uid()),
            advice: Some("copy it into a folder of yours and use the copy".into()),
        });
    }
    Ok(())
}

/// Open a regular file that only the user, or root, can have written, and that is no link. `None`
/// where there is none.
///
/// # Errors
///
/// [`Error::Refused`] where it is something else; [`Error::Failed`] where it cannot be opened.
pub(crate) fn open(path: &Path) -> Result<Option<File>, Error> {
    let refused = |what: &str| Error::Refused {
        what: format!("{}: {what}", shown_path(path)),
        advice: Some("put the file itself there, or remove what is there".into()),
    };
    let failed =
        |error: io::Error| Error::failed(format!("{} cannot be read: {error}", shown_path(path)));
    // Opening a pipe that nobody writes to would wait for ever.
    let flags = (no_links() | OFlags::NONBLOCK).bits().cast_signed();
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) => file,
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) if Errno::from_io_error(&error) == Some(Errno::LOOP) => {
            return Err(refused("it is a symbolic link, which is not followed here"));
        }
        Err(error) => return Err(failed(error)),
    };
    let meta = file.metadata().map_err(failed)?;
    if !meta.is_file() {
        return Err(refused("it is not a regular file"));
    }
    check(path, &meta)?;
    Ok(Some(file))
}

/// How a file is opened that must not be a link.
pub(crate) fn no_links() -> OFlags {
    if Guard::NoLinks.holds() { OFlags::NOFOLLOW } else { OFlags::empty() }
}

/// Whether nothing can be there: a folder on the way is missing, or is a file.
fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, chown, symlink};

    use super::*;

    #[test]
    fn only_what_nobody_else_can_have_written() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        assert!(open(&file).unwrap().is_none());
        fs::write(&file, "x").unwrap();
        for mode in [0o600, 0o644, 0o444] {
            fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
            assert!(open(&file).unwrap().is_some(), "{mode:o}");
        }
        for mode in [0o620, 0o602, 0o666] {
            fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
            let error = open(&file).unwrap_err();
            assert!(error.to_string().contains("others can write to it"), "{mode:o}: {error}");
            assert_eq!(error.exit_code(), 7);
            assert!(error.advice().is_some_and(|advice| advice.starts_with("chmod go-w ")));
        }
    }

    #[test]
    fn neither_links_nor_folders_nor_pipes() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "x").unwrap();
        let link = folder.path().join("link");
        symlink(&file, &link).unwrap();
        assert!(open(&link).unwrap_err().to_string().contains("symbolic link"));
        let dangling = folder.path().join("dangling");
        symlink("nowhere", &dangling).unwrap();
        assert!(open(&dangling).unwrap_err().to_string().contains("symbolic link"));
        assert!(open(folder.path()).unwrap_err().to_string().contains("not a regular file"));
        let pipe = folder.path().join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR).unwrap();
        assert!(open(&pipe).unwrap_err().to_string().contains("not a regular file"));
    }

    #[test]
    fn the_way_to_a_file_is_the_users() {
        let folder = tempfile::tempdir().unwrap();
        let (above, inner) = (folder.path().join("above"), folder.path().join("above/inner"));
        fs::create_dir_all(&inner).unwrap();
        let file = inner.join("file");
        fs::write(&file, "x").unwrap();
        let link = folder.path().join("link");
        symlink(&inner, &link).unwrap();
        let linked = link.join("file");
        let set = |mode| fs::set_permissions(&above, Permissions::from_mode(mode)).unwrap();
        for mode in [0o755, 0o775, 0o1777] {
            set(mode);
            check_way(&file).unwrap();
            check_way(&linked).unwrap();
        }
        set(0o777);
        for path in [&file, &linked] {
            let error = check_way(path).unwrap_err();
            assert!(error.to_string().contains("above: others can write to it"), "{error}");
        }
        set(0o755);
        // Only root can give files away.
        for given in [&above, &link, &file] {
            if std::os::unix::fs::lchown(given, Some(65_534), None).is_err() {
                eprintln!("NOT RUN: the_way_to_a_file_is_the_users: only root can try all of it");
                return;
            }
            let error = check_way(&linked).unwrap_err();
            let told = error.to_string();
            assert!(told.contains("another user (number 65534)"), "{error}");
            std::os::unix::fs::lchown(given, Some(0), None).unwrap();
        }
    }

    /// Only root can give files away; elsewhere the owner's rule is seen by its twin for modes.
    #[test]
    fn what_belongs_to_somebody_else_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "x").unwrap();
        if chown(&file, Some(65_534), None).is_err() {
            eprintln!("NOT RUN: what_belongs_to_somebody_else_is_refused: only root can try it");
            return;
        }
        let error = open(&file).unwrap_err();
        assert!(error.to_string().contains("another user (number 65534)"), "{error}");
        assert_eq!(error.exit_code(), 7);
    }
}
