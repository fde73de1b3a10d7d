//! Where components come from.

use std::borrow::Cow;
use std::fmt;
use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::digest::Digest;
use crate::limits::{Limit, Limits};
use crate::text::shown_path;
use crate::{Error, Result, ownership};

mod generated {
    include!(concat!(env!("OUT_DIR"), "/builtin.rs"));
}

/// The names of the backends in this binary.
pub const BUILT_IN_NAMES: &[&str] = generated::NAMES;

/// Where a component is from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Origin {
    /// In this binary.
    BuiltIn(&'static str),
    /// A file: `--plugin`, the config, or the plugins folder.
    File(PathBuf),
}

impl Origin {
    /// The file, where it is one.
    pub(crate) fn file(&self) -> Option<&Path> {
        match self {
            Origin::BuiltIn(_) => None,
            Origin::File(path) => Some(path),
        }
    }

    /// The file, or a stand-in for messages.
    pub(crate) fn path(&self) -> PathBuf {
        match self {
            Origin::BuiltIn(name) => PathBuf::from(format!("built-in {name}")),
            Origin::File(path) => path.clone(),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::BuiltIn(_) => f.write_str("built in"),
            Origin::File(path) => f.write_str(&shown_path(path)),
        }
    }
}

/// A component's bytes, its digest and where it is from.
#[derive(Debug, Clone)]
pub struct Source {
    pub(crate) bytes: Cow<'static, [u8]>,
    pub(crate) digest: Digest,
    pub(crate) origin: Origin,
}

impl Source {
    /// The component itself.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The digest of these bytes.
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

/// A backend's name as its component says it: `TMUX` is `tmux`, as it was in `kstlib.ops`. Names that
/// others gave are taken as they are.
pub(crate) fn canonical(name: &str) -> &str {
    BUILT_IN_NAMES.iter().find(|known| known.eq_ignore_ascii_case(name)).copied().unwrap_or(name)
}

/// One of the components in this binary.
pub fn built_in(name: &str) -> Option<Source> {
    generated::BUILT_IN.iter().find(|(known, _, _)| *known == name).and_then(
        |&(name, bytes, digest)| {
            Some(Source {
                bytes: Cow::Borrowed(bytes),
                // Computed by the build; a test compares it with the bytes.
                digest: digest.parse().ok()?,
                origin: Origin::BuiltIn(name),
            })
        },
    )
}

/// Whether this is the digest of a component that was built with this release.
pub fn vetted(digest: &Digest) -> bool {
    let hex = digest.hex();
    generated::BUILT_IN.iter().any(|(_, _, known)| known.trim_start_matches("sha256:") == hex)
}

/// Read a component from a file. The bytes that are returned are the ones that were digested.
///
/// # Errors
///
/// [`Error::Plugin`] where there is no such regular file, it is larger than the limit, or it is no
/// component; [`Error::Refused`] where somebody else owns it or can write to it.
pub fn read_component(path: &Path, limits: &Limits) -> Result<Source> {
    let wrong = |what: String, advice: &str| Error::Plugin {
        file: path.to_owned(),
        what,
        advice: (!advice.is_empty()).then(|| advice.to_owned()),
    };
    // Opening a pipe that nobody writes to would wait for ever.
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let opened = OpenOptions::new().read(true).custom_flags(flags).open(path);
    let mut file = opened.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            wrong("there is no such file".into(), "give the path of a component (a .wasm file)")
        }
        _ => wrong(format!("it cannot be read: {error}"), ""),
    })?;
    let meta = file.metadata().map_err(|error| wrong(format!("it cannot be read: {error}"), ""))?;
    if !meta.is_file() {
        return Err(wrong("it is not a regular file".into(), "give the path of a .wasm file"));
    }
    ownership::check(path, &meta)?;
    let limit = Limit::ComponentSize;
    let largest = limits.get(limit);
    let too_large = || {
        let (largest, raised_by) = (limit.shown(largest), limit.raised_by());
        wrong(format!("it is larger than the limit of {largest}; {raised_by}"), "")
    };
    if meta.len() > largest {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(meta.len()).unwrap_or(0));
    (&mut file)
        .take(largest + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| wrong(format!("it cannot be read: {error}"), ""))?;
    if bytes.len() as u64 > largest {
        return Err(too_large());
    }
    check_header(&bytes).map_err(|(what, advice)| wrong(what, advice))?;
    let digest = Digest::of(&bytes);
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    Ok(Source { bytes: Cow::Owned(bytes), digest, origin: Origin::File(path) })
}

/// Whether the first bytes are those of a component.
fn check_header(bytes: &[u8]) -> Result<(), (String, &'static str)> {
    match (bytes.get(..4), bytes.get(4..8)) {
        (Some(b"\0asm"), Some([0x0d, 0, 1, 0])) => Ok(()),
        (Some(b"\0asm"), Some([1, 0, 0, 0])) => Err((
            "it is a core WebAssembly module, not a component".into(),
            "its author wraps it: kst-pack MODULE.wasm -o COMPONENT.wasm",
        )),
        (Some(b"\0asm"), _) => {
            Err(("it is WebAssembly of a version that this kst does not know".into(), ""))
        }
        _ => Err(("it is not WebAssembly".into(), "give the path of a component (a .wasm file)")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digests_in_the_binary_are_those_of_its_components() {
        assert!(!BUILT_IN_NAMES.is_empty());
        for name in BUILT_IN_NAMES {
            let source = built_in(name).expect("a name in the list has a component");
            assert_eq!(source.digest, Digest::of(&source.bytes), "{name}");
            assert!(vetted(&source.digest));
        }
        assert!(!vetted(&Digest::of(b"something else")));
    }

    #[test]
    fn what_is_no_component_is_told_apart() {
        let what = |bytes: &[u8]| check_header(bytes).map_err(|(what, _)| what);
        assert_eq!(what(b"\0asm\x0d\0\x01\0rest"), Ok(()));
        assert!(
            what(b"\0asm\x01\0\0\0").is_err_and(|what| what.contains("core WebAssembly module"))
        );
        assert!(what(b"\0asm").is_err_and(|what| what.contains("version")));
        assert!(what(b"#!/bin/sh").is_err_and(|what| what.contains("not WebAssembly")));
        assert!(what(b"").is_err());
    }
}
