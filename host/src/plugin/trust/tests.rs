use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::plugin::{Plugin, built_in};

fn manifest() -> Manifest {
    let source = built_in("tmux").expect("it is built in");
    let (plugin, _) = Plugin::load(&source, None, None).expect("it is sound");
    plugin.manifest().manifest().clone()
}

fn digest(number: usize) -> Digest {
    Digest::of(number.to_string().as_bytes())
}

#[test]
fn approvals_are_kept_privately_and_one_by_one() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data/kst");
    let trust = TrustFile::new(Some(&data));
    assert_eq!(trust.get(&digest(0)).unwrap(), None);
    assert!(!data.exists(), "looking makes nothing");
    let manifest = manifest();
    trust.approve(&digest(0), &manifest, None).unwrap();
    let approval = trust.get(&digest(0)).unwrap().expect("it was approved");
    assert_eq!(approval.manifest, manifest);
    assert!(approval.approved_at.ends_with('Z'));
    assert_eq!(trust.get(&digest(1)).unwrap(), None, "another content is another matter");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    assert_eq!(mode(&data.join("trust.json")), 0o600);
}

#[test]
fn approvals_at_once_are_all_kept() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = manifest();
    std::thread::scope(|scope| {
        for number in 0..16 {
            let (folder, manifest) = (folder.path(), &manifest);
            scope.spawn(move || {
                TrustFile::new(Some(folder)).approve(&digest(number), manifest, None).unwrap();
            });
        }
    });
    let trust = TrustFile::new(Some(folder.path()));
    for number in 0..16 {
        assert!(trust.get(&digest(number)).unwrap().is_some(), "{number} was lost");
    }
    let mut left: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    assert_eq!(left, ["trust.json", "trust.lock"], "temporary files are left");
}

/// What cannot be understood approves nothing, and is not written over.
#[test]
fn a_broken_file_is_told_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let trust = TrustFile::new(Some(folder.path()));
    let file = folder.path().join("trust.json");
    let manifest = manifest();
    for broken in ["", "{", "[]", "{\"version\":2,\"plugins\":{}}", "{\"version\":1,\"plugins\":7}"]
    {
        fs::write(&file, broken).unwrap();
        let read = trust.get(&digest(0)).unwrap_err();
        assert!(read.to_string().contains("trust.json"), "{read}");
        assert_eq!(read.exit_code(), 1);
        assert!(trust.approve(&digest(0), &manifest, None).is_err(), "{broken}");
        assert_eq!(fs::read_to_string(&file).unwrap(), broken);
    }
}

/// What somebody else could have written approves nothing, and nothing is added to it.
#[test]
fn a_file_that_is_not_the_users_alone_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let trust = TrustFile::new(Some(&data));
    let (file, manifest) = (data.join("trust.json"), manifest());
    trust.approve(&digest(0), &manifest, None).unwrap();
    let set = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    let refused = |with: &str| {
        for error in [
            trust.get(&digest(0)).unwrap_err(),
            trust.approve(&digest(1), &manifest, None).unwrap_err(),
        ] {
            assert!(error.to_string().contains(with), "{error}");
            assert!(error.advice().is_some());
            assert_eq!(error.exit_code(), 7);
        }
    };
    for mode in [0o622, 0o602, 0o620] {
        set(&file, mode);
        refused("trust.json: others can write to it");
    }
    set(&file, 0o600);
    set(&data, 0o770);
    refused("data: others can write to it");
    set(&data, 0o700);
    fs::rename(&file, data.join("real.json")).unwrap();
    std::os::unix::fs::symlink("real.json", &file).unwrap();
    refused("trust.json: it is a symbolic link");
    fs::remove_file(&file).unwrap();
    fs::rename(data.join("real.json"), &file).unwrap();
    assert!(trust.get(&digest(0)).unwrap().is_some());
}

#[test]
fn no_folder_to_keep_them_in() {
    let trust = TrustFile::new(None);
    assert_eq!(trust.get(&digest(0)).unwrap(), None);
    let error = trust.approve(&digest(0), &manifest(), None).unwrap_err();
    assert!(error.advice().is_some_and(|advice| advice.contains("XDG_DATA_HOME")), "{error}");
}
