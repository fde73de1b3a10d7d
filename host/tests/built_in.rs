//! The backends that ship in the binary, as the bytes that ship.

use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

include!(concat!(env!("OUT_DIR"), "/builtin.rs"));

/// An embedded component larger than this got something in by accident.
const SIZE: usize = 150 * 1024;

#[test]
fn they_import_the_one_door_and_nothing_else() {
    let engine = Engine::default();
    for (name, component, _) in BUILT_IN {
        let component = Component::new(&engine, component).unwrap();
        let ty = component.component_type();
        let imports: Vec<String> = ty.imports(&engine).map(|(name, _)| name.to_string()).collect();
        assert!(imports.contains(&"kst:runner/process@0.1.0".to_string()), "{name}: {imports:?}");
        for import in imports {
            assert!(import.starts_with("kst:runner/"), "{name} imports {import}");
        }
    }
}

#[test]
fn their_digests_are_those_of_their_bytes() {
    for (name, component, digest) in BUILT_IN {
        let bytes = Sha256::digest(component);
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, *digest, "{name}");
    }
}

#[test]
fn they_are_small_and_name_no_path_of_the_machine_that_built_them() {
    for (name, component, _) in BUILT_IN {
        assert!(component.len() < SIZE, "{name} has {} bytes", component.len());
        for path in [env!("CARGO_MANIFEST_DIR"), env!("OUT_DIR")] {
            let found = component.windows(path.len()).any(|window| window == path.as_bytes());
            assert!(!found, "{name} holds {path}");
        }
    }
}

#[test]
fn tmux_comes_first() {
    let names: Vec<&str> = BUILT_IN.iter().map(|(name, ..)| *name).collect();
    assert_eq!(names, ["tmux", "container"]);
}
