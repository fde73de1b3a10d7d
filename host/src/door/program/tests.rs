use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;

fn executable(folder: &Path, name: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, "#!/bin/sh\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn programs(folders: &[&Path], overrides: &[(&str, &str)]) -> Programs {
    let overrides = overrides.iter().map(|(id, to)| ((*id).to_owned(), (*to).into())).collect();
    Programs::new(Some(std::env::join_paths(folders).unwrap()), overrides)
}

#[test]
fn the_first_executable_file_on_path() {
    let one = tempfile::tempdir().unwrap();
    let two = tempfile::tempdir().unwrap();
    fs::create_dir(one.path().join("eng")).unwrap();
    fs::write(one.path().join("eng2"), "not executable").unwrap();
    let eng = executable(two.path(), "eng");
    let eng2 = executable(two.path(), "eng2");
    let programs = programs(&[one.path(), two.path()], &[]);
    assert_eq!(programs.resolve("eng"), Ok(eng));
    assert_eq!(programs.resolve("eng2"), Ok(eng2));
    let missing = ProgramError::NotFound { program: "eng3".to_owned() };
    assert_eq!(programs.resolve("eng3"), Err(missing));
}

/// The directory one is in chooses nothing.
#[test]
fn relative_folders_do_not_count() {
    let here = tempfile::tempdir_in(".").unwrap();
    executable(here.path(), "eng");
    let name = here.path().file_name().unwrap();
    for path in [name.to_owned(), Path::new(".").join(name).into_os_string()] {
        assert!(Path::new(&path).join("eng").is_file(), "the test can tell");
        let programs = Programs::new(Some(path), BTreeMap::new());
        assert!(programs.resolve("eng").is_err());
    }
    let programs = Programs::new(Some("::".into()), BTreeMap::new());
    assert!(programs.resolve("sh").is_err());
}

#[test]
fn without_path_the_usual_folders() {
    assert!(Programs::new(None, BTreeMap::new()).resolve("sh").unwrap().is_absolute());
}

#[test]
fn overrides() {
    let folder = tempfile::tempdir().unwrap();
    let other = executable(folder.path(), "other");
    let plain = folder.path().join("plain");
    fs::write(&plain, "x").unwrap();
    let absolute = other.to_str().unwrap();
    let overrides = [
        ("a", absolute),
        ("b", "other"),
        ("c", "./other"),
        ("d", "sub/other"),
        ("e", plain.to_str().unwrap()),
        ("f", "none"),
        ("g", ""),
        ("h", ".."),
        ("i", "other/"),
    ];
    let programs = programs(&[folder.path()], &overrides);
    assert_eq!(programs.resolve("a"), Ok(other.clone()));
    assert_eq!(programs.resolve("b"), Ok(other));
    for id in ["c", "d", "e", "f", "g", "h", "i"] {
        let error = programs.resolve(id).unwrap_err();
        assert!(matches!(error, ProgramError::BadOverride { .. }), "{id}: {error}");
    }
}

/// Programs of many names, like busybox, know what they are by the name they are called by.
#[test]
fn links_are_kept_and_what_they_lead_to_is_checked() {
    let folder = tempfile::tempdir().unwrap();
    let real = executable(folder.path(), "busybox");
    let link = folder.path().join("eng");
    symlink(&real, &link).unwrap();
    let programs = programs(&[folder.path()], &[]);
    let found = programs.find("eng").unwrap();
    assert_eq!(found.path, link);
    assert_eq!(found.verify(), Ok(()));
    fs::remove_file(&link).unwrap();
    symlink(executable(folder.path(), "evil"), &link).unwrap();
    assert_eq!(found.verify(), Err(ProgramError::Replaced { path: link.clone() }));
    assert_eq!(programs.find("eng"), Ok(found), "looked up once");
}

#[test]
fn a_replaced_file_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let path = executable(folder.path(), "eng");
    let found = programs(&[folder.path()], &[]).find("eng").unwrap();
    fs::rename(executable(folder.path(), "other"), &path).unwrap();
    assert!(found.verify().is_err());
    fs::remove_file(&path).unwrap();
    assert!(found.verify().is_err());
}
