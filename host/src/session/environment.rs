//! The environment that a session on this machine gets.

use std::collections::BTreeMap;
use std::env;
use std::ffi::{OsStr, OsString};
use std::path::Path;

/// The caller's environment as it is now, with the session's own variables and its directory.
pub(crate) fn with(own: &BTreeMap<String, String>, dir: &Path) -> Vec<(OsString, OsString)> {
    let mut all: BTreeMap<OsString, OsString> = env::vars_os().collect();
    all.insert("PWD".into(), dir.into());
    all.remove(OsStr::new("OLDPWD"));
    all.extend(own.iter().map(|(key, value)| (key.into(), value.into())));
    all.into_iter().collect()
}

/// The PATH that a session's program is looked up on.
pub(crate) fn path_of(own: &BTreeMap<String, String>) -> Option<OsString> {
    own.get("PATH").map(OsString::from).or_else(|| env::var_os("PATH"))
}

/// The user's shell, to be started as a login shell: what a session without a command runs.
pub(crate) fn login_shell() -> (Vec<OsString>, Option<OsString>) {
    let usable = |shell: &OsString| Path::new(shell).is_absolute() && Path::new(shell).is_file();
    let shell = env::var_os("SHELL")
        .filter(usable)
        .or_else(|| {
            let user = nix::unistd::User::from_uid(nix::unistd::Uid::current()).ok()??;
            Some(user.shell.into_os_string()).filter(usable)
        })
        .unwrap_or_else(|| "/bin/sh".into());
    let mut arg0 = OsString::from("-");
    arg0.push(Path::new(&shell).file_name().unwrap_or(OsStr::new("sh")));
    (vec![shell], Some(arg0))
}
