//! Memory for compiled code: filled once, then only read and run.
//!
//! wasmtime would copy the bytes that it is given into memory of its own. For the quarter of a
//! megabyte of a backend that copy, and the page faults of two buffers instead of none, take longer
//! than all of the loading itself; so the file is read straight into the memory that is run.

use std::ffi::c_void;
use std::io;
use std::ptr::NonNull;

use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap_anonymous, mprotect, munmap};
use wasmtime::CustomCodeMemory;

/// Pages of this process's own, from the first to the last byte of some compiled code.
#[derive(Debug)]
pub(super) struct Code {
    at: NonNull<c_void>,
    len: usize,
}

// SAFETY: the memory is this value's own, and nothing about it depends on a thread.
unsafe impl Send for Code {}
// SAFETY: through a shared reference it is only read.
unsafe impl Sync for Code {}

impl Code {
    /// Memory of `len` bytes, filled by `fill` and from then on read-only.
    pub(super) fn filled(
        len: usize,
        fill: impl FnOnce(&mut [u8]) -> io::Result<()>,
    ) -> io::Result<Self> {
        // SAFETY: a new mapping, at a place that the kernel chooses, takes nothing from anybody. One
        // of no bytes is an error.
        let at = unsafe {
            let access = ProtFlags::READ | ProtFlags::WRITE;
            let flags = MapFlags::PRIVATE | MapFlags::POPULATE;
            mmap_anonymous(std::ptr::null_mut(), len, access, flags)?
        };
        let at = NonNull::new(at).ok_or(io::ErrorKind::OutOfMemory)?;
        // From here on it is unmapped whatever happens.
        let code = Code { at, len };
        // SAFETY: the mapping has `len` bytes, all of them zero, and nobody else knows of it.
        fill(unsafe { std::slice::from_raw_parts_mut(at.cast().as_ptr(), len) })?;
        // SAFETY: these are the pages of the mapping, and no reference for writing is left.
        unsafe { mprotect(at.as_ptr(), len, MprotectFlags::READ)? };
        Ok(code)
    }

    /// The bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        // SAFETY: the mapping has `len` bytes, which nobody writes to any more.
        unsafe { std::slice::from_raw_parts(self.at.cast().as_ptr(), self.len) }
    }

    /// The same for wasmtime. Whatever is made of it must be gone before this value is.
    pub(super) fn memory(&self) -> NonNull<[u8]> {
        NonNull::slice_from_raw_parts(self.at.cast(), self.len)
    }
}

impl Drop for Code {
    fn drop(&mut self) {
        // SAFETY: these are the pages of the mapping; nothing refers to them any more.
        let _ = unsafe { munmap(self.at.as_ptr(), self.len) };
    }
}

/// Makes the text of compiled code executable, in memory of [`Code`] and in wasmtime's own.
#[derive(Debug)]
pub(super) struct Executable;

impl CustomCodeMemory for Executable {
    fn required_alignment(&self) -> usize {
        rustix::param::page_size()
    }

    fn publish_executable(&self, text: *const u8, len: usize) -> wasmtime::Result<()> {
        protect(text, len, MprotectFlags::READ | MprotectFlags::EXEC)
    }

    fn unpublish_executable(&self, text: *const u8, len: usize) -> wasmtime::Result<()> {
        protect(text, len, MprotectFlags::READ | MprotectFlags::WRITE)
    }
}

fn protect(text: *const u8, len: usize, access: MprotectFlags) -> wasmtime::Result<()> {
    // SAFETY: wasmtime names the text of code that it has loaded, in whole pages.
    Ok(unsafe { mprotect(text.cast_mut().cast(), len, access) }?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_filled_in_is_there() {
        let code = Code::filled(10_000, |memory| {
            memory[9_999] = 7;
            Ok(())
        })
        .unwrap();
        assert_eq!((code.bytes().len(), code.bytes()[0], code.bytes()[9_999]), (10_000, 0, 7));
        assert_eq!(code.memory().len(), 10_000);
        assert!(code.at.addr().get().is_multiple_of(rustix::param::page_size()));
    }

    #[test]
    fn nothing_and_a_failure_are_errors() {
        assert!(Code::filled(0, |_| Ok(())).is_err());
        assert!(Code::filled(1, |_| Err(io::ErrorKind::UnexpectedEof.into())).is_err());
    }
}
