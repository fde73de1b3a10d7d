//! Builds the backends that ship with kst and embeds them as components.
//!
//! Writes `OUT_DIR/plugins/NAME.wasm` for each, and `OUT_DIR/builtin.rs`:
//! `pub const BUILT_IN: &[(&str, &[u8], &str)]`, a name, the component, and its SHA-256 in hex.

use std::env;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use sha2::{Digest, Sha256};

/// The backends that are embedded, in the order in which kst looks at them.
const EMBEDDED: [&str; 2] = ["tmux", "container"];

const TARGET: &str = "wasm32-unknown-unknown";

fn main() -> ExitCode {
    match embed() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn embed() -> Result<(), Box<dyn Error>> {
    let host = PathBuf::from(variable("CARGO_MANIFEST_DIR")?);
    let root = host.parent().ok_or("the crate kst lies in no workspace")?;
    let out = PathBuf::from(variable("OUT_DIR")?);

    println!("cargo::rerun-if-changed=build.rs");
    for input in ["Cargo.toml", "wit", "plugins/sdk", "plugins/tmux", "plugins/container"] {
        println!("cargo::rerun-if-changed={}", root.join(input).display());
    }

    let modules = build(root, &out)?;
    let plugins = out.join("plugins");
    fs::create_dir_all(&plugins)?;
    let mut table = format!(
        "/// The names of the embedded backends.\npub const NAMES: &[&str] = &{EMBEDDED:?};\n"
    );
    table.push_str(
        "/// Name, component and SHA-256 of each embedded backend.\npub const BUILT_IN: &[(&str, &[u8], &str)] = &[\n",
    );
    for name in EMBEDDED {
        let module = modules.join(format!("kst_plugin_{name}.wasm"));
        let bytes = fs::read(&module).map_err(|error| format!("{}: {error}", module.display()))?;
        let component =
            kst_pack::component(&bytes).map_err(|error| format!("backend {name}: {error:#}"))?;
        let digest = hex(&Sha256::digest(&component));
        fs::write(plugins.join(format!("{name}.wasm")), component)?;
        writeln!(
            table,
            "    ({name:?}, include_bytes!(concat!(env!(\"OUT_DIR\"), \"/plugins/{name}.wasm\")), \
             {digest:?}),"
        )?;
    }
    table.push_str("];\n");
    fs::write(out.join("builtin.rs"), table)?;
    Ok(())
}

/// Build the core modules and return the folder that they are in.
///
/// The nested cargo gets a target folder of its own: in the outer one it would wait for the lock that
/// the outer cargo holds, for ever.
fn build(root: &Path, out: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let target = out.join("target");
    let mut cargo = Command::new(variable("CARGO")?);
    cargo.args(["build", "--target", TARGET, "--profile", "plugin", "--locked"]);
    cargo.arg("--manifest-path").arg(root.join("Cargo.toml"));
    cargo.arg("--target-dir").arg(&target);
    for name in EMBEDDED {
        cargo.arg("--package").arg(format!("kst-plugin-{name}"));
    }
    for (key, _) in env::vars_os() {
        if key.to_str().is_some_and(is_outer) {
            cargo.env_remove(&key);
        }
    }
    // The same sources give the same bytes wherever they lie.
    let remap = |from: &Path, to: &str| format!("--remap-path-prefix={}={to}", from.display());
    let mut flags = vec![remap(root, "kst")];
    if let Some(home) = cargo_home() {
        flags.push(remap(&home, "cargo"));
    }
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));

    let output = cargo.output().map_err(|error| format!("cargo could not be started: {error}"))?;
    if output.status.success() {
        return Ok(target.join(TARGET).join("plugin"));
    }
    let messages = String::from_utf8_lossy(&output.stderr);
    if messages.contains("can't find crate for `core`")
        || messages.contains("can't find crate for `std`")
    {
        return Err(format!(
            "the target {TARGET} is not installed: run `rustup target add {TARGET}`"
        )
        .into());
    }
    Err(format!("the embedded backends could not be built:\n{messages}").into())
}

/// Whether a variable is the outer cargo's business: the flags, wrappers (clippy's), profiles and
/// features of this build, which are not those of the backends.
fn is_outer(key: &str) -> bool {
    const EXACT: [&str; 5] =
        ["RUSTFLAGS", "RUSTDOCFLAGS", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER", "CLIPPY_ARGS"];
    const PREFIXES: [&str; 7] = [
        "CARGO_ENCODED_",
        "CARGO_BUILD_",
        "CARGO_PROFILE_",
        "CARGO_TARGET_",
        "CARGO_FEATURE_",
        "CARGO_CFG_",
        "CARGO_MANIFEST_",
    ];
    EXACT.contains(&key) || PREFIXES.iter().any(|prefix| key.starts_with(prefix))
}

/// Where cargo keeps the sources of dependencies.
fn cargo_home() -> Option<PathBuf> {
    let set = env::var_os("CARGO_HOME").map(PathBuf::from);
    set.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cargo")))
}

fn variable(name: &str) -> Result<String, String> {
    env::var(name).map_err(|_| format!("{name} is not set: run this through cargo"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
