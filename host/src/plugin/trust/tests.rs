use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::limits::Limits;
use crate::plugin::{Loader, built_in};

fn manifest() -> Manifest {
    let source = built_in("tmux").expect("it is built in");
    let (plugin, _) =
        Loader::new(None, Limits::default()).load(&source, None).expect("it is sound");
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

/// What somebody who was killed left unfinished, or a link in its place, is not written through.
#[test]
fn what_was_left_unfinished_is_put_aside() {
    let folder = tempfile::tempdir().unwrap();
    let trust = TrustFile::new(Some(folder.path()));
    let (unfinished, other) = (folder.path().join(UNFINISHED), folder.path().join("other"));
    fs::write(&unfinished, "half").unwrap();
    trust.approve(&digest(0), &manifest(), None).unwrap();
    fs::write(&other, "mine").unwrap();
    std::os::unix::fs::symlink(&other, &unfinished).unwrap();
    trust.approve(&digest(1), &manifest(), None).unwrap();
    assert_eq!(fs::read_to_string(other).unwrap(), "mine");
    assert_eq!(trust.all().unwrap().len(), 2);
    assert!(!unfinished.exists());
}

#[test]
fn approvals_are_withdrawn_one_by_one() {
    let folder = tempfile::tempdir().unwrap();
    let trust = TrustFile::new(Some(folder.path()));
    assert!(trust.withdraw(|_, _| true).unwrap().is_empty());
    assert!(!folder.path().join("trust.json").exists(), "withdrawing nothing writes nothing");
    let manifest = manifest();
    for number in 0..3 {
        trust.approve(&digest(number), &manifest, Some(Path::new("/a.wasm"))).unwrap();
    }
    let one = digest(1).to_string();
    let gone = trust.withdraw(|digest, _| digest == one).unwrap();
    assert_eq!(gone.keys().collect::<Vec<_>>(), [&one]);
    assert_eq!(trust.get(&digest(1)).unwrap(), None);
    assert!(trust.get(&digest(0)).unwrap().is_some() && trust.get(&digest(2)).unwrap().is_some());
    // Programs and components do not get into each other's way.
    let choice = ProgramApproval {
        program: "tmux".into(),
        path: "/x/tmux".into(),
        digest: digest(7),
        config: "/x/kstlib.conf.yml".into(),
        approved_at: String::new(),
    };
    trust.approve_program(&choice).unwrap();
    trust.approve_program(&choice).unwrap();
    assert!(trust.has_program(&choice).unwrap());
    assert_eq!(trust.programs(|_| true).unwrap().len(), 1);
    for other in [
        ProgramApproval { program: "screen".into(), ..choice.clone() },
        ProgramApproval { path: "/y/tmux".into(), ..choice.clone() },
        ProgramApproval { digest: digest(8), ..choice.clone() },
        ProgramApproval { config: "/y/kstlib.conf.yml".into(), ..choice.clone() },
    ] {
        assert!(!trust.has_program(&other).unwrap(), "{other:?}");
    }
    trust.withdraw(|_, _| true).unwrap();
    assert!(trust.has_program(&choice).unwrap());
    assert_eq!(trust.withdraw_programs(|_| true).unwrap().len(), 1);
    assert!(!trust.has_program(&choice).unwrap());
}

#[test]
fn an_approval_takes_the_place_of_others() {
    let folder = tempfile::tempdir().unwrap();
    let trust = TrustFile::new(Some(folder.path()));
    for (number, file) in [(0, "/a.wasm"), (1, "/b.wasm")] {
        trust.approve(&digest(number), &manifest(), Some(Path::new(file))).unwrap();
    }
    let file = Path::new("/a.wasm");
    trust
        .approve_instead(&digest(2), &manifest(), Some(file), |_, old| {
            old.file.as_deref() == Some(file)
        })
        .unwrap();
    assert_eq!(trust.get(&digest(0)).unwrap(), None);
    assert!(trust.get(&digest(1)).unwrap().is_some() && trust.get(&digest(2)).unwrap().is_some());
}

#[test]
fn no_folder_to_keep_them_in() {
    let trust = TrustFile::new(None);
    assert_eq!(trust.get(&digest(0)).unwrap(), None);
    let error = trust.approve(&digest(0), &manifest(), None).unwrap_err();
    assert!(error.advice().is_some_and(|advice| advice.contains("XDG_DATA_HOME")), "{error}");
}
