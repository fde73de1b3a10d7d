//! Compiled components, kept between runs.
//!
//! Loading compiled code is running it, and wasmtime takes code that was altered. So an entry is
//! read only from a folder that is the user's own and closed to others, is checked against a digest
//! of all that it holds, and the very bytes that were checked are the ones that are loaded. On any
//! doubt the entry is thrown away and the component compiled again: the cache can cost time, never
//! fail. It cannot protect against another process of the same user, which could as well replace
//! kst itself.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt as _};
use rustix::fs::OFlags;
use wasmtime::Engine;

use super::code::Code;
use super::digest::Digest;
use crate::guard::Guard;
use crate::ownership::no_links;

/// The first bytes of an entry. The number changes with the format.
const MAGIC: &[u8; 8] = b"kstcwa01";
/// Magic, digest of the rest, length of the manifest.
const HEADER: usize = MAGIC.len() + SEAL + 4;
/// The length of the digest.
const SEAL: usize = 32;
/// An entry larger than this is not read (compiled code is about four times its component).
const LARGEST: u64 = 512 << 20;

/// What is kept of a component.
pub(super) struct Entry {
    /// What the component described itself as, as JSON.
    pub manifest: Vec<u8>,
    /// Code that wasmtime made, unaltered since kst wrote it.
    pub code: Code,
}

/// The folder of compiled components; every call does nothing where there is none to be used.
pub(super) struct Cache {
    dir: Option<Dir>,
}

impl Cache {
    /// Open the folder, make it if it isn't there. A folder of another user, or one that others can
    /// write to, is not used.
    pub(super) fn open(folder: Option<&Path>) -> Cache {
        Cache { dir: folder.and_then(open_private) }
    }

    /// The entry of this component for this engine, if there is a sound one.
    pub(super) fn get(&self, engine: &Engine, component: &Digest) -> Option<Entry> {
        let dir = self.dir.as_ref()?;
        let name = entry_name(engine, component);
        let entry = read(dir, &name, component);
        if entry.is_none() {
            // Absent or unsound; an unsound one is of no use to anybody.
            let _ = dir.remove_file(&name);
        }
        entry
    }

    /// Keep an entry. Failure is no matter: the component is compiled again next time.
    pub(super) fn put(&self, engine: &Engine, component: &Digest, manifest: &[u8], code: &[u8]) {
        let Some(dir) = &self.dir else { return };
        let Ok(length) = u32::try_from(manifest.len()) else { return };
        let body = [&length.to_le_bytes(), manifest, code];
        let _ = write(dir, &entry_name(engine, component), &seal(body, component), body);
    }
}

/// The digest that an entry carries: over its body and the component that it was made from.
fn seal(body: [&[u8]; 3], component: &Digest) -> [u8; SEAL] {
    use sha2::Digest as _;
    let mut hasher = sha2::Sha256::new();
    hasher.update(component.bytes());
    for part in body {
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// The name of an entry: the component, and everything that compiled code depends on.
fn entry_name(engine: &Engine, component: &Digest) -> String {
    let mut hasher = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    std::env::consts::ARCH.hash(&mut hasher);
    format!("{}-{:016x}.cwasm", component.hex(), hasher.finish())
}

fn open_private(folder: &Path) -> Option<Dir> {
    if !folder.exists() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).ok()?;
    }
    // No link as the last part, and the folder that was checked is the one that stays open.
    let opened = fs::OpenOptions::new()
        .read(true)
        .custom_flags((OFlags::DIRECTORY | no_links()).bits() as i32)
        .open(folder)
        .ok()?;
    let meta = opened.metadata().ok()?;
    let own = meta.uid() == rustix::process::geteuid().as_raw();
    let safe = own && meta.mode() & 0o022 == 0;
    (safe || !Guard::CacheOwner.holds()).then(|| Dir::from_std_file(opened))
}

fn read(dir: &Dir, name: &str, component: &Digest) -> Option<Entry> {
    let mut options = OpenOptions::new();
    options.read(true).custom_flags((no_links() | OFlags::NONBLOCK).bits() as i32);
    let mut file = dir.open_with(name, &options).ok()?.into_std();
    let meta = file.metadata().ok()?;
    let own = meta.uid() == rustix::process::geteuid().as_raw();
    let safe = own && meta.mode() & 0o022 == 0 || !Guard::CacheOwner.holds();
    if !safe || !meta.is_file() || meta.len() > LARGEST {
        return None;
    }
    let mut header = [0; HEADER];
    file.read_exact(&mut header).ok()?;
    let (magic, rest) = header.split_at(MAGIC.len());
    let (sealed, length) = rest.split_at(SEAL);
    if magic != MAGIC {
        return None;
    }
    let rest = usize::try_from(meta.len()).ok()?.checked_sub(HEADER)?;
    let manifest_bytes = usize::try_from(u32::from_le_bytes(length.try_into().ok()?)).ok()?;
    let code_bytes = rest.checked_sub(manifest_bytes)?;
    let mut manifest = vec![0; manifest_bytes];
    file.read_exact(&mut manifest).ok()?;
    // Read to its last byte, which is where its length was when it was looked at.
    let code = Code::filled(code_bytes, |memory| file.read_exact(memory)).ok()?;
    let seal = seal([length, &manifest, code.bytes()], component);
    (sealed == seal || !Guard::CacheSeal.holds()).then_some(Entry { manifest, code })
}

fn write(dir: &Dir, name: &str, seal: &[u8; SEAL], body: [&[u8]; 3]) -> std::io::Result<()> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(std::io::Error::other)?;
    let temporary = format!(".{:016x}", u64::from_le_bytes(random));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let written = (|| {
        let mut file = dir.open_with(&temporary, &options)?;
        file.write_all(MAGIC)?;
        file.write_all(seal)?;
        for part in body {
            file.write_all(part)?;
        }
        dir.rename(&temporary, dir, name)
    })();
    if written.is_err() {
        let _ = dir.remove_file(&temporary);
    }
    written
}
