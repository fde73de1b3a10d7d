//! Folders and files that belong to this user alone.

use std::fs::{DirBuilder, File};
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use cap_std::fs::Dir;
use rustix::fs::{CWD, Mode, OFlags, fstat};
use rustix::io::Errno;

use crate::guard::Guard;
use crate::ownership::no_links;
use crate::{Error, Result};

/// How to open a folder.
const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// The state folder, made if missing, and ours alone.
pub(crate) fn open_or_create(path: &Path) -> Result<Dir> {
    // Nearly always it is there, and making one that is there costs more than all the rest.
    let mut fd = open(path);
    if matches!(fd, Err(Errno::NOENT)) {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.map_err(|error| Error::Failed {
            what: format!("the state folder {} cannot be made: {error}", path.display()),
            advice: Some("name a folder that can be written with XDG_STATE_HOME".into()),
        })?;
        fd = open(path);
    }
    let folder = ours(path, fd)?;
    if let Err(error) = rustix::fs::accessat(
        &folder,
        ".",
        rustix::fs::Access::WRITE_OK,
        rustix::fs::AtFlags::EACCESS,
    ) {
        return Err(Error::Failed {
            what: format!("the state folder {} cannot be written: {error}", path.display()),
            advice: Some("name a folder that can be written with XDG_STATE_HOME".into()),
        });
    }
    Ok(folder)
}

/// The state folder as it is, if it is ours alone.
pub(crate) fn open_existing(path: &Path) -> Result<Dir> {
    ours(path, open(path))
}

fn open(path: &Path) -> rustix::io::Result<OwnedFd> {
    rustix::fs::openat(CWD, path, FOLDER, Mode::empty())
}

/// The state folder that was opened, if it is ours alone.
fn ours(path: &Path, opened: rustix::io::Result<OwnedFd>) -> Result<Dir> {
    let fd = opened.map_err(|error| Error::Failed {
        what: format!("the state folder {} cannot be opened: {error}", path.display()),
        advice: None,
    })?;
    check(&fd).map_err(|what| Error::Failed {
        what: format!("the state folder {} is not safe to use: {what}", path.display()),
        advice: Some(format!("chmod 700 {}", path.display())),
    })?;
    Ok(from_fd(fd))
}

/// Whether a folder is ours and closed to others; if not, why.
pub(crate) fn check(folder: impl AsFd) -> std::result::Result<(), String> {
    let stat = fstat(folder).map_err(|error| error.to_string())?;
    let me = rustix::process::geteuid();
    if stat.st_uid != me.as_raw() {
        return Err(format!("it belongs to user {}, not to user {}", stat.st_uid, me.as_raw()));
    }
    if stat.st_mode & 0o077 != 0 && Guard::StateOwner.holds() {
        return Err(format!("others may look into it (its mode is {:03o})", stat.st_mode & 0o777));
    }
    Ok(())
}

/// A folder in `folder`, made if missing, and ours alone.
pub(crate) fn sub(folder: &Dir, name: &str) -> io::Result<Dir> {
    let open = || rustix::fs::openat(folder, name, FOLDER | OFlags::NOFOLLOW, Mode::empty());
    let fd = match open() {
        Err(Errno::NOENT) => {
            match rustix::fs::mkdirat(folder, name, Mode::RWXU) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
            open()?
        }
        fd => fd?,
    };
    check(&fd).map_err(|what| io::Error::new(io::ErrorKind::PermissionDenied, what))?;
    Ok(from_fd(fd))
}

fn from_fd(fd: OwnedFd) -> Dir {
    Dir::from_std_file(File::from(fd))
}

/// Open a regular file in `folder` for reading. A symbolic link, a pipe or a device is an error.
pub(crate) fn open_file(folder: &Dir, name: &str) -> io::Result<File> {
    // Without NONBLOCK, opening a pipe that somebody put here would wait for its writer.
    let flags = OFlags::RDONLY | no_links() | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::openat(folder, name, flags, Mode::empty())?);
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is not a regular file"));
    }
    Ok(file)
}

/// Write a file of which others see nothing or all of it; with `sync` so that even a crash of the
/// machine leaves the old one or the new one.
pub(crate) fn write_whole(folder: &Dir, name: &str, text: &[u8], sync: bool) -> io::Result<()> {
    let temporary = format!("{name}.{}", random_name()?);
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mode = Mode::from_raw_mode(0o600);
    let mut file = File::from(rustix::fs::openat(folder, &*temporary, flags, mode)?);
    let written = file
        .write_all(text)
        .and_then(|()| if sync { file.sync_data() } else { Ok(()) })
        .and_then(|()| folder.rename(&temporary, folder, name));
    if written.is_err() {
        let _ = folder.remove_file(&temporary);
    }
    written
}

/// 128 random bits as hexadecimal digits.
pub(crate) fn random_name() -> io::Result<String> {
    use std::fmt::Write;
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
    let mut name = String::with_capacity(32);
    for byte in bytes {
        let _ = write!(name, "{byte:02x}");
    }
    Ok(name)
}
