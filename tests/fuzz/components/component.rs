//! What kst does with a component's bytes: any bytes, components made up by wasm-smith, and the ones
//! of this release with some bytes changed.
#![no_main]

use arbitrary::Unstructured;
use kst::plugin::targets::component;
use kst::plugin::{BUILT_IN_NAMES, built_in};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((&how, rest)) = data.split_first() else { return };
    match how % 4 {
        0 => drop(component(data)),
        1 => drop(component(rest)),
        2 => {
            if let Some(bytes) = made_up(rest) {
                component(&bytes);
            }
        }
        _ => drop(component(&changed(rest))),
    }
});

/// A valid component.
fn made_up(data: &[u8]) -> Option<Vec<u8>> {
    let config = wasm_smith::Config::default();
    let component = wasm_smith::Component::new(config, &mut Unstructured::new(data)).ok()?;
    Some(component.to_bytes())
}

/// A backend of this release: after a byte that says which, each four bytes of `data` are a place and
/// what to put there. An odd first byte cuts the rest off at the last place.
fn changed(data: &[u8]) -> Vec<u8> {
    let (&which, changes) = data.split_first().unwrap_or((&0, &[]));
    let name = BUILT_IN_NAMES[usize::from(which >> 1) % BUILT_IN_NAMES.len()];
    let mut bytes = built_in(name).expect("it is built in").bytes().to_vec();
    let mut last = bytes.len();
    for change in changes.chunks_exact(4) {
        last = u32::from_le_bytes([change[0], change[1], change[2], 0]) as usize % bytes.len();
        bytes[last] = change[3];
    }
    if which % 2 == 1 {
        bytes.truncate(last);
    }
    bytes
}
