//! Wraps a core WebAssembly module that was built against `kst-plugin` into a component.
//!
//! A compiler for `wasm32-unknown-unknown` makes a core module; the types of its interface lie in a
//! section of it. kst loads components, which carry their interface outside. Nothing else is needed
//! between the two, so this crate is all the tooling that an author of a backend installs.
#![deny(missing_docs)]

use anyhow::{Context, Result, bail};
use wit_component::{ComponentEncoder, DecodedWasm};

/// The package that a backend may import from, without its version.
const PACKAGE: &str = "kst:runner/";

/// How a component begins.
const HEADER: &[u8] = b"\0asm\x0d\0\x01\0";

/// Make a component of a core module.
///
/// # Errors
///
/// If the module does not hold the interface of a backend, or if it imports anything beside
/// `kst:runner`: such a component would ask for powers that kst does not give.
pub fn component(core_module: &[u8]) -> Result<Vec<u8>> {
    let bytes = ComponentEncoder::default()
        .validate(true)
        .module(core_module)
        .context("this is not a core module built against kst-plugin")?
        .encode()
        .context("the module does not fit the interface of a backend")?;
    let foreign: Vec<String> =
        imports(&bytes)?.into_iter().filter(|name| !name.starts_with(PACKAGE)).collect();
    if !foreign.is_empty() {
        bail!(
            "the component imports {}: a backend may import {PACKAGE}* only (build it for \
             wasm32-unknown-unknown)",
            foreign.join(", ")
        );
    }
    Ok(bytes)
}

/// What a component imports: the full names of interfaces, such as `kst:runner/process@0.1.0`.
///
/// # Errors
///
/// If `component` is not a component.
pub fn imports(component: &[u8]) -> Result<Vec<String>> {
    // A core module would pass for a component without imports.
    if component.get(..8) != Some(HEADER) {
        bail!("this is not a component");
    }
    let decoded = wit_component::decode(component).context("this is not a component")?;
    let DecodedWasm::Component(resolve, world) = decoded else {
        bail!("this is an interface package, not a component");
    };
    let imports = resolve.worlds[world].imports.keys();
    Ok(imports.map(|key| resolve.name_world_key(key)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The smallest core module there is: it imports and exports nothing.
    const EMPTY: &[u8] = b"\0asm\x01\0\0\0";

    #[test]
    fn an_empty_module_imports_nothing() {
        let bytes = component(EMPTY).unwrap();
        assert_eq!(imports(&bytes).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn garbage_is_refused() {
        assert!(component(b"").is_err());
        assert!(component(b"#!/bin/sh\n").is_err());
    }

    #[test]
    fn a_foreign_import_is_refused() {
        // (module (import "env" "now" (func)))
        let module = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x02\x0b\x01\x03env\x03now\0\0";
        assert!(component(module).is_err());
    }

    #[test]
    fn a_core_module_is_no_component() {
        assert!(imports(EMPTY).is_err());
    }
}
